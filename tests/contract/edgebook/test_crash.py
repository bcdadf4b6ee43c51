"""Killed at calls of a full apply, before and after their effect, and run again.

Every twelfth call here; each and every one is `make bench ONLY=hold`.

The second run must leave exactly what an undisturbed run leaves, with nothing left to change. A
call without an effect (a read) is killed once, a write twice. Runs that die before their first
write leave the world untouched, which is all that is looked at then.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.edgebook.conftest import Shop

HERE = Path(__file__).parent
PARTS = 3
EACH = 12


class Runner:
    """The process that forks the runs."""

    def __init__(self, params: str, env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(HERE / "crash_runner.py"), params],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **env, "PYTHONPATH": str(HERE.parents[2])},
        )

    def run(self, nth: int, when: str) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{nth} {when}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the runner ended"
        return dict(json.loads(line))

    def stop(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(30)
        if self.process.stdout:
            self.process.stdout.close()


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return [key for key in sorted({*one, *other}) if one.get(key) != other.get(key)]


@pytest.fixture(scope="module")
def runner(quiet_shop: Shop) -> Iterator[Runner]:
    started = Runner(quiet_shop.file(), {"EDGEBOOK_STATE": str(quiet_shop.folder / "state")})
    yield started
    started.stop()


@pytest.fixture(scope="module")
def undisturbed(runner: Runner) -> dict[str, Any]:
    """What a run leaves that nobody kills."""
    left = runner.run(0, "before")
    assert left["left"] == 0
    return left


@pytest.mark.parametrize("part", range(PARTS))
def test_killed_anywhere_it_converges(
    runner: Runner, undisturbed: dict[str, Any], part: int
) -> None:
    wrote = 0
    for nth in range(1 + part, undisturbed["calls"] + 1, PARTS * EACH):
        for when in ("before", "after"):
            ended = runner.run(nth, when)
            if not ended["died"]:
                break  # the number of calls differs a little from run to run
            where = f"call {nth}, {when}: {ended['last']}"
            if ended["wrote"]:
                wrote += 1
                assert ended.get("left") == 0, where
                assert differences(undisturbed["state"], ended["state"]) == [], where
            if ended["last"].startswith("GET"):
                break
    assert wrote
