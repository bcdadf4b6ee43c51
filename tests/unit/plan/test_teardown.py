"""Taking a front door down, and what counts as left over, on an ideal cloud."""

import dataclasses
from typing import Any

import pytest
from edgebook.desired import Desired
from edgebook.model.observed import Observed
from edgebook.model.values import Action, LiveResource, ResourceKey, Step
from edgebook.plan import order, teardown
from edgebook.plan.leaks import leaks
from edgebook.plan.make import make, wanted

from tests.unit.ideal_cloud import IdealCloud, observe
from tests.unit.params_edits import spec_of

P = "projects/shop-rehearsal/global"
ZONE = "projects/shop-rehearsal/managedZones/shop-example"


class Standing:
    """The rehearsal's front door, built."""

    def __init__(self, **edits: Any) -> None:
        self.spec = spec_of(edits)
        self.seen = observe(self.spec, negs=True)
        self.cloud = IdealCloud()
        self.cloud.apply(make(self.spec, self.seen, self.cloud.live), self.seen)

    @property
    def desired(self) -> Desired:
        return wanted(self.spec, self.seen, self.cloud.live)

    def put(self, kind: str, name: str, scope: str = P, **body: Any) -> ResourceKey:
        key = ResourceKey(kind, scope, name)
        self.cloud.live[key] = LiveResource(key, {"name": name, **body})
        return key

    def down(self, *steps: Step) -> Any:
        return teardown.plan(self.desired, self.cloud.live, steps or tuple(Step))

    def leaks(self, negs: list[dict[str, Any]], **more: Any) -> list[Any]:
        return leaks(self.desired, self.cloud.live, self.seen, negs, **more)


@pytest.fixture
def door() -> Standing:
    return Standing()


def test_everything_of_ours_goes_and_nothing_else(door: Standing) -> None:
    by_hand = {
        door.put("firewall", "by-hand"),
        door.put("dnsRecordSet", "mail.example.com./MX", ZONE, type="MX", rrdatas=["10 m."]),
        door.put("dnsRecordSet", "shop.example.com./TXT", ZONE, type="TXT", rrdatas=["x"]),
    }
    plan = door.down()
    gone = {change.key for change in plan.to_do}
    kept = {key for key in door.cloud.live if key not in gone and key.kind != "backends"}
    assert kept == by_hand
    assert {change.action for change in plan.changes} == {Action.DELETE}
    assert plan.front_door == "shop"


def test_who_holds_goes_before_what_is_held(door: Standing) -> None:
    plan = door.down()
    waits = order.before(plan.changes, door.cloud.live)
    position: dict[ResourceKey, int] = {}
    todo = set(waits)
    while todo:
        free = {key for key in todo if not waits[key] & todo}
        assert free, "deletes wait for each other"
        position |= dict.fromkeys(free, len(position))
        todo -= free

    def before(one: str, other: str) -> bool:
        first = max(p for k, p in position.items() if k.kind == one)
        return first < min(p for k, p in position.items() if k.kind == other)

    assert before("forwardingRule", "address")
    assert before("forwardingRule", "targetHttpsProxy")
    assert before("targetHttpsProxy", "certificateMapEntry")
    assert before("certificateMapEntry", "certificate")
    assert before("certificateMapEntry", "certificateMap")
    assert before("certificate", "dnsAuthorization")
    assert position[ResourceKey("urlMap", P, "shop")] < min(
        position[ResourceKey("backendService", P, name)] for name in ("shop-api", "shop-web")
    )
    service = position[ResourceKey("backendService", P, "shop-web")]
    assert service < position[ResourceKey("healthCheck", P, "shop-web-https")]
    namespace = "clusters/blue/namespaces/ingress-nginx"
    exposed = ResourceKey("serviceAnnotation", namespace, "ingress-nginx-controller")
    assert service < position[exposed]
    shown = [change.key for change in plan.changes]
    for key, first in waits.items():
        assert all(shown.index(one) < shown.index(key) for one in first & set(shown)), key


def test_what_it_disrupts_is_said_where_clients_notice(door: Standing) -> None:
    said = {change.key.kind: change.disrupts for change in door.down().to_do if change.disrupts}
    assert said == {
        "address": "the IP is given back for good",
        "dnsRecordSet": "the name no longer answers",
        "forwardingRule": "its port stops answering",
    }


