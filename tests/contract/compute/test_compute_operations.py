"""Operations on the clock: their life, what they hold, how they fail, which requests count once."""

import threading
import time
import uuid
from typing import Any

import pytest
from google.cloud import compute_v1

ADDRESSES = "global/addresses"
HC = "global/healthChecks/hc"
BS = "global/backendServices/bs"


def start(gce: Any, verb: str, path: str, body: Any = None, **query: str) -> Any:
    status, operation = gce.ask(verb, path, body, **query)
    assert status == 200, operation
    return operation


def own(gce: Any, operation: Any) -> str:
    """The path of an operation below its project."""
    return str(operation["selfLink"]).removeprefix(gce.link(""))


def make(gce: Any, collection: str, **body: Any) -> None:
    """Insert on a clock that stands still, and let the operation finish."""
    start(gce, "POST", collection, body)
    gce.sim.advance(120)


def test_life_of_an_operation(frozen: Any) -> None:
    begun = start(frozen, "POST", ADDRESSES, {"name": "ip"})
    assert begun["kind"] == "compute#operation"
    assert (begun["status"], begun["progress"]) == ("RUNNING", 0)
    assert begun["operationType"] == "insert"
    assert begun["targetLink"] == frozen.link("global/addresses/ip")
    assert begun["targetId"] == frozen.get("global/addresses/ip")["id"]
    assert begun["name"].startswith("operation-")
    assert [len(part) for part in begun["name"].split("-")[1:]] == [13, 13, 8, 8]
    assert begun["user"]
    assert begun["insertTime"] == begun["startTime"]
    assert not {"endTime", "error", "zone", "region", "httpErrorStatusCode"} & set(begun)
    assert frozen.get(own(frozen, begun)) == begun
    frozen.sim.advance(3.9)
    assert frozen.get(own(frozen, begun))["status"] == "RUNNING"
    frozen.sim.advance(0.2)
    done = frozen.get(own(frozen, begun))
    assert done["endTime"] > done["startTime"]
    assert done == {**begun, "status": "DONE", "progress": 100, "endTime": done["endTime"]}


def test_where_operations_live(frozen: Any) -> None:
    zonal = start(frozen, "POST", "zones/us-central1-a/networkEndpointGroups", {"name": "neg"})
    assert zonal["zone"] == frozen.link("zones/us-central1-a")
    assert own(frozen, zonal).startswith("zones/us-central1-a/operations/")
    regional = start(frozen, "POST", "regions/us-central1/addresses", {"name": "ip"})
    assert regional["region"] == frozen.link("regions/us-central1")
    start(frozen, "POST", ADDRESSES, {"name": "ip"})
    for scope in ("zones/us-central1-a", "regions/us-central1", "global"):
        assert len(frozen.get(f"{scope}/operations")["items"]) == 1
    aggregated = frozen.get("aggregated/operations")["items"]
    assert sum(len(value.get("operations", [])) for value in aggregated.values()) == 3
    found = frozen.get("global/operations", filter='operationType = "insert"')["items"]
    assert found[0]["targetLink"] == frozen.link("global/addresses/ip")


def test_wait_ends_with_the_operation(frozen: Any) -> None:
    frozen.sim.admin("POST", "clock", {"paused": False, "scale": 10})
    operation = start(frozen, "POST", ADDRESSES, {"name": "ip"})
    client = frozen.client(compute_v1.GlobalOperationsClient)
    began = time.monotonic()
    done = client.wait(project=frozen.project, operation=operation["name"])
    assert done.status == compute_v1.Operation.Status.DONE
    assert 0.2 < time.monotonic() - began < 3
    again = client.wait(project=frozen.project, operation=operation["name"])
    assert again.progress == 100


def test_wait_may_return_early(frozen: Any) -> None:
    operation = start(frozen, "POST", ADDRESSES, {"name": "ip"})
    early = start(frozen, "POST", f"{own(frozen, operation)}/wait")
    assert early["status"] == "RUNNING"


