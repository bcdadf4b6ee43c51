"""Looks after the notebook that runs: its time, the wish to stop, and what its journal says.

One thread. When time is up or a signal came, the kernel is interrupted first, so that the library
can write down where it stopped, and killed when it does not end soon. It must not raise anything:
the runner reads the reason afterwards.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from edgebook.base.interrupts import STOPPING, noted
from edgebook.records.events import StepEvents, add, read_events

GRACE = 8.0
AGAIN = 1.0
TICK = 0.15


class Signals:
    """Ctrl-C, SIGTERM and a closed terminal as a wish to stop; the second one stops at once.

    Where `direct` is False a signal is only noted: a notebook ends in its own way, and a record is
    sealed whatever comes. `tell` says so at once, in a thread of its own, whatever is under way.
    """

    def __init__(self, tell: Callable[[], None] = lambda: None) -> None:
        self.wanted = threading.Event()
        self.tell = tell
        self._heed = threading.Event()  # a signal came, or none will come any more
        self._teller = threading.Thread(target=self._told, daemon=True, name="signals")
        self.number = 0
        self.direct = True
        self.hurried = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Signals":
        self._teller.start()
        if threading.current_thread() is threading.main_thread():
            for number in STOPPING:
                self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._heed.set()
        self._teller.join()
        noted.forget()

    def _take(self, number: int, frame: FrameType | None) -> None:
        again = self.wanted.is_set()
        self.number = number
        self.wanted.set()
        self._heed.set()
        noted.note()
        if self.direct or (again and self.hurried):
            raise KeyboardInterrupt

    def _told(self) -> None:
        self._heed.wait()
        if self.wanted.is_set():
            self.tell()

    @contextlib.contextmanager
    def deferred(self, *, hurried: bool = False) -> Any:
        """Signals only set `wanted`; with `hurried`, the second one stops at once."""
        before = self.direct, self.hurried
        self.direct, self.hurried = False, hurried
        try:
            yield
        finally:
            self.direct, self.hurried = before

    @contextlib.contextmanager
    def direct_again(self) -> Any:
        """Inside `deferred`: a signal raises KeyboardInterrupt here, and one that came already."""
        if self.wanted.is_set():
            raise KeyboardInterrupt
        self.direct = True
        try:
            yield
        finally:
            self.direct = False


class Watch:
    """Watches one notebook from `with` to its end; `reason` says why it was stopped, if it was."""

    def __init__(
        self,
        *,
        pid: int,
        deadline: float | None,
        signals: Signals,
        journal: Path,
        offset: int,
        show: Callable[[StepEvents], None],
    ) -> None:
        self.events = StepEvents()
        self.reason = ""
        self.offset = offset
        self._pid = pid
        self._deadline = deadline
        self._signals = signals
        self._journal = journal
        self._show = show
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="notebook-watch")

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()
        self._follow()

    def _run(self) -> None:
        stopped_at = told_at = 0.0
        while not self._over.wait(TICK):
            self._follow()
            now = time.monotonic()
            if not stopped_at:
                if self._signals.wanted.is_set():
                    self.reason = "interrupted"
                elif self._deadline is not None and now >= self._deadline:
                    self.reason = "timed out"
                stopped_at = now if self.reason else 0.0
            if stopped_at and now - stopped_at > GRACE:
                self._signal(signal.SIGKILL)
            elif stopped_at and now - told_at > AGAIN:  # a kernel between two cells ignores it
                told_at = now
                self._signal(signal.SIGINT)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, number)

    def _follow(self) -> None:
        events, self.offset = read_events(self._journal, offset=self.offset)
        for event in events:
            add(self.events, event)
        self._show(self.events)
