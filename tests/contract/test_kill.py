"""kill -9 with --state: what was answered is there, nothing is half there, what ran goes on."""

import http.client
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.contract.rest import Compute

PROJECT = "durable"
WRITERS = 4
ROUNDS = 4


class Writer(threading.Thread):
    """Writes through one connection until it breaks; `state` is what was answered with 200.

    A name maps to (description or None when deleted). `unsure` is the one write without an answer.
    """

    def __init__(self, sim: Any, number: int, state: dict[str, str | None], serial: int) -> None:
        super().__init__(daemon=True)
        self.compute = Compute(sim, PROJECT)
        self.number = number
        self.state = state
        self.serial = serial
        self.unsure = ""

    def run(self) -> None:
        try:
            while True:
                self.step()
        except (OSError, http.client.HTTPException):
            self.compute.close()

    def step(self) -> None:
        self.serial += 1
        known = [name for name, value in self.state.items() if value is not None]
        choice = self.serial % 5
        if choice < 2 or not known:
            name = f"w{self.number}-{self.serial}"
            self.send("POST", "global/healthChecks", name, self.body(name, "made"), "made")
        elif choice < 4:
            name = known[self.serial % len(known)]
            text = f"change {self.serial}"
            path = f"global/healthChecks/{name}"
            self.send("PUT", path, name, self.body(name, text), text)
        else:
            name = known[self.serial % len(known)]
            self.send("DELETE", f"global/healthChecks/{name}", name, None, None)

    def body(self, name: str, text: str) -> dict[str, Any]:
        return {"name": name, "description": text, "type": "TCP", "tcpHealthCheck": {"port": 80}}

    def send(self, verb: str, path: str, name: str, body: Any, value: str | None) -> None:
        self.unsure = name
        status, answer = self.compute.ask(verb, path, body)
        assert status == 200, answer
        self.state[name] = value
        self.unsure = ""


def check(compute: Compute, writers: list[Writer]) -> None:
    """What is stored is what was answered, but for the write that got no answer."""
    found: dict[str, dict[str, Any]] = {}
    token = ""
    while True:
        query = {"pageToken": token} if token else {}
        page = compute.get("global/healthChecks", **query)
        found |= {item["name"]: item for item in page.get("items", [])}
        token = page.get("nextPageToken", "")
        if not token:
            break
    expected: set[str] = set()
    for writer in writers:
        for name, value in writer.state.items():
            if name == writer.unsure:
                continue
            assert (name in found) is (value is not None), name
            if value is not None:
                assert found[name]["description"] == value
        expected |= {name for name, value in writer.state.items() if value is not None}
        expected.add(writer.unsure)
    assert set(found) <= expected
    for item in found.values():
        whole = {"id", "kind", "selfLink", "creationTimestamp", "tcpHealthCheck", "timeoutSec"}
        assert whole <= set(item), item
    for writer in writers:
        if writer.unsure:
            doc = found.get(writer.unsure)
            writer.state[writer.unsure] = doc["description"] if doc else None


