"""Whose the entries of a backend service are, and what becomes of them."""

from typing import Any

import pytest
from edgebook.model.observed import Neg, Observed, ObservedCluster, ObservedService
from edgebook.model.values import EachNeg
from edgebook.plan.attachments import attachments

from tests.unit.ideal_cloud import neg_of
from tests.unit.params_edits import spec_of

WEB = EachNeg("blue", "n", "web", 443, "web", {"balancingMode": "RATE", "maxRatePerEndpoint": 10.0})


SPEC = spec_of({})


def seen(negs: dict[str, list[Neg]]) -> Observed:
    return Observed(
        {
            name: ObservedCluster(name, services=(ObservedService("n", "web", negs=tuple(found)),))
            for name, found in negs.items()
        }
    )


def entry(neg: Neg, **more: Any) -> dict[str, Any]:
    return {"group": neg.link, "balancingMode": "RATE", "maxRatePerEndpoint": 10, **more}


A, B = neg_of(SPEC, "web", "z-a"), neg_of(SPEC, "web", "z-b")


def sorted_out(live: list[dict[str, Any]], negs: dict[str, list[Neg]]) -> Any:
    return attachments([WEB], live, frozenset({"web"}), seen(negs))


def test_missing_zones_are_seen() -> None:
    found = sorted_out([entry(A)], {"blue": [A, B]})
    assert found.missing == (B,)
    assert not (found.changed or found.stale or found.waiting)


@pytest.mark.parametrize("state", ["INACTIVE", "TO_BE_DELETED"])
def test_only_active_negs_are_attached(state: str) -> None:
    found = sorted_out([], {"blue": [A, neg_of(SPEC, "web", "z-b", state)]})
    assert found.missing == (A,)


def test_an_inactive_neg_stays_and_a_leaving_one_goes() -> None:
    live = [entry(A), entry(B)]
    kept = sorted_out(live, {"blue": [A, neg_of(SPEC, "web", "z-b", "INACTIVE")]})
    assert not kept.stale
    gone = sorted_out(live, {"blue": [A, neg_of(SPEC, "web", "z-b", "TO_BE_DELETED")]})
    assert [item["group"] for item in gone.stale] == [B.link]
    assert gone.serving == ()


def test_negs_of_a_cluster_that_is_no_longer_active_go_and_are_said_to_serve() -> None:
    found = sorted_out([entry(A), entry(B)], {"blue": [A], "green": [B]})
    assert [item["group"] for item in found.stale] == [B.link]
    assert found.serving == ("green",)


def test_what_no_cluster_names_stays() -> None:
    """The annotation may have been lost while pods still serve behind the frozen NEG."""
    found = sorted_out([entry(A)], {"blue": []})
    assert found.stale == ()
    assert [item["group"] for item in found.unclaimed] == [A.link]
    assert found.waiting == ("blue",)


def test_entries_of_others_are_never_ours() -> None:
    other = neg_of(SPEC, "autoneg", "z-a")
    found = sorted_out([entry(A), entry(other)], {"blue": [A]})
    assert [item["group"] for item in found.foreign] == [other.link]


def test_a_cluster_waits_until_a_neg_of_our_name_is_active() -> None:
    other, coming = neg_of(SPEC, "other", "z-a"), neg_of(SPEC, "web", "z-a", "INACTIVE")
    assert sorted_out([], {"blue": [other, coming]}).waiting == ("blue",)
    assert sorted_out([], {"blue": [other, coming, B]}).waiting == ()


def test_what_may_belong_to_a_cluster_that_cannot_be_read_is_nobodys_leftover() -> None:
    silent = {"blue": ObservedCluster("blue", reachable=False)}
    found = attachments([WEB], [entry(A)], frozenset({"web"}), Observed(silent))
    assert (found.unclaimed, found.stale, found.waiting) == ((), (), ())
    assert found.unread == ("blue",)
    assert found.attached == 1


@pytest.mark.parametrize("capacity", [0, 0.0, 0.5, 1.0])
def test_the_capacity_of_a_swap_is_no_difference(capacity: float) -> None:
    assert not sorted_out([entry(A, capacityScaler=capacity)], {"blue": [A]}).changed


def test_other_balancing_is_a_difference() -> None:
    assert sorted_out([entry(A, maxRatePerEndpoint=20)], {"blue": [A]}).changed


@pytest.mark.parametrize(("live", "changed"), [({}, True), ({"capacityScaler": 0}, False)])
def test_a_wanted_capacity_of_zero_is_not_taken_for_unset(
    live: dict[str, Any], changed: bool
) -> None:
    wanted = EachNeg("blue", "n", "web", 443, "web", {"capacityScaler": 0.0})
    found = attachments([wanted], [entry(A, **live)], frozenset({"web"}), seen({"blue": [A]}))
    assert bool(found.changed) is changed
