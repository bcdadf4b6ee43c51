"""Takes what the front ends did: into logs, if the backend service wants them, and into metrics.

This is on the way of every request: nothing is rendered here, only kept in small tuples.
"""

import random

from gcpsim.core.seen import Connection, Packets, Request
from gcpsim.core.world import Observability, World
from gcpsim.observability.journal import Journal
from gcpsim.observability.metrics import Metrics


class Observed(Observability):
    """The journal of log entries and the counters of metrics of one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.journal = Journal()
        self.metrics = Metrics()
        self._random = random.Random(world.options.seed)

    def request(self, entry: Request) -> None:
        self.metrics.request(entry)
        if not entry.get("redirect") and self._sampled(entry):
            self.journal.add(entry["project"], "requests", entry["time"], entry)

    def connection(self, entry: Connection) -> None:
        self.metrics.connection(entry)
        if "ended" in entry and self._sampled(entry):
            self.journal.add(entry["project"], "connections", entry["ended"], entry)

    def packets(self, entry: Packets) -> None:
        self.metrics.packets(entry)

    def _sampled(self, entry: Request | Connection) -> bool:
        """Whether the backend service logs this one: off unless it says so (D: logConfig)."""
        name = entry.get("backend_service", "")
        if not name:
            return False
        path = f"projects/{entry['project']}/global/backendServices/{name}"
        config = (self.world.compute.get(path) or {}).get("logConfig") or {}
        if not config.get("enable"):
            return False
        rate = float(config.get("sampleRate", 1.0))
        return rate >= 1.0 or self._random.random() < rate
