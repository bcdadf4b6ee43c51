"""Scripted faults, request counts and the clock: the stage machinery over the admin API."""

import http.client
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import compute_v1

from tests.contract.rest import Compute

ADDRESSES = "global/addresses"


@pytest.fixture
def gce(sim: Any, project: str) -> Iterator[Compute]:
    compute = Compute(sim, project)
    yield compute
    compute.close()


@pytest.fixture
def alone(start_sim: Callable[..., Any]) -> Iterator[Callable[..., Compute]]:
    """alone("--paused", ...): a project on a simulator of its own."""
    made: list[Compute] = []

    def start(*options: str) -> Compute:
        made.append(Compute(start_sim(*options), "alone"))
        return made[-1]

    yield start
    for compute in made:
        compute.close()


def script(gce: Compute, **fault: Any) -> int:
    """Put a fault in force for the project of a test; gives its id."""
    path = gce.path("*") if "path" not in fault else gce.path(fault.pop("path"))
    return int(gce.sim.admin("POST", "faults", {"path": path, **fault})["id"])


def test_http_errors_by_method_and_collection(gce: Compute) -> None:
    script(gce, effect="http", collection="globalAddresses", method="insert", code=503)
    gce.backend_service()
    assert gce.refused("POST", ADDRESSES, {"name": "ip"}) == (
        503,
        "backendError",
        "Backend Error",
    )
    gce.make(ADDRESSES, name="ip")


def test_only_the_nth_and_only_some_times(gce: Compute) -> None:
    script(
        gce,
        effect="http",
        verb="GET",
        nth=3,
        times=2,
        code=403,
        reason="rateLimitExceeded",
        message="Slow down",
        retry_after=7,
    )
    codes = [gce.ask("GET", ADDRESSES)[0] for _ in range(6)]
    assert codes == [200, 200, 403, 403, 200, 200]


def test_a_fault_for_ever_until_it_is_cleared(gce: Compute) -> None:
    number = script(gce, effect="http", times=0, code=500)
    assert [gce.ask("GET", ADDRESSES)[0] for _ in range(3)] == [500, 500, 500]
    (row,) = [f for f in gce.sim.admin("GET", "faults")["faults"] if f["id"] == number]
    assert (row["seen"], row["struck"]) == (3, 3)
    gce.sim.admin("DELETE", f"faults?id={number}")
    assert gce.ask("GET", ADDRESSES)[0] == 200


def test_retry_after(gce: Compute) -> None:
    import urllib.error
    import urllib.request

    script(gce, effect="http", code=429, reason="rateLimitExceeded", retry_after=7)
    with pytest.raises(urllib.error.HTTPError) as slow:
        urllib.request.urlopen(f"{gce.sim.url}/compute/v1/{gce.path(ADDRESSES)}")
    with slow.value as answer:
        assert (answer.code, answer.headers["Retry-After"]) == (429, "7")


def test_the_official_client_retries_what_it_may(gce: Compute) -> None:
    gce.make(ADDRESSES, name="ip")
    script(gce, effect="http", code=503, times=1)
    client = gce.client(compute_v1.GlobalAddressesClient)
    assert client.get(project=gce.project, address="ip").name == "ip"
    script(gce, effect="http", code=503, times=1)
    with pytest.raises(exceptions.ServiceUnavailable):
        client.insert(project=gce.project, address_resource=compute_v1.Address(name="two"))


def test_latency(gce: Compute) -> None:
    script(gce, effect="latency", seconds=0.4)
    began = time.monotonic()
    assert gce.ask("GET", ADDRESSES)[0] == 200
    assert time.monotonic() - began >= 0.4


def test_a_connection_that_dies_before_the_effect(gce: Compute) -> None:
    script(gce, effect="drop_before", verb="POST")
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        gce.ask("POST", ADDRESSES, {"name": "ip"})
    gce.close()
    assert "items" not in gce.get(ADDRESSES)


def test_a_connection_that_dies_after_the_effect(gce: Compute) -> None:
    script(gce, effect="drop_after", verb="POST")
    once = "11111111-1111-4111-8111-111111111111"
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        gce.ask("POST", ADDRESSES, {"name": "ip"}, requestId=once)
    gce.close()
    assert gce.get(f"{ADDRESSES}/ip")["name"] == "ip"
    # The same request again is the same operation, not a conflict.
    assert gce.do("POST", ADDRESSES, {"name": "ip"}, requestId=once)["clientOperationId"] == once
    assert gce.refused("POST", ADDRESSES, {"name": "ip"})[1] == "alreadyExists"


def test_permission_denied(gce: Compute) -> None:
    script(gce, effect="permission", permission="compute.globalAddresses.create")
    assert gce.refused("POST", ADDRESSES, {"name": "ip"}) == (
        403,
        "forbidden",
        f"Required 'compute.globalAddresses.create' permission for '{gce.path(ADDRESSES)}'",
    )


def test_operations_that_fail(gce: Compute) -> None:
    script(gce, effect="operation", collection="backendServices", error="RESOURCE_NOT_READY")
    status, operation = gce.ask("POST", "global/backendServices", {"name": "bs"})
    assert (status, operation["httpErrorStatusCode"]) == (200, 400)
    assert gce.ask("GET", "global/backendServices/bs")[0] == 404
    gce.make("global/backendServices", name="bs")


def test_faults_that_are_none(gce: Compute) -> None:
    for body, word in (
        ({"effect": "magic"}, "effect must be one of"),
        ({"colour": "red"}, "unknown field 'colour'"),
        ({"nth": "first"}, "nth must be int"),
    ):
        status, answer = gce.sim.http("POST", "/_sim/faults", body)
        assert status == 400
        assert word in answer["error"]["message"]
    for raw in (b"{", b"[]"):
        assert gce.sim.http("POST", "/_sim/faults", raw)[0] == 400
    assert gce.sim.http("DELETE", "/_sim/faults?id=x")[0] == 400
    assert gce.sim.http("GET", "/_sim/nothing")[0] == 404