def test_many_wait_at_once(frozen: Any) -> None:
    operation = start(frozen, "POST", ADDRESSES, {"name": "ip"})
    frozen.sim.admin("POST", "clock", {"paused": False, "scale": 10})
    path = f"/compute/v1/projects/frozen/{own(frozen, operation)}/wait"
    seen: list[str] = []
    threads = [
        threading.Thread(target=lambda: seen.append(frozen.sim.http("POST", path)[1]["status"]))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert seen == ["DONE"] * 5


NOT_READY = "The resource 'projects/frozen/{}' is not ready"


def test_a_write_while_an_operation_holds_the_resource(frozen: Any) -> None:
    make(frozen, "global/backendServices", name="bs")
    start(frozen, "PATCH", BS, {"timeoutSec": 5})
    refusal = (400, "resourceNotReady", NOT_READY.format(BS))
    assert frozen.refused("PATCH", BS, {"timeoutSec": 6}) == refusal
    assert frozen.refused("DELETE", BS) == refusal
    body = {**frozen.get(BS), "timeoutSec": 9}
    assert frozen.refused("PUT", BS, body) == refusal
    assert frozen.get(BS)["timeoutSec"] == 30
    frozen.sim.advance(60)
    assert frozen.get(BS)["timeoutSec"] == 5
    start(frozen, "PATCH", BS, {"timeoutSec": 6})


def test_a_reference_to_what_is_being_made(frozen: Any) -> None:
    check = {"name": "hc", "type": "TCP", "tcpHealthCheck": {}}
    start(frozen, "POST", "global/healthChecks", check)
    body = {"name": "bs", "healthChecks": [HC]}
    refusal = (400, "resourceNotReady", NOT_READY.format(HC))
    assert frozen.refused("POST", "global/backendServices", body) == refusal
    frozen.sim.advance(60)
    start(frozen, "POST", "global/backendServices", body)
    # It is in use from the moment on at which the other was accepted.
    assert frozen.refused("DELETE", HC)[1] == "resourceInUseByAnotherResource"


def test_what_a_running_update_will_refer_to_is_in_use(frozen: Any) -> None:
    for name in ("hc", "other"):
        check = {"name": name, "type": "TCP", "tcpHealthCheck": {}}
        make(frozen, "global/healthChecks", **check)
    make(frozen, "global/backendServices", name="bs", healthChecks=[HC])
    start(frozen, "PATCH", BS, {"healthChecks": ["global/healthChecks/other"]})
    for path in (HC, "global/healthChecks/other"):
        assert frozen.refused("DELETE", path)[1] == "resourceInUseByAnotherResource"
    frozen.sim.advance(60)
    start(frozen, "DELETE", HC)
    assert frozen.refused("DELETE", "global/healthChecks/other")[0] == 400


def test_a_deletion_takes_its_time(frozen: Any) -> None:
    make(frozen, ADDRESSES, name="ip")
    operation = start(frozen, "DELETE", f"{ADDRESSES}/ip")
    assert operation["operationType"] == "delete"
    assert frozen.refused("DELETE", f"{ADDRESSES}/ip")[1] == "resourceNotReady"
    assert frozen.refused("POST", ADDRESSES, {"name": "ip"})[1] == "alreadyExists"
    frozen.sim.advance(60)
    assert frozen.refused("GET", f"{ADDRESSES}/ip")[0] == 404
    start(frozen, "POST", ADDRESSES, {"name": "ip"})


def fail(gce: Any, error: str, message: str = "No.") -> None:
    body = {"effect": "operation", "error": error, "message": message}
    gce.sim.admin("POST", "faults", body)


FAILURES = {
    "QUOTA_EXCEEDED": (403, "FORBIDDEN"),
    "RESOURCE_NOT_FOUND": (404, "NOT FOUND"),
    "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE": (400, "BAD REQUEST"),
    "RESOURCE_NOT_READY": (400, "BAD REQUEST"),
}


def test_failed_operations_carry_all_three(gce: Any) -> None:
    for number, (code, (status, text)) in enumerate(FAILURES.items()):
        body = {
            "effect": "operation",
            "path": gce.path("*"),
            "error": code,
            "message": f"because of {code}",
        }
        gce.sim.admin("POST", "faults", body)
        failed = start(gce, "POST", ADDRESSES, {"name": f"ip{number}"})
        assert failed["status"] == "DONE"
        assert failed["error"] == {"errors": [{"code": code, "message": f"because of {code}"}]}
        assert failed["httpErrorStatusCode"] == status
        assert failed["httpErrorMessage"] == text
        assert gce.refused("GET", f"{ADDRESSES}/ip{number}")[0] == 404


def test_a_failed_update_changes_nothing(frozen: Any) -> None:
    for name in ("hc", "other"):
        make(frozen, "global/healthChecks", name=name, type="TCP", tcpHealthCheck={})
    make(frozen, "global/backendServices", name="bs", healthChecks=[HC])
    before = frozen.get(BS)
    fail(frozen, "INTERNAL_ERROR")
    start(frozen, "PATCH", BS, {"healthChecks": ["global/healthChecks/other"]})
    frozen.sim.advance(60)
    assert frozen.get(BS) == before
    start(frozen, "DELETE", "global/healthChecks/other")
    fail(frozen, "INTERNAL_ERROR")
    start(frozen, "DELETE", BS)
    frozen.sim.advance(60)
    assert frozen.get(BS) == before
    assert frozen.refused("DELETE", HC)[1] == "resourceInUseByAnotherResource"


def test_a_request_id_counts_once(gce: Any) -> None:
    once = str(uuid.uuid4())
    first = start(gce, "POST", ADDRESSES, {"name": "ip"}, requestId=once)
    assert first["clientOperationId"] == once
    again = start(gce, "POST", ADDRESSES, {"name": "ip"}, requestId=once)
    assert again["name"] == first["name"]
    gone = str(uuid.uuid4())
    deleted = start(gce, "DELETE", f"{ADDRESSES}/ip", requestId=gone)
    assert start(gce, "DELETE", f"{ADDRESSES}/ip", requestId=gone)["name"] == deleted["name"]
    assert gce.refused("DELETE", f"{ADDRESSES}/ip", requestId=str(uuid.uuid4()))[0] == 404
    for wrong in ("x", "00000000-0000-0000-0000-000000000000"):
        refusal = gce.refused("POST", ADDRESSES, {"name": "ip"}, requestId=wrong)
        assert refusal[:2] == (400, "invalid")


def test_request_ids_of_updates_and_setters(gce: Any) -> None:
    gce.backend_service()
    gce.backend_service("two")
    gce.http_door()
    gce.url_map("other", "global/backendServices/two")
    for verb, path, body in (
        ("PATCH", BS, {"timeoutSec": 5}),
        ("PUT", BS, None),
        ("POST", "targetHttpProxies/proxy/setUrlMap", {"urlMap": "global/urlMaps/other"}),
        (
            "POST",
            "global/forwardingRules/rule/setTarget",
            {"target": "global/targetHttpProxies/proxy"},
        ),
    ):
        sent = gce.get(BS) if body is None else body
        once = str(uuid.uuid4())
        first = start(gce, verb, path, sent, requestId=once)
        assert start(gce, verb, path, sent, requestId=once)["id"] == first["id"], path


def test_operations_can_be_forgotten(gce: Any) -> None:
    operation = start(gce, "POST", ADDRESSES, {"name": "ip"})
    assert gce.ask("DELETE", own(gce, operation)) == (204, None)
    assert gce.refused("GET", own(gce, operation))[:2] == (404, "notFound")
    assert gce.refused("POST", own(gce, operation) + "/wait")[:2] == (404, "notFound")


def test_ids_grow(gce: Any) -> None:
    ids = []
    for number in range(5):
        ids.append(int(gce.get(gce.make(ADDRESSES, name=f"ip{number}"))["id"]))
    assert ids == sorted(set(ids))
    assert all(0 < one < 2**64 for one in ids)


@pytest.mark.parametrize("verb", ["PATCH", "PUT"])
def test_types_of_updates(gce: Any, verb: str) -> None:
    gce.backend_service()
    operation = start(gce, verb, BS, gce.get(BS))
    assert operation["operationType"] == {"PATCH": "patch", "PUT": "update"}[verb]
    gce.make("global/sslPolicies", name="policy")
    mark = gce.get("global/sslPolicies/policy")["fingerprint"]
    operation = start(gce, "PATCH", "global/sslPolicies/policy", {"fingerprint": mark})
    assert operation["operationType"] == "compute.sslPolicies.patch"
