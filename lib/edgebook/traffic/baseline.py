"""Whether real users fared as they did in the same hour of the day before. Pure.

Counts of metrics are samples that come in whole minutes: they make a doubt, never a breach. The
proof is the meter; this says where to look.
"""

from collections.abc import Mapping
from typing import Any

LEAST = 100  # requests of the day before: fewer say nothing
FEWER = 0.5  # of the day before: so few came that somebody may have been turned away
RISE = 2.0  # times the share of failures of the day before
NOISE = 3  # failures more than expected that say nothing


def compared(row: Mapping[str, Any]) -> dict[str, str]:
    """{"state", "why"} of one frontend: ok, worse, or unknown; `row` as `users.read` makes it.

    Needs `requests`, `of_the_meter`, `day_before`, and `failures`, `failures_day_before` by kind
    (None: could not be read).
    """
    requests, before = row.get("requests"), row.get("day_before")
    if requests is None or before is None:
        return _said("unknown", "metrics cannot be read")
    now = max(0, int(requests) - int(row.get("of_the_meter") or 0))
    if before < LEAST:
        return _said("unknown", f"{before} requests in the same time of the day before")
    if now < before * FEWER:
        return _said("worse", f"{now:,} requests of real users, {before:,} the day before")
    failures, failures_before = row.get("failures"), row.get("failures_day_before")
    if failures is None or failures_before is None:
        return _said("unknown", "logs cannot be read")
    bad, expected = sum(failures.values()), sum(failures_before.values()) / before * now
    words = f"{bad:,} of {now:,} requests of real users failed, {expected:.0f} would be as before"
    worse = bad > expected * RISE and bad > expected + NOISE
    return _said("worse" if worse else "ok", words)


def _said(state: str, why: str) -> dict[str, str]:
    return {"state": state, "why": why}
