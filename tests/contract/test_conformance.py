"""A recording of gcpsim compares clean; one of a gcpsim with faults in it shows them all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gcpsim.front.cli import main
from gcpsim.front.conformance import compare, recorder
from gcpsim.front.conformance.script import STEPS

# What is made wrong in the simulator that is recorded -> the steps in which it must be seen.
FAULTS: list[tuple[dict[str, Any], set[str]]] = [
    (
        {"effect": "http", "service": "compute", "verb": "GET", "collection": "urlMaps",
         "code": 404, "reason": "notFound", "message": "gone"},
        {"get url map"},
    ),
    (
        {"effect": "http", "service": "dns", "collection": "resourceRecordSets", "verb": "GET",
         "code": 500, "reason": "backendError", "message": "no", "times": 2},
        {"record set not found", "list record sets"},
    ),
    (
        {"effect": "operation", "service": "compute", "collection": "targetHttpProxies",
         "verb": "POST", "error": "INTERNAL_ERROR", "message": "broken", "times": 1},
        {"insert targetHttpProxies", "insert forwardingRules", "get forwarding rule",
         "address in use", "delete an address in use"},
    ),
]  # fmt: skip


@pytest.fixture
def silent() -> Callable[[str], None]:
    return lambda line: None


def test_gcpsim_is_as_gcpsim_is(sim: Any, project: str, silent: Callable[[str], None]) -> None:
    target = recorder.simulator(sim.url)
    recording = recorder.record(target, project, say=silent)
    assert len(recording["steps"]) == len(STEPS)
    assert compare.differences(recording) == {}
    assert project not in json.dumps(recording)
    left = sim.http("GET", f"/compute/v1/projects/{project}/global/backendServices")[1]
    assert "items" not in left


@pytest.mark.parametrize(("fault", "seen"), FAULTS)
def test_every_fault_is_found(
    sim: Any, project: str, silent: Callable[[str], None], fault: dict[str, Any], seen: set[str]
) -> None:
    status, answer = sim.http("POST", "/_sim/faults", {**fault, "path": f"projects/{project}/*"})
    assert status == 200, answer
    try:
        recording = recorder.record(recorder.simulator(sim.url), project, say=silent)
    finally:
        sim.admin("DELETE", "faults")
    assert compare.differences(recording).keys() == seen


def test_the_commands_say_what_it_costs_first(
    sim: Any, project: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "recording.json"
    options = ["conformance", "record", "--project", project, "--simulator", sim.url]
    assert main([*options, "--out", str(out)]) == 2
    said = capsys.readouterr()
    assert "USD" in said.out
    assert "Nothing was done" in said.err
    assert not out.exists()
    assert main([*options, "--out", str(out), "--yes"]) == 0
    assert main(["conformance", "compare", str(out)]) == 0
    assert f"{len(STEPS)} of {len(STEPS)} steps" in capsys.readouterr().out
    out.write_text("{}")
    assert main(["conformance", "compare", str(out)]) == 2
