"""What users may notice is a number of the params, and approved with the plan."""

from dataclasses import replace

import pytest
from edgebook.model.values import Action, Change, Plan, ResourceKey, Step
from edgebook.params.traffic_types import TrafficSafetySpec
from edgebook.plan.allowances import allowances
from edgebook.plan.approval import covers
from edgebook.show.tables import plan_table

KEY = ResourceKey("healthCheck", "projects/p/global", "web")
PLAN = Plan((Change(Action.CREATE, KEY, Step.FRONTENDS, "make it"),), "shop", "google-cloud")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, ()),
        ({"max_failed": 3}, ("3 requests may fail in a step",)),
        ({"max_gap": 30}, ("30 s without a success",)),
        ({"max_gap": 1, "max_latency_rise": 0.1}, ()),  # stricter than usual needs no approval
        ({"max_latency_rise": 1.0}, ("p99 may rise by 100%",)),
        ({"max_latency_rise": None}, ("latency is not judged",)),
    ],
)
def test_looser_limits_are_said(changed: dict[str, object], said: tuple[str, ...]) -> None:
    assert allowances(replace(TrafficSafetySpec(), **changed)) == said  # type: ignore[arg-type]


def test_an_allowance_is_a_part_of_what_is_approved() -> None:
    looser = replace(PLAN, allows=("3 requests may fail in a step",))
    assert looser.hash != PLAN.hash
    assert Plan.from_json(looser.to_json()) == looser
    (beyond,) = covers(PLAN, looser)
    assert "safety.traffic allows more than approved: 3 requests" in str(beyond)
    assert covers(looser, PLAN) == ()  # less than approved is covered
    assert "safety.traffic allows: 3 requests may fail" in str(plan_table("plan", looser))
