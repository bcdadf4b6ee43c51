"""Time as the library sees it: a monotonic clock, a calendar date and a way to wait.

Everything that waits or dates something takes a Clock, so that tests move time instead of sleeping.
`Clock.wait` ends early when the run is cancelled (Ctrl-C), with Cancelled.
"""

import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime


class Cancelled(Exception):
    """The run was asked to stop: no new call is started, what is under way is journaled."""


class Clock:
    """Real time. `rate`: seconds of the environment that pass per second here; 0: at once."""

    def __init__(self, *, rate: float = 1.0) -> None:
        self.rate = rate
        self._stop = threading.Event()

    def monotonic(self) -> float:
        """Seconds since some fixed moment, for durations."""
        return time.monotonic()

    def utc(self) -> datetime:
        return datetime.now(UTC)

    def wait(self, seconds: float) -> None:
        """Wait `seconds` of the environment's time; raises Cancelled when asked to stop."""
        if self._stop.wait(seconds / self.rate if self.rate else min(seconds, 0.01)):
            raise Cancelled("stopped")

    def passed(self) -> float:
        """Seconds of the environment's time since some fixed moment."""
        return self.monotonic() * (self.rate or 1.0)

    def cancel(self) -> None:
        self._stop.set()

    def resume(self) -> None:
        """Forget an earlier cancel: a notebook's kernel lives on after Ctrl-C."""
        self._stop.clear()

    @property
    def cancelled(self) -> bool:
        return self._stop.is_set()


class FollowingClock(Clock):
    """The clock of an environment that may be slower than its rate says: it is asked.

    `ask`: seconds of its time, None when it does not say. A wait ends when that much has passed
    there, or when it took four times what it should: time that stands still holds nobody up.
    """

    SHORT = 5.0  # seconds of the environment that are not worth a question
    PATIENCE = 4.0

    def __init__(self, *, rate: float, ask: Callable[[], float | None]) -> None:
        super().__init__(rate=rate)
        self._ask = ask
        self._ahead: float | None = None  # of our own reckoning, when it was last asked

    def passed(self) -> float:
        """What it says; while it says nothing, what it must be by its rate since it last did."""
        said, reckoned = self._ask(), super().passed()
        if said is not None:
            self._ahead = said - reckoned
        return reckoned + (self._ahead or 0.0)

    def wait(self, seconds: float) -> None:
        began = self._ask() if self.rate > 1 and seconds > self.SHORT else None
        super().wait(seconds)
        if began is None:
            return
        left = seconds * (self.PATIENCE - 1)
        while left > 0 and (now := self._ask()) is not None:
            missing = min(began + seconds - now, left)
            if missing <= 0:
                return
            left -= max(missing, self.SHORT)
            super().wait(missing)


class Budget:
    """How long something may take, in the environment's seconds; spent by `pause`.

    Counted as the larger of what was waited and what has passed, so that it also ends where time
    stands still.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self.seconds = seconds
        self._began = clock.passed()
        self._waited = 0.0

    @property
    def spent(self) -> float:
        passed = self._clock.passed() - self._began if self._clock.rate else 0.0
        return max(self._waited, passed)

    def pause(self, *, share: float = 0.04, least: float = 1.0, most: float = 15.0) -> bool:
        """Wait a `share` of what was spent so far; False when nothing is left."""
        if self.spent >= self.seconds:
            return False
        pause = min(most, max(least, self.spent * share))
        self._clock.wait(pause)
        self._waited += pause
        return True


class SteppedClock(Clock):
    """A clock that moves only when somebody waits on it: for tests and for planning ahead."""

    def __init__(self, start: datetime | None = None) -> None:
        super().__init__()
        self._now = 0.0
        self._start = start or datetime(2026, 11, 23, tzinfo=UTC)
        self._lock = threading.Lock()
        self.on_wait: Callable[[float], None] = lambda seconds: None

    def monotonic(self) -> float:
        return self._now

    def utc(self) -> datetime:
        return datetime.fromtimestamp(self._start.timestamp() + self._now, UTC)

    def wait(self, seconds: float) -> None:
        if self.cancelled:
            raise Cancelled("stopped")
        with self._lock:
            self._now += seconds
        self.on_wait(seconds)


def rfc3339(moment: datetime) -> str:
    """A time in UTC with milliseconds, as Google's APIs and our journals print it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: object) -> datetime | None:
    """What an API says of a time, in UTC; None where it says none, or what is no time."""
    try:
        said = datetime.fromisoformat(str(text or ""))
    except ValueError:
        return None
    return (said if said.tzinfo else said.replace(tzinfo=UTC)).astimezone(UTC)


def backoff(attempt: int, *, first: float = 1.0, limit: float = 60.0) -> float:
    """Seconds to wait before try `attempt` + 1: doubled each time, with full jitter above half."""
    ceiling = min(limit, first * 2.0**attempt)
    return ceiling / 2 + random.uniform(0, ceiling / 2)
