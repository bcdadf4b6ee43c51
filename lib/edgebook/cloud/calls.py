"""Calls that end: each in a thread of its own, with a limit, given up when the run is cancelled.

Sockets have timeouts, but a server that sends a byte now and then, a name that does not resolve or
a token that is fetched on the way pass them all. So whoever waits here waits for the limit and no
longer; the thread is left behind and dies with the process. It must not know what is called.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

from edgebook.base.clock import Cancelled

T = TypeVar("T")
SLICE = 0.2  # how soon a cancelled run is noticed


class TooLong(Exception):
    """The limit of a call is reached; whether it had an effect is not known."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer within {seconds:g} s")


class Stoppable(Protocol):
    """Whoever may be asked to stop: a clock, as a rule."""

    @property
    def cancelled(self) -> bool: ...


def bounded(work: Callable[[], T], *, seconds: float, clock: Stoppable) -> T:
    """What `work` returns or raises; TooLong after `seconds`, Cancelled when the run is stopped."""
    return finish(start(work), seconds=seconds, clock=clock)


def finish(future: "Future[T]", *, seconds: float, clock: Stoppable) -> T:
    """The same for what was started already: several may wait for one."""
    ends = time.monotonic() + seconds
    while not future.done():
        left = ends - time.monotonic()
        if left <= 0:
            raise TooLong(seconds)
        wait([future], timeout=min(left, SLICE))
        if clock.cancelled and not future.done():
            raise Cancelled("stopped")
    return future.result()


def start(work: Callable[[], T], name: str = "edgebook-call") -> "Future[T]":
    """Run `work` in a thread that never keeps the process alive."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future


class Threads:
    """A pool of a few threads that never keep the process alive: `submit`, and the future of it.

    A thread that has nothing to do for `idle` seconds ends: each reading has a pool of its own, and
    a kernel reads a thousand times.
    """

    def __init__(self, most: int, name: str, *, idle: float = 2.0) -> None:
        self._end_after = idle
        self._most = most
        self._name = name
        self._work: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._count = 0

    def submit(self, work: Callable[[], T]) -> "Future[T]":
        """Do `work` when one of the threads is free."""
        future: Future[T] = Future()
        self._work.put((future, work))
        with self._lock:
            if self._work.qsize() > self._idle and self._count < self._most:
                self._count += 1
                threading.Thread(target=self._serve, name=self._name, daemon=True).start()
        return future

    def _serve(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            try:
                future, work = self._work.get(timeout=self._end_after)
            except Empty:
                with self._lock:
                    self._idle -= 1
                    if self._work.empty():
                        self._count -= 1
                        return
                continue
            with self._lock:
                self._idle -= 1
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)
            del future, work
