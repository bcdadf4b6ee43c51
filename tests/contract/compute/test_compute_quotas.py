"""Quotas and rate limits, when they are switched on."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.contract.rest import Compute


@pytest.fixture
def limited(keep_sim: Callable[..., Any], project: str) -> Iterator[Compute]:
    compute = Compute(keep_sim("--time-scale", "0", "--quotas"), project)
    yield compute
    compute.close()


def quota(gce: Any, metric: str, region: str = "") -> dict[str, Any]:
    rows = gce.get(f"regions/{region}" if region else "")["quotas"]
    assert [row["metric"] for row in rows] == sorted(row["metric"] for row in rows)
    return next(row for row in rows if row["metric"] == metric)


def test_quotas_refuse_the_next_one(limited: Any) -> None:
    body = {"project": limited.project, "metric": "BACKEND_SERVICES", "limit": 2}
    limited.sim.admin("POST", "stage/quota", body)
    limited.make("global/backendServices", name="one")
    limited.make("global/backendServices", name="two")
    wanted = {"metric": "BACKEND_SERVICES", "limit": 2.0, "usage": 2.0}
    assert quota(limited, "BACKEND_SERVICES") == wanted
    assert limited.refused("POST", "global/backendServices", {"name": "three"}) == (
        403,
        "quotaExceeded",
        "Quota 'BACKEND_SERVICES' exceeded.  Limit: 2.0 globally.",
    )
    limited.do("DELETE", "global/backendServices/one")
    limited.make("global/backendServices", name="three")


def test_regional_quotas(limited: Any) -> None:
    body = {"project": limited.project, "metric": "NETWORK_ENDPOINT_GROUPS", "limit": 1}
    limited.sim.admin("POST", "stage/quota", body)
    limited.neg("one")
    assert quota(limited, "NETWORK_ENDPOINT_GROUPS", "us-central1")["usage"] == 1
    other_zone = "zones/us-central1-b/networkEndpointGroups"
    code, reason, message = limited.refused("POST", other_zone, {"name": "two"})
    assert (code, reason) == (403, "quotaExceeded")
    assert message.endswith("Limit: 1.0 in region us-central1.")
    limited.neg("two", zone="europe-west1-b")


def test_a_quota_of_the_project_counts_what_lies_in_its_regions(limited: Any) -> None:
    used = quota(limited, "SUBNETWORKS")["usage"]
    limit = {"project": limited.project, "metric": "SUBNETWORKS", "limit": used + 1}
    limited.sim.admin("POST", "stage/quota", limit)
    body = {"network": "global/networks/default", "ipCidrRange": "192.168.200.0/24"}
    limited.make("regions/us-central1/subnetworks", name="one", **body)
    elsewhere = body | {"name": "two", "ipCidrRange": "192.168.201.0/24"}
    assert limited.refused("POST", "regions/europe-west1/subnetworks", elsewhere) == (
        403,
        "quotaExceeded",
        f"Quota 'SUBNETWORKS' exceeded.  Limit: {used + 1}.0 globally.",
    )


def test_what_lies_in_zones_is_charged_to_their_region(limited: Any) -> None:
    for metric, limit in (("INSTANCE_GROUPS", 1), ("CPUS", 5)):
        body = {"project": limited.project, "metric": metric, "limit": limit}
        limited.sim.admin("POST", "stage/quota", body)
    groups = "zones/{}/instanceGroups"
    limited.make(groups.format("us-central1-a"), name="one")
    assert quota(limited, "INSTANCE_GROUPS", "us-central1")["usage"] == 1
    wanted = "Quota 'INSTANCE_GROUPS' exceeded.  Limit: 1.0 in region us-central1."
    refused = limited.refused("POST", groups.format("us-central1-b"), {"name": "two"})
    assert refused == (403, "quotaExceeded", wanted)
    limited.make(groups.format("us-east1-b"), name="two")
    machine = {"machineType": "zones/us-central1-a/machineTypes/e2-standard-4"}
    limited.make("zones/us-central1-a/instances", name="one", **machine)
    assert quota(limited, "CPUS", "us-central1")["usage"] == 4
    wanted = "Quota 'CPUS' exceeded.  Limit: 5.0 in region us-central1."
    refused = limited.refused("POST", "zones/us-central1-b/instances", {"name": "two", **machine})
    assert refused == (403, "quotaExceeded", wanted)
    small = {"machineType": "zones/us-central1-b/machineTypes/n1-standard-1"}
    limited.make("zones/us-central1-b/instances", name="two", **small)


@pytest.mark.parametrize(
    ("metric", "body"),
    [
        ("GLOBAL_EXTERNAL_MANAGED_BACKEND_SERVICES", {"loadBalancingScheme": "EXTERNAL_MANAGED"}),
        ("GLOBAL_EXTERNAL_PROXY_LB_BACKEND_SERVICES", {"protocol": "TCP"}),
        ("BACKEND_SERVICES", {"loadBalancingScheme": "EXTERNAL", "protocol": "HTTP"}),
    ],
)
def test_each_load_balancer_has_its_quota(limited: Any, metric: str, body: Any) -> None:
    limit = {"project": limited.project, "metric": metric, "limit": 1}
    limited.sim.admin("POST", "stage/quota", limit)
    shapes: list[Any] = [
        {"loadBalancingScheme": "EXTERNAL_MANAGED"},
        {"protocol": "TCP"},
        {"loadBalancingScheme": "EXTERNAL", "protocol": "HTTP"},
    ]
    for at, shape in enumerate(shapes):
        limited.make("global/backendServices", name=f"first{at}", **shape)
    assert quota(limited, metric)["usage"] == 1
    code, reason, message = limited.refused(
        "POST", "global/backendServices", {"name": "second", **body}
    )
    assert (code, reason) == (403, "quotaExceeded") and metric in message
    for at, shape in enumerate(one for one in shapes if one != body):
        limited.make("global/backendServices", name=f"second{at}", **shape)


def test_rate_limits_are_counted_by_the_minute(limited: Any) -> None:
    limited.sim.admin("POST", "clock", {"paused": True})
    limited.sim.admin("POST", "clock", {"advance": 60})
    limited.get("global/networks/default")
    for _ in range(1499):
        assert limited.ask("GET", "global/networks/default")[0] == 200
    assert limited.refused("GET", "global/networks/default") == (
        403,
        "rateLimitExceeded",
        "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service "
        f"'compute.googleapis.com' for consumer 'project_number:{limited.number()}'.",
    )
    # Writes are counted apart.
    limited.make("global/addresses", name="ip")
    limited.sim.admin("POST", "clock", {"advance": 60})
    assert limited.get("")["defaultServiceAccount"].split("-")[0] == limited.number()
    limited.sim.admin("POST", "clock", {"paused": False})


def test_no_quotas_unless_asked(gce: Any) -> None:
    limit = quota(gce, "SSL_POLICIES")["limit"]
    for number in range(int(limit) + 1):
        gce.make("global/sslPolicies", name=f"p{number}")
    assert quota(gce, "SSL_POLICIES") == {
        "metric": "SSL_POLICIES",
        "limit": limit,
        "usage": limit + 1,
    }
