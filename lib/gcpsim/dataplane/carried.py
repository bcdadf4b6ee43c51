"""What passthrough load balancers carried: told by the farm, told on as Google would count it.

It must not know how a node or a pod was chosen.
"""

from collections.abc import Callable

from gcpsim.compute.engine import links
from gcpsim.core.paths import name_of
from gcpsim.core.seen import Packets
from gcpsim.core.world import World
from gcpsim.dataplane.link import Event, FarmLink

SEGMENT = 1460  # bytes of a packet, to tell how many there were


class Carried:
    """`order(key)` is the forwarder's order; observers hear of it after Cloud Monitoring."""

    def __init__(self, world: World, link: FarmLink, order: Callable[[str], Event | None]) -> None:
        self.observers: list[Callable[[Packets], None]] = []
        self._world, self._order = world, order
        link.on("packets", self._hear)

    def _hear(self, event: Event) -> None:
        """Bytes went through, or a connection is over."""
        order = self._order(event["key"])
        if order is None:
            return
        project, scope, _, name = links.split(order["rule"])
        told: Packets = {
            "time": self._world.clock.now(),
            "project": project,
            "region": name_of(scope),
            "forwarding_rule": name,
            "protocol": "TCP",
            "location": order["location"],
            "backend": order["backend"],
            "node": event["node"],
            "ended": event["ended"],
            "ingress_bytes": event["received"],
            "egress_bytes": event["sent"],
            "ingress_packets": -(-event["received"] // SEGMENT),
            "egress_packets": -(-event["sent"] // SEGMENT),
        }
        for observer in (self._world.observability.packets, *self.observers):
            observer(told)
