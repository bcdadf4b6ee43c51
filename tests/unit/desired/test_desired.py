"""Resources that follow from params: bodies in the API's JSON, checked against Google's types."""

import dataclasses
import json
import re
from typing import Any

import pytest
from edgebook.desired import desired
from edgebook.model.kinds import KINDS, Api
from edgebook.model.observed import Observed, ObservedCluster
from edgebook.model.values import (
    Ownership,
    Ref,
    Resource,
    SecretRef,
    Step,
    each_negs,
    refs,
    to_json,
)
from edgebook.params import Spec, apitypes, load_file

from tests.unit.ideal_cloud import observe
from tests.unit.params_edits import GONE, ROOT, spec_of

NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")


def resources(edits: dict[str, Any] | None = None, **observed: Any) -> dict[str, Resource]:
    spec = spec_of(edits)
    found = desired(spec, observe(spec, **observed)).resources
    return {f"{resource.kind}/{resource.name}": resource for resource in found}


def body(edits: dict[str, Any], name: str) -> dict[str, Any]:
    return dict(resources(edits)[name].body)


MANY: dict[str, Any] = {
    "address.ip_versions": ["IPV4", "IPV6"],
    "backends.web.cdn": {"default_ttl": 60, "max_ttl": 90, "client_ttl": 30},
    "backends.web.security_policy": "armor",
    "backends.api.iap": {"enabled": True},
    "backends.api.session_affinity": "GENERATED_COOKIE",
    "routes.0.default": {"weights": {"web": 90, "api": 10}},
    "routes.0.paths": {
        "/a/*": {"backend": "api", "rewrite": {"prefix": "/"}},
        "/b": {"redirect": {"host": "shop.example.com", "path": "/c", "code": "302"}},
    },
}
SPECS = {
    "rehearsal": lambda: spec_of({}),
    "example": lambda: load_file(ROOT / "params" / "example.yaml"),
    "many options": lambda: spec_of(MANY),
}


@pytest.mark.parametrize("name", SPECS)
def test_bodies_have_only_fields_and_values_that_the_api_knows(name: str) -> None:
    spec: Spec = SPECS[name]()
    problems: list[str] = []
    for resource in desired(spec, observe(spec, clusters=spec.clusters)).resources:
        kind = KINDS[resource.kind]
        if kind.api not in (Api.COMPUTE, Api.CERTIFICATE_MANAGER) or resource.kind == "backends":
            continue
        types = apitypes.schemas(kind.api.value)
        # Output-only to the document, but set by a method of its own.
        plain = {k: v for k, v in resource.body.items() if k not in kind.setters or k == "urlMap"}
        apitypes._check_object(
            types,
            types[kind.schema],
            _as_sent(plain),
            str(resource.key),
            lambda path, text: problems.append(f"{path}: {text}"),
        )
    assert problems == []


def _as_sent(value: Any) -> Any:
    if isinstance(value, Ref | SecretRef):
        return "text"
    if isinstance(value, dict):
        return {k: _as_sent(item) for k, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_as_sent(item) for item in value]
    return value


@pytest.mark.parametrize("name", SPECS)
def test_every_reference_leads_to_a_resource_of_the_plan(name: str) -> None:
    spec: Spec = SPECS[name]()
    found = desired(spec, observe(spec, clusters=spec.clusters)).resources
    keys = {resource.key for resource in found}
    for resource in found:
        for key in (*resource.depends, *(ref.key for ref in refs(resource.body))):
            assert key in keys or key.kind == "securityPolicy", f"{resource.key} -> {key}"


@pytest.mark.parametrize("name", SPECS)
def test_names_fit_google_and_everything_is_marked(name: str) -> None:
    spec: Spec = SPECS[name]()
    for resource in desired(spec, observe(spec, clusters=spec.clusters)).resources:
        kind = KINDS[resource.kind]
        if kind.api in (Api.COMPUTE, Api.CERTIFICATE_MANAGER):
            assert NAME.fullmatch(resource.name), resource.key
        if kind.marker and resource.ownership is Ownership.CREATED:
            assert "(front door shop)" in resource.body["description"], resource.key
        if kind.labels and resource.ownership is Ownership.CREATED:
            assert resource.body["labels"]["edgebook"] == "shop", resource.key


