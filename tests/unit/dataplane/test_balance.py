"""Which endpoints a location offers, and how much of what (facts: traffic.md 1)."""

from typing import Any

import pytest
from gcpsim.dataplane import balance
from gcpsim.dataplane.geography import country, distance
from gcpsim.dataplane.load import step
from gcpsim.dataplane.routes.documents import ROOT, Documents

SERVICE = "projects/p/global/backendServices/bs"


def group(text: str) -> str:
    zone, _, name = text.rpartition("/")
    return f"projects/p/zones/{zone or 'us-central1-a'}/networkEndpointGroups/{name}"


def world(**backends: dict[str, Any]) -> Documents:
    """A service with backends `zone/name` (dashes as `_`), each with `endpoints` (default 1)."""
    found = Documents()
    listed = []
    for number, (key, more) in enumerate(backends.items()):
        path = group(key.replace("_", "-").replace("--", "/"))
        count = more.pop("endpoints", 1)
        endpoints = [
            {"ipAddress": f"10.0.{number}.{last}", "port": 80} for last in range(1, count + 1)
        ]
        found.tables.setdefault("compute/endpoints", {})[path] = {"endpoints": endpoints}
        listed.append({"group": ROOT + path, "maxRatePerEndpoint": 10, **more})
    found.tables["compute/backendServices"] = {SERVICE: {"backends": listed}}
    return found


def parts(
    documents: Documents,
    location: str = "us-central1",
    load: float = 0.0,
    ill: tuple[str, ...] = (),
) -> dict[str, float]:
    """zone/name -> part in a thousand."""

    def offered(path: str, endpoint: str) -> tuple[str, int] | None:
        return None if path.rsplit("/", 1)[1] in ill else ("127.0.0.1", int(endpoint[-4]))

    found = balance.share(balance.groups(documents, SERVICE, offered), location, load)
    return {f"{g.zone}/{g.path.rsplit('/', 1)[1]}": round(p, 3) for g, p in found.items()}


A, B, EU = "us_central1_a__a", "us_central1_b__b", "europe_west1_b__e"


def test_the_nearest_region_takes_all_at_low_load() -> None:
    documents = world(**{A: {}, EU: {"endpoints": 9}})
    assert parts(documents) == {"us-central1-a/a": 1.0}
    assert parts(documents, "europe-west1") == {"europe-west1-b/e": 1.0}
    assert parts(documents, "us-east1") == {"us-central1-a/a": 1.0}


def test_only_what_is_over_capacity_spills() -> None:
    documents = world(**{A: {"endpoints": 2}, EU: {"endpoints": 10}})
    assert parts(documents, load=20) == {"us-central1-a/a": 1.0}
    assert parts(documents, load=40) == {"us-central1-a/a": 0.5, "europe-west1-b/e": 0.5}


def test_full_everywhere_is_overfilled_in_proportion() -> None:
    documents = world(**{A: {"endpoints": 1}, EU: {"endpoints": 3}})
    assert parts(documents, load=400) == {"us-central1-a/a": 0.25, "europe-west1-b/e": 0.75}


def test_zones_share_evenly_at_low_load_and_by_capacity_at_high() -> None:
    documents = world(**{A: {"endpoints": 9}, B: {"endpoints": 1}})
    assert parts(documents) == {"us-central1-a/a": 0.5, "us-central1-b/b": 0.5}
    assert parts(documents, load=100) == {"us-central1-a/a": 0.9, "us-central1-b/b": 0.1}


def test_shares_stay_still_until_a_quarter_more_is_full() -> None:
    documents = world(**{A: {"endpoints": 9}, B: {"endpoints": 1}})
    assert parts(documents, load=24) == parts(documents)
    assert parts(documents, load=25) == {"us-central1-a/a": 0.6, "us-central1-b/b": 0.4}


def test_a_scaler_does_little_at_low_load_and_all_at_zero() -> None:
    documents = world(**{A: {"capacityScaler": 0.1}, "us_central1_a__other": {}})
    assert parts(documents) == {"us-central1-a/a": 0.5, "us-central1-a/other": 0.5}
    full = parts(documents, load=11)
    assert full["us-central1-a/a"] == pytest.approx(1 / 11, abs=0.002)
    drained = world(**{A: {"capacityScaler": 0}, "us_central1_a__other": {}})
    assert parts(drained) == {"us-central1-a/other": 1.0}


def test_capacity_counts_configured_endpoints() -> None:
    backend = {"maxRatePerEndpoint": 10.0, "capacityScaler": 0.5}
    assert balance.target_capacity(backend, 4) == 20.0
    assert balance.target_capacity({"maxRate": 30}, 4) == 30.0
    assert balance.target_capacity({"maxConnectionsPerEndpoint": 5}, 4) == 20.0
    assert balance.target_capacity({"balancingMode": "UTILIZATION"}, 0) == 0.0


def test_preferred_backends_fill_first_whatever_the_distance() -> None:
    documents = world(**{A: {}, EU: {"preference": "PREFERRED"}})
    assert parts(documents) == {"europe-west1-b/e": 1.0}
    assert parts(documents, load=20) == {"europe-west1-b/e": 0.5, "us-central1-a/a": 0.5}


def test_a_region_without_healthy_endpoints_is_passed_over() -> None:
    documents = world(**{A: {}, EU: {}})
    assert parts(documents, ill=("a",)) == {"europe-west1-b/e": 1.0}
    assert parts(documents, ill=("a", "e")) == {}


def test_the_assignment_leaves_out_what_drains() -> None:
    documents = world(**{A: {"endpoints": 2}})
    endpoints = documents.tables["compute/endpoints"][group("a")]["endpoints"]
    endpoints[0]["draining"] = True
    doc = balance.assignment(documents, SERVICE, "us-central1", lambda g, e: (e[:8], 80))
    (locality,) = doc["endpoints"]
    assert locality["locality"] == {
        "region": "us-central1",
        "zone": "us-central1-a",
        "sub_zone": "a",
    }
    addresses = [
        one["endpoint"]["address"]["socket_address"]["address"] for one in locality["lb_endpoints"]
    ]
    assert addresses == ["10.0.0.2"]


def test_geography() -> None:
    assert distance("us-central1", "us-east1") < distance("us-central1", "europe-west1")
    assert distance("nowhere1", "us-east1") > distance("us-east1", "asia-east1")
    assert (country("europe-west1"), country("nowhere1")) == ("BE", "")


def test_load_is_a_mean_in_steps() -> None:
    assert step(0) == 0
    assert step(100) == step(101)
    assert step(100) < step(140)
