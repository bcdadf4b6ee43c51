"""What Ingresses and Services ask for that a global front door does not heed."""

from dataclasses import replace
from typing import Any

import pytest
from edgebook.model.values import CheckState
from edgebook.params.fields import Seconds
from edgebook.params.types import BackendProtocol
from edgebook.verify.annotated import Hop, distrust, of_ingress, of_service

from tests.unit.verify.test_cases import facts_of

FAILED, UNCERTAIN = CheckState.FAILED, CheckState.UNCERTAIN
WEB = facts_of({}).spec.backends["web"]
TLS = Hop("web", replace(WEB, protocol=BackendProtocol.HTTPS), True, True)
PLAIN = replace(TLS, backend=replace(WEB, protocol=BackendProtocol.HTTP))
BLIND = replace(TLS, sees_clients=False)
IF_HTTP = "if ($scheme = http) { return 301 https://$host$request_uri; }"


def ingress(**said: str) -> dict[str, Any]:
    annotations = {f"nginx.ingress.kubernetes.io/{k.replace('_', '-')}": v for k, v in said.items()}
    return {"metadata": {"namespace": "shop", "name": "web", "annotations": annotations}}


@pytest.mark.parametrize(
    ("said", "hurt", "state", "words", "well"),
    [
        ({"auth_tls_secret": "shop/ca"}, TLS, FAILED, "client certificates", None),
        ({"ssl_passthrough": "true"}, TLS, FAILED, "by SNI", replace(TLS, passes_through=False)),
        ({"backend_protocol": "GRPC"}, TLS, FAILED, "Google would speak HTTPS",
         replace(TLS, backend=replace(WEB, protocol=BackendProtocol.HTTP2))),
        ({"limit_rps": "5"}, BLIND, UNCERTAIN, "limit-rps would count Google's", TLS),
        ({"denylist_source_range": "192.0.2.0/24"}, BLIND, UNCERTAIN, "never meet", TLS),
        ({"server_snippet": IF_HTTP}, PLAIN, UNCERTAIN, "server-snippet asks for $scheme", TLS),
        ({"proxy_read_timeout": "3600"}, TLS, UNCERTAIN, "proxy-read-timeout is 3600 s",
         replace(TLS, backend=replace(WEB, timeout=Seconds(3600)))),
    ],
)  # fmt: skip
def test_each_annotation_that_hurts_is_named_where_it_hurts(
    said: dict[str, str], hurt: Hop, state: CheckState, words: str, well: Hop | None
) -> None:
    (told,) = of_ingress(ingress(**said), hurt)
    assert told[0] is state and words in told[2] and told[2].startswith("Ingress shop/web: ")
    assert told[3]
    assert well is None or not list(of_ingress(ingress(**said), well))


def test_annotations_that_work_as_before_are_not_told() -> None:
    harmless = ingress(
        backend_protocol="HTTP", proxy_read_timeout="20", server_snippet="set $a $scheme;",
        ssl_passthrough="false", rewrite_target="/",
    )  # fmt: skip
    assert not list(of_ingress(harmless, PLAIN))


def test_whom_nginx_believes() -> None:
    trusting = {"use-forwarded-headers": "true"}
    both = "35.191.0.0/16,130.211.0.0/22,203.0.113.7/32"
    assert distrust({}) == "use-forwarded-headers is not true"
    assert not distrust(trusting)
    assert not distrust({**trusting, "proxy-real-ip-cidr": both})
    assert not distrust({**trusting, "proxy-real-ip-cidr": "0.0.0.0/0"})
    lacking = distrust({**trusting, "proxy-real-ip-cidr": "130.211.0.0/22, 10.0.0.0/8, x"})
    assert lacking == "proxy-real-ip-cidr lacks 35.191.0.0/16"


def service(annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    port = {"name": "web", "port": WEB.neg.port, **spec.pop("port", {})}
    return {"metadata": {"annotations": annotations or {}}, "spec": {"ports": [port], **spec}}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (service({"beta.cloud.google.com/backend-config": "{}"}), "its BackendConfig"),
        (service(loadBalancerSourceRanges=["192.0.2.0/24"]), "lets 192.0.2.0/24 in"),
        (service(publishNotReadyAddresses=True), "publishNotReadyAddresses"),
        (service(port={"appProtocol": "http"}), "says that it speaks http, the params HTTPS"),
        (service({"cloud.google.com/app-protocols": '{"web":"HTTP"}'}), "speaks HTTP, the params"),
    ],
)
def test_what_a_service_asks_of_other_load_balancers_is_told(
    body: dict[str, Any], words: str
) -> None:
    (told,) = of_service("web", TLS.backend, body)
    assert told[0] is UNCERTAIN and words in told[2] and told[3]


def test_a_service_that_agrees_is_not_told() -> None:
    policed = replace(TLS.backend, security_policy="corp")
    ranged = service(loadBalancerSourceRanges=["192.0.2.0/24"])
    assert not list(of_service("web", policed, ranged))
    for port in ({"appProtocol": "https"}, {"appProtocol": "example.com/own"}, {}):
        assert not list(of_service("web", TLS.backend, service(port=port)))
    broken = service({"cloud.google.com/app-protocols": "{"}, port={"appProtocol": "HTTPS"})
    assert not list(of_service("web", TLS.backend, broken))
