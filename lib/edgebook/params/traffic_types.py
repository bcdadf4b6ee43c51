"""What users of a front door are promised: how it is asked, and what a change may cost them."""

# ruff: noqa: RUF009 - `key` returns a dataclass field, made anew for each

from dataclasses import dataclass
from enum import StrEnum

from edgebook.params.fields import HOSTNAME, NAME, URL_PATH, Percent, Seconds, key


class Method(StrEnum):
    GET = "GET"
    HEAD = "HEAD"
    OPTIONS = "OPTIONS"
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"


SAFE_METHODS = frozenset({Method.GET, Method.HEAD, Method.OPTIONS})


@dataclass(frozen=True)
class CheckSpec:
    """One thing that the meter asks of a frontend, again and again, and the answer it expects."""

    frontend: str = key("Name of the frontend.", pattern=NAME)
    host: str = key("HTTPS, SSL: only this name; every hostname when absent.", "", pattern=HOSTNAME)
    path: str = key("HTTPS: path to ask for.", "/", pattern=URL_PATH)
    method: Method = key("HTTPS: other than GET, HEAD or OPTIONS needs `unsafe`.", Method.GET)
    body: str = key("HTTPS: body of the request.", "")
    unsafe: bool = key("The method may be repeated at will; nobody is harmed by it.", False)
    statuses: tuple[int, ...] = key(
        "HTTPS: statuses that are good; when absent, below 400, or 4xx that was never better.",
        (),
        minimum=100,
        maximum=599,
    )
    contains: str = key("Text that a good answer has.", "")
    websocket: str = key("HTTPS: path of a WebSocket that is held open.", "", pattern=URL_PATH)
    send: str = key("SSL, TCP: what to say first; without it connections are only held.", "")
    timeout: Seconds = key("Patience for one answer.", Seconds(2), minimum=1, maximum=60)
    rate: float | None = key(
        "Requests a second on the whole frontend; 5 on Google Cloud when absent.",
        None,
        minimum=0.01,
        maximum=5000,
    )


@dataclass(frozen=True)
class TrafficSafetySpec:
    """What users may notice of a change: a step that exceeds it stops with the evidence."""

    max_failed: int = key("Requests of the meter that may fail in one step.", 0, minimum=0)
    max_gap: Seconds = key(
        "Longest time without a success, on any frontend in any location.", Seconds(5), minimum=1
    )
    max_latency_rise: Percent | None = key(
        "How much the 99th percentile may rise; null: it is not judged.", Percent(0.5)
    )
    real_users: bool = key(
        "After a run, wait for Google's logs and metrics (5 min) and put them into the record.",
        True,
    )
