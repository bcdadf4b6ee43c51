"""Does the meter see everything? Faults that gcpsim injects behind and in its front ends.

Each fault lasts two seconds of a front door that carries real traffic: Envoys, pods and clients are
processes of their own. Found means: failures of its kind were told, of the frontend (and location)
that it hit, within half a second of its time, and none of another kind.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edgebook.traffic import Statistics, Watch
from edgebook.traffic.targets import TODAY

from bench._moving import PARAMS
from bench.moves import admin, simulator

FAULT_SECONDS = 2.0
STALL = 3.0
LATE = 0.5
RATE = 40.0  # requests a second and frontend
CALM, CALM_SECONDS = 200, 4.0  # answers in a row of everything before the first fault
FRONTENDS = {"mqtt", "names", "postgres", "web"}
LOCATION = "europe-west1"
NGINX = {"cluster": "blue", "namespace": "ingress-nginx", "pod": "*"}
BROKER = {"cluster": "blue", "namespace": "iot", "pod": "*"}


@dataclass(frozen=True)
class Fault:
    """What is staged, what ends it, and what the meter has to say about it."""

    name: str
    kind: str
    frontends: frozenset[str]
    begin: tuple[str, dict[str, Any]]
    end: tuple[str, dict[str, Any]]
    location: str = ""


def _pods(name: str, kind: str, frontend: str, verb: str, pods: dict[str, Any],
          **more: Any) -> Fault:  # fmt: skip
    return Fault(
        name, kind, frozenset({frontend}), (f"pod-{verb}", {**pods, **more}), ("pod-heal", pods)
    )


def _certificate(which: str) -> tuple[str, dict[str, Any]]:
    return "location-certificate", {"location": LOCATION, "certificate": which}


FAULTS = (
    _pods("reset", "reset", "mqtt", "cut", BROKER),
    _pods("502", "status", "web", "fail", NGINX, status="502"),
    _pods("stall", "timeout", "web", "slow", NGINX, by=f"{STALL:g}s"),
    _pods("cut body", "cut body", "web", "cut", NGINX),
    Fault("certificate", "tls", frozenset({"mqtt", "web"}), _certificate("wrong"),
          _certificate("right"), LOCATION),
)  # fmt: skip


def run() -> Iterator[dict[str, Any]]:
    from edgebook.book import open as open_book

    with simulator("--dataplane", "--time-scale", "0") as url:
        book = open_book(PARAMS)
        book.apply("apply", "auto", show_progress=False)
        # The probers look every five real seconds: two seconds make no endpoint unhealthy.
        with book.watch(rate=RATE) as watch:
            watch.drop(TODAY)  # the old way to the same pods, which has failures of its own
            assert watch.wait_until(lambda: _calm(watch), 90), watch.window().sentence
            seen = [_staged(url, watch, fault) for fault in FAULTS]
    for fault, (late, right, wrong) in zip(FAULTS, seen, strict=True):
        name = f"{fault.name} as {fault.kind}"
        yield _row(f"{name}: failures of its kind", right, "", ">= 1")
        yield _row(f"{name}: failures of another kind or place", wrong, "", "<= 0")
        yield _row(f"{name}: first and last, off its time", late, "s", f"<= {LATE}")
    found = sum(bool(right) and not wrong and late <= LATE for late, right, wrong in seen)
    yield _row("faults of gcpsim found", found / len(FAULTS) * 100, "%", ">= 100")


def _calm(watch: Watch) -> bool:
    """Everything has answered for some seconds: the probes' new pace has settled."""
    seen = watch.window(time.monotonic() - CALM_SECONDS)
    return not seen.failed and set(seen.frontends) >= FRONTENDS and seen.answered >= CALM


def _staged(url: str, watch: Watch, fault: Fault) -> tuple[float, int, int]:
    """(seconds off its time, failures of its kind and place, others)."""
    since = time.monotonic()
    admin(url, "POST", f"stage/{fault.begin[0]}", fault.begin[1])
    _pass(watch, since + FAULT_SECONDS)
    admin(url, "POST", f"stage/{fault.end[0]}", fault.end[1])
    until = time.monotonic()
    _pass(watch, until + STALL + 2)  # what began in it has ended
    seen: Statistics = watch.window(since - 2, until + STALL)
    right = [
        failure
        for failure in seen.failures
        if failure.kind == fault.kind
        and failure.frontend in fault.frontends
        and fault.location in ("", failure.location)
    ]
    others = [failure for failure in seen.failures if failure not in right]
    if not right:
        return 0.0, 0, len(others)
    early = since - right[0].monotonic
    late = max(abs(early), right[-1].monotonic - until)
    return late, len(right), seen.failed - len(right)


def _pass(watch: Watch, moment: float) -> None:
    watch.wait_until(lambda: time.monotonic() >= moment, FAULT_SECONDS + STALL + 10)


def _row(what: str, measured: float, unit: str, limit: str) -> dict[str, Any]:
    return {"what": what, "measured": round(measured, 2), "unit": unit, "limit": limit}
