"""The meter around everything that changes something: what is watched, and the gate of a step.

A run holds one watch for all its notebooks; what is applied without a run gets a watch of its own.
The gate compares the time since it last looked with the time before the first change, by
`safety.traffic`, and stops a step that hurts with the evidence. It must not know what changes mean.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from edgebook.base.errors import StepFailed
from edgebook.cloud.reach import nowhere
from edgebook.front_door import FrontDoor
from edgebook.model.paths import compute_scope
from edgebook.params import load_file
from edgebook.traffic import Report, Statistics, Verdict, VerdictState, Watch, judge, users
from edgebook.traffic.desk import RemoteWatch, current
from edgebook.traffic.targets import NAMES, limits
from edgebook.verify.watching import Watched, watched

PAUSE = 1.0  # seconds between two looks
OPEN = 3.0  # seconds after which a request has ended, one way or the other
LEAST = 30  # answers that a latency is judged by
LOOKS = 10  # before a meter that sees nothing is believed to be blind
FIRST = 5.0  # seconds in which clients of a site that serves have their first answers


Show = Callable[[Watch], Callable[[], None]]


class Meter:
    """What users see while one front door is changed."""

    def __init__(self, door: FrontDoor, watch: Watch | RemoteWatch) -> None:
        self.door = door
        self.watch = watch
        self.limits = limits(door.spec.safety.traffic)
        self.since = watch.judged or time.monotonic()
        self.report: Report | None = None
        self.own = False  # a watch of this plan alone, not the run's
        self._before: Statistics | None = None
        self._looked = 0.0

    def look_again(self) -> None:
        """Watch what has come to be since: a frontend that was just made, a new location."""
        tell(self.watch, watched(self.door))

    def begin(self) -> None:
        """See what users see before the first change, so that a quick one is not missed."""
        if isinstance(self.watch, Watch) and (count := len(self.watch.log.series)):
            self.watch.wait_until(lambda: self.watch.window().answered >= count, FIRST)
            self.since = time.monotonic()

    def before(self) -> Statistics:
        """What users saw before the first change."""
        if self._before is None:
            self._before = self.watch.window(self.watch.began, self.since)
        return self._before

    def during(self) -> Statistics:
        """What users saw since a gate last looked."""
        return self.watch.window(self.since, None)

    def verdict(self) -> tuple[Verdict, Statistics]:
        """ok where nothing could be watched: there was nothing that users could lose."""
        seen = self.during()
        if not seen.sent and not seen.blind_s:
            return Verdict(VerdictState.OK), seen
        before = self.before()
        enough = min(before.answered, seen.answered) >= LEAST
        return judge(before if enough else Statistics(), seen, self.limits), seen

    def to_json(self) -> dict[str, Any]:
        """What was seen, when this was a watch of its own; a run has it in its record."""
        if self.report is not None:
            return self.report.to_json()
        return self.watch.window(self.watch.began, None).to_json() if self.own else {}

    def guard(self) -> None:
        """Raise StepFailed when users notice more than `safety.traffic` allows."""
        now = time.monotonic()
        if now - self._looked < PAUSE:
            return
        self._looked = now
        self.gate()

    def hurts(self) -> str:
        """What users notice beyond `safety.traffic`; "" where they do not, or it is not known."""
        verdict, _ = self.verdict()
        return "; ".join(verdict.reasons) if verdict.state is VerdictState.BREACH else ""

    def gate(self) -> Statistics:
        """Like `guard`, at once; what was seen when it passes. A blind gate does not pass."""
        clock = self.door.connection.clock
        verdict, seen = seeing(self.verdict, lambda: clock.wait(PAUSE * (clock.rate or 1.0)))
        # What began a moment ago may not have ended yet: the next gate looks at it again.
        self.watch.judged = max(self.since, time.monotonic() - OPEN)
        if verdict.ok:
            return seen
        raise StepFailed(
            "Users notice this change" if verdict.state is VerdictState.BREACH
            else "Whether users notice this change cannot be told",
            where=f"{self.door.file}: safety.traffic",
            why="; ".join(verdict.reasons),
            seen="\n".join(failure.sentence for failure in seen.failures[:5]),
            next="look at the failures in the record; when they are over, run it again",
        )  # fmt: skip


Look = Callable[[], tuple[Verdict, Statistics]]


def seeing(look: Look, wait: Callable[[], None]) -> tuple[Verdict, Statistics]:
    """What a meter says as soon as it sees anything: on a busy machine it sends a moment later."""
    said = look()
    for _ in range(LOOKS):
        if said[0].state is not VerdictState.BLIND:
            break
        wait()
        said = look()
    return said


def tell(watch: Watch | RemoteWatch, found: Watched) -> None:
    """Have a watch look at what was found of a front door."""
    places = sorted({(target.ip, target.port) for target in found.targets})
    ways = {place: found.connection.reach(*place) for place in places}
    watch.add(found.targets, ways=ways, rates=found.rates)


def tell_run(params_file: str, path: str) -> dict[str, float]:
    """Have the watch of a run look at a front door: called in a process that has its clients.

    Answers what time it is there, and how fast it passes.
    """
    door = FrontDoor(load_file(params_file), params_file)
    tell(RemoteWatch(path), watched(door))
    return {
        "now": door.connection.now(),
        "monotonic": time.monotonic(),
        "rate": door.connection.clock.rate,
    }


def read_users(
    params_file: str,
    since: float,
    until: float,
    own: Mapping[str, int],
    *,
    patient: bool = True,
    explain: bool = False,
) -> dict[str, Any]:
    """What Google's logs and metrics have of a run, when they have it; `patient`: wait for that."""
    door = FrontDoor(load_file(params_file), params_file)
    window = users.Window(users.utc(since), users.utc(until))
    if patient:
        users.wait_out(door.connection.clock, window, users.utc(door.connection.now()))
    scope = compute_scope(door.spec.project)
    live = door.reader.again().collection("backendService", scope).result()
    ours = {door.names.backend_service(name) for name in door.spec.backends}
    services = {item["name"]: item for item in live if item["name"] in ours}
    found = users.read(door.wire, door.spec, window, own=own, services=services, explain=explain)
    if not patient:
        found["blind"].append("read at once: the last minutes may be missing")
    return found


