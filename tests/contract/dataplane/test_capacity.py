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


def policy(door: Any, **body: Any) -> str:
    """A service load balancing policy; what a backend service names it by."""
    parent = f"projects/{door.project}/locations/global"
    path = f"/v1/{parent}/serviceLbPolicies?serviceLbPolicyId=mine"
    status, begun = door.sim.http("POST", path, body)
    assert status == 200, begun
    status, ended = door.sim.http("GET", f"/v1/{begun['name']}")
    assert (status, ended["done"]) == (200, True)
    return f"//networkservices.googleapis.com/{ended['response']['name']}"


def test_a_policy_of_the_service_sprays_by_capacity_at_low_load(door: Any) -> None:
    """And at once, as soon as the location has learned a changed policy."""
    for zone in ("us-central1-a", "us-central1-b"):
        door.neg("neg", zone=zone)
        door.pod(zone[-1], "neg", zone)
    backends = [
        {**one, "maxRatePerEndpoint": rate}
        for one, rate in zip(
            door.backends("us-central1-a/neg", "us-central1-b/neg"), (9000, 1000), strict=True
        )
    ]
    name = policy(door, loadBalancingAlgorithm="SPRAY_TO_REGION")
    door.service("bs", backends=backends, serviceLbPolicy=name)
    door.http_door()
    sprayed = shares(door, 60)
    assert 42 <= sprayed["a"] < 60, sprayed
    path = name.removeprefix("//networkservices.googleapis.com")
    mask = "?updateMask=loadBalancingAlgorithm"
    changed = {"loadBalancingAlgorithm": "WATERFALL_BY_REGION"}
    assert door.sim.http("PATCH", f"/v1{path}{mask}", changed)[0] == 200
    even = shares(door, 60)
    assert 15 <= even["a"] <= 42, even


def test_a_policy_keeps_traffic_in_its_region(two_regions: Any) -> None:
    door = two_regions
    isolation = {"isolationGranularity": "REGION", "isolationMode": "STRICT"}
    name = policy(door, isolationConfig=isolation)
    door.service("bs", "neg", serviceLbPolicy=name)
    door.http_door()
    assert door.fetch().status == 200
    assert door.fetch(at="europe-west1").status == 503, "there is nothing in that region"


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
