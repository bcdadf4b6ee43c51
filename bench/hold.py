"""It holds: garbage on the wire, writers that meet, kills; each in full, with its table.

`make bench ONLY=hold`; HOLD_RUNS, HOLD_ROUNDS and HOLD_EACH_KILL make it shorter, and HOLD_SEED,
the first seed of the garbled runs, lets it be done in parts. Tests have a sample of each.
"""

import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.edgebook import DOOR, PARAMS, simulator

ROOT = Path(__file__).resolve().parent.parent
RUNS = int(os.environ.get("HOLD_RUNS", "2000"))
SEED = int(os.environ.get("HOLD_SEED", "0"))
ROUNDS = int(os.environ.get("HOLD_ROUNDS", "1000"))
EACH_KILL = int(os.environ.get("HOLD_EACH_KILL", "1"))
LONGEST = 60.0  # seconds: what a run may take with the limits that are set here


def run() -> list[dict[str, Any]]:
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as name:
        os.environ["EDGEBOOK_STATE"] = f"{name}/state"
        folder = Path(name)
        return [*_garbage(folder), *_leases(folder), *_kills(folder)]


def _row(what: str, measured: float, limit: str, unit: str = "") -> dict[str, Any]:
    return {"what": what, "measured": measured, "unit": unit, "limit": limit}


def _params(folder: Path) -> str:
    import yaml

    body = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
    body["records"] = {"archive": str(folder / "records")}
    path = folder / "shop.yaml"
    path.write_text(yaml.safe_dump(body, sort_keys=False), encoding="utf-8")
    return str(path)


def _garbage(folder: Path) -> list[dict[str, Any]]:
    """Runs behind a proxy that garbles at random; each is followed by one in peace."""
    import requests
    from edgebook.base.errors import EdgebookError
    from edgebook.book import open as open_book
    from edgebook.cloud.connect import Limits

    from tests.contract.edgebook.garbling import GarblingProxy

    ended: Counter[str] = Counter()
    met: Counter[str] = Counter()
    longest, unsettled = 0.0, 0
    with simulator(0) as url:
        ready = requests.get(f"{url}/_sim/ready", timeout=10).json()
        proxy = GarblingProxy(ready, folder)
        file = _params(folder)

        def apply(limits: Limits | None = None) -> None:
            book = open_book(file)
            if limits is not None:  # in peace a busy machine may take its time
                book.door.connection.limits = limits
            book.apply("apply", "auto", show_progress=False, await_health=False)

        for seed in range(SEED, SEED + RUNS):
            DOOR.post(f"{url}/_sim/reset", timeout=60)
            os.environ["GCPSIM_URL"] = proxy.url
            proxy.garble(seed, 0.08)
            began = time.monotonic()
            try:
                apply(Limits(one=0.5, call=5.0, waiting=1.0))
                ended["converged"] += 1
            except EdgebookError:
                ended["stopped clearly"] += 1
            except Exception as error:
                ended[f"traceback: {type(error).__name__}"] += 1
            longest = max(longest, time.monotonic() - began)
            met.update(fault for fault, _, _ in proxy.met)
            proxy.calm()
            try:
                apply()
                unsettled += not open_book(file).plan().empty
            except EdgebookError as error:
                unsettled += 1
                ended[f"second run of seed {seed}: {error.what}"] += 1
        proxy.stop()
    _show("Garbage on the wire", {**ended, **{f"fault: {k}": v for k, v in met.items()}})
    bad = sum(count for how, count in ended.items() if how.startswith("traceback"))
    return [
        _row(f"tracebacks in {RUNS} garbled runs", bad, "<= 0"),
        _row("second runs that did not settle", unsettled, "<= 0"),
        _row("longest garbled run", round(longest, 1), f"<= {LONGEST}", "s"),
    ]


def _leases(folder: Path) -> list[dict[str, Any]]:
    """Two to four writers in processes of equal names, with and without an address, some killed."""
    seen: Counter[str] = Counter()
    with simulator(0) as url:
        os.environ["GCPSIM_URL"] = url
        file = _params(folder)
        for seed in range(ROUNDS):
            seen.update(_round(file, seed, folder))
    _show("Writers that meet", dict(seen))
    return [
        _row(f"two at once in {ROUNDS} rounds", seen["two at once"], "<= 0"),
        _row("rounds in which nobody wrote", seen["nobody"], "<= 0"),
    ]


def _round(file: str, seed: int, folder: Path) -> Counter[str]:
    number = random.Random(seed).choice((2, 3, 4))
    inside, most, entered = (multiprocessing.Value("i", 0) for _ in range(3))
    start = multiprocessing.Barrier(number)
    args = (file, seed, inside, most, entered, start, folder)
    processes = [multiprocessing.Process(target=_writer, args=(i, *args)) for i in range(number)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    found = Counter({"rounds": 1, "entered": entered.value})
    found["two at once"] = int(most.value > 1)
    found["nobody"] = int(entered.value == 0)
    found["refused or lost"] = number - entered.value
    return found


def _writer(
    index: int, file: str, seed: int, inside: Any, most: Any, entered: Any, start: Any, folder: Path
) -> None:
    """A writer whose state folder is its own, as in a pod: nothing local tells it of the others."""
    os.environ["EDGEBOOK_STATE"] = str(folder / f"pod-{index}")
    from edgebook.apply.flow import lease_key
    from edgebook.apply.lock import FrontDoorLock
    from edgebook.base.errors import LockedError
    from edgebook.book import open as open_book

    door = open_book(file).door
    drawn = random.Random(seed * 7 + index)
    start.wait()
    try:
        with FrontDoorLock(door.wire, lease_key(door)) as lock:
            with inside.get_lock():
                inside.value += 1
                entered.value += 1
                most.value = max(most.value, inside.value)
            for _ in range(drawn.randrange(4)):
                lock.fence()
                door.wire.find("compute", "compute/v1/projects/shop-rehearsal/global/addresses/x")
            with inside.get_lock():
                inside.value -= 1
    except LockedError:
        return


def _kills(folder: Path) -> list[dict[str, Any]]:
    """An apply killed at every single call, before and after its effect, and run again."""
    from tests.contract.edgebook.test_crash import Runner, differences

    seen: Counter[str] = Counter()
    with simulator(0) as url:
        env = {"GCPSIM_URL": url, "GCPSIM_TOKEN": DOOR.headers["X-Gcpsim-Token"]}
        state = {"EDGEBOOK_STATE": str(folder / "state"), **{k: str(v) for k, v in env.items()}}
        runner = Runner(_params(folder), state)
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
