"""Real users against the same time of the day before."""

from typing import Any

import pytest
from edgebook.traffic.baseline import compared


def row(**more: Any) -> dict[str, Any]:
    usual = {"requests": 1100, "of_the_meter": 100, "day_before": 1000,
             "failures": {"application": 4}, "failures_day_before": {"application": 4}}  # fmt: skip
    return {**usual, **more}


@pytest.mark.parametrize(
    ("more", "state", "why"),
    [
        ({}, "ok", "4 of 1,000 requests of real users failed, 4 would be as before"),
        ({"failures": {"application": 3, "load balancer": 4}}, "ok", "7 of 1,000"),  # noise
        ({"failures": {"load balancer": 9}}, "worse", "9 of 1,000"),
        ({"failures": {"load balancer": 4}, "failures_day_before": {}}, "worse", "0 would be"),
        ({"requests": 599}, "worse", "499 requests of real users, 1,000 the day before"),
        ({"requests": 600}, "ok", "4 of 500"),
        ({"requests": 50, "of_the_meter": 80}, "worse", "0 requests of real users"),
        ({"day_before": 99}, "unknown", "99 requests in the same time"),
        ({"day_before": None}, "unknown", "metrics cannot be read"),
        ({"requests": None}, "unknown", "metrics cannot be read"),
        ({"failures": None}, "unknown", "logs cannot be read"),
        ({"failures_day_before": None}, "unknown", "logs cannot be read"),
    ],
)
def test_compared(more: dict[str, Any], state: str, why: str) -> None:
    said = compared(row(**more))
    assert said["state"] == state
    assert why in said["why"]
