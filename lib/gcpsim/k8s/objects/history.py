"""What happened to a cluster's objects: the events that watches replay, by resource.

Events carry the cluster-wide resource version. Those of a transaction that was rolled back are
told by their number: nothing above the store's counter ever happened. Old events are dropped once
every watch has read them and there are more than KEEP; a watch that lags beyond LIMIT gets 410
instead.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Doc = dict[str, Any]

KEEP = 2_000
LIMIT = 100_000


@dataclass(slots=True)
class Happened:
    """One write: its resource version, the object then (its last state, if deleted), and before."""

    version: int
    type: str
    obj: Doc
    old: Doc | None
    lines: dict[str, bytes] = field(default_factory=dict)


class Log:
    """The events of one resource, oldest first; `floor` is the version before the oldest."""

    def __init__(self, floor: int) -> None:
        self.floor = floor
        self.events: list[Happened] = []
        self._dropped = 0
        self._readers: dict[int, tuple[Callable[[], int], Callable[[], None]]] = {}

    def append(self, event: Happened) -> None:
        self.forget_from(event.version)
        self.events.append(event)
        if len(self.events) >= 2 * KEEP:
            self._trim()
        for _, wake in tuple(self._readers.values()):
            wake()

    def forget_from(self, version: int) -> None:
        """Drop events at or above a version: their transaction was rolled back."""
        while self.events and self.events[-1].version >= version:
            self.events.pop()

    def after(self, version: int, current: int) -> list[Happened] | None:
        """Events after `version`, or None when some of them are forgotten."""
        self.forget_from(current + 1)
        if version < self.floor:
            return None
        events = self.events
        low, high = 0, len(events)
        while low < high:
            middle = (low + high) // 2
            if events[middle].version <= version:
                low = middle + 1
            else:
                high = middle
        return events[low:]

    def follow(self, position: Callable[[], int], wake: Callable[[], None]) -> Callable[[], None]:
        """Register a reader by where it is and how to wake it; returns the way to stop."""
        number = max(self._readers, default=0) + 1
        self._readers[number] = (position, wake)

        def stop() -> None:
            self._readers.pop(number, None)

        return stop

    def _trim(self) -> None:
        slowest = min(
            (position() for position, _ in tuple(self._readers.values())), default=1 << 62
        )
        count = len(self.events)
        drop = 0
        while drop < count - KEEP and self.events[drop].version <= slowest:
            drop += 1
        drop = max(drop, count - LIMIT)
        if drop > 0:
            self.floor = self.events[drop - 1].version
            del self.events[:drop]


class History:
    """Logs by resource key, and the objects as they were at an earlier version."""

    def __init__(self, current: Callable[[], int]) -> None:
        self._current = current
        self._start = current()
        self._logs: dict[str, Log] = {}

    def log(self, key: str) -> Log:
        found = self._logs.get(key)
        if found is None:
            found = self._logs[key] = Log(self._start)
        return found

    def since(self, key: str, version: int) -> list[Happened] | None:
        return self.log(key).after(version, self._current())

    def undone(self, key: str, version: int) -> dict[str, Doc | None] | None:
        """What differs between now and `version`: object key -> the object then, or None."""
        events = self.since(key, version)
        if events is None:
            return None
        then: dict[str, Doc | None] = {}
        for event in reversed(events):
            then[object_key(event.obj)] = event.old
        return then


def object_key(obj: Doc) -> str:
    metadata = obj["metadata"]
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])
