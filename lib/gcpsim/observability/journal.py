"""The newest log entries of all projects, bounded; made into Google's JSON only when read."""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

KEPT = 50_000  # entries of all projects; Google keeps 30 days


class Kept(NamedTuple):
    """One entry as it was told: which log it is in, when, and what was seen."""

    number: int
    project: str
    log: str  # requests | connections
    time: float
    seen: Mapping[str, Any]


class Journal:
    """Appends in the order of telling; `since` gives what came after a simulated time."""

    def __init__(self, kept: int = KEPT) -> None:
        self._entries: deque[Kept] = deque(maxlen=kept)
        self._number = 0

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, project: str, log: str, time: float, seen: Mapping[str, Any]) -> None:
        self._number += 1
        self._entries.append(Kept(self._number, project, log, time, seen))

    def of(self, projects: frozenset[str], until: float) -> Iterator[Kept]:
        """The entries of these projects that are readable at a simulated time."""
        for entry in self._entries:
            if entry.project in projects and entry.time <= until:
                yield entry
