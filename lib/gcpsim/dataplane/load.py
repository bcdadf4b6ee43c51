"""How much each location sends to each backend service now, as capacity is judged by.

Requests a second for services over HTTP, open connections for streams. Google estimates from recent
load and not for each request: this is a mean over some seconds, in coarse steps, so that shares
stay still while load does. It wakes only while something flows.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter

from gcpsim.core.seen import Connection, Request
from gcpsim.dataplane.station import Station

PERIOD = 1.0
KEEP = 0.5  # of the mean of before
STEP = 1.25
SILENCE = 0.05


class Load:
    """The load of one station; tells it when the load of a service changed by a step."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._counted: Counter[str] = Counter()
        self._rates: dict[str, float] = {}
        self._open: Counter[str] = Counter()
        self._ticking = False

    def request(self, entry: Request) -> None:
        if entry["backend_service"]:
            self._counted[_path(entry)] += 1
            self._wake()

    def connection(self, entry: Connection) -> None:
        # One that never reached a backend was never told as open.
        reached = "destination_unavailable" not in entry.get("proxy_status", "")
        if entry["backend_service"] and reached:
            self._open[_path(entry)] += -1 if "ended" in entry else 1
            self._wake()

    def tick(self) -> None:
        """A period is over: new means, and whoever moved by a step is told."""
        counted, self._counted = self._counted, Counter()
        moved = set()
        for path in sorted(counted.keys() | self._rates.keys() | self._open.keys()):
            mean = self._rates.get(path, 0.0) * KEEP + counted[path] / PERIOD * (1 - KEEP)
            if mean < SILENCE:
                self._rates.pop(path, None)
                mean = 0.0
            else:
                self._rates[path] = mean
            load = step(mean + max(0, self._open[path]))
            if self._station.loads.get(path, 0.0) != load:
                self._station.loads[path] = load
                moved.add(path)
        if moved:
            self._station.look_again(moved)

    def _wake(self) -> None:
        if not self._ticking:
            self._ticking = True
            asyncio.get_running_loop().call_later(PERIOD, self._again)

    def _again(self) -> None:
        self._ticking = False
        self.tick()
        if self._rates or self._counted:
            self._wake()


def step(load: float) -> float:
    """A load rounded to a quarter more or less."""
    return 0.0 if load <= 0 else float(STEP ** round(math.log(load, STEP)))


def _path(entry: Request | Connection) -> str:
    return f"projects/{entry['project']}/global/backendServices/{entry['backend_service']}"
