"""Signals that ask a process to stop: all alike, as KeyboardInterrupt, and never into a seal.

Only the main thread of a process can take them; elsewhere these contexts do nothing. What is
shielded and waits for somebody outside looks at `noted`: a seal is finished, but nobody waits for a
bucket that does not answer once somebody wants to go.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any


class Noted:
    """How many signals came and were not raised where they came."""

    def __init__(self) -> None:
        self.count = 0

    def note(self) -> None:
        self.count += 1

    def forget(self) -> None:
        self.count = 0


noted = Noted()
# Windows has no SIGHUP: its terminals close with others.
CLOSED = tuple(filter(None, [getattr(signal, "SIGHUP", None)]))
STOPPING = (signal.SIGINT, signal.SIGTERM, *CLOSED)


@contextlib.contextmanager
def as_interrupts() -> Iterator[None]:
    """SIGTERM and a closed terminal stop like Ctrl-C: in words, with what was held let go."""
    with _handled(_raise, STOPPING[1:]):
        yield


@contextlib.contextmanager
def shielded() -> Iterator[None]:
    """What is inside is finished whatever comes; a signal that came is raised afterwards."""
    before = noted.count
    came = False
    try:
        with _handled(lambda number, frame: noted.note(), STOPPING):
            yield
    finally:
        if came := noted.count > before:
            noted.forget()
    if came:
        raise KeyboardInterrupt


@contextlib.contextmanager
def held_back() -> Iterator[list[int]]:
    """Signals do not end what is inside; they are listed, and the first comes again afterwards."""
    came: list[int] = []
    try:
        with _handled(lambda number, frame: came.append(number), STOPPING):
            yield came
    finally:
        if came:
            signal.raise_signal(came[0])


@contextlib.contextmanager
def _handled(handler: Any, numbers: tuple[signal.Signals, ...]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _raise(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