def test_the_same_params_give_the_same_resources_in_the_same_order() -> None:
    one, two = (desired(spec_of({}), observe(spec_of({}))) for _ in range(2))
    assert [to_json(r) for r in one.resources] == [to_json(r) for r in two.resources]


def test_steps_are_built_in_their_order() -> None:
    """What a resource needs belongs to its own step or to an earlier one."""
    found = resources({"address.ip_versions": ["IPV4", "IPV6"]})
    steps = {resource.key: resource.step for resource in found.values()}
    for resource in found.values():
        for key in resource.needs:
            if key in steps:
                assert steps[key].number <= resource.step.number, f"{resource.key} needs {key}"


def test_tls_proxies_wait_for_the_certificate_and_every_entry() -> None:
    found = resources()
    for name in ("targetHttpsProxy/shop-web", "targetSslProxy/shop-mqtt"):
        assert found[name].step is Step.CERTIFICATE_MAP
        waits = {(wait.key.kind, wait.key.name, wait.state) for wait in found[name].waits}
        assert waits == {
            ("certificate", "shop", "ACTIVE"),
            ("certificateMapEntry", "primary", "ACTIVE"),
            ("certificateMapEntry", "shop-example-com", "ACTIVE"),
            ("certificateMapEntry", "wildcard-shop-example-com", "ACTIVE"),
        }
    assert found["forwardingRule/shop-web"].step is Step.CERTIFICATE_MAP
    assert found["forwardingRule/shop-postgres"].step is Step.FRONTENDS
    assert not found["targetTcpProxy/shop-postgres"].waits


def test_one_authorization_covers_a_name_and_its_wildcard() -> None:
    edits = {"hostnames": ["shop.example.com", "*.shop.example.com", "*.pay.example.com"]}
    edits["routes.0.hosts"] = ["shop.example.com"]
    found = resources(edits)
    domains = {r.body["domain"]: r.what for r in found.values() if r.kind == "dnsAuthorization"}
    assert domains == {
        "shop.example.com": "authorize shop.example.com, also for *.shop.example.com",
        "pay.example.com": "authorize *.pay.example.com",
    }
    hostnames = {r.body.get("hostname") for r in found.values() if r.kind == "certificateMapEntry"}
    assert hostnames == {*edits["hostnames"], None}  # None: the PRIMARY entry


def test_names_with_dots_and_hyphens_never_collide() -> None:
    hostnames = ["a-b.example.com", "a.b.example.com", "a--b.example.com", "*.b.example.com"]
    edits = {"hostnames": hostnames, "routes.0.hosts": hostnames, "checks": GONE}
    entries = [r for r in resources(edits).values() if r.kind == "certificateMapEntry"]
    assert len(entries) == len(hostnames) + 1


def test_firewall_opens_the_pods_ports_to_google_and_to_nobody_else() -> None:
    rule = body({}, "firewall/shop-allow-lb-blue")
    assert rule["sourceRanges"] == ["130.211.0.0/22", "35.191.0.0/16"]
    assert rule["allowed"] == [{"IPProtocol": "tcp", "ports": ["5432", "8080", "8443", "8883"]}]
    assert rule["targetTags"] == ["gke-blue-1a2b3c4d-node"]
    assert rule["direction"] == "INGRESS"


def test_a_health_check_on_its_own_port_opens_that_port_too() -> None:
    edits = {"backends.web.health_check": {"type": "HTTP", "port": 10254}}
    assert "10254" in body(edits, "firewall/shop-allow-lb-blue")["allowed"][0]["ports"]


def test_a_health_check_probes_the_serving_port_unless_the_params_name_one() -> None:
    def block(edits: dict[str, Any]) -> dict[str, Any]:
        found = resources(edits)
        (name,) = (key for key in found if key.startswith("healthCheck/shop-mqtt"))
        return dict(found[name].body["tcpHealthCheck"])

    serving = block({})
    fixed = block({"backends.mqtt.health_check": {"type": "TCP", "port": 9000}})
    assert serving["portSpecification"] == "USE_SERVING_PORT"
    assert "port" not in serving
    assert (fixed["portSpecification"], fixed["port"]) == ("USE_FIXED_PORT", 9000)


