"""A watch: clients in a process of their own, their samples here, statistics of any stretch.

    with Watch(targets) as watch:
        began = watch.mark("stage first")
        ...
        seen = watch.window(began.at)

It is bounded in rate and connections, keeps 18 bytes a request, and says when it was blind: a dead
or silent process of clients is blind time, never a good result. It must not know plans or params.
"""

import contextlib
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from edgebook.cloud.reach import Way, direct
from edgebook.traffic.samples import Anchor, Mark, SampleLog
from edgebook.traffic.statistics import Span, Statistics, statistics
from edgebook.traffic.values import Blind, Client, Protocol, Series, Target

POLITE = 5.0  # requests a second and frontend
SILENT = 1.0  # a process of clients that says nothing for so long is blind
STOP_SECONDS = 15.0

Reach = Callable[[str, int], list[Way]]


@dataclass(frozen=True)
class Report:
    """A finished watch: everything that was seen, and the whole of it in numbers."""

    statistics: Statistics
    log: SampleLog
    since: float
    until: float

    def window(self, since: float, until: float, *, changes: Sequence[Span] = ()) -> Statistics:
        return statistics(self.log, since, until, changes=changes)

    def to_json(self) -> dict[str, Any]:
        return self.statistics.to_json()


class Watch:
    """Watches targets from `start` to `stop`; `rate` is requests a second for each frontend."""

    def __init__(
        self,
        targets: Iterable[Target] = (),
        *,
        rate: float | Mapping[str, float] = POLITE,
        reach: Reach = direct,
    ) -> None:
        self._rates: dict[str, float] = dict(rate) if isinstance(rate, Mapping) else {}
        self._usual = POLITE if isinstance(rate, Mapping) else rate
        self._longest = float("inf")  # seconds between two requests of a series
        self._reach = reach
        self._first = tuple(targets)
        self._targets: dict[Target, list[Way]] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._lock = threading.RLock()
        self._news = threading.Condition()
        self._heard = 0.0  # until when everything that was seen is here
        self._started = self._ended = False
        self._report: Report | None = None
        self.trouble: list[str] = []
        self.judged = 0.0  # until when a gate has looked already
        self.log = SampleLog(Anchor(time.monotonic(), time.time()))
        self.began = self.log.anchor.monotonic

    def __enter__(self) -> "Watch":
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> "Watch":
        """Begin; the process of the clients starts when there is something for it to do."""
        self.log = SampleLog(Anchor(time.monotonic(), time.time()))
        self.began = self._heard = self.log.anchor.monotonic
        self._started = True
        self.add(self._first)
        return self

    def _ensure_clients(self) -> None:
        if self._process is not None or not self._started or self._report is not None:
            return
        self._heard = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "edgebook.traffic.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us: we stop it, and keep what it saw
        )
        self._reader = threading.Thread(target=self._listen, daemon=True, name="traffic-watch")
        self._reader.start()

    def add(
        self,
        targets: Iterable[Target],
        *,
        ways: Mapping[tuple[str, int], Iterable[Way]] | None = None,
        rates: Mapping[str, float] | None = None,
    ) -> None:
        """Watch these too; ways that were not there before are looked up anew, for all.

        `ways` are those that the caller knows; for the rest the watch's own `reach` is asked.
        """
        with self._lock:
            self._rates.update(rates or {})
            for target in targets:
                self._targets.setdefault(target, [])
            for target, known in self._targets.items():
                place = (target.ip, target.port)
                given = (ways or {}).get(place)
                if target.protocol is Protocol.DNS:  # a name server is where it is said to be
                    given = direct(*place)
                found = self._reach(*place) if given is None else given
                known += [way for way in found if way not in known]
            series = self._paced()
            self.log.add_series(series)
            if series:
                self._ensure_clients()
                self._tell({"add": [item.to_json() for item in series]})

    def hurry(self, longest: float | None) -> None:
        """No series waits longer than so many seconds from now on; None: at the allowed pace."""
        with self._lock:
            wanted = float("inf") if longest is None else longest
            if wanted != self._longest:
                self._longest = wanted
                self.add(())

    def refresh(self) -> None:
        """Look again where the targets are reached."""
        self.add(())

    def drop(self, *frontends: str) -> None:
        """From now on these frontends are not counted: they are taken down on purpose."""
        now = time.monotonic()
        with self._lock:
            gone = [n for n, s in self.log.series.items() if s.target.frontend in frontends]
            self.log.drop(gone, now)
            self._targets = {
                target: ways
                for target, ways in self._targets.items()
                if target.frontend not in frontends
            }
            self._tell({"drop": gone})

    def mark(self, text: str, *, key: str = "") -> Mark:
        """Remember this moment under a name."""
        mark = Mark(time.monotonic(), text, key)
        self.log.marks.append(mark)
        return mark

    def window(
        self,
        since: float | None = None,
        until: float | None = None,
        *,
        changes: Sequence[Span] = (),
    ) -> Statistics:
        """What was seen between two moments of `time.monotonic()`; by default all until now."""
        since = self.began if since is None else since
        until = time.monotonic() if until is None else until
        seen = self._report.log if self._report else self._with_silence(until)
        return statistics(seen, since, until, changes=changes)

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until what was seen fulfils it, looked at with each news; whether it did."""
        with self._news:
            return self._news.wait_for(condition, seconds)

    def stop(self) -> Report:
        """End the clients, wait for what is under way, and report. Stopping twice is harmless."""
        if self._report is not None:
            return self._report
        process, until = self._process, time.monotonic()
        if process is not None:
            self._tell({"stop": True})
            with contextlib.suppress(OSError):
                assert process.stdin is not None
                process.stdin.close()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if self._reader is not None:
                self._reader.join(STOP_SECONDS)
        self.log = self._with_silence(until)
        self._report = Report(statistics(self.log, self.began, until), self.log, self.began, until)
        return self._report

    @property
    def targets(self) -> tuple[Target, ...]:
        return tuple(self._targets)

    @property
    def unreached(self) -> tuple[Target, ...]:
        """Targets that nothing leads to: no rule serves their address and port yet."""
        return tuple(target for target, ways in self._targets.items() if not ways)

    def _paced(self) -> list[Series]:
        """Every series with its interval: a frontend's rate is shared by all that watch it."""
        wanted = [
            (target, client, way)
            for target, ways in self._targets.items()
            for client in target.kinds
            for way in ways
        ]
        numbers = {
            (s.target, s.client, Way(s.location, s.host, s.port)): n
            for n, s in self.log.series.items()
        }
        sharing: dict[str, float] = defaultdict(float)
        for target, _, _ in wanted:
            sharing[target.frontend] += target.weight
        made: list[Series] = []
        following = max(self.log.series, default=-1) + 1
        for (target, client, way), first in zip(wanted, _turns(wanted), strict=True):
            number = numbers.get((target, client, way))
            if number is None:
                number, following = following, following + 1
            whole = sharing[target.frontend]
            interval = min(whole / target.weight / self._rate_of(target.frontend), self._longest)
            where = (way.location, way.host, way.port)
            made.append(Series(number, target, client, *where, interval, first))
        return made

    def _rate_of(self, frontend: str) -> float:
        return self._rates.get(frontend, self._usual)

    def _tell(self, order: Mapping[str, Any]) -> None:
        process = self._process
        if process is None or process.stdin is None or process.stdin.closed:
            return
        with contextlib.suppress(OSError):  # it died: that shows as blind time
            process.stdin.write(orjson.dumps(order) + b"\n")
            process.stdin.flush()

    def _listen(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                with contextlib.suppress(orjson.JSONDecodeError):  # cut off by a kill
                    self._hear(orjson.loads(line))
        self._notify()

    def _hear(self, said: Mapping[str, Any]) -> None:
        self.log.extend(said["s"], heard=said["t"])
        self.log.blind += [Blind(*item) for item in said["b"]]
        self.log.unfinished = said["u"]
        self.trouble += said.get("trouble", ())
        self._heard = said["t"]
        self._ended = self._ended or bool(said.get("end"))
        self._notify()

    def _notify(self) -> None:
        with self._news:
            self._news.notify_all()

    def _with_silence(self, until: float) -> SampleLog:
        """The log, blind from when the clients were last heard if that is too long ago."""
        if self._process is None or self._ended or until - self._heard < SILENT:
            return self.log
        return self.log.blinded(Blind(self._heard, until, "the clients do not report"))


def _turns(wanted: Sequence[tuple[Target, Client, Way]]) -> list[float]:
    """Where in its interval each series has its turn, as a share of it.

    What watches one port of one frontend through one location takes turns evenly, so that the port
    is never out of sight for longer than it must be; ports and locations begin at different times.
    """
    members: dict[tuple[str, int, str], int] = defaultdict(int)
    groups = [(target.frontend, target.port, way.location) for target, _, way in wanted]
    found = []
    sizes = Counter(groups)
    order = {group: number / len(sizes) for number, group in enumerate(sizes)}
    for group in groups:
        found.append((members[group] + order[group]) / sizes[group])
        members[group] += 1
    return found
