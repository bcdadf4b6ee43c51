"""Locations go away, come back, and learn later than others."""

from typing import Any

import pytest

US, EU = "us-central1", "europe-west1"


def direct(door: Any, verb: str, **args: str) -> Any:
    status, answer = door.sim.http("POST", f"/_sim/stage/location-{verb}", args)
    assert status == 200, answer
    return answer


def places(door: Any) -> dict[str, str]:
    """Location -> where its clients connect to."""
    rows = door.sim.admin("GET", "reach")
    return {row["location"]: row["connect"] for row in rows if f"/{door.project}/" in row["rule"]}


def test_clients_of_a_location_that_is_down_are_led_to_another(shop: Any) -> None:
    before = places(shop)
    assert before[US] != before[EU]
    direct(shop, "down", location=EU)
    try:
        assert places(shop) == {US: before[US], EU: before[US]}
        assert shop.fetch("/", at=EU).status == 200
    finally:
        direct(shop, "up", location=EU)
    assert places(shop) == before
    assert shop.fetch("/", at=EU).status == 200


@pytest.mark.parametrize(
    ("verb", "args", "words"),
    [
        ("down", {"location": "mars-north1"}, "there: europe-west1, us-central1"),
        ("delay", {"location": EU, "by": "later"}, "not a time such as"),
        ("up", {"location": EU, "by": "1s"}, "it takes"),
    ],
)
def test_wrong_directions_say_what_is_allowed(
    shop: Any, verb: str, args: dict[str, str], words: str
) -> None:
    status, answer = shop.sim.http("POST", f"/_sim/stage/location-{verb}", args)
    assert status in (400, 404)
    assert words in answer["error"]["message"]