def test_a_step_alone_leaves_what_another_step_holds(door: Standing) -> None:
    plan = door.down(Step.CERTIFICATE)
    assert plan.to_do == ()
    held = {change.key.kind: change.sentence for change in plan.reports}
    assert "target HTTPS proxy shop-web" in held["certificateMap"]
    assert held["certificateMap"].endswith("tear that down first")
    assert held["dnsAuthorization"].startswith("held by certificate shop")


def test_the_backends_step_detaches_and_unexposes_and_leaves_the_chain(door: Standing) -> None:
    service = ResourceKey("backendService", P, "shop-web")
    foreign = {"group": "projects/x/zones/z/networkEndpointGroups/by-hand"}
    body = door.cloud.live[service].body
    door.cloud.put(service, {**body, "backends": [*body["backends"], foreign]})
    for name in ("shop-web", "shop-api", "shop-mqtt", "shop-postgres"):
        entries = door.cloud.live[ResourceKey("backendService", P, name)].body["backends"]
        door.put("backends", name, backends=entries)
    plan = door.down(Step.BACKENDS)
    kinds = sorted({change.key.kind for change in plan.to_do})
    assert kinds == ["backends", "serviceAnnotation"]
    web = next(c for c in plan.to_do if c.key.kind == "backends" and c.key.name == "shop-web")
    assert foreign not in web.before["backends"] and len(web.before["backends"]) == 2
    annotation = next(c for c in plan.to_do if c.key.name == "ingress-nginx-controller")
    assert web.key in annotation.depends


def test_a_proxy_of_others_on_our_map_keeps_it_and_is_named(door: Standing) -> None:
    link = f"//certificatemanager.googleapis.com/{P.replace('global', 'locations/global')}"
    door.put("targetHttpsProxy", "theirs", certificateMap=f"{link}/certificateMaps/shop")
    plan = door.down()
    report = next(c for c in plan.reports if c.key.kind == "certificateMap")
    assert "target HTTPS proxy theirs: not ours, whoever owns it must let go" in report.sentence
    assert not any(c.key.kind.startswith("certificate") for c in plan.to_do)


def test_records_that_lead_elsewhere_stay(door: Standing) -> None:
    key = ResourceKey("dnsRecordSet", ZONE, "shop.example.com./A")
    door.cloud.put(key, {**door.cloud.live[key].body, "rrdatas": ["198.51.100.7"]})
    assert key not in {change.key for change in door.down().changes}


def test_an_annotation_loses_only_our_names(door: Standing) -> None:
    key = ResourceKey("serviceAnnotation", "clusters/blue/namespaces/shop", "api")
    ports = {**door.cloud.live[key].body["exposed_ports"], "80": {"name": "theirs"}}
    door.cloud.put(key, {"exposed_ports": ports})
    change = next(c for c in door.down().to_do if c.key == key)
    assert change.before == {"exposed_ports": {"8080": {"name": "shop-api"}}}
    door.cloud.put(key, {"exposed_ports": {"8080": {"name": "renamed"}}})
    assert key not in {c.key for c in door.down().changes}


def test_one_resource_is_planned_again(door: Standing) -> None:
    key = ResourceKey("address", P, "shop-edge")
    found = teardown.replan(door.desired, door.cloud.live, key, tuple(Step))
    assert found is not None and found.action is Action.DELETE
    del door.cloud.live[key]
    assert teardown.replan(door.desired, door.cloud.live, key, tuple(Step)) is None


# Left over


def neg(name: str, zone: str = "us-central1-a", **more: Any) -> dict[str, Any]:
    path = f"projects/shop-rehearsal/zones/{zone}/networkEndpointGroups/{name}"
    link = f"https://www.googleapis.com/compute/v1/{path}"
    return {"name": name, "zone": f"x/zones/{zone}", "selfLink": link, **more}


def test_a_front_door_that_serves_has_nothing_left_over(door: Standing) -> None:
    assert door.leaks([neg("shop-web"), neg("of-others")]) == []


def test_after_a_teardown_everything_marked_is_left_over(door: Standing) -> None:
    found = door.leaks([neg("shop-web")], torn_down=True)
    marked = {item.kind for item in found}
    assert {"address", "backend service", "certificate map"} <= marked
    held = next(item for item in found if item.kind == "health check")
    assert held.remedy.startswith("held by backend service")
    assert not [item for item in found if item.kind == "NEG"], "others may serve from it"
    del door.cloud.live[ResourceKey("backendService", P, "shop-web")]
    (web,) = [item for item in door.leaks([neg("shop-web")], torn_down=True) if item.kind == "NEG"]
    assert "garbage collection" in web.remedy


