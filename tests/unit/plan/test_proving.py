"""Which changes of health checks are proven beforehand, how, and what the plan says of the rest."""

from typing import Any

import pytest
from edgebook.model.links import link
from edgebook.model.values import Action, Change, LiveResource, Plan, ResourceKey
from edgebook.params.types import Spec
from edgebook.plan.leading import MATCHER
from edgebook.plan.make import make, rooted
from edgebook.plan.proving import proof_name
from edgebook.plan.successors import HOST

from tests.unit.ideal_cloud import IdealCloud, observe
from tests.unit.params_edits import spec_of

P = "projects/shop-rehearsal/global"
WEB = ResourceKey("backendService", P, "shop-web")
PROOF = ResourceKey("backendService", P, "shop-web-proof")
TCP = {"backends.web.health_check": {"type": "TCP"}}


def built(params: dict[str, Any] | None = None) -> tuple[Spec, IdealCloud]:
    spec = spec_of(params or {})
    cloud, seen = IdealCloud(), observe(spec, negs=True)
    cloud.apply(make(spec, seen, cloud.live), seen)
    return spec, cloud


def planned(cloud: IdealCloud, params: dict[str, Any]) -> Plan:
    spec = spec_of(params)
    return make(spec, observe(spec, negs=True), cloud.live)


def of(plan: Plan, key: ResourceKey) -> Change | None:
    return next((change for change in plan.to_do if change.key == key), None)


def put(cloud: IdealCloud, key: ResourceKey, **more: Any) -> None:
    cloud.live[key] = LiveResource(key, {**cloud.live[key].body, **more})


def test_a_proof_has_what_the_live_service_has_and_the_new_check() -> None:
    _, cloud = built()
    policy = f"https://www.googleapis.com/compute/v1/{P}/securityPolicies/by-hand"
    put(cloud, WEB, securityPolicy=policy)
    proof = of(planned(cloud, TCP), PROOF)
    assert proof and proof.action is Action.CREATE
    assert proof.after["healthChecks"][0].name == "shop-web-tcp"
    # Whoever sends its host gets there: nothing that protects the live one may be missing.
    assert proof.after["securityPolicy"] == f"{P}/securityPolicies/by-hand"
    live = cloud.live[WEB].body["backends"]
    groups = {entry["group"].partition("/v1/")[2] for entry in live}
    assert {entry["group"] for entry in proof.after["backends"]} == groups
    modes = {entry["balancingMode"] for entry in live}
    assert {entry["balancingMode"] for entry in proof.after["backends"]} == modes == {"RATE"}


def test_what_is_only_made_known_serves_nobody_and_is_put_right_at_once() -> None:
    _, cloud = built()
    api = ResourceKey("backendService", P, "shop-api")
    url_map = ResourceKey("urlMap", P, "shop")
    body = cloud.live[url_map].body
    bare = [{**matcher, "pathRules": []} for matcher in body["pathMatchers"]]
    rules = [*body["hostRules"], {"hosts": [HOST], "pathMatcher": MATCHER}]
    known = {"name": MATCHER, "defaultService": link(api)}
    put(cloud, url_map, hostRules=rules, pathMatchers=[*bare, known], tests=[])
    wrong = {"backends.api.health_check": {"type": "HTTP", "path": "/healthz", "port": 9100}}
    plan = planned(cloud, wrong)
    turned, leading = of(plan, api), of(plan, url_map)
    assert turned and turned.fields == ("healthChecks",) and turned.waits == ()
    assert leading and [wait.key for wait in leading.waits] == [api] and api in leading.depends
    assert not [change for change in plan.to_do if change.key.name == "shop-api-proof"]
    assert of(plan, ResourceKey("introduction", P, "shop")) is None


@pytest.mark.parametrize(
    "check",
    [
        {"path": "/other"},
        {"host": "shop.example.com"},
        {"timeout": 1},
        {"interval": 4, "timeout": 4},
        {"unhealthy": 1},
    ],
    ids=str,
)
def test_a_check_that_is_changed_in_place_is_proven_by_a_copy(check: dict[str, Any]) -> None:
    base = {"type": "HTTPS", "path": "/healthz", "interval": 5, "timeout": 5, "unhealthy": 2}
    _, cloud = built({"backends.web.health_check": base})
    plan = planned(cloud, {"backends.web.health_check": {**base, **check}})
    check_key = ResourceKey("healthCheck", P, "shop-web-https")
    turned, copy = (
        of(plan, check_key),
        of(plan, ResourceKey("healthCheck", P, "shop-web-https-proof")),
    )
    assert turned and turned.disrupts == "" and [w.state for w in turned.waits] == ["PROVEN"]
    assert copy and {**copy.after, "name": "", "description": ""} == {
        **turned.after, "name": "", "description": "",
    }  # fmt: skip
    proof = of(plan, PROOF)
    assert proof and proof.after["healthChecks"][0].name == "shop-web-https-proof"
    gone = {change.key.kind for change in plan.to_do if change.action is Action.DELETE}
    assert gone == {"proof", "proofCheck"}


