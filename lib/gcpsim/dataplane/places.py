"""Where each simulated address is served: one loopback address per address and location.

The only place that knows. A port is the real one where this machine lets it be bound, else it is
shifted by 10,000 (443 -> 10443), else any free one. What was given stays for the simulator's life.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gcpsim.dataplane import block as blocks

SHIFT = 10_000


@dataclass(frozen=True, order=True)
class Place:
    """A socket address on loopback."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Places:
    """Simulated (address, location, port) -> loopback socket address.

    That a port could not be the real one is said once for each.
    """

    def __init__(self, block: blocks.Block, say: Callable[[str], None] = lambda line: None) -> None:
        self._block, self._say = block, say
        self._said: set[int] = set()
        self._hosts: dict[tuple[str, str], str] = {}
        self._places: dict[tuple[str, str, int], Place] = {}
        self._taken: set[Place] = set()

    def of(self, ip: str, location: str, port: int) -> Place:
        """The place of a port of a simulated address at a location; the same at every call."""
        key = (ip, location, port)
        if key not in self._places:
            host = self._hosts.get((ip, location))
            if host is None:
                host = self._hosts[ip, location] = self._block.front()
            place = self._places[key] = self._choose(host, port)
            if place.port != port and port not in self._said:
                self._said.add(port)
                why = "no right to bind it here, or it is taken"
                self._say(f"port {port}: {why}; served on {place}, `gcpsim reach` says where")
            self._taken.add(self._places[key])
        return self._places[key]

    def _choose(self, host: str, port: int) -> Place:
        for candidate in (port, port + SHIFT):
            place = Place(host, candidate)
            if candidate < 65536 and place not in self._taken and blocks.bindable(host, candidate):
                return place
        return Place(host, blocks.free_port(host))
