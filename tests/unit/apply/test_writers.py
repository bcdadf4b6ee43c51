"""Merging into what others have too: annotations and backends."""

from edgebook.apply.writers import (
    annotation_without,
    merged_annotation,
    merged_backends,
    without_backends,
)
from edgebook.model.observed import Neg, Observed, ObservedCluster, ObservedService
from edgebook.model.values import EachNeg


def test_annotation_is_merged_and_taken_out_again():
    live = {"ingress": True, "exposed_ports": {"80": {"name": "theirs"}}, "zones": ["*"]}
    ours = {"exposed_ports": {"443": {"name": "shop-web"}}}
    merged = merged_annotation(live, ours)
    assert merged == {
        "exposed_ports": {"80": {"name": "theirs"}, "443": {"name": "shop-web"}},
        "zones": ["*"],
    }
    assert annotation_without(merged, ours) == {
        "exposed_ports": {"80": {"name": "theirs"}},
        "zones": ["*"],
    }
    assert annotation_without({"exposed_ports": {"443": {"name": "other"}}}, ours) == {
        "exposed_ports": {"443": {"name": "other"}}
    }


LINK = "https://www.googleapis.com/compute/v1/projects/p/zones/{}/networkEndpointGroups/{}"


def entry(zone, name="shop-web", **more):
    return {"group": LINK.format(zone, name), **more}


def test_backends_are_merged_zone_by_zone():
    each = EachNeg("blue", "ns", "svc", 443, "shop-web", {"balancingMode": "RATE", "maxRate": 5})
    states = {"a": "ACTIVE", "b": "ACTIVE", "c": "INACTIVE", "d": "TO_BE_DELETED"}
    negs = tuple(
        Neg("shop-web", zone, LINK.format(zone, "shop-web"), s) for zone, s in states.items()
    )
    service = ObservedService("ns", "svc", negs=negs)
    observed = Observed({"blue": ObservedCluster("blue", services=(service,))})
    live = [
        entry("b", balancingMode="RATE", maxRate=1, capacityScaler=0.0),
        entry("a", name="by-hand", balancingMode="RATE"),
        entry("c", balancingMode="RATE", maxRate=5),
        entry("d", balancingMode="RATE", maxRate=5),
    ]
    merged = merged_backends(live, (each,), frozenset({"shop-web"}), observed)
    assert merged == [
        entry("b", balancingMode="RATE", maxRate=5, capacityScaler=0.0),
        entry("a", name="by-hand", balancingMode="RATE"),
        entry("c", balancingMode="RATE", maxRate=5),
        entry("d", balancingMode="RATE", maxRate=5),
        entry("a", balancingMode="RATE", maxRate=5),
    ]


def test_only_what_the_plan_named_is_detached():
    live = [entry("a"), entry("a", name="by-hand"), entry("b", capacityScaler=0.5)]
    url = "https://compute.googleapis.com/compute/beta/projects/p/zones/b/networkEndpointGroups/"
    assert without_backends(live, [{"group": f"{url}shop-web"}]) == live[:2]
    assert without_backends(live, [entry("z")]) == live
