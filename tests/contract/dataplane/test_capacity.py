"""Which endpoint answers: capacity, regions, preference, policies (facts: traffic.md 1)."""

import time
from collections import Counter
from typing import Any

import pytest

EU_ZONE = "europe-west1-b"
LIMIT = 60.0  # real seconds until load must have been noticed; it takes about two


@pytest.fixture
def two_regions(door: Any) -> Any:
    """A pod in us-central1 and one in europe-west1, in groups `neg` of their zones."""
    door.neg()
    door.neg("neg", zone=EU_ZONE)
    door.pod("us")
    door.pod("eu", "neg", EU_ZONE)
    return door


def shares(door: Any, count: int, **more: Any) -> Counter[str]:
    """Who answered so many requests on one connection."""
    connection = door.connect(**more)
    found = Counter(connection.get().pod for _ in range(count))
    connection.close()
    return found


def test_what_is_over_capacity_goes_to_the_next_region(two_regions: Any) -> None:
    """maxRatePerEndpoint is a target and not a limit: the excess spills, nothing is refused."""
    door = two_regions
    backends = [{**one, "maxRatePerEndpoint": 5} for one in door.backends("neg", f"{EU_ZONE}/neg")]
    door.service("bs", backends=backends)
    door.http_door()
    assert shares(door, 4) == {"us": 4}, "at low load each client stays in its region"
    connection, found = door.connect(), Counter[str]()
    end = time.monotonic() + LIMIT
    while found["eu"] < 20:
        answer = connection.get()
        assert answer.status == 200
        found[answer.pod] += 1
        assert time.monotonic() < end, found
    connection.close()
    assert found["us"] > 0


def test_a_preferred_backend_is_filled_first_whatever_the_distance(two_regions: Any) -> None:
    door = two_regions
    near, far = door.backends("neg", f"{EU_ZONE}/neg")
    door.service("bs", backends=[near, {**far, "preference": "PREFERRED"}])
    door.http_door()
    assert shares(door, 6) == {"eu": 6}


def test_a_scaler_changes_little_at_low_load_and_all_at_0(door: Any) -> None:
    """Two groups of one region (blue and green): never a controlled percentage."""
    for name in ("blue", "green"):
        door.neg(name)
        door.pod(name, name)
    blue, green = door.backends("blue", "green")
    door.service("bs", backends=[{**blue, "capacityScaler": 0.1}, green])
    door.http_door()
    mixed = shares(door, 40)
    assert mixed["blue"] > 8 and mixed["green"] > 8, mixed
    drained = [{**blue, "capacityScaler": 0}, green]
    door.do("PATCH", "global/backendServices/bs", {"backends": drained})
    assert shares(door, 10) == {"green": 10}


@pytest.mark.parametrize("policy", ["LEAST_REQUEST", "MAGLEV", "RANDOM", "RING_HASH"])
def test_policies_within_a_zone(door: Any, policy: str) -> None:
    door.neg()
    for name in ("one", "two", "three"):
        door.pod(name)
    door.service("bs", "neg", localityLbPolicy=policy)
    door.http_door()
    assert shares(door, 40).keys() == {"one", "two", "three"}


def test_without_a_policy_endpoints_take_turns(door: Any) -> None:
    door.neg()
    for name in ("one", "two", "three"):
        door.pod(name)
    door.service("bs", "neg")
    door.http_door()
    assert shares(door, 12) == {"one": 4, "two": 4, "three": 4}


@pytest.mark.parametrize(
    "more",
    [
        {"localityLbPolicy": "WEIGHTED_ROUND_ROBIN"},
        {"serviceLbPolicy": "//networkservices.googleapis.com/projects/p/locations/global/"
                            "serviceLbPolicies/spray"},
        {"circuitBreakers": {"maxRequests": 1}},
    ],
)  # fmt: skip
def test_a_policy_that_is_not_carried_is_named(door: Any, more: dict[str, Any]) -> None:
    door.neg()
    door.pod("one")
    door.service("bs", "neg", **more)
    door.http_door()
    answer = door.fetch()
    assert answer.status == 501
    assert f"backendServices/bs {next(iter(more))}".encode() in answer.body