def test_requests_are_counted(alone: Callable[..., Compute]) -> None:
    gce = alone("--time-scale", "0")
    gce.sim.admin("DELETE", "calls")
    client = gce.sim.compute(compute_v1.GlobalAddressesClient)
    for _ in range(3):
        list(client.list(project="alone"))
    gce.make(ADDRESSES, name="ip")
    gce.refused("GET", "global/urlMaps/none")
    found = gce.sim.admin("GET", "calls?log=true")
    counts = {
        (row["client"], row["collection"], row["method"]): row["calls"] for row in found["counts"]
    }
    assert counts[("google-cloud-python", "globalAddresses", "list")] == 3
    assert counts[("unknown", "globalAddresses", "insert")] == 1
    assert found["total"] == 5
    last = found["log"][-1]
    assert (last["verb"], last["status"]) == ("GET", 404)
    assert last["path"] == gce.path("global/urlMaps/none")
    newer = gce.sim.admin("GET", f"calls?log=true&since={last['number'] - 1}")["log"]
    assert [entry["number"] for entry in newer] == [last["number"]]
    gce.sim.admin("DELETE", "calls")
    assert gce.sim.admin("GET", "calls") == {"counts": [], "total": 0}


def test_the_clock(alone: Callable[..., Compute]) -> None:
    gce = alone("--time-scale", "1", "--paused")
    sim = gce.sim
    before = sim.admin("GET", "clock")
    assert (before["paused"], before["scale"]) == (True, 1.0)
    after = sim.admin("POST", "clock", {"advance": 3600})
    assert after["seconds"] - before["seconds"] == pytest.approx(3600, abs=0.01)
    assert sim.admin("GET", "clock")["seconds"] == after["seconds"]
    sim.admin("POST", "clock", {"paused": False, "scale": 1000})
    status, operation = gce.ask("POST", ADDRESSES, {"name": "ip"})
    path = operation["selfLink"].removeprefix(gce.link(""))
    assert gce.ask("POST", f"{path}/wait")[1]["status"] == "DONE"
    for body in ({"advance": -1}, {"scale": "fast"}, {"paused": 1}, {"speed": 2}):
        status, answer = sim.http("POST", "/_sim/clock", body)
        assert status == 400, body
        assert "clock: " in answer["error"]["message"]


def test_reset_goes_back_to_the_start(alone: Callable[..., Compute]) -> None:
    gce = alone("--time-scale", "1", "--paused")
    sim = gce.sim
    before = gce.get("global/networks/default")
    status, _ = gce.ask("POST", ADDRESSES, {"name": "ip"})
    assert status == 200
    sim.admin("POST", "faults", {"effect": "http", "times": 0})
    assert gce.ask("GET", ADDRESSES)[0] == 503
    sim.admin("POST", "reset")
    assert "items" not in gce.get(ADDRESSES)
    # What was in flight is forgotten with the rest, and holds nothing any more.
    sim.admin("POST", "clock", {"advance": 60})
    assert "items" not in gce.get(ADDRESSES)
    status, _ = gce.ask("POST", ADDRESSES, {"name": "ip"})
    assert status == 200
    sim.admin("POST", "clock", {"advance": 60})
    assert gce.get(f"{ADDRESSES}/ip")["status"] == "RESERVED"
    assert gce.get("global/networks/default")["name"] == before["name"]
    assert sim.admin("GET", "calls")["total"] >= 1


def test_a_mark_is_gone_back_to_as_often_as_wanted(sim: Any) -> None:
    world = type(sim)("--time-scale", "0", "--scenario", "greenfield", "--no-dataplane")
    try:
        made = "/compute/v1/projects/shop-rehearsal/global/addresses"

        def names() -> list[str]:
            return [item["name"] for item in world.http("GET", made)[1].get("items", ())]

        world.http("POST", made, {"name": "one"})
        world.admin("POST", "mark", {"name": "one-address"})
        for _ in range(2):
            world.http("POST", made, {"name": "two"})
            assert names() == ["one", "two"]
            assert world.admin("POST", "reset", {"to": "one-address"}) == {}
            assert names() == ["one"]
        world.admin("POST", "reset")
        assert names() == [] and world.admin("GET", "marks") == {"marks": ["one-address", "start"]}
        for path, body, why in (
            ("reset", {"to": "two"}, "no mark 'two'; there are: one-address, start"),
            ("mark", {"name": "start"}, "start is the world as it began"),
            ("mark", {"name": "../x"}, "small letters"),
            ("mark", {}, "small letters"),
        ):
            status, said = world.http("POST", f"/_sim/{path}", body)
            assert status == 400 and why in said["error"]["message"], path
    finally:
        world.stop()


def test_credentials_when_they_are_required(alone: Callable[..., Compute]) -> None:
    gce = alone("--time-scale", "0", "--require-auth")
    for headers in ({}, {"Authorization": "Basic x"}, {"Authorization": "Bearer "}):
        status, answer = gce.ask("GET", ADDRESSES, headers=headers)
        assert (status, answer["error"]["code"]) == (401, 401)
        assert "Expected OAuth 2 access token" in answer["error"]["message"]
    status, token = gce.sim.http("POST", "/token", b"grant_type=x")
    assert status == 200
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    assert gce.ask("GET", ADDRESSES, headers=bearer)[0] == 200
    status, answer = gce.sim.http("GET", "/v1/projects/p/locations/global/certificates")
    assert (status, answer["error"]["status"]) == (401, "UNAUTHENTICATED")
