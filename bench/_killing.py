"""Swaps that are killed at one call after another, each run going on where the last one died.

A process of its own forks the runs: imports are paid once, and who forks has no threads. It reads
lines `TO MODE` and answers with the exit code of the run and the stages that it began. `chain` has
it killed at the first call of a run, before and after its effect, then at the second, and so on
until a stage is behind it, and begins anew with the next one. Every call counts, of Google's
services and of clusters.
"""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

QUICK: dict[str, Any] = {"soak": "15s", "patience": "2m", "steps": [50.0, 100.0]}
ROOT = Path(__file__).parent.parent
DIED, DONE, WRONG = 137, 0, 1
MOST = 10_000  # runs of a chain: more is one that never ends

Admin = Callable[..., Any]


class Runner:
    """The process that forks the runs; `env` leads it to a simulator, and to a meter."""

    def __init__(self, params: str, env: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "bench._killing", params],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **env},
        )

    def run(self, to: str, mode: str) -> tuple[int, list[str]]:
        """The exit code, and the stages that it began."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{to} {mode}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the runner ended"
        told = json.loads(line)
        return int(told["code"]), list(told["stages"])

    def stop(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


@dataclass
class Chain:
    """What became of the runs of one chain."""

    kills: dict[str, int] = field(default_factory=dict)  # by the stage that was under way
    wrong: list[str] = field(default_factory=list)  # runs that ended in another way than by a kill
    arrived: bool = False

    @property
    def killed(self) -> int:
        return sum(self.kills.values())


def chain(
    runner: Runner, admin: Admin, to: str, mode: str, *, each: int = 1, until: str = ""
) -> Chain:
    """Kill runs at every `each`-th call, before and after its effect, until one arrives.

    `until`: the stage at which to leave it, killed.
    """
    found = Chain()
    stage, nth = "", 1
    for when in itertools.islice(itertools.cycle(("before", "after")), MOST):
        admin("DELETE", "faults")
        # All calls from then on: a client may ask again for what it only wanted to read.
        admin("POST", "faults", {"effect": f"drop_{when}", "nth": nth, "times": 0})
        code, begun = runner.run(to, mode)
        if code == DONE:
            found.arrived = True
            break
        now = begun[-1] if begun else stage
        found.kills[now] = found.kills.get(now, 0) + 1
        if code != DIED:
            found.wrong.append(f"{mode} at {now}, call {nth} {when}: exit code {code}")
        if until and now == until:
            break
        if now != stage:
            stage, nth = now, 1
        elif when == "after":
            nth += each
    admin("DELETE", "faults")
    return found


class Told:
    """A watcher that says which stage begins: a killed run can say nothing more at its end."""

    def __init__(self, watcher: Any, pipe: int) -> None:
        self._watcher, self._pipe = watcher, pipe
        self.look, self.answered_by = watcher.look, watcher.answered_by
        self.to_json = watcher.to_json

    def __enter__(self) -> "Told":
        self._watcher.__enter__()
        return self

    def __exit__(self, *exc: Any) -> None:
        self._watcher.__exit__(*exc)

    def mark(self, text: str, cuts: tuple[str, ...] = ()) -> None:
        _, _, stage = text.partition(": ")
        os.write(self._pipe, f"{stage}\n".encode() if stage else b"")
        self._watcher.mark(text, cuts)


def _swap_and_die(params: str, to: str, mode: str, pipe: int) -> None:
    from edgebook.book import open as open_book
    from edgebook.moves.catalog import prepare
    from edgebook.moves.engine import Engine
    from edgebook.moves.looking import Unwatched
    from edgebook.moves.watched import Watched

    door = open_book(params).door
    # The dropped connection is the sign: from here on this process does nothing more.
    door.connection.on_retry = lambda error, seconds: os._exit(DIED)
    swap = prepare(door, "swap", {"to": to, **QUICK})
    watcher = Watched(door) if door.connection.data_plane else Unwatched("no traffic")
    engine = Engine(door, swap.make, Told(watcher, pipe), require=swap.require, more=swap.more,
                    assumed=swap.assumed, still=swap.still, show_progress=False)  # fmt: skip
    engine.apply("auto", back=mode == "back")


def _one(params: str, to: str, mode: str) -> dict[str, Any]:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        try:
            _swap_and_die(params, to, mode, writer)
        except BaseException as error:
            print(f"swap to {to}, {mode}: {error}", file=sys.stderr, flush=True)
            os._exit(WRONG)
        os._exit(DONE)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        stages = pipe.read().split("\n")[:-1]
    _, status = os.waitpid(pid, 0)
    return {"code": os.waitstatus_to_exitcode(status), "stages": stages}


def main() -> None:
    import edgebook.book  # noqa: F401 - a fork has it then
    from edgebook.cloud import compute
    from edgebook.cloud.lightimport import compute_service

    for service in compute.services():
        compute_service(service.module, service.client)
    compute_service("global_operations", "GlobalOperationsClient")
    for line in sys.stdin:
        to, mode = line.split()
        print(json.dumps(_one(sys.argv[1], to, mode)), flush=True)


if __name__ == "__main__":
    main()
