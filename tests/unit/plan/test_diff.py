"""What a plan says of order: what waits for what, in which step, and who is left alone."""

from typing import Any

from edgebook.model.values import Action, Change, Plan, ResourceKey, Step, Wait
from edgebook.plan.lines import of_plan
from edgebook.plan.make import make, refusal, rooted

from tests.unit.ideal_cloud import IdealCloud, observe
from tests.unit.params_edits import spec_of

P = "projects/shop-rehearsal/global"


def planned(built: dict[str, Any], params: dict[str, Any]) -> Plan:
    before = spec_of(built)
    cloud, seen = IdealCloud(), observe(before, negs=True)
    cloud.apply(make(before, seen, cloud.live), seen)
    spec = spec_of(params)
    return make(spec, observe(spec, negs=True), cloud.live)


def only(plan: Plan, kind: str, name: str) -> Change:
    return next(c for c in plan.to_do if (c.key.kind, c.key.name) == (kind, name))


def test_a_name_is_registered_when_everything_behind_it_serves() -> None:
    plan = planned({}, {"hostnames": ["shop.example.com", "*.shop.example.com", "new.example.com"]})
    record = only(plan, "dnsRecordSet", "new.example.com./A")
    assert {key.kind for key in record.depends} >= {
        "address", "backends", "certificateMapEntry", "forwardingRule",
    }  # fmt: skip
    services = {wait.key.name for wait in record.waits if wait.state == "HEALTHY"}
    assert services == {"shop-api", "shop-mqtt", "shop-postgres", "shop-web"}


def test_the_certificate_in_use_waits_for_its_entries_to_be_active() -> None:
    plan = planned({}, {"hostnames": ["shop.example.com", "*.shop.example.com", "new.example.com"]})
    old = only(plan, "certificate", "shop")
    assert old.action is Action.DELETE and old.step is Step.CERTIFICATE
    assert {(wait.key.name, wait.state) for wait in old.waits} == {
        ("primary", "ACTIVE"),
        ("shop-example-com", "ACTIVE"),
        ("wildcard-shop-example-com", "ACTIVE"),
    }


def test_probes_move_after_the_firewall_step() -> None:
    probe = {"type": "HTTP", "path": "/healthz", "port": 9100}
    plan = planned({}, {"backends.api.health_check": probe})
    service = only(plan, "backendService", "shop-api")
    assert service.step is Step.BACKENDS
    assert ResourceKey("firewall", P, "shop-allow-lb-blue") in service.depends
    assert only(plan, "firewall", "shop-allow-lb-blue").step is Step.FIREWALL
    assert only(plan, "healthCheck", "shop-api-http").step is Step.BACKENDS  # the old one goes last
    calm = planned({}, {"backends.api.timeout": 60})
    assert only(calm, "backendService", "shop-api").step is Step.FRONTENDS


def test_ports_close_after_everything_that_uses_them() -> None:
    probe = {"type": "HTTP", "path": "/healthz", "port": 9100}
    plan = planned({"backends.api.health_check": probe}, {})
    closing = only(plan, "closing", "shop-allow-lb-blue")
    assert closing.fields == ("allowed",)
    after = {(key.kind, key.name) for key in closing.depends}
    assert after >= {("backendService", "shop-api"), ("backends", "shop-api")}
    assert ("detachment", "shop-web") in after
    assert Wait(ResourceKey("backendService", P, "shop-api"), "HEALTHY") in closing.waits
    assert not [c for c in plan.to_do if c.key.kind == "firewall"]


def test_names_go_before_the_rules_and_the_address_that_they_lead_to() -> None:
    plan = planned({"address.ip_versions": ["IPV4", "IPV6"]}, {})
    records = {c.key for c in plan.to_do if c.key.kind == "dnsRecordSet"}
    assert {key.name for key in records} == {"shop.example.com./AAAA", "*.shop.example.com./AAAA"}
    rules = [c for c in plan.to_do if c.key.kind == "forwardingRule"]
    assert len(rules) == 4 and all(records <= set(rule.depends) for rule in rules)
    address = only(plan, "address", "shop-edge-ipv6")
    assert records | {rule.key for rule in rules} <= set(address.depends)
    assert address.step is Step.FRONTENDS  # the last of its holders' steps


def test_a_hostname_that_goes_is_one_delete_that_somebody_meant() -> None:
    built = {"hostnames": ["shop.example.com", "*.shop.example.com", "pay.example.com"]}
    plan = planned(built, {})
    deletes = [c for c in plan.to_do if c.action is Action.DELETE]
    assert len(deletes) == 4
    assert [c.key.name for c in rooted(deletes)] == ["pay-example-com"]
    assert refusal(plan, spec_of({}).safety, made=of_plan("FILE")) is None


def test_an_address_counts_though_its_rules_hold_it() -> None:
    plan = planned({"address.ip_versions": ["IPV4", "IPV6"]}, {})
    kinds = sorted({c.key.kind for c in rooted(c for c in plan.to_do if c.action is Action.DELETE)})
    assert kinds == ["address", "dnsRecordSet", "forwardingRule"]


def test_what_leaves_a_url_map_is_seen() -> None:
    """A comparison of wanted fields alone would keep paths, rewrites and weights for ever."""
    rewritten = {"backend": "api", "rewrite": {"prefix": "/v2/"}}
    for built in (
        {"routes.0.paths": {"/api/*": "api", "/old/*": "api"}},
        {"routes.0.paths": {"/api/*": rewritten}},
        {"routes.0.default": {"weights": {"web": 95, "api": 5}}},
    ):
        plan = planned(built, {})
        assert only(plan, "urlMap", "shop").action is Action.UPDATE, built