def test_records_that_are_taken_over_are_adopted_and_no_others() -> None:
    one, *others = sorted(set(spec_of({}).hostnames))
    found = resources({"dns.take_over": [one]})
    owned = {name: item.ownership for name, item in found.items() if item.kind == "dnsRecordSet"}
    assert owned[f"dnsRecordSet/{one}./A"] is Ownership.ADOPTED
    assert {owned[f"dnsRecordSet/{other}./A"] for other in others} == {Ownership.CREATED}


def test_a_shared_vpc_gets_its_rules_in_the_host_project() -> None:
    found = resources({"network": "projects/host-project/global/networks/shared"})
    rule = found["firewall/shop-allow-lb-blue"]
    assert rule.scope == "projects/host-project/global"
    assert rule.body["network"].endswith("projects/host-project/global/networks/shared")


def test_without_pods_there_is_no_rule_and_a_reason() -> None:
    spec = spec_of({})
    cluster = ObservedCluster("blue", node_tags=("tag",), services=())
    found = desired(spec, Observed({"blue": cluster}))
    assert not [r for r in found.resources if r.kind == "firewall"]
    said = {change.key.name: change.sentence for change in found.reports}
    assert "none of these backends' Services" in said["shop-allow-lb-blue"]
    assert "was not read" in said["shop-allow-lb-green"]


def test_a_named_port_without_pods_is_said_and_not_opened() -> None:
    spec = spec_of({})
    observed = observe(spec)
    blue = observed.clusters["blue"]
    silent = tuple(
        dataclasses.replace(s, target_ports={8080: ()}) if s.name == "api" else s
        for s in blue.services
    )
    observed = Observed({**observed.clusters, "blue": dataclasses.replace(blue, services=silent)})
    found = desired(spec, observed)
    rule = next(r for r in found.resources if r.name == "shop-allow-lb-blue")
    assert rule.body["allowed"][0]["ports"] == ["5432", "8443", "8883"]
    assert any("shop/api has no pods in blue" in change.sentence for change in found.reports)


def test_backends_are_symbolic_and_carry_one_limit() -> None:
    found = resources({"backends.web.active": ["green", "blue"]})
    entries = list(each_negs(found["backends/shop-web"].body))
    assert [entry.cluster for entry in entries] == ["blue", "green"]
    set_fields = {k: v for k, v in entries[0].entry.items() if v is not None}
    assert set_fields == {"balancingMode": "RATE", "maxRatePerEndpoint": 100.0}
    assert "capacityScaler" not in entries[0].entry  # the swap's business


def test_two_backends_of_one_service_share_its_annotation() -> None:
    edits = {
        "backends.api.neg": {
            "namespace": "ingress-nginx",
            "service": "ingress-nginx-controller",
            "port": 80,
            "name": "shop-api",
        }
    }
    spec = spec_of(edits)
    annotation = next(
        r
        for r in desired(spec, observe(spec)).resources
        if r.kind == "serviceAnnotation" and r.name == "ingress-nginx-controller"
    )
    assert annotation.body == {
        "exposed_ports": {"443": {"name": "shop-web"}, "80": {"name": "shop-api"}}
    }


def test_cluster_in_a_negs_name_stands_for_the_cluster() -> None:
    edits = {"backends.web.neg.name": "web-{cluster}", "backends.web.active": ["blue", "green"]}
    names = [entry.name for entry in each_negs(resources(edits)["backends/shop-web"].body)]
    assert names == ["web-blue", "web-green"]


def test_url_map_tests_speak_for_every_plain_route() -> None:
    edits = {
        "routes": [
            {"hosts": ["shop.example.com"], "default": "web", "paths": {"/api/*": "api"}},
            {"hosts": ["*.shop.example.com"], "default": {"weights": {"web": 100}}},
        ]
    }
    tests = [(t["host"], t["path"], t["service"].name) for t in body(edits, "urlMap/shop")["tests"]]
    assert tests == [
        ("shop.example.com", "/edgebook-test", "shop-web"),
        ("shop.example.com", "/api/edgebook-test", "shop-api"),
    ]


