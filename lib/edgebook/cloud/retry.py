"""The one way in which a call is repeated: while its error is one that passes, within a limit.

An error is told from its reason (`refusals`). Quotas are waited for; a server that is busy, gone or
sends garbage is asked again with growing pauses, for two minutes at most; one that does not answer
at all is asked twice (`connect.Limits`). Whoever calls must make repetitions safe: by request ids
and fingerprints.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from edgebook.base.clock import Cancelled, backoff
from edgebook.base.errors import ApiError
from edgebook.cloud import refusals
from edgebook.cloud.calls import bounded
from edgebook.cloud.connect import Connection
from edgebook.cloud.refusals import Passing

T = TypeVar("T")
TRIES = 8
SILENT_TRIES = 2


def attempt(
    once: Callable[[], T],
    *,
    connection: Connection,
    method: str,
    path: str,
    waits: bool = False,
    prepare: Callable[[], object] = lambda: None,
) -> T:
    """Call `once` until it works; EdgebookError when it does not, Cancelled at Ctrl-C.

    `waits`: the API itself waits for something before it answers. `prepare` comes before each try
    and has a limit of its own, so that what is slow there is not taken for this call.
    """
    limits = connection.limits
    seconds = limits.waiting if waits else limits.one
    began, waited, silent = time.monotonic(), 0.0, 0
    for number in range(1, TRIES + 1):
        prepare()
        try:
            return bounded(once, seconds=seconds, clock=connection.clock)
        except Cancelled:
            raise
        except Exception as raised:
            error = refusals.from_exception(raised, method=method, path=path)
            when = refusals.passing(error)
            silent += isinstance(error, ApiError) and error.reason == refusals.SILENT
            pause = _pause(when, number - 1, connection)
            spent = time.monotonic() - began - waited
            ahead = 0.0 if when is Passing.AFTER_THE_MINUTE else _real(pause, connection)
            over = number == TRIES or silent == SILENT_TRIES or spent + ahead > limits.call
            if when is Passing.NEVER or over:
                raise _told(error, number, spent) from raised
            connection.on_retry(error, pause)
            resting = time.monotonic()
            connection.clock.wait(pause)
            if when is Passing.AFTER_THE_MINUTE:
                waited += time.monotonic() - resting
    raise AssertionError("unreachable")


def _pause(when: Passing, before: int, connection: Connection) -> float:
    pause = backoff(before)
    if when is Passing.AFTER_THE_MINUTE:
        # Quotas are counted in windows of one minute and refilled when the next one starts.
        pause += 60 - connection.clock.utc().second
    return pause


def _real(pause: float, connection: Connection) -> float:
    """How long a pause takes here, where simulated time may run faster."""
    return pause / connection.clock.rate if connection.clock.rate else 0.0


def _told(error: Exception, tries: int, spent: float) -> Exception:
    """The error, with how often it was tried when that was more than once."""
    if isinstance(error, ApiError) and tries > 1:
        error.why = f"{error.why}\ntried {tries} times in {spent:.0f} s".strip()
    return error
