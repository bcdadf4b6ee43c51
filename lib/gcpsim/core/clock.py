"""Simulated time: every duration in gcpsim passes through one Clock.

Three kinds of waiting, since "at once" (scale 0) means different things to them. `after` is a
process that takes a while (an operation, an issuance): with scale 0 it is over at once. `at` is a
date (a lease, a ten-minute timeout, a renewal): it comes when simulated time gets there, whatever
the scale. `every` is a controller's resync: with scale 0 it also runs whenever things settle.
The clock must not know what it drives, and nothing else in gcpsim may sleep or read the wall clock.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

SETTLE_LIMIT = 20_000
BEAT, STALL = 0.05, 0.15  # real seconds: between two looks at the wall, and what one may bring
MOST_TRIES, FIRST_RETRY = 6, 10.0  # of a callback that fails: 10 s, 20 s, ... of simulated time


@dataclass(order=True)
class Timer:
    """A callback that is due at a simulated time; `cancel` makes it never happen."""

    when: float
    order: int
    callback: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)
    lasting: bool = field(default=False, compare=False)
    tries: int = field(default=0, compare=False)

    def cancel(self) -> None:
        self.cancelled = True


class Clock:
    """Simulated time in POSIX seconds, running at `scale` times real time.

    Scale 0 runs at real speed but makes every process (`after`) take no time. A paused clock stands
    still until `advance`. `around` wraps each callback (the world commits its state there).

    `stall`: real seconds that time goes on by itself when nobody serves its timers, if it is faster
    than real. A machine that is busy with other things then makes time slower, instead of bringing
    together what is a minute apart: a change of endpoints, and the end of the pods behind it.
    """

    def __init__(
        self,
        *,
        scale: float = 1.0,
        paused: bool = False,
        start: float | None = None,
        wall: Callable[[], float] = time.time,
        stall: float = float("inf"),
    ) -> None:
        self._wall = wall
        self._scale = scale
        self._base = wall() if start is None else start
        self._since = wall()
        self._stall = stall
        self.paused = paused
        self._timers: list[Timer] = []
        self._order = itertools.count()
        self._resyncs: list[Callable[[], bool]] = []
        self._wake: asyncio.Event | None = None
        self._settling = False
        self.changed: list[Callable[[], None]] = []
        self.around: Callable[[Callable[[], None]], None] = lambda callback: callback()
        self.failed: Callable[[str, Exception], None] = _raise

    @property
    def scale(self) -> float:
        return self._scale

    def now(self) -> float:
        """Simulated POSIX seconds."""
        if self.paused:
            return self._base
        real = self._wall() - self._since
        if self._scale > 1:
            real = min(real, self._stall)
        return self._base + real * (self._scale or 1.0)

    def beat(self) -> None:
        """Somebody serves the timers: time may go on."""
        self._base, self._since = self.now(), self._wall()

    def set(self, *, scale: float | None = None, paused: bool | None = None) -> None:
        """Change speed or pause without a jump in simulated time."""
        self.beat()
        if scale is not None:
            self._scale = scale
        if paused is not None:
            self.paused = paused
        self._kick()
        for observer in self.changed:
            observer()

    def after(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Run `callback` when a process of `seconds` is over; with scale 0, at the next settle."""
        return self._push(self.now() + (seconds if self._scale else 0.0), callback)

    def by(self, when: float, callback: Callable[[], None]) -> Timer:
        """Run `callback` when a process that ends at `when` is over; with scale 0, at the next
        settle. What ends at one moment runs in the order in which it was asked for, which a wait
        of `when - now()` does not give: time goes on between its reading and its use."""
        return self._push(when if self._scale else self.now(), callback)

    def at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Run `callback` at a simulated date in POSIX seconds; scale 0 does not bring it nearer."""
        return self._push(when, callback)

    def every(self, seconds: float, callback: Callable[[], bool]) -> None:
        """Run `callback` each `seconds` of simulated time, and with scale 0 whenever time settles.

        It returns True when it changed anything, so that settling knows when all is quiet.
        """
        self._resyncs.append(callback)

        def tick() -> None:
            self._push(self.now() + seconds, tick, lasting=True)
            callback()

        self._push(self.now() + seconds, tick, lasting=True)

    def clear(self) -> None:
        """Forget all timers but the resyncs."""
        self._timers = [timer for timer in self._timers if timer.lasting]
        heapq.heapify(self._timers)

    def settle(self) -> None:
        """Run what is due; with scale 0 also the resyncs, until nothing changes any more."""
        if self._settling:
            return
        self._settling = True
        try:
            for _ in range(SETTLE_LIMIT):
                ran = self._run_due(self.now())
                if self._scale == 0:
                    for resync in self._resyncs:
                        ran = self._resync(resync) or ran
                if not ran:
                    return
            self._put_off()
        finally:
            self._settling = False

    def advance(self, seconds: float) -> None:
        """Move simulated time forward, running what becomes due in order, each at its own time."""
        self.settle()
        target = self.now() + seconds
        was_paused, self.paused = self.paused, True
        self._base = target - seconds
        while self._timers and self._timers[0].when <= target:
            self._base = max(self._base, self._timers[0].when)
            self._run_due(self._base)
            if self._scale == 0:
                self.settle()
        self._base, self._since = target, self._wall()
        self.paused = was_paused
        self.settle()
        self._kick()

    async def run(self) -> None:
        """Serve timers until cancelled."""
        self._wake = asyncio.Event()
        while True:
            self.beat()
            self.settle()
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), self._nap())
            except TimeoutError:
                continue

    def _resync(self, resync: Callable[[], bool]) -> bool:
        changed: list[bool] = []
        try:
            self.around(lambda: changed.append(resync()))
        except Exception as error:
            self.failed(_name(resync), error)
        return any(changed)

    def busy(self) -> bool:
        """Whether something is due right now: at scale 0, whether things have not settled yet."""
        self._drop_cancelled()
        return bool(self._timers) and self._timers[0].when <= self.now()

    def _drop_cancelled(self) -> None:
        while self._timers and self._timers[0].cancelled:
            heapq.heappop(self._timers)

    def _delay(self) -> float | None:
        self._drop_cancelled()
        if self.paused or not self._timers:
            return None
        return max(0.0, (self._timers[0].when - self.now()) / (self._scale or 1.0))

    def _nap(self) -> float | None:
        """Real seconds until somebody has to look again."""
        delay = self._delay()
        if self.paused or self._scale <= 1 or self._stall == float("inf"):
            return delay
        return BEAT if delay is None else min(delay, BEAT)

    def _push(self, when: float, callback: Callable[[], None], *, lasting: bool = False) -> Timer:
        timer = Timer(when, next(self._order), callback, lasting=lasting)
        heapq.heappush(self._timers, timer)
        self._kick()
        return timer

    def _kick(self) -> None:
        if self._wake is not None:
            self._wake.set()

    def _run_due(self, until: float) -> bool:
        ran = False
        while self._timers and self._timers[0].when <= until:
            timer = heapq.heappop(self._timers)
            if not timer.cancelled:
                ran = True
                self._ring(timer)
        return ran

    def _ring(self, timer: Timer) -> None:
        """Run one callback. A failure touches no other: it is told, and tried again later."""
        try:
            self.around(timer.callback)
        except Exception as error:
            self.failed(_name(timer.callback), error)
            if not timer.lasting and timer.tries < MOST_TRIES:
                delay = FIRST_RETRY * 2.0**timer.tries
                again = Timer(self.now() + delay, next(self._order), timer.callback)
                again.tries = timer.tries + 1
                heapq.heappush(self._timers, again)
                self._kick()

    def _put_off(self) -> None:
        """What is due but never comes to rest has to wait a second: everyone else goes first."""
        now = self.now()
        due = [timer for timer in self._timers if timer.when <= now and not timer.cancelled]
        names = sorted({_name(timer.callback) for timer in due})
        error = RuntimeError(f"time did not settle after {SETTLE_LIMIT} rounds")
        self.failed(", ".join(names) or "the resyncs", error)
        for timer in due:
            timer.when = now + 1.0
        heapq.heapify(self._timers)


def _raise(what: str, error: Exception) -> None:
    raise error


def _name(callback: object) -> str:
    """What a callback is called in a log."""
    inner = getattr(callback, "__func__", callback)
    module = str(getattr(inner, "__module__", "")).removeprefix("gcpsim.")
    return f"{module}.{getattr(inner, '__qualname__', type(callback).__name__)}"


def rfc3339(seconds: float, *, offset: bool = False, millis: bool = True) -> str:
    """A time as Google's APIs print it: `...Z`, or with `offset` Compute Engine's Pacific form."""
    if offset:
        from zoneinfo import ZoneInfo

        local = datetime.fromtimestamp(seconds, ZoneInfo("America/Los_Angeles"))
        return local.isoformat(timespec="milliseconds")
    text = datetime.fromtimestamp(seconds, UTC).isoformat(
        timespec="milliseconds" if millis else "seconds"
    )
    return text.replace("+00:00", "Z")
