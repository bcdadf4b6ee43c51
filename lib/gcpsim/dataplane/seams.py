"""What the front ends need of pods and probers, so that each can be tested without the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gcpsim.compute.engine.service import Compute
    from gcpsim.core.world import World

LATEST = 120.0


class Pods(Protocol):
    """Where pods listen. `observers` are called when a pod's sockets came, moved or went."""

    observers: list[Callable[[], None]]

    def at(self, pod_ip: str, port: int) -> tuple[str, int] | None:
        """The loopback socket that serves a pod's port; None when nobody does."""


class Health(Protocol):
    """What the probers of a location saw. `observers` are called when a verdict changed."""

    observers: list[Callable[[], None]]

    def state(self, location: str, service: str, group: str, endpoint: str) -> str:
        """HEALTHY, UNHEALTHY or "" (not known) for "ip:port" of a group in a backend service."""


class RuleHealth:
    """Health as Compute Engine's rules have it (see compute.collections.health), one for all."""

    def __init__(self, world: World, compute: Compute) -> None:
        self.observers: list[Callable[[], None]] = []
        self._world = world
        self._health = compute.health
        world.store.committed.append(self._committed)

    def state(self, location: str, service: str, group: str, endpoint: str) -> str:
        for one, state in self._health.states(service, group):
            if f"{one.get('ipAddress', '')}:{one.get('port', 0)}" == endpoint:
                return str(state)
        return ""

    def _committed(self, touched: list[tuple[str, str]]) -> None:
        if any(table == "compute/health" for table, _ in touched):
            self._tell()
            # Thresholds pass without a write; by then the last of them has.
            self._world.clock.after(LATEST, self._tell)

    def _tell(self) -> None:
        for observer in self.observers:
            observer()
