"""Moves of live traffic: requests that fail, our own time, and what a kill anywhere leaves.

BENCH_PARTS picks parts (all of them without it): `quiet` (our own time a stage, and swaps that are
killed, without traffic), `life` (a site's moves under traffic), `killed` (swaps that are killed
under traffic), `hurt` (a pod, a node, a location's Envoy end in a swap), `control` (the same swap
without order), `region` (one is lost without warning), `everywhere` (what locations would miss that
learn swaps in another order).

BENCH_REQUESTS is how many requests `life` sends at least while traffic moves (without it: what one
life comes to), BENCH_RATE how many a second on the HTTPS frontend (600 with BENCH_REQUESTS, else
what the params say), BENCH_SCALE how fast simulated time passes (60). The million takes half an
hour on two cores that do nothing else:
`BENCH_PARTS=life BENCH_REQUESTS=1000000 BENCH_SCALE=20 make bench ONLY=moves`.
At 60, the 60 s that a pod waits for Google's front ends are one second of a machine that is busy
with the million, and some of its requests meet pods that have ended.

Runs of swaps are killed at every BENCH_EACH-th call (25), before and after its effect, each going
on where the last one died; BENCH_TRAFFIC_EACH is the same under traffic (1: at every call of one
swap, and at every tenth of half a one, its way back and the way home; an hour).
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import _hurt, _life, _moving
from bench._killing import QUICK, Admin, Runner
from bench._moving import PARAMS

ALL = ("quiet", "life", "killed", "hurt", "control", "region", "everywhere")
PARTS = os.environ.get("BENCH_PARTS", " ".join(ALL)).split()
EACH = int(os.environ.get("BENCH_EACH", "25"))
TRIES = 3


def run() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as state, tempfile.TemporaryDirectory() as folder:
        os.environ["EDGEBOOK_STATE"] = state
        os.environ.pop("EDGEBOOK_JOURNAL", None)
        if unknown := sorted({*PARTS} - {*ALL}):
            sys.exit(f"BENCH_PARTS: no part {', '.join(unknown)}; there are {', '.join(ALL)}")
        return [*(_quiet() if "quiet" in PARTS else ()), *_traffic(folder)]


def _row(what: str, measured: float, unit: str, limit: str) -> dict[str, Any]:
    return {"what": what, "measured": measured, "unit": unit, "limit": limit}


@contextmanager
def simulator(*options: str) -> Iterator[str]:
    """A simulator of the legacy shop; its URL, which is also in GCPSIM_URL."""
    command = [sys.executable, "-m", "gcpsim", "serve", "--until-stdin-closes", "--scenario",
               "legacy", *options]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        ready = json.loads(process.stdout.readline())
        os.environ.update({k: str(v) for k, v in ready["env"].items()})
        os.environ["GCPSIM_URL"] = url = ready["services"]["compute"]
        for name in ("HTTPS_PROXY", "https_proxy"):
            os.environ.pop(name, None)
        try:
            yield url
        finally:
            process.stdin.close()


def admin(url: str, verb: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"X-Gcpsim-Token": os.environ["GCPSIM_TOKEN"]}
    request = urllib.request.Request(f"{url}/_sim/{path}", data, headers, method=verb)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"{}")


def _swap(to: str, **options: Any) -> Any:
    from edgebook.book import open as open_book

    move = open_book(PARAMS).move("swap", **{"to": to, **QUICK, **options})
    return move.apply("apply", "auto", show_progress=False)


def _quiet() -> Iterator[dict[str, Any]]:
    """Without traffic, and without waiting: what is left is our own time."""
    from edgebook.book import open as open_book

    with simulator("--time-scale", "0", "--no-dataplane") as url:
        open_book(PARAMS).apply("apply", "auto", show_progress=False)
        began = time.monotonic()
        moved = _swap("green")
        took = (time.monotonic() - began) / len(moved.data["stages"])
        yield _row("own time a stage, waits aside", took, "s", "<= 1")
        _swap("blue")
        runner = Runner(PARAMS, {})
        yield from _moving.chains(runner, admin_of(url), _row, EACH)
        runner.stop()
        left = len(open_book(PARAMS).door.read().plan.to_do)
        yield _row("changes left to do after them", float(left), "", "<= 0")


def _traffic(folder: str) -> Iterator[dict[str, Any]]:
    """Under traffic: everything in its order loses nothing; the same at once does."""
    from edgebook.book import open as open_book

    file = _moving.params(folder)
    if "life" in PARTS:
        with _built(file) as (book, _):
            yield from _life.life(book, _row)
    if {"killed", "hurt", "control"} & {*PARTS}:
        with _built(file) as (book, url):
            if "killed" in PARTS:
                yield from _moving.killed(book, admin_of(url), _row, file)
            if "hurt" in PARTS:
                yield from _hurt.hurt(book, admin_of(url), _row, file, Path(folder))
            if "control" in PARTS:
                lost = _disorder(book)
                yield _row("requests failed by the same swap without order", lost, "", ">= 1")
    if "everywhere" in PARTS:
        with _built(file) as (book, url):
            yield from _moving.everywhere(book, admin_of(url), _row)
    if "region" in PARTS:
        with _built(file) as (_, url):
            both = open_book(_moving.both(file, folder))
            yield from _moving.lost(both, admin_of(url), _row)


@contextmanager
def _built(file: str) -> Iterator[tuple[Any, str]]:
    """A simulator that carries traffic, and the front door of these params on it."""
    from edgebook.base.errors import StepFailed
    from edgebook.book import open as open_book

    with simulator("--time-scale", str(_moving.SCALE)) as url:
        book = open_book(file)
        for left in reversed(range(TRIES)):
            try:
                book.apply("apply", "auto", show_progress=False)
                break
            except StepFailed as error:  # a machine that is busy blinds the meter
                _moving.say(f"building it: {error.what}: {error.why}")
                if not left:
                    raise
        yield book, url


def admin_of(url: str) -> Admin:
    """The stage door of one simulator."""
    return lambda verb, path, body=None: admin(url, verb, path, body)


def _disorder(book: Any) -> float:
    """Blue's entries out and green's in with one write, without a look at health or spread."""
    from edgebook.apply.metering import metered

    service = "compute/v1/projects/shop-rehearsal/global/backendServices/shop-web"
    with metered(book.door) as meter:
        time.sleep(3)
        live = book.door.wire.get("compute", service)
        body = {"backends": [], "fingerprint": live["fingerprint"]}
        book.door.wire.request("compute", "PATCH", service, body=body)
        time.sleep(4)
        seen = meter.watch.window(None, None)
    return float(seen.failed)


if __name__ == "__main__":
    print(Path(__file__).name, run())
