"""Signals that ask a process to stop: all alike, as KeyboardInterrupt, and never into a seal.

Only the main thread of a process can take them; elsewhere these contexts do nothing.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def as_interrupts() -> Iterator[None]:
    """SIGTERM and a closed terminal stop like Ctrl-C: in words, with what was held let go."""
    with _handled(_raise, STOPPING[1:]):
        yield


@contextlib.contextmanager
def shielded() -> Iterator[None]:
    """What is inside is finished whatever comes; a signal that came is raised afterwards."""
    came: list[int] = []
    with _handled(lambda number, frame: came.append(number), STOPPING):
        yield
    if came:
        raise KeyboardInterrupt


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
