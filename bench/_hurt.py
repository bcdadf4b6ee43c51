"""A pod, a node, a location's Envoy end without warning in the middle of a swap.

Google would lose what was on its way there, and what it still sends until its probes have seen it
and every location knows; a location that ends takes its connections along. No more may be lost than
that, it must stand in the record of the run, and the next run must bring the swap to its end.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
from edgebook.base.errors import EdgebookError

from bench._killing import QUICK, Admin
from bench._moving import PATIENCE, SCALE, SPREAD_OUT, ZONE_OUT, Row, say

LOCATION = "europe-west1"
BEGUN = 180.0  # of our seconds until half of the traffic must be there
LEASE = 300.0  # simulated: a run that was starved leaves its lease to end by itself
NGINX = ("green", "ingress-nginx")
URL_MAP = "compute/v1/projects/shop-rehearsal/global/urlMaps/shop"
SEEN = (ZONE_OUT + SPREAD_OUT) / SCALE + PATIENCE  # of our seconds: longer nothing may fail


@dataclass(frozen=True)
class Hurt:
    """What ends, and how it comes back (an Envoy is started anew by its simulator)."""

    what: str
    end: Callable[[], None]
    heal: Callable[[], None] = lambda: None


def hurt(book: Any, admin: Admin, row: Row, file: str, folder: Path) -> Iterator[dict[str, Any]]:
    for number, one in enumerate(_hurts(book, admin)):
        seen, late = _swap_and(book, one, file, folder / f"hurt-{number}")
        one.heal()
        time.sleep(SPREAD_OUT / SCALE)
        left = _home(book)
        told = f"{seen['failed']} of {seen['sent']:,} requests lost"
        kinds = sorted({f"{f['kind']} {f['location']}" for f in seen["failures"]})
        say(f"{one.what} is killed in a swap: {told}: {', '.join(kinds)}")
        limit = f"<= {SEEN:.1f}"
        yield row(f"{one.what} is killed: requests lost, in the record", seen["failed"], "", ">= 0")
        yield row(f"{one.what} is killed: until the last of them failed", late, "s", limit)
        yield row(f"{one.what} is killed: swaps that the next run did not end", left, "", "<= 0")


def _hurts(book: Any, admin: Admin) -> Iterator[Hurt]:
    cluster, namespace = NGINX
    pods = book.door.reader.cluster(cluster).list(f"api/v1/namespaces/{namespace}/pods")
    pod = sorted(pods, key=lambda one: str(one["metadata"]["name"]))[0]
    name, node = pod["metadata"]["name"], {"cluster": cluster, "node": pod["spec"]["nodeName"]}
    crash = {"cluster": cluster, "namespace": namespace, "pod": name}
    yield Hurt("a pod", lambda: admin("POST", "stage/pod-crash", crash))
    yield Hurt(
        "a node",
        lambda: admin("POST", "stage/node-down", node),
        lambda: admin("POST", "stage/node-up", node),
    )
    yield Hurt("a location's Envoy", lambda: os.kill(_envoy().pid, signal.SIGKILL))


def _envoy() -> psutil.Process:
    """The front end of one location: a process of our simulator's."""
    for process in psutil.Process().children(recursive=True):
        if any(word.endswith(f"{LOCATION}.json") for word in process.cmdline()):
            return process
    raise AssertionError(f"no Envoy of {LOCATION}")


def _swap_and(book: Any, one: Hurt, file: str, records: Path) -> tuple[dict[str, Any], float]:
    """What the record of the run has of the traffic, and when the last failure began."""
    given = [word for k, v in {"to": "green", **QUICK}.items() for word in ("-p", k, str(v))]
    program = Path(sys.executable).with_name("edgebook")
    words = ["run", "operate/swap", *given, "--params", file, "--approve", "auto"]
    whole = [str(program), *words, "--records", str(records)]
    run = subprocess.Popen(whole, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ends = time.monotonic() + BEGUN
    while _share(book) == 0 and run.poll() is None and time.monotonic() < ends:
        time.sleep(0.1)
    began = time.time()
    one.end()
    run.wait()
    (found,) = records.glob("CHG-*/record.json")
    seen = json.loads(found.read_text(encoding="utf-8"))["traffic"]
    last = max((_at(failure["at"]) for failure in seen["failures"]), default=began)
    return seen, max(0.0, last - began)


def _at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _share(book: Any) -> int:
    """The weight of the new side in the URL map."""
    action = book.door.wire.get("compute", URL_MAP).get("defaultRouteAction") or {}
    return max(
        (
            int(entry.get("weight") or 0)
            for entry in action.get("weightedBackendServices") or ()
            if entry["backendService"].endswith("-next")
        ),
        default=0,
    )


def _home(book: Any) -> int:
    """To the end of the swap, and back by one of its own; how many of them did not end."""
    stuck = 0
    for to in ("green", "blue"):
        try:
            move = book.move("swap", to=to, **QUICK)
            moved = move.apply("apply", "auto", wait_lock=LEASE, show_progress=False)
            stuck += "clean up" not in moved.data["standing"]
        except EdgebookError as error:
            stuck += 1
            say(f"the next run to {to}: {error}")
    return stuck
