"""A move as users start it, stopped by each signal, and gone on with: words, a seal, no lease held.

The other moments of a run (before, between, after notebooks, while it is sealed) are in
test_runner, those of an apply and a teardown in tests/contract/edgebook/test_signals.
"""

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from edgebook.records import load_record, verify_archive

from tests.notebooks.test_front_door import BIN, PARAMS, ROOT, SIMULATOR, World

SWAP = ("operate/swap", "-p", "to", "green", "-p", "steps", "[50, 100]", "-p", "soak", "15s")
ADDRESS = "compute/v1/projects/shop-rehearsal/global/addresses/shop-edge"
SECONDS = 300
# What the journal says when the signal comes: of which event, and which one of them.
MOMENTS = {
    "before anything is changed": ("applying", 1, signal.SIGTERM),
    "in the middle of a stage": ("change", 3, signal.SIGINT),
    "between two stages": ("stage", 2, signal.SIGHUP),
}
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def front(sim: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A simulator without traffic, with a mark `built`: a front door stands."""
    simulator = type(sim)("--no-dataplane", *SIMULATOR)
    world = World(simulator, tmp_path_factory.mktemp("built"))
    done = world.edgebook("apply", "--quiet", "--approve", "auto", "--params", PARAMS)
    assert done.returncode == 0, done.stderr
    simulator.admin("POST", "mark", {"name": "built"})
    yield simulator
    simulator.stop()


@pytest.fixture
def built(front: Any, tmp_path: Path) -> World:
    front.admin("POST", "reset", {"to": "built"})
    return World(front, tmp_path)


def start(world: World, *words: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
    command = [str(BIN / "edgebook"), "run", *words, "--records", str(world.folder / "records")]
    return subprocess.Popen(
        command, cwd=ROOT, env=world.env, text=True, stdout=stdout, stderr=subprocess.STDOUT
    )


def until(world: World, event: str, number: int, runner: subprocess.Popen[str]) -> None:
    """The journal has so many of these events."""
    tick = threading.Event()
    for _ in range(SECONDS * 50):
        (*_, journal) = ["", *sorted((world.folder / "records").glob("CHG-*/journal.jsonl"))]
        text = Path(journal).read_text(encoding="utf-8") if journal else ""
        events = [json.loads(line)["event"] for line in text.splitlines(keepends=True)
                  if line.endswith("\n")]  # fmt: skip
        if events.count(event) >= number:
            return
        assert runner.poll() is None, f"it ended before {event} {number}"
        tick.wait(0.02)
    raise AssertionError(f"{event} {number} never came")


def let_go(world: World) -> bool:
    def read(name: str) -> Any:
        status, found = world.simulator.http("GET", f"/{ADDRESS}{name}")
        return found if status == 200 else None

    labels = set((read("") or {}).get("labels") or ())
    return read("-lock") is None and labels <= {"edgebook"}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_stopped_move_is_sealed_in_words_and_gone_on_with(built: World, moment: str) -> None:
    event, number, sent = MOMENTS[moment]
    before = len(built.archive.change_ids())
    runner = start(built, *SWAP, "--params", PARAMS, "--approve", "auto")
    until(built, event, number, runner)
    runner.send_signal(sent)
    said, _ = runner.communicate(timeout=SECONDS)
    assert runner.returncode == 130, said
    stopped = built.archive.change_ids()[-1]
    assert f"then record {stopped} is sealed" in said and "Traceback" not in said
    record = load_record(built.archive, stopped)
    assert record.status == "interrupted" and record.failed_step is not None
    assert verify_archive(built.archive).intact and let_go(built)
    onward = record.failed_step["error"]["next"]
    assert f"edgebook run --resume {stopped}" in onward
    done = built.apply("--resume", stopped, "--approve", "auto")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(built.archive.change_ids()) == before + 2
    assert load_record(built.archive, built.archive.change_ids()[-1]).status == "succeeded"
    assert verify_archive(built.archive).intact and let_go(built)


def test_a_move_whose_reader_is_gone_goes_on_to_its_end_and_its_key_finds_it(built: World) -> None:
    words = (*SWAP, "--params", PARAMS, "--approve", "auto", "--key", "run-1")
    runner = start(built, *words)
    assert runner.stdout is not None
    runner.stdout.close()
    assert runner.wait(SECONDS) == 0
    made = built.archive.change_ids()
    assert load_record(built.archive, made[-1]).status == "succeeded" and let_go(built)
    again = built.apply(*words)
    assert again.returncode == 0 and "Already done" in again.stdout
    back = built.apply(*SWAP, "--params", PARAMS, "--approve", "auto", "--mode", "back")
    assert back.returncode == 0, back.stdout + back.stderr
    assert verify_archive(built.archive).intact and let_go(built)
