"""Moves under traffic: what all of them stand on, kills in the middle, and a region that is lost.

The variables that make them longer are told in `moves`.
"""

import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from edgebook.traffic.targets import TODAY

from bench._everywhere import Everywhere
from bench._killing import QUICK, Admin, Runner, chain

PARAMS = "params/rehearsal.yaml"
REQUESTS = int(os.environ.get("BENCH_REQUESTS", "0"))
RATE = float(os.environ.get("BENCH_RATE", "600" if REQUESTS else "0"))
EACH = int(os.environ.get("BENCH_TRAFFIC_EACH", "25"))
SCALE = int(os.environ.get("BENCH_SCALE", "60"))  # simulated seconds in one of ours
SLOW = 10  # the same while a region is lost: a second of ours must not look like a minute
QUIET = 3.0  # of our seconds without a failure: it is over
LONGEST = 30.0  # of our seconds until it must be
ZONE_OUT = 25  # simulated: probes every 5 s, two of them, each patient for 5 s
SPREAD_OUT = 120  # simulated: Google's front ends differ for so long
REGION = "us-central1"
DENSE = 8  # checks besides the params' own, each of clients whose connections stay open
COARSE = 10  # calls between the kills of what is not the one whole swap
LOCATIONS = 300  # imaginary ones, each with an order of its own
PATIENCE = 3.0  # of our seconds: longer than the meter waits for an answer

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
    """Swaps under traffic that die again and again, forward and back; each run goes on."""
    from edgebook.apply.metering import metered
    from edgebook.traffic import Watch
    from edgebook.traffic.desk import VARIABLE, Desk

    with metered(book.door) as meter:
        assert isinstance(meter.watch, Watch)  # nobody else has one
        desk = Desk(meter.watch)
        runner = Runner(file, {VARIABLE: desk.path})
        time.sleep(QUIET)
        yield from chains(runner, admin, row, EACH)
        runner.stop()
        desk.close()
        time.sleep(PATIENCE)
        seen = meter.watch.window(None, None)
    left = len(book.door.read().plan.to_do)
    for failure in seen.failures[:10]:
        say(f"  {failure.at} {failure.sentence}")
    yield row("requests sent over them", float(seen.sent), "", ">= 100")
    yield row("requests failed of them", float(seen.failed), "", "<= 0")
    yield row("changes left to do after them", float(left), "", "<= 0")


def chains(runner: Runner, admin: Admin, row: Row, each: int) -> Iterator[dict[str, Any]]:
    """Half of the way and back, there, and home by a swap of its own.

    The whole swap is killed at every `each`-th call, the others at every COARSE-th at most.
    """
    killed = lost = 0
    for to, mode, until, every in (
        ("green", "apply", "half", max(each, COARSE)),
        ("green", "back", "", max(each, COARSE)),
        ("green", "apply", "", each),
        ("blue", "apply", "", max(each, COARSE)),
    ):
        found = chain(runner, admin, to, mode, each=every, until=until)
        killed += found.killed
        lost += len(found.wrong) + (not found.arrived and not until)
        by = ", ".join(f"{name or 'reading'} {count}" for name, count in found.kills.items())
        say(f"swap to {to}, {mode}: {found.killed} runs killed ({by})")
        for wrong in found.wrong:
            say(f"  {wrong}")
    yield row("runs of swaps that were killed", float(killed), "", ">= 20")
    yield row("runs after a kill that ended in another way", float(lost), "", "<= 0")


def everywhere(book: Any, admin: Admin, row: Row) -> Iterator[dict[str, Any]]:
    """Swaps there, back and to both, as imaginary locations learn them; then one without order."""
    projects = book.door.read().observed.project_numbers
    seen = Everywhere(lambda since: list(admin("GET", f"news?since={since}")["news"]), projects)
    missed, draw = 0, random.Random(1)
    for to in ("green", "blue", "blue,green"):
        book.move("swap", to=to, **QUICK).apply("apply", "auto", show_progress=False)
        found = seen.edited(draw, LOCATIONS)
        missed += max(found.values(), default=0)
        say(f"swap to {to}: {dict(found)} of {LOCATIONS} locations")
    yield row(f"of {3 * LOCATIONS} imaginary locations, those that missed something", missed, "",
              "<= 0")  # fmt: skip
    service = "compute/v1/projects/shop-rehearsal/global/backendServices/shop-web"
    cleared: list[Any] = []
    for backends in (cleared, book.door.wire.get("compute", service)["backends"]):
        live = book.door.wire.get("compute", service)
        body = {"backends": backends, "fingerprint": live["fingerprint"]}
        book.door.wire.request("compute", "PATCH", service, body=body)
        book.door.connection.clock.wait(ZONE_OUT)  # until that operation is done
    found = seen.edited(draw, LOCATIONS)
    yield row("the same of entries that go and come back", max(found.values(), default=0), "",
              ">= 1")  # fmt: skip


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
