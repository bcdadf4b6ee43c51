"""What pods, NGINX and the network would do to traffic, told beforehand."""

from typing import Any

import pytest
from edgebook.model.values import CheckState
from edgebook.verify.foresight import foresight

from tests.unit.verify.test_cases import facts_of

NAMESPACE = "ingress-nginx"
FAILED, UNCERTAIN, OK = CheckState.FAILED, CheckState.UNCERTAIN, CheckState.OK


def pod(**spec: Any) -> dict[str, Any]:
    container = {
        "name": "controller",
        "image": "registry.k8s.io/ingress-nginx/controller:v1",
        "ports": [{"containerPort": 8443}, {"containerPort": 10254}],
        "lifecycle": {"preStop": {}},
    }
    return {
        "metadata": {"namespace": NAMESPACE, "name": "ingress-nginx-controller-0"},
        "spec": {"terminationGracePeriodSeconds": 300, "containers": [container], **spec},
    }


def found(
    data: dict[str, str],
    *,
    built: dict[str, Any] | None = None,
    ingress: dict[str, Any] | None = None,
    one: dict[str, Any] | None = None,
    protocol: str = "TCP",
) -> dict[str, tuple[CheckState, str]]:
    """check -> (state, reason) for the web backend, which NGINX serves."""
    service = {
        "metadata": {"namespace": NAMESPACE, "name": "ingress-nginx-controller"},
        "spec": {"ports": [{"port": 443, "protocol": protocol}]},
    }
    config = {"metadata": {"name": "ingress-nginx-controller"}, "data": data}
    objects = {
        "api/v1/services": [service],
        f"api/v1/namespaces/{NAMESPACE}/pods": [one or pod()],
        f"api/v1/namespaces/{NAMESPACE}/configmaps": [config],
        "apis/networking.k8s.io/v1/ingresses": [ingress] if ingress else [],
        "api/v1/namespaces/shop/pods": [],
        "api/v1/namespaces/iot/pods": [],
    }
    facts = facts_of({"built": built or {}, "objects": objects})
    return {
        item.check: (item.state, item.reason)
        for item in foresight(facts)
        if "ingress-nginx" in item.subject
    }


GOOD = {"use-forwarded-headers": "true", "keep-alive": "620", "proxy-read-timeout": "30"}
TLS = {"metadata": {"namespace": "shop", "name": "web", "annotations": {}}, "spec": {"tls": [{}]}}


def test_nginx_that_is_set_up_for_google_is_well() -> None:
    said = found(GOOD)
    assert {state for state, _ in said.values()} <= {OK, UNCERTAIN}
    assert "NGINX sees the clients' addresses" not in said
    assert "keep-alive fits" not in said and "timeouts fit" not in said


@pytest.mark.parametrize(
    ("data", "check", "state", "words"),
    [
        ({"use-proxy-protocol": "true"},
         "NGINX and PROXY protocol agree", FAILED, "nobody sends it"),
        ({"use-forwarded-headers": "false"},
         "NGINX sees the clients' addresses", UNCERTAIN, "logs"),
        ({"whitelist-source-range": "10.0.0.0/8", "use-forwarded-headers": "false"},
         "NGINX sees the clients' addresses", FAILED, "allow-lists (its ConfigMap)"),
        ({"proxy-read-timeout": "120"}, "timeouts fit", UNCERTAIN, "waits 120 s"),
        ({"keep-alive": "75"}, "keep-alive fits", UNCERTAIN, "after 75 s"),
    ],
)  # fmt: skip
def test_each_setting_that_hurts_is_named(
    data: dict[str, str], check: str, state: CheckState, words: str
) -> None:
    seen, reason = found({**GOOD, **data})[check]
    assert seen is state and words in reason


def test_a_redirect_loop_needs_plain_http_tls_and_no_forwarded_headers() -> None:
    plain = {"backends.web.protocol": "HTTP", "backends.web.health_check": {"type": "HTTP"}}
    check, untrusting = "NGINX does not redirect in a loop", {**GOOD, "use-forwarded-headers": "no"}
    assert found(untrusting, built=plain, ingress=TLS)[check][0] is FAILED
    assert check not in found(GOOD, built=plain, ingress=TLS)
    assert check not in found(untrusting, ingress=TLS)
    assert check not in found(untrusting, built=plain)
    assert check not in found({**untrusting, "ssl-redirect": "false"}, built=plain, ingress=TLS)
    forced = {**untrusting, "ssl-redirect": "false", "force-ssl-redirect": "true"}
    assert found(forced, built=plain)[check][0] is FAILED


def test_an_allow_list_of_one_ingress_is_named() -> None:
    name = "nginx.ingress.kubernetes.io/whitelist-source-range"
    ingress = {**TLS, "metadata": {**TLS["metadata"], "annotations": {name: "10.0.0.0/8"}}}
    state, why = found({**GOOD, "use-forwarded-headers": "no"}, ingress=ingress)[
        "NGINX sees the clients' addresses"
    ]
    assert state is FAILED and "shop/web" in why


def test_pods_that_end_at_once_are_said() -> None:
    check = "pods outlive their endpoints"
    hasty = pod(terminationGracePeriodSeconds=30)
    hasty["spec"]["containers"][0].pop("lifecycle")
    state, why = found(GOOD, one=hasty)[check]
    assert state is UNCERTAIN
    assert "container controller has no preStop" in why and "Seconds is 30" in why


def test_udp_and_a_port_that_nobody_has_are_refused() -> None:
    assert found(GOOD, protocol="UDP")["port is TCP"][0] is FAILED
    probe = {"backends.web.health_check": {"type": "HTTP", "path": "/healthz", "port": 9999}}
    state, why = found(GOOD, built=probe)["pods listen on the probed port"]
    assert state is FAILED and "the pods name 10254, 8443" in why
    probe = {"backends.web.health_check": {"type": "HTTP", "path": "/healthz", "port": 10254}}
    assert found(GOOD, built=probe)["pods listen on the probed port"][0] is OK