def test_what_the_params_no_longer_name_is_left_over(door: Standing) -> None:
    old = door.put("firewall", "shop-old", description="Kept by Edgebook (front door shop)")
    door.put("firewall", "other", description="Kept by Edgebook (front door other)")
    found = door.leaks([])
    assert [(item.name, item.remedy) for item in found] == [
        (old.name, "edgebook plan shows how it goes")
    ]


def test_a_neg_of_no_cluster_is_left_over_unless_its_cluster_may_be_silent(
    door: Standing,
) -> None:
    said = '{"cluster-uid": "12345678-9", "namespace": "shop", "service-name": "api", "port": "80"}'
    lost = neg("shop-api", "europe-west9-a", description=said)
    (found,) = door.leaks([lost])
    assert found.why == "made for shop/api of cluster 12345678"
    assert found.remedy.startswith("gcloud compute network-endpoint-groups delete shop-api")
    blue = door.seen.clusters["blue"]
    silent = dataclasses.replace(blue, reachable=False)
    door.seen = Observed({**door.seen.clusters, "blue": silent}, door.seen.project_numbers)
    (found,) = door.leaks([lost])
    assert "cluster blue does not answer" in found.remedy and "gcloud" not in found.remedy
    (by_hand,) = door.leaks([neg("shop-api", "z")])
    assert by_hand.why == "not made by GKE"


def test_a_challenge_record_that_others_changed_or_made_stays(door: Standing) -> None:
    name = next(key.name for key in door.cloud.live if key.name.startswith("_acme-challenge"))
    key = ResourceKey("dnsRecordSet", ZONE, name)
    body = door.cloud.live[key].body
    assert key in {change.key for change in door.down().to_do}
    door.cloud.live[key] = LiveResource(key, {**body, "rrdatas": ["elsewhere.example.com."]})
    twin = ResourceKey("dnsRecordSet", ZONE, "other.example.com./CNAME")
    door.cloud.live[twin] = LiveResource(twin, {**body, "name": "other.example.com."})
    assert not {key, twin} & {change.key for change in door.down().to_do}


def foreign_proxy(door: Standing) -> None:
    """Somebody else's proxy on our URL map."""
    door.put("targetHttpsProxy", "foreign", urlMap=f"{P}/urlMaps/shop")


def test_what_others_serve_from_stays_whole(door: Standing) -> None:
    """Their proxy holds our URL map, so its backends, their NEGs and the firewall stay as well."""
    foreign_proxy(door)
    plan = door.down()
    left = {(c.key.kind, c.key.name): c.sentence for c in plan.reports}
    assert left["urlMap", "shop"].startswith("held by target HTTPS proxy foreign; ")
    for kept in (
        ("backendService", "shop-web"),
        ("backendService", "shop-api"),
        ("serviceAnnotation", "api"),
        ("serviceAnnotation", "ingress-nginx-controller"),
        ("firewall", "shop-allow-lb-blue"),
    ):
        assert left[kept].endswith(
            "target HTTPS proxy foreign: not ours, whoever owns it must let go: left alone"
        ), kept
    gone = {(c.key.kind, c.key.name) for c in plan.to_do}
    assert {("backendService", "shop-mqtt"), ("serviceAnnotation", "broker")} <= gone


def test_the_firewall_stays_as_long_as_our_negs_are_served_from(door: Standing) -> None:
    (one, *_) = plan = [c for c in door.down(Step.FIREWALL).changes if c.key.kind == "firewall"]
    assert one.action is Action.REPORT and len(plan) == 2
    assert one.sentence == (
        "held by backend service shop-api, backend service shop-mqtt, "
        "backend service shop-postgres, backend service shop-web: tear that down first"
    )
    for key, item in list(door.cloud.live.items()):
        if key.kind in ("backendService", "backends"):
            theirs = [{"group": f"{P}/networkEndpointGroups/of-others"}]
            door.cloud.live[key] = LiveResource(key, {**item.body, "backends": theirs})
    assert {c.action for c in door.down(Step.FIREWALL).changes} == {Action.DELETE}
    assert {c.key.kind for c in door.down(Step.FIREWALL, Step.BACKENDS).to_do} >= {"firewall"}