def test_killed_at_many_points_under_concurrent_writes(
    start_sim: Callable[..., Any], tmp_path: Path
) -> None:
    chance = random.Random(7)
    states: list[dict[str, str | None]] = [{} for _ in range(WRITERS)]
    serials = [0] * WRITERS
    ids: dict[str, str] = {}
    for _ in range(ROUNDS):
        sim = start_sim("--state", tmp_path, "--time-scale", "0")
        compute = Compute(sim, PROJECT)
        for path, known in ids.items():
            assert compute.get(path)["id"] == known
        writers = [Writer(sim, n, states[n], serials[n]) for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        killer = threading.Timer(chance.uniform(0.02, 0.7), sim.process.kill)
        killer.start()
        for writer in writers:
            writer.join(60)
            assert not writer.is_alive()
        sim.kill()
        compute.close()
        again = start_sim("--state", tmp_path, "--time-scale", "0")
        compute = Compute(again, PROJECT)
        check(compute, writers)
        serials = [writer.serial for writer in writers]
        ids = {"global/networks/default": compute.get("global/networks/default")["id"]}
        compute.close()
        again.kill()
    assert sum(len(state) for state in states) > WRITERS * ROUNDS


def test_operations_in_flight_finish_after_a_restart(
    start_sim: Callable[..., Any], tmp_path: Path
) -> None:
    def start(verb: str, path: str, body: Any = None) -> str:
        status, operation = compute.ask(verb, path, body)
        assert status == 200, operation
        return str(operation["selfLink"].removeprefix(compute.link("")))

    sim = start_sim("--state", tmp_path, "--time-scale", "1", "--paused")
    compute = Compute(sim, PROJECT)
    check_body = {"type": "TCP", "tcpHealthCheck": {}}
    for name in ("old", "new", "gone"):
        start("POST", "global/healthChecks", {"name": name, **check_body})
    sim.advance(60)
    service = {"name": "bs", "healthChecks": ["global/healthChecks/old"]}
    start("POST", "global/backendServices", service)
    sim.advance(60)
    change = {"healthChecks": ["global/healthChecks/new"], "timeoutSec": 99}
    running = [
        start("PATCH", "global/backendServices/bs", change),
        start("DELETE", "global/healthChecks/gone"),
        start("POST", "global/addresses", {"name": "ip"}),
    ]
    before = compute.get("global/backendServices/bs")
    address = compute.get("global/addresses/ip")["address"]
    clock = sim.admin("GET", "clock")["seconds"]
    sim.kill()
    compute.close()

    sim = start_sim("--state", tmp_path, "--time-scale", "1", "--paused")
    compute = Compute(sim, PROJECT)
    assert abs(sim.admin("GET", "clock")["seconds"] - clock) < 200
    for operation in running:
        assert compute.get(operation)["status"] == "RUNNING"
    assert compute.get("global/backendServices/bs") == before
    # What they held is still held, and what they will refer to is still in use.
    busy = compute.refused("PATCH", "global/backendServices/bs", {"timeoutSec": 1})
    assert busy[1] == "resourceNotReady"
    for name in ("old", "new"):
        refusal = compute.refused("DELETE", f"global/healthChecks/{name}")
        assert refusal[1] == "resourceInUseByAnotherResource"
    sim.advance(300)
    for operation in running:
        done = compute.get(operation)
        assert (done["status"], done["progress"]) == ("DONE", 100)
        assert done["endTime"]
    assert compute.get("global/backendServices/bs")["timeoutSec"] == 99
    assert compute.get("global/addresses/ip")["address"] == address
    assert compute.refused("GET", "global/healthChecks/gone")[0] == 404
    start("DELETE", "global/healthChecks/old")
    compute.close()


def test_a_request_id_survives(start_sim: Callable[..., Any], tmp_path: Path) -> None:
    once = "22222222-2222-4222-8222-222222222222"
    sim = start_sim("--state", tmp_path, "--time-scale", "0")
    compute = Compute(sim, PROJECT)
    first = compute.do("POST", "global/addresses", {"name": "ip"}, requestId=once)
    compute.close()
    sim.kill()
    compute = Compute(start_sim("--state", tmp_path, "--time-scale", "0"), PROJECT)
    again = compute.do("POST", "global/addresses", {"name": "ip"}, requestId=once)
    assert again == first
    compute.close()


def test_a_clean_stop_keeps_everything_too(start_sim: Callable[..., Any], tmp_path: Path) -> None:
    sim = start_sim("--state", tmp_path, "--time-scale", "0")
    compute = Compute(sim, PROJECT)
    compute.backend_service()
    compute.http_door()
    rule = compute.get("global/forwardingRules/rule")
    compute.close()
    sim.stop()
    compute = Compute(start_sim("--state", tmp_path, "--time-scale", "0"), PROJECT)
    assert compute.get("global/forwardingRules/rule") == rule
    refusal = compute.refused("DELETE", "global/urlMaps/um")
    assert refusal[1] == "resourceInUseByAnotherResource"
    body = {"name": "next"}
    compute.do("POST", "global/addresses", body)
    assert int(compute.get("global/addresses/next")["id"]) > int(rule["id"])
    compute.close()
