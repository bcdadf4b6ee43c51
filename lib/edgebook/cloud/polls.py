"""Waiting for what an API does after it has answered: asked again until done, with a limit."""

import time
from collections.abc import Callable
from typing import Any

from edgebook.base.clock import Clock
from edgebook.cloud import refusals

FIRST, LONGEST = 0.2, 2.0  # seconds of the environment between two questions
OPERATION_SECONDS = 1800.0

Said = dict[str, Any]


def until(
    is_done: Callable[[Said], bool],
    said: Said,
    again: Callable[[Said], Said],
    *,
    method: str,
    path: str,
    clock: Clock | None = None,
    seconds: float = OPERATION_SECONDS,
) -> Said:
    """The last answer, which is done; ApiError when there is none after so many real seconds.

    `clock` waits between two questions; without one the API itself waits before it answers.
    """
    pause, ends = FIRST, time.monotonic() + seconds
    while not is_done(said):
        if time.monotonic() > ends:
            raise refusals.endless(said, seconds, method=method, path=path)
        if clock is not None:
            clock.wait(pause)
            pause = min(pause * 1.5, LONGEST)
        said = again(said)
    return said
