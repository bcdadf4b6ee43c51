"""Moves under traffic: what all of them stand on, kills in the middle, and a region that is lost.

The variables that make them longer are told in `moves`.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from edgebook.base.errors import EdgebookError
from edgebook.traffic.targets import TODAY

PARAMS = "params/rehearsal.yaml"
REQUESTS = int(os.environ.get("BENCH_REQUESTS", "0"))
RATE = float(os.environ.get("BENCH_RATE", "600" if REQUESTS else "0"))
KILLS = int(os.environ.get("BENCH_TRAFFIC_KILLS", "2"))
QUICK: dict[str, Any] = {"soak": "15s", "patience": "2m", "steps": [50.0, 100.0]}
SCALE = int(os.environ.get("BENCH_SCALE", "60"))  # simulated seconds in one of ours
SLOW = 10  # the same while a region is lost: a second of ours must not look like a minute
QUIET = 3.0  # of our seconds without a failure: it is over
LONGEST = 30.0  # of our seconds until it must be
ZONE_OUT = 25  # simulated: probes every 5 s, two of them, each patient for 5 s
SPREAD_OUT = 120  # simulated: Google's front ends differ for so long
REGION = "us-central1"
DENSE = 8  # checks besides the params' own, each of clients whose connections stay open
PATIENCE = 3.0  # of our seconds: longer than the meter waits for an answer

Admin = Callable[..., Any]
Row = Callable[[str, float, str, str], dict[str, Any]]


def say(words: str) -> None:
    """Progress, beside the table that comes at the end."""
    print(words, file=sys.stderr, flush=True)


def params(folder: str, **changes: Any) -> str:
    """A copy of the rehearsal's params; its HTTPS frontend is asked BENCH_RATE times a second.

    Most of it comes on connections that stay open, as users come: a new connection costs this
    machine ten times as much as a request.
    """
    body = yaml.safe_load(Path(PARAMS).read_text(encoding="utf-8"))
    if RATE:
        host = {"frontend": "web", "host": "shop.example.com"}
        post = {"method": "POST", "body": "{}", "unsafe": True, "statuses": [200]}
        body["checks"] += [
            {**host, **post, "path": f"{way}/bench/{number}"}
            for number in range(DENSE // 2)
            for way in ("", "/api")
        ]
        body["checks"] += [{**host, "websocket": f"/bench/{n}"} for n in range(DENSE // 2)]
        body["checks"][0]["rate"] = RATE
    path = Path(folder) / f"params-{len(list(Path(folder).iterdir()))}.yaml"
    path.write_text(yaml.safe_dump({**body, **changes}, sort_keys=False), encoding="utf-8")
    return str(path)


def both(file: str, folder: str) -> str:
    """The same with every backend served from both regions."""
    body = yaml.safe_load(Path(file).read_text(encoding="utf-8"))["backends"]
    return params(folder, backends={n: {**b, "active": ["blue", "green"]} for n, b in body.items()})


def killed(book: Any, admin: Admin, row: Row, file: str) -> Iterator[dict[str, Any]]:
    """Swaps that die at a call, before and after its effect, and the next run that goes on."""
    from edgebook.apply.metering import metered

    failed = stuck = 0
    for number in range(KILLS):
        fault = {"effect": ("drop_before", "drop_after")[number % 2], "nth": 40 + 29 * number}
        with metered(book.door) as meter:
            time.sleep(QUIET)
            admin("POST", "faults", {**fault, "times": 1})
            code = "from bench._moving import die; import sys; die(sys.argv[1])"
            subprocess.run([sys.executable, "-c", code, file], check=False)
            admin("DELETE", "faults")
            for to in ("green", "blue"):
                try:
                    move = book.move("swap", to=to, **QUICK)
                    done = move.apply("apply", "auto", show_progress=False)
                    stuck += "clean up" not in done.data["standing"]
                except EdgebookError as error:
                    stuck += 1
                    print(f"after {fault}: {error}", file=sys.stderr)
            failed += meter.watch.window(None, None).failed
    yield row("requests failed over swaps that were killed", float(failed), "", "<= 0")
    yield row("killed swaps that the next run did not end", float(stuck), "", "<= 0")


def die(file: str) -> None:
    """A swap that ends at the first connection that is dropped, without a word."""
    from edgebook.book import open as open_book

    book = open_book(file)
    book.door.connection.on_retry = lambda error, seconds: os._exit(137)
    book.move("swap", to="green", **QUICK).apply("apply", "auto", show_progress=False)


def lost(book: Any, admin: Admin, row: Row) -> Iterator[dict[str, Any]]:
    """A region goes without warning: by itself, then with a failover. `book`: both are active."""
    from edgebook.apply.metering import metered

    book.move("swap", to="blue,green", **QUICK).apply("apply", "auto", show_progress=False)
    admin("POST", "clock", {"scale": SLOW})
    for what, limit in (
        ("a region is lost: failures end by themselves", ZONE_OUT + SPREAD_OUT),
        ("the same, from the approval of operate/failover on", 30),
    ):
        with metered(book.door) as meter:
            meter.watch.drop(TODAY)  # the old side is in that region alone, and goes with it
            time.sleep(QUIET)
            began = time.monotonic()
            admin("POST", "stage/region-down", {"region": REGION})
            if limit == 30:
                leave = book.move("failover", leave="blue")
                approved = leave.plan().hash
                began = time.monotonic()
                leave.apply("apply", approved, show_progress=False)
            ended = _over(meter.watch, began)
        yield row(what, (ended - began) * SLOW, "simulated s", f"<= {limit}")
        admin("POST", "stage/region-up", {"region": REGION})
        time.sleep(SPREAD_OUT / SLOW + QUIET)


def _over(watch: Any, began: float) -> float:
    """When the last failing request began to fail; waits until there are none for a while.

    A request is looked at when it has ended, one way or the other: PATIENCE after it was sent.
    """
    last = since = began
    while (until := time.monotonic() - PATIENCE) - last < QUIET and until - began < LONGEST:
        time.sleep(0.25)
        if until > since:
            last = until if watch.window(since, until).failed else last
            since = until
    return last
