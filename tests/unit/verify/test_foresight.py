"""What pods, NGINX and the network would do to traffic, told beforehand."""

from typing import Any

import pytest
from edgebook.model.values import CheckState
from edgebook.verify.foresight import foresight
from edgebook.verify.workloads import BUDGETS, DEPLOYMENTS, SCALERS

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


KEEPERS: dict[str, list[Any]] = {
    path.format(namespace): []
    for path in (DEPLOYMENTS, BUDGETS, SCALERS)
    for namespace in (NAMESPACE, "shop", "iot")
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
        "apis/networking.k8s.io/v1/ingressclasses": [],
        "apis/networking.k8s.io/v1/ingresses": [ingress] if ingress else [],
        "api/v1/namespaces/shop/pods": [],
        "api/v1/namespaces/iot/pods": [],
        **KEEPERS,
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


def test_what_one_ingress_says_of_redirects_counts_for_it() -> None:
    plain = {"backends.web.protocol": "HTTP", "backends.web.health_check": {"type": "HTTP"}}
    check, untrusting = "NGINX does not redirect in a loop", {**GOOD, "use-forwarded-headers": "no"}

    def says(name: str, value: str, **spec: Any) -> dict[str, Any]:
        annotations = {f"nginx.ingress.kubernetes.io/{name}": value}
        return {"metadata": {**TLS["metadata"], "annotations": annotations}, "spec": spec}

    forced = found(untrusting, built=plain, ingress=says("force-ssl-redirect", "true"))
    assert forced[check][0] is FAILED and "shop/web" in forced[check][1]
    quiet = says("ssl-redirect", "false", tls=[{}])
    assert check not in found(untrusting, built=plain, ingress=quiet)
    assert check not in found(untrusting, built=plain, ingress=says("ssl-redirect", "true"))
    assert check not in found(GOOD, built=plain, ingress=says("force-ssl-redirect", "true"))


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


def behind(
    one: dict[str, Any], *, host: str = "shop.example.com", kind: str = "nginx"
) -> list[tuple[CheckState, str, str]]:
    """(state, subject, reason) of the pods behind NGINX, where an Ingress leads to shop/web."""
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    rules = [{"host": host, "http": {"paths": [{"path": "/", "backend": backend}]}}]
    service = {
        "metadata": {"namespace": NAMESPACE, "name": "ingress-nginx-controller"},
        "spec": {"ports": [{"port": 443, "protocol": "TCP"}]},
    }
    web = {"metadata": {"namespace": "shop", "name": "web"}, "spec": {"selector": {"app": "web"}}}
    ours = {"kubernetes.io/ingress.class": "outer"}
    outer = {"metadata": {"name": "outer"}, "spec": {"controller": "k8s.io/ingress-nginx"}}
    one = {**one, "metadata": {"namespace": "shop", "name": "web-0", "labels": {"app": "web"}}}
    other = {**one, "metadata": {**one["metadata"], "name": "job-0", "labels": {"app": "job"}}}
    objects = {
        "api/v1/services": [service, web],
        f"api/v1/namespaces/{NAMESPACE}/pods": [pod()],
        f"api/v1/namespaces/{NAMESPACE}/configmaps": [],
        "apis/networking.k8s.io/v1/ingressclasses": [outer] if kind == "outer" else [],
        "apis/networking.k8s.io/v1/ingresses": [
            {
                "metadata": {
                    "namespace": "shop",
                    "name": "web",
                    "annotations": ours if kind == "outer" else {},
                },
                "spec": {"rules": rules} | ({} if kind == "outer" else {"ingressClassName": kind}),
            }
        ],
        "api/v1/namespaces/shop/pods": [other, one],
        "api/v1/namespaces/iot/pods": [],
        **KEEPERS,
    }
    return [
        (item.state, item.subject, item.reason)
        for item in foresight(facts_of({"built": {}, "objects": objects}))
        if item.check == "pods behind NGINX outlive its list"
    ]


def waiting(seconds: int, grace: int = 30) -> dict[str, Any]:
    hook = {"preStop": {"sleep": {"seconds": seconds}}}
    spec = {
        "terminationGracePeriodSeconds": grace,
        "containers": [{"name": "web", "lifecycle": hook}],
    }
    return {"spec": spec}


@pytest.mark.parametrize("kind", ["nginx", "outer"])
def test_pods_behind_nginx_that_end_at_once_are_said(kind: str) -> None:
    hasty = {"spec": {"containers": [{"name": "web"}]}}
    (said,) = behind(hasty, kind=kind)
    assert said == (UNCERTAIN, "blue/shop/web", "no container has a preStop")
    ((state, _, why),) = behind(waiting(5), kind=kind)
    assert state is UNCERTAIN and "waits 5 s, endpoints are asked for up to 10 s" in why
    ((state, _, why),) = behind(waiting(60), kind=kind)
    assert state is UNCERTAIN and "ends the preStop" in why


def test_pods_behind_nginx_that_wait_or_are_of_others_are_well() -> None:
    assert behind(waiting(10)) == [(OK, "blue/shop/web", "1 pod")]
    hasty = {"spec": {"containers": [{"name": "web"}]}}
    assert behind(hasty, host="www.example.org") == []
    assert behind(hasty, kind="gce") == []
    assert len(behind(hasty, host="")) == 1
