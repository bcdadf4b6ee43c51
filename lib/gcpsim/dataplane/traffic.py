"""What flows: counts per forwarding rule, location and backend since the start, and rates now."""

from __future__ import annotations

from collections import Counter
from typing import Any

from gcpsim.core.seen import Connection, Request

Key = tuple[str, str, str, str, str, str]
COLUMNS = ("project", "rule", "location", "service", "backend", "outcome")


class Traffic:
    """Counts of answers by status (or connections by how they ended)."""

    def __init__(self) -> None:
        self.counts: Counter[Key] = Counter()

    def request(self, entry: Request) -> None:
        outcome = str(entry["status"])
        if entry["status_details"] not in ("response_sent_by_backend", "direct_response"):
            outcome += f" {entry['status_details']}"
        self._count(entry, outcome)

    def connection(self, entry: Connection) -> None:
        if "ended" in entry:
            self._count(entry, entry["proxy_status"] or "connection")

    def table(self) -> list[dict[str, Any]]:
        """Rows, sorted."""
        return [
            {**dict(zip(COLUMNS, key, strict=True)), "count": count}
            for key, count in sorted(self.counts.items())
        ]

    def _count(self, entry: Request | Connection, outcome: str) -> None:
        group = entry["backend_group"]
        parts = group.split("/")
        backend = f"{parts[3]}/{parts[-1]}" if len(parts) > 3 else group
        self.counts[
            entry["project"],
            entry["forwarding_rule"],
            entry["location"],
            entry["backend_service"],
            backend,
            outcome,
        ] += 1
