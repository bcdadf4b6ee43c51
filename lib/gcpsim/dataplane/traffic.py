"""What flows: counts per rule, location and backend since the start, and a second now."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from gcpsim.core.paths import words_of
from gcpsim.core.seen import Connection, Packets, Request

Key = tuple[str, str, str, str, str, str]
COLUMNS = ("project", "rule", "location", "service", "backend", "outcome")
# Rates are means over the last one to two of these, in real seconds as traffic is.
PERIOD = 5.0


class Traffic:
    """Counts of answers by status (or connections by how they ended)."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.counts: Counter[Key] = Counter()
        self._now = now
        self._since = now()
        self._recent: Counter[Key] = Counter()
        self._before: Counter[Key] = Counter()

    def request(self, entry: Request) -> None:
        outcome = str(entry["status"])
        if entry["status_details"] not in ("response_sent_by_backend", "direct_response"):
            outcome += f" {entry['status_details']}"
        self._count(entry, outcome)

    def connection(self, entry: Connection) -> None:
        if "ended" in entry:
            self._count(entry, entry["proxy_status"] or "connection")

    def packets(self, entry: Packets) -> None:
        """A connection through a passthrough load balancer counts when it is over."""
        if entry["ended"]:
            self._add(entry, entry["backend"], entry["node"], "connection")

    def table(self) -> list[dict[str, Any]]:
        """Rows, sorted: `count` since the start, `rate` a second now."""
        self._turn()
        span = PERIOD + self._now() - self._since
        return [
            {
                **dict(zip(COLUMNS, key, strict=True)),
                "count": count,
                "rate": round((self._before[key] + self._recent[key]) / span, 1),
            }
            for key, count in sorted(self.counts.items())
        ]

    def _turn(self) -> None:
        """Begin a new period when the last one is over; forget what is older than two."""
        passed = self._now() - self._since
        if passed >= PERIOD:
            self._before = self._recent if passed < 2 * PERIOD else Counter()
            self._recent = Counter()
            self._since = self._now()

    def _count(self, entry: Request | Connection, outcome: str) -> None:
        self._add(entry, entry["backend_service"], _backend(entry["backend_group"]), outcome)

    def _add(
        self, entry: Request | Connection | Packets, service: str, backend: str, outcome: str
    ) -> None:
        rule, location = entry["forwarding_rule"], entry["location"]
        key = (entry["project"], rule, location, service, backend, outcome)
        self._turn()
        self.counts[key] += 1
        self._recent[key] += 1


@lru_cache(1_024)
def _backend(group: str) -> str:
    """`zone/name` of a group's path."""
    parts = words_of(group)
    return f"{parts[3]}/{parts[-1]}" if len(parts) > 3 else group
