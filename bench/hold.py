"""It holds: garbage on the wire, writers that meet, kills; each in full, with its table.

`make bench ONLY=hold`; HOLD_RUNS, HOLD_ROUNDS and HOLD_EACH_KILL make it shorter. HOLD_PARTS (some
of garbage, leases, kills) and HOLD_SEED, the first seed of runs and rounds, let it be done in
parts. Tests have a sample of each.
"""

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench._garbled import counts, garbled, params
from bench.edgebook import DOOR, simulator
from tests.contract.edgebook.pods import BAD, KINDS, Meetings

ROOT = Path(__file__).resolve().parent.parent
RUNS = int(os.environ.get("HOLD_RUNS", "2000"))
SEED = int(os.environ.get("HOLD_SEED", "0"))
ROUNDS = int(os.environ.get("HOLD_ROUNDS", "1000"))
PARTS = os.environ.get("HOLD_PARTS", "garbage leases kills").split()
WORKERS = int(os.environ.get("HOLD_WORKERS", str(2 * (os.cpu_count() or 1))))
EACH_KILL = int(os.environ.get("HOLD_EACH_KILL", "1"))
LONGEST = 60.0  # seconds: what a run may take with the limits that are set here


def run() -> list[dict[str, Any]]:
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as name:
        os.environ["EDGEBOOK_STATE"] = f"{name}/state"
        folder = Path(name)
        parts: dict[str, Callable[[], list[dict[str, Any]]]] = {
            "garbage": _garbage,
            "leases": lambda: _leases(folder),
            "kills": lambda: _kills(folder),
        }
        return [row for part in PARTS for row in parts[part]()]


def _row(what: str, measured: float, limit: str, unit: str = "") -> dict[str, Any]:
    return {"what": what, "measured": measured, "unit": unit, "limit": limit}


def _garbage() -> list[dict[str, Any]]:
    """Runs behind a proxy that garbles at random; each is followed by one in peace."""
    rows: list[dict[str, Any]] = []
    for row in garbled(range(SEED, SEED + RUNS), WORKERS):
        rows.append(row)
        if len(rows) % 50 == 0:  # a stop loses nothing
            print(f"{len(rows)} of {RUNS}: {counts(rows)}", file=sys.stderr, flush=True)
    _show("Garbage on the wire", counts(rows))
    traces = [row for row in rows if row["trace"]]
    for row in traces:
        print(f"seed {row['seed']}: {row['trace']}")
    longest = max((row["seconds"] for row in rows), default=0.0)
    return [
        _row(f"tracebacks in {len(rows)} garbled runs", len(traces), "<= 0"),
        _row("second runs that did not settle", sum(bool(r["second"]) for r in rows), "<= 0"),
        _row("longest garbled run", round(longest, 1), f"<= {LONGEST}", "s"),
    ]


def _leases(folder: Path) -> list[dict[str, Any]]:
    """Two to four writers in processes, namespaces and hosts; each fourth round applies goals."""
    seen: Counter[str] = Counter()
    with simulator(0, "--no-dataplane") as url:
        meetings = Meetings(url, folder)
        for done, seed in enumerate(range(SEED, SEED + ROUNDS), 1):
            DOOR.post(f"{url}/_sim/reset", timeout=60)
            kind, number = KINDS[seed % len(KINDS)], seed // len(KINDS)
            played = meetings.applies if number % 4 == 3 else meetings.leases
            seen.update(played(kind, number // 4 if number % 4 == 3 else number))
            if done % 50 == 0:  # a stop loses nothing
                print(f"{done} of {ROUNDS}: {dict(seen)}", file=sys.stderr, flush=True)
        meetings.stop()
    _show("Writers that meet", dict(seen))
    rounds = f"in {ROUNDS} rounds" + ("" if meetings.granted else " (no namespaces granted)")
    return [_row(f"{what} {rounds}", seen[what], "<= 0") for what in BAD]


def _kills(folder: Path) -> list[dict[str, Any]]:
    """An apply killed at every single call, before and after its effect, and run again."""
    from tests.contract.edgebook.test_crash import Runner, differences

    seen: Counter[str] = Counter()
    with simulator(0) as url:
        env = {"GCPSIM_URL": url, "GCPSIM_TOKEN": DOOR.headers["X-Gcpsim-Token"]}
        state = {"EDGEBOOK_STATE": str(folder / "state"), **{k: str(v) for k, v in env.items()}}
        runner = Runner(params(folder), state)
        undisturbed = runner.run(0, "before")
        for nth in range(1, undisturbed["calls"] + 1, EACH_KILL):
            for when in ("before", "after"):
                ended = runner.run(nth, when)
                if not ended["died"] or not ended["wrote"]:
                    seen["died before it wrote"] += 1
                    break
                same = not differences(undisturbed["state"], ended["state"])
                seen["converged" if ended["left"] == 0 and same else "bad"] += 1
        runner.stop()
    _show("Killed at a call, and run again", dict(seen))
    return [_row(f"of {sum(seen.values())} kills did not converge", seen["bad"], "<= 0")]


def _show(title: str, counts: dict[str, int]) -> None:
    table = Table("what", "count", title=title)
    for name, count in sorted(counts.items()):
        table.add_row(name, str(count))
    Console().print(table)