@pytest.mark.parametrize(
    "check",
    [{"interval": 9}, {"interval": 9, "timeout": 8}, {"unhealthy": 5}, {"healthy": 4},
     {"logging": True}],
    ids=str,
)  # fmt: skip
def test_what_whoever_passes_now_passes_then_needs_no_proof(check: dict[str, Any]) -> None:
    base = {"type": "HTTPS", "path": "/healthz"}
    _, cloud = built({"backends.web.health_check": base})
    (change,) = planned(cloud, {"backends.web.health_check": {**base, **check}}).to_do
    assert change.key.kind == "healthCheck"
    assert (change.waits, change.disrupts) == ((), "")


def test_without_a_url_map_that_leads_there_it_is_announced() -> None:
    _, cloud = built()
    stream = planned(cloud, {"backends.mqtt.health_check": {"type": "TCP", "port": 9100}})
    service = of(stream, ResourceKey("backendService", P, "shop-mqtt"))
    assert service and "unhealthy until the new check has passed" in service.disrupts
    assert not any("proof" in change.key.name for change in stream.to_do)
    in_place = planned(cloud, {"backends.mqtt.health_check": {"type": "TCP", "timeout": 1}})
    (change,) = in_place.to_do
    assert change.disrupts == "endpoints that do not pass the new check count as unhealthy"


@pytest.mark.parametrize("why", ["a name taken", "IAP by hand", "no endpoints", "not in use"])
def test_what_cannot_be_proven_is_not(why: str) -> None:
    _, cloud = built()
    if why == "a name taken":
        cloud.put(PROOF, {"name": PROOF.name, "description": "somebody else's"})
    elif why == "IAP by hand":
        put(cloud, WEB, iap={"enabled": True, "oauth2ClientId": "x"})
    elif why == "no endpoints":
        put(cloud, WEB, backends=[])
    else:
        for key in [key for key in cloud.live if key.kind == "forwardingRule"]:
            del cloud.live[key]
    plan = planned(cloud, TCP)
    service = of(plan, WEB)
    assert service and service.disrupts
    assert {change.key.kind for change in plan.to_do} & {"proof", "introduction"} == set()
    assert of(plan, PROOF) is None


def test_a_change_of_protocol_stays_announced_though_its_check_is_proven() -> None:
    _, cloud = built()
    edit = {"backends.web.protocol": "HTTP2", "backends.web.health_check": {"type": "HTTP2"}}
    service = of(planned(cloud, edit), WEB)
    assert service and service.disrupts == "requests fail unless the pods speak HTTP2 already"
    assert [wait.state for wait in service.waits] == ["PROVEN"]


def test_a_proof_is_no_delete_that_somebody_meant() -> None:
    _, cloud = built()
    plan = planned(cloud, TCP)
    assert rooted(c for c in plan.to_do if c.action is Action.DELETE) == []


def test_what_is_left_of_a_proof_goes_when_it_is_not_wanted() -> None:
    spec, cloud = built()
    seen = observe(spec, negs=True)
    plan = planned(cloud, TCP)
    first = [c for c in plan.to_do if c.step.number <= 30]
    cloud.apply(Plan(tuple(first)), seen)
    back = planned(cloud, {})
    kinds = [(change.action.value, change.key.kind, change.key.name) for change in back.to_do]
    assert kinds == [
        ("update", "forgetting", "shop"),
        ("delete", "proof", "shop-web-proof"),
        ("delete", "healthCheck", "shop-web-tcp"),
    ]
    cloud.apply(back, seen)
    assert planned(cloud, {}).empty


@pytest.mark.parametrize("length", [10, 57, 58, 63])
def test_names_of_proofs_fit(length: int) -> None:
    one, other = "a" * length, "a" * (length - 1) + "b"
    assert len(proof_name(one)) <= 63
    assert proof_name(one) != proof_name(other)
