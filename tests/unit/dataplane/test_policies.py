"""Service load balancing policies: algorithms, drain, failover, isolation (facts: traffic.md 1)."""

from copy import deepcopy
from typing import Any

import pytest
from gcpsim.dataplane import balance
from gcpsim.dataplane.routes.documents import Documents, NotCarried
from gcpsim.dataplane.routes.policies import Policy, policy_of

from tests.unit.dataplane.test_balance import SERVICE, A, B, group, world

NAME = "projects/p/locations/global/serviceLbPolicies/mine"
C, EU = "us_central1_c__c", "europe_west1_b__e"


def made(backends: dict[str, Any]) -> Documents:
    return world(**deepcopy(backends))


def with_policy(documents: Documents, **policy: Any) -> Documents:
    documents.tables["networkservices/serviceLbPolicies"] = {NAME: {"name": NAME, **policy}}
    service = documents.tables["compute/backendServices"][SERVICE]
    service["serviceLbPolicy"] = f"//networkservices.googleapis.com/{NAME}"
    return documents


def parts(
    documents: Documents, load: float = 0.0, at: str = "us-central1", **ill: int
) -> dict[str, float]:
    """Group -> part, as the location would be told. `ill`: how many endpoints of a group are."""
    left = dict(ill)

    def offered(path: str, endpoint: str) -> tuple[str, int] | None:
        name = path.rsplit("/", 1)[1]
        if left.get(name, 0):
            left[name] -= 1
            return None
        return endpoint.partition(":")[0], 80

    doc = balance.assignment(documents, SERVICE, at, offered, load)
    weights = {
        one["locality"]["sub_zone"]: one["load_balancing_weight"] for one in doc["endpoints"]
    }
    whole = sum(weights.values())
    return {name: round(weight / whole, 2) for name, weight in weights.items()}


UNEVEN = {A: {"endpoints": 8}, B: {"endpoints": 2}}


@pytest.mark.parametrize(
    ("algorithm", "load", "expected"),
    [
        ("WATERFALL_BY_REGION", 0, {"a": 0.5, "b": 0.5}),
        ("LOAD_BALANCING_ALGORITHM_UNSPECIFIED", 0, {"a": 0.5, "b": 0.5}),
        ("SPRAY_TO_REGION", 0, {"a": 0.8, "b": 0.2}),
        ("SPRAY_TO_REGION", 100, {"a": 0.8, "b": 0.2}),
        ("WATERFALL_BY_ZONE", 0, {"a": 0.5, "b": 0.5}),
        ("WATERFALL_BY_ZONE", 40, {"a": 0.5, "b": 0.5}),  # 20 each: b is full now
        ("WATERFALL_BY_ZONE", 80, {"a": 0.75, "b": 0.25}),  # b stays at 20
        ("WATERFALL_BY_ZONE", 100, {"a": 0.8, "b": 0.2}),
    ],
)
def test_algorithms_within_a_region(
    algorithm: str, load: float, expected: dict[str, float]
) -> None:
    assert parts(with_policy(made(UNEVEN), loadBalancingAlgorithm=algorithm), load) == expected


def test_every_algorithm_spills_to_the_next_region_when_the_first_is_full() -> None:
    for algorithm in ("WATERFALL_BY_REGION", "WATERFALL_BY_ZONE", "SPRAY_TO_REGION"):
        documents = made({A: {"endpoints": 1}, EU: {"endpoints": 9}})
        found = parts(with_policy(documents, loadBalancingAlgorithm=algorithm), load=20)
        assert found == {"a": 0.5, "e": 0.5}, algorithm


def test_groups_that_are_mostly_unhealthy_are_drained_up_to_half_of_all() -> None:
    drains = {"autoCapacityDrain": {"enable": True}, "loadBalancingAlgorithm": "SPRAY_TO_REGION"}
    groups = {A: {"endpoints": 5}, B: {"endpoints": 5}}
    assert parts(with_policy(made(groups), **drains), a=4) == {"b": 1.0}
    still = parts(with_policy(made(groups), **drains), a=3)
    assert set(still) == {"a", "b"}, "40 % are healthy"
    assert set(parts(with_policy(made(groups), **drains), a=4, b=4)) == {"b"}
    three = {A: {"endpoints": 9}, B: {"endpoints": 9}, C: {"endpoints": 9}}
    assert set(parts(with_policy(made(three), **drains), a=8, b=7, c=7)) == {"b", "c"}
    assert set(parts(made(groups), a=4)) == {"a", "b"}, "nobody asked for it"


def test_below_the_threshold_a_part_goes_to_the_next_region() -> None:
    groups = {A: {"endpoints": 10}, EU: {"endpoints": 10}}
    half = {"failoverConfig": {"failoverHealthThreshold": 50}}
    assert parts(with_policy(made(groups), **half), a=5) == {"a": 1.0}
    assert parts(with_policy(made(groups), **half), a=6) == {"a": 0.8, "e": 0.2}
    assert parts(with_policy(made(groups)), a=3) == {"a": 1.0}, "70 % are enough by default"
    assert parts(with_policy(made(groups)), a=4) == {"a": 0.86, "e": 0.14}
    assert parts(made(groups), a=9) == {"a": 1.0}, "without a policy one is enough"


def test_within_a_region_groups_above_the_threshold_take_more() -> None:
    spray = {"loadBalancingAlgorithm": "SPRAY_TO_REGION",
             "failoverConfig": {"failoverHealthThreshold": 50}}  # fmt: skip
    groups = {A: {"endpoints": 10}, B: {"endpoints": 10}}
    assert parts(with_policy(made(groups), **spray), a=7, b=0) == {"a": 0.38, "b": 0.62}


def test_isolated_traffic_stays() -> None:
    def isolated(mode: str, at: str, load: float = 0.0) -> dict[str, float]:
        config = {"isolationGranularity": "REGION", "isolationMode": mode}
        documents = made({A: {"endpoints": 1}, EU: {"endpoints": 1}})
        return parts(with_policy(documents, isolationConfig=config), load, at)

    for mode in ("NEAREST", "STRICT"):
        assert isolated(mode, "us-central1", load=100) == {"a": 1.0}, "nothing spills"
    assert isolated("NEAREST", "us-east1") == {"a": 1.0}
    assert isolated("STRICT", "us-east1") == {}


def test_what_is_not_carried_is_named() -> None:
    documents = with_policy(made({A: {}}), loadBalancingAlgorithm="SPRAY_TO_WORLD")
    service = documents.tables["compute/backendServices"][SERVICE]
    with pytest.raises(NotCarried, match=r"backendServices/bs serviceLbPolicy .*SPRAY_TO_WORLD"):
        policy_of(documents, SERVICE, service)
    documents.tables["networkservices/serviceLbPolicies"].clear()
    with pytest.raises(NotCarried, match=f"serviceLbPolicy {NAME}, which this location does not"):
        policy_of(documents, SERVICE, service)
    assert set(parts(documents)) == {"a"}, "what was offered stays until routes follow"
    assert policy_of(documents, SERVICE, {}) == Policy()
    assert group("a") in str(documents.tables["compute/endpoints"])
