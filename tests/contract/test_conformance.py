"""A recording of gcpsim compares clean; one of a gcpsim with faults in it shows them all."""

import copy
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
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


@pytest.fixture(scope="module")
def recorded(sim: Any) -> dict[str, Any]:
    """A recording of gcpsim, and what compares it is the replay of the same."""
    target = recorder.simulator(sim.url)
    return recorder.record(target, "conformance-leaves", say=lambda line: None)


def leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the values of an answer are."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in inner:
        if isinstance(item, dict | list) and item:
            yield from leaves(item, (*place, key))
        else:
            yield (*place, key)


def test_every_wrong_value_of_every_answer_is_found(recorded: dict[str, Any]) -> None:
    """One value of one answer is another one, or is missing: that step differs, and no other."""
    here = compare.replay()
    tried = 0
    for index, step in enumerate(recorded["steps"]):
        assert step["status"] != 999
        wrong = copy.deepcopy(recorded)
        wrong["steps"][index]["status"] = 999
        assert compare.differences(wrong, here).keys() == {step["name"]}
        for *parents, last in leaves(step["answer"]):
            if {*parents, last} & compare.UNDER_WAY:
                continue
            for change in ("other", "gone"):
                wrong = copy.deepcopy(recorded)
                place = wrong["steps"][index]["answer"]
                for part in parents:
                    place = place[part]
                if change == "other":
                    place[last] = "another value"
                else:
                    del place[last]
                found = compare.differences(wrong, here)
                assert found.keys() == {step["name"]}, (parents, last, change)
                tried += 1
    assert tried > 500


def test_states_are_compared_unless_they_pass(recorded: dict[str, Any]) -> None:
    answers = {step["name"]: step["answer"] for step in recorded["steps"]}
    assert answers["get address"]["status"] == "RESERVED"
    assert answers["address in use"]["status"] == "IN_USE"
    assert answers["map not found"]["error"]["status"] == "NOT_FOUND"
    assert "status" not in answers["insert urlMaps"]


@pytest.mark.parametrize(
    ("verb", "collection", "method"),
    [
        ("POST", "addresses", "compute.globalAddresses.insert"),
        ("POST", "urlMaps", "compute.urlMaps.insert"),
        ("POST", "managedZones", "dns.managedZones.create"),
        ("GET", "urlMaps", "compute.urlMaps.get"),
    ],
)
def test_what_was_made_is_deleted_when_a_line_breaks(
    sim: Any, project: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    verb: str, collection: str, method: str,
) -> None:  # fmt: skip
    """The thing is made, and the answer gets lost; the clean-up meets a broken line as well."""
    lost = {"effect": "drop_after", "verb": verb, "method": method, "path": f"projects/{project}/*"}
    broken = {"effect": "drop_before", "verb": "DELETE", "path": f"projects/{project}/*"}
    for fault in (lost, broken):
        assert sim.http("POST", "/_sim/faults", fault)[0] == 200
    out = tmp_path / "recording.json"
    options = ["conformance", "record", "--project", project, "--simulator", sim.url, "--yes"]
    try:
        assert main([*options, "--out", str(out)]) == 1
    finally:
        sim.admin("DELETE", "faults")
    said = capsys.readouterr()
    assert "it broke off" in said.err
    assert "LEFT BEHIND" not in said.out
    assert not out.exists()
    for kind in ("addresses", "backendServices", "urlMaps", "healthChecks"):
        path = f"/compute/v1/projects/{project}/global/{kind}"
        assert "items" not in sim.http("GET", path)[1]
    assert sim.http("GET", f"/dns/v1/projects/{project}/managedZones")[1]["managedZones"] == []


def test_a_signal_breaks_it_off_and_it_is_cleaned_up(
    sim: Any, project: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-u", "-m", "gcpsim", "conformance", "record", "--yes"]
    options = ["--project", project, "--simulator", sim.url, "--out", str(tmp_path / "out.json")]
    whole = [*command, *options]
    with subprocess.Popen(whole, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        for line in running.stdout:
            if "insert urlMaps" in line:
                running.send_signal(signal.SIGTERM)
                break
        said = running.stdout.read()
    assert running.returncode == 1
    assert "cleaned up 4 of 4" in said or "cleaned up 5 of 5" in said
    left = sim.http("GET", f"/compute/v1/projects/{project}/global/urlMaps")[1]
    assert "items" not in left
    assert not (tmp_path / "out.json").exists()


def test_what_cannot_be_deleted_is_named(
    sim: Any, project: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fault = {"effect": "http", "verb": "DELETE", "path": "*certificateMaps/gcpsim-conf-map",
             "times": 0, "code": 403}  # fmt: skip
    assert sim.http("POST", "/_sim/faults", fault)[0] == 200
    out = str(tmp_path / "recording.json")
    options = ["conformance", "record", "--project", project, "--simulator", sim.url, "--yes"]
    try:
        assert main([*options, "--out", out]) == 1
    finally:
        sim.admin("DELETE", "faults")
    assert (
        f"LEFT BEHIND, delete it by hand: projects/{project}/locations/global/certificateMaps/"
        "gcpsim-conf-map" in capsys.readouterr().out
    )


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