def test_fields_under_api_are_laid_over_the_body() -> None:
    edits: dict[str, Any] = {"backends.web.api": {"localityLbPolicy": "MAGLEV"}}
    assert body(edits, "backendService/shop-web")["localityLbPolicy"] == "MAGLEV"
    edits = {"frontends.0.forwarding_rule_api": {"allowGlobalAccess": True}}
    assert body(edits, "forwardingRule/shop-web")["allowGlobalAccess"] is True
    assert "allowGlobalAccess" not in body(edits, "forwardingRule/shop-web-redirect")


def test_protection_is_not_touched_unless_the_params_speak_of_it() -> None:
    plain = body({}, "backendService/shop-web")
    assert not {"iap", "securityPolicy", "edgeSecurityPolicy"} & set(plain)


def test_a_url_map_has_no_more_tests_than_google_takes() -> None:
    paths = {f"/p{number}/*": "web" for number in range(120)} | {"/api/*": "api"}
    assert len(body({"routes.0.paths": paths}, "urlMap/shop")["tests"]) == 100


def test_the_successor_of_a_certificate_with_a_long_name_fits_google() -> None:
    long = "c" * 63
    spec = spec_of({"certificate.name": long})
    held = {long: ("old.example.com",)}
    seen = dataclasses.replace(observe(spec), certificates=held)
    (name,) = {r.name for r in desired(spec, seen).resources if r.kind == "certificate"}
    assert name.startswith("c" * 56 + "-") and len(name) == 63 and NAME.fullmatch(name)


def test_an_adopted_map_brings_its_own_certificates() -> None:
    found = resources({"certificate": {"name": "shop", "map": "company"}})
    kinds = {resource.kind for resource in found.values()}
    assert not kinds & {"certificate", "certificateMapEntry", "dnsAuthorization"}
    proxy = found["targetHttpsProxy/shop-web"]
    assert proxy.body["certificateMap"].name == "company"
    assert not proxy.waits


def test_an_adopted_certificate_is_only_referred_to() -> None:
    found = resources({"certificate": {"name": "company", "adopt": True}})
    assert found["certificate/company"].ownership is Ownership.REFERENCED
    assert not [r for r in found.values() if r.kind == "dnsAuthorization"]
    assert found["certificateMapEntry/primary"].body["certificates"][0].name == "company"


def test_an_adopted_address_is_only_referred_to_and_its_records_are_written() -> None:
    found = resources({"address": {"name": "company", "adopt": True}})
    assert found["address/company"].ownership is Ownership.REFERENCED
    record = found["dnsRecordSet/shop.example.com./A"]
    assert record.body["rrdatas"][0].name == "company"


def test_without_a_zone_in_the_params_no_record_is_written() -> None:
    assert not [r for r in resources({"dns": GONE}).values() if r.kind == "dnsRecordSet"]


def test_iap_has_a_client_only_where_the_params_name_one() -> None:
    client = {"client_id": "web", "client_secret": {"env": "IAP_SECRET"}}
    own = body({"backends.api.iap": {"enabled": True, **client}}, "backendService/shop-api")
    googles = body({"backends.api.iap": {"enabled": True}}, "backendService/shop-api")
    assert (own["iap"]["oauth2ClientId"], own["iap"]["enabled"]) == ("web", True)
    assert own["iap"]["oauth2ClientSecret"] == SecretRef(env="IAP_SECRET")
    assert googles["iap"] == {"enabled": True}


def test_backends_wait_for_the_rules_of_both_ip_versions_where_pods_have_both() -> None:
    spec = spec_of({})
    seen = observe(spec)
    both = dataclasses.replace(seen.clusters["blue"], ipv6=True)
    for cluster, wanted in ((seen.clusters["blue"], 1), (both, 2)):
        world = Observed({**seen.clusters, "blue": cluster}, seen.project_numbers)
        found = {f"{r.kind}/{r.name}": r for r in desired(spec, world).resources}
        rules = {k.name for k in found["backends/shop-web"].depends if k.kind == "firewall"}
        assert len({name for name in rules if "blue" in name}) == wanted
        assert rules <= {r.name for r in found.values() if r.kind == "firewall"}


def test_bodies_are_json() -> None:
    for resource in resources().values():
        json.dumps(resource.to_json())