@contextmanager
def around(
    door: FrontDoor, *, taken_down: bool = False, show: Show | None = None
) -> Iterator["Meter | Unmetered"]:
    """The meter while a plan is carried out; none where nothing can be reached.

    `taken_down`: the front door is removed on purpose, which is no failure. `show` begins to show
    a watch that is not a run's, and answers what ends that.
    """
    if not door.connection.data_plane:
        yield Unmetered()
        return
    with metered(door) as meter:
        if taken_down:
            # With the records of a name goes the name: that it no longer answers is wanted.
            meter.watch.drop(NAMES, *(frontend.name for frontend in door.spec.frontends))
        hide = show(meter.watch) if show and isinstance(meter.watch, Watch) else lambda: None
        try:
            yield meter
            meter.look_again()  # what this plan has made is watched from now on
        finally:
            hide()


@contextmanager
def metered(door: FrontDoor) -> Iterator[Meter]:
    """The meter of the run that this process belongs to, else one for as long as this lasts."""
    shared = current()
    if shared is not None:
        meter = Meter(door, shared)
        meter.look_again()
        yield meter
        return
    with Watch(reach=nowhere) as watch:
        meter = Meter(door, watch)
        meter.own = True
        meter.look_again()
        meter.begin()
        try:
            yield meter
        finally:
            meter.report = watch.stop()


class Unmetered:
    """Where nothing can be reached: a simulator without its data plane."""

    def guard(self) -> None:
        return None

    def hurts(self) -> str:
        return ""

    def gate(self) -> Statistics:
        return Statistics()

    def to_json(self) -> dict[str, Any]:
        return {}
