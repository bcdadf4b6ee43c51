"""What the front ends need of pods and probers, so that each can be tested without the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


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
