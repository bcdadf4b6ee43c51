"""Gateways of class gke-l7-global-external-managed: their load balancer, status and ownership."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from gcpsim.front.build import Config, build

from tests.contract.gke.gateway_shop import CLASS, Shop

COLLECTIONS = ("forwardingRules", "targetHttpProxies", "targetHttpsProxies", "urlMaps",
               "backendServices", "healthChecks", "addresses")  # fmt: skip


def to(name: str, path: str = "/", **more: Any) -> dict[str, Any]:
    match = {"path": {"type": "PathPrefix", "value": path}}
    return {"matches": [match], "backendRefs": [{"name": name, "port": 80}], **more}


EXTENSION = {"group": "networking.gke.io", "kind": "GCPHTTPFilter", "name": "none"}


@pytest.fixture
def shop() -> Iterator[Shop]:
    yield Shop(build(Config(time_scale=0)))


def test_a_gateway_is_a_load_balancer_with_its_names(shop: Shop) -> None:
    shop.gateway()
    shop.route(to("web"), to("api", "/api"))
    gateway = shop.get("gateways", "front")
    for collection in (*COLLECTIONS, "firewalls"):
        for one in shop.docs(collection):
            if one["name"].startswith("gkegw1-"):
                assert len(one["name"]) <= 63
                assert "gcpsim" not in one.get("description", "")
    (rule,) = shop.docs("forwardingRules")
    assert rule["name"].startswith("gkegw1-") and "-default-front-" in rule["name"]
    assert rule["loadBalancingScheme"] == "EXTERNAL_MANAGED"
    owner = json.loads(rule["description"])
    assert owner["k8sResource"] == "/namespaces/default/gateways/front"
    assert owner["k8sCluster"].endswith(f"/locations/{shop.blue.location}/clusters/blue")
    (proxy,), (url_map,), (address,) = map(
        shop.docs, ("targetHttpProxies", "urlMaps", "addresses")
    )  # fmt: skip
    assert proxy["name"] == url_map["name"] != rule["name"]
    assert rule["IPAddress"] == address["address"]
    assert gateway["status"]["addresses"] == [{"type": "IPAddress", "value": address["address"]}]
    services = {one["name"]: one for one in shop.docs("backendServices")}
    kinds = sorted(name.split("-default-")[1].rsplit("-", 1)[0] for name in services)
    assert kinds == ["api-80", "gw-serve404-80", "gw-serve500-80", "web-80"]
    web = next(one for name, one in services.items() if "-web-80-" in name)
    assert len(web["backends"]) == 3 and web["backends"][0]["maxRatePerEndpoint"] == 100_000_000
    assert "/networkEndpointGroups/k8s1-" in web["backends"][0]["group"]
    assert [one["name"] for one in shop.docs("healthChecks")] == sorted(services)
    (firewall,) = [one for one in shop.docs("firewalls") if one["name"].startswith("gkegw1-")]
    assert firewall["name"].endswith("-l7-default-global")
    notes = gateway["metadata"]["annotations"]
    path = f"/projects/{shop.project}/global/urlMaps/{url_map['name']}"
    assert notes["networking.gke.io/url-maps"] == path
    assert notes["networking.gke.io/backend-services"].count("/backendServices/") == 4
    assert gateway["metadata"]["finalizers"] == ["gateway.finalizer.networking.gke.io"]


def test_status_and_conditions(shop: Shop) -> None:
    shop.gateway()
    shop.route(to("web"))
    assert shop.said("gateways", "front") == {
        "Scheduled": ("True", "Scheduled"), "Accepted": ("True", "Accepted"),
        "Programmed": ("True", "Programmed"), "Ready": ("True", "Ready"),
        "networking.gke.io/GatewayHealthy": ("True", "Healthy"),
    }  # fmt: skip
    (listener,) = shop.get("gateways", "front")["status"]["listeners"]
    assert listener["attachedRoutes"] == 1
    assert shop.said("httproutes", "shop") == {
        "ResolvedRefs": ("True", "ResolvedRefs"), "Accepted": ("True", "Accepted"),
        "Reconciled": ("True", "ReconciliationSucceeded"),
    }  # fmt: skip
    before = shop.blue.resource_version()
    shop.settle()
    assert shop.blue.resource_version() == before, "what is right is not written again"
    (said,) = shop.blue.get("gatewayclasses", None, CLASS)["status"]["conditions"]  # type: ignore[index]
    assert (said["type"], said["status"]) == ("Accepted", "True")


def test_rules_become_route_rules_by_precedence(shop: Shop) -> None:
    shop.gateway()
    rewrite = {"type": "URLRewrite", "urlRewrite": {
        "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/v2"}}}  # fmt: skip
    exact = {"matches": [{"path": {"type": "Exact", "value": "/"}}],
             "backendRefs": [{"name": "web", "port": 80, "weight": 9},
                             {"name": "api", "port": 80, "weight": 1}]}  # fmt: skip
    by_header = {"matches": [{"headers": [{"name": "x-team", "value": "a"}]}],
                 "backendRefs": [{"name": "api", "port": 80}]}  # fmt: skip
    shop.route(to("web"), to("api", "/api", filters=[rewrite]), exact, by_header)
    (url_map,) = shop.docs("urlMaps")
    assert url_map["hostRules"][0]["hosts"] == ["shop.example.com"]
    rules = url_map["pathMatchers"][0]["routeRules"]
    shown = [next(iter(one["matchRules"][0].items())) for one in rules]
    assert shown == [
        ("fullPathMatch", "/"), ("fullPathMatch", "/api"), ("prefixMatch", "/api/"),
        ("prefixMatch", "/"), ("prefixMatch", "/"),
    ]  # fmt: skip
    assert [one["routeAction"].get("urlRewrite", {}).get("pathPrefixRewrite") for one in rules] == [
        None, "/v2", "/v2/", None, None,
    ]  # fmt: skip
    assert rules[3]["matchRules"][0]["headerMatches"] == [
        {"headerName": "x-team", "exactMatch": "a"}
    ]
    weights = [one["weight"] for one in rules[0]["routeAction"]["weightedBackendServices"]]
    assert sorted(weights) == [1, 9]
    default = url_map["defaultRouteAction"]
    assert default["faultInjectionPolicy"]["abort"]["httpStatus"] == 404
    assert "-gw-serve404-" in default["weightedBackendServices"][0]["backendService"]


def test_a_redirect_and_two_front_ends(shop: Shop) -> None:
    cert = {"name": "cert", "type": "MANAGED", "managed": {"domains": ["shop.example.com"]}}
    path = f"projects/{shop.project}/global/sslCertificates"
    shop.cloud.world.transact(lambda: shop.compute.call("POST", path, cert))
    shop.settle()
    tls = {"mode": "Terminate", "options": {"networking.gke.io/pre-shared-certs": "cert"}}
    shop.gateway(
        {"name": "http", "protocol": "HTTP", "port": 80},
        {"name": "https", "protocol": "HTTPS", "port": 443, "tls": tls},
    )
    redirect = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https",
                "statusCode": 301}}  # fmt: skip
    shop.route({"filters": [redirect]}, name="up",
               parentRefs=[{"name": "front", "sectionName": "http"}])  # fmt: skip
    shop.route(to("web"), parentRefs=[{"name": "front", "sectionName": "https"}])
    assert sorted(one["portRange"] for one in shop.docs("forwardingRules")) == ["443-443", "80-80"]
    (proxy,) = shop.docs("targetHttpsProxies")
    assert proxy["sslCertificates"][0].endswith("/sslCertificates/cert")
    maps = {one["name"]: one for one in shop.docs("urlMaps")}
    (plain,) = shop.docs("targetHttpProxies")
    secure = maps[proxy["urlMap"].rsplit("/", 1)[1]]
    up = maps[plain["urlMap"].rsplit("/", 1)[1]]["pathMatchers"][0]["routeRules"][0]
    assert up["urlRedirect"]["httpsRedirect"] is True
    assert "routeAction" in secure["pathMatchers"][0]["routeRules"][0]


@pytest.mark.parametrize(
    ("rule", "condition", "reason"),
    [
        (to("none"), "ResolvedRefs", "BackendNotFound"),
        ({"backendRefs": [{"name": "web", "port": 81}]}, "ResolvedRefs", "BackendNotFound"),
        ({"backendRefs": [{"name": "dns", "namespace": "kube-system", "port": 53}]},
         "ResolvedRefs", "RefNotPermitted"),
        ({"matches": [{"path": {"type": "RegularExpression", "value": "/.*"}}]},
         "Accepted", "UnsupportedValue"),
        ({"filters": [{"type": "ExtensionRef", "extensionRef": EXTENSION}]},
         "Accepted", "UnsupportedValue"),
    ],
)  # fmt: skip
def test_what_leads_nowhere(shop: Shop, rule: dict[str, Any], condition: str, reason: str) -> None:
    shop.gateway()
    shop.route(rule)
    assert shop.said("httproutes", "shop")[condition] == ("False", reason)
    events = [one["message"] for one in shop.blue.list("events", "default")
              if one["involvedObject"]["kind"] == "HTTPRoute"]  # fmt: skip
    assert any("Error GWCER104" in text for text in events)
    assert shop.said("gateways", "front")["Programmed"] == ("True", "Programmed")
    if condition == "ResolvedRefs":
        (url_map,) = shop.docs("urlMaps")
        rules = url_map["pathMatchers"][0]["routeRules"]
        fault = rules[0]["routeAction"]["faultInjectionPolicy"]
        assert fault["abort"]["httpStatus"] == 500


def test_routes_that_no_listener_takes(shop: Shop) -> None:
    shop.gateway({"name": "http", "protocol": "HTTP", "port": 80, "hostname": "*.example.org"})
    shop.route(to("web"))
    assert shop.said("httproutes", "shop")["Accepted"] == ("False", "NoMatchingListenerHostname")
    shop.make("namespaces", "far")
    away = {"parentRefs": [{"name": "front", "namespace": "default"}],
            "hostnames": ["a.example.org"], "rules": [to("web")]}  # fmt: skip
    shop.make("httproutes", "away", metadata={"namespace": "far"}, spec=away)
    status = (shop.blue.get("httproutes", "far", "away") or {})["status"]["parents"][0]
    reasons = {one["type"]: one["reason"] for one in status["conditions"]}
    assert reasons["Accepted"] == "NotAllowedByListeners"
    (url_map,) = shop.docs("urlMaps")
    assert "pathMatchers" not in url_map


def test_a_gateway_that_can_not_be(shop: Shop) -> None:
    shop.gateway(addresses=[{"type": "IPAddress", "value": "10.0.0.9"}])
    assert shop.said("gateways", "front")["Accepted"] == ("False", "UnsupportedAddress")
    assert shop.docs("forwardingRules") == []


def test_policies_of_gke_are_followed(shop: Shop) -> None:
    target = {"group": "", "kind": "Service", "name": "web"}
    shop.make("gcpbackendpolicies", "web", spec={"targetRef": target, "default": {
        "timeoutSec": 40, "connectionDraining": {"drainingTimeoutSec": 60},
        "maxRatePerEndpoint": 50, "logging": {"enabled": True, "sampleRate": 500000}}})  # fmt: skip
    shop.gateway()
    shop.route(to("web"))

    def of(collection: str) -> dict[str, Any]:
        return next(one for one in shop.docs(collection) if "-web-80-" in one["name"])

    service = of("backendServices")
    assert (service["timeoutSec"], service["logConfig"]["sampleRate"]) == (40, 0.5)
    assert service["connectionDraining"]["drainingTimeoutSec"] == 60
    assert {one["maxRatePerEndpoint"] for one in service["backends"]} == {50}
    assert of("healthChecks")["httpHealthCheck"]["requestPath"] == "/"
    config = {"type": "HTTP", "httpHealthCheck": {"requestPath": "/healthz"}}
    shop.make("healthcheckpolicies", "web", spec={"targetRef": target, "default": {
        "checkIntervalSec": 7, "timeoutSec": 5, "config": config}})  # fmt: skip
    check = of("healthChecks")
    assert (check["checkIntervalSec"], check["httpHealthCheck"]["requestPath"]) == (7, "/healthz")


def test_what_is_no_longer_wanted_goes(shop: Shop) -> None:
    shop.gateway()
    shop.route(to("web"), to("api", "/api"))
    assert (
        '"exposed_ports":{"80":{}}'
        in shop.get("services", "api")["metadata"]["annotations"]["cloud.google.com/neg"]
    )
    shop.change("httproutes", "shop", {"spec": {"rules": [to("web")]}})
    shop.settle()
    assert not [one for one in shop.docs("backendServices") if "-api-80-" in one["name"]]
    assert shop.get("services", "api")["metadata"]["annotations"]["cloud.google.com/neg"] == (
        '{"ingress":true}'
    )
    shop.remove("gateways", "front")
    shop.settle()
    shop.settle()
    assert shop.get("gateways", "front") == {}
    for collection in COLLECTIONS:
        assert shop.docs(collection) == [], collection
    assert not [one for one in shop.docs("firewalls") if one["name"].startswith("gkegw1-")]


def test_it_lives_beside_an_annotation_of_somebody_else(shop: Shop) -> None:
    mine = '{"exposed_ports":{"80":{"name":"front-door-web"}}}'
    shop.change("services", "web", {"metadata": {"annotations": {"cloud.google.com/neg": mine}}})
    shop.gateway()
    shop.route(to("web"))
    assert shop.get("services", "web")["metadata"]["annotations"]["cloud.google.com/neg"] == mine
    web = next(one for one in shop.docs("backendServices") if "-web-80-" in one["name"])
    assert all(one["group"].endswith("/front-door-web") for one in web["backends"])
    shop.remove("gateways", "front")
    shop.settle()
    assert shop.get("services", "web")["metadata"]["annotations"]["cloud.google.com/neg"] == mine
    assert shop.docs("networkEndpointGroups")


def test_another_class_is_left_alone(shop: Shop) -> None:
    shop.make(
        "gateways",
        "own",
        spec={
            "gatewayClassName": "nginx",
            "listeners": [{"name": "http", "protocol": "HTTP", "port": 80}],
        },
    )
    assert shop.docs("urlMaps") == [] and "status" not in shop.get("gateways", "own")
