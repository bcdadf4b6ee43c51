"""The backend half of the data plane: pods, who probes them, and the world before.

One door for plane.DataPlane: `open` returns when every pod listens.
"""

import asyncio
from typing import TYPE_CHECKING

from gcpsim.dataplane.block import Block
from gcpsim.dataplane.link import FarmLink
from gcpsim.dataplane.places import Places
from gcpsim.dataplane.pods import Pods

if TYPE_CHECKING:
    from gcpsim.core.world import World
    from gcpsim.k8s.controllers.plane import Plane

NAMES = ["pod.invalid"]  # of the certificate of pods that mount none


class Backends:
    """Pods, probers and the passthrough load balancers of a world."""

    def __init__(self, world: "World", block: Block, places: Places, locations: list[str]) -> None:
        self.world = world
        self.link = FarmLink()
        self.pods = Pods(world, self.link, block)
        self.link.restarted.insert(0, self._greet)

    async def open(self) -> None:
        """Start the farm; returns when all pods that run now listen."""
        await self.link.open()
        self._greet()
        self.world.clock.changed.append(self._tell_scale)
        for plane in self.world.gke.planes.values():
            self.follow(plane)
        self.world.gke.started.append(self.follow)
        self.pods.flush()
        await self._all_listen()

    async def close(self) -> None:
        await self.link.close()

    def follow(self, plane: "Plane") -> None:
        """Follow a cluster; called again when its control plane starts anew."""
        self.pods.follow(plane)

    def _greet(self) -> None:
        """What a new farm needs to know first."""
        chain, private = self.world.certificates.authority.server_certificate(NAMES)
        self._tell_scale()
        self.link.send({"op": "certificate", "key": "", "chain": chain, "private": private})

    def _tell_scale(self) -> None:
        self.link.send({"op": "scale", "scale": self.world.clock.scale})

    async def _all_listen(self) -> None:
        done = asyncio.Event()

        def look() -> None:
            if self.pods.settled():
                done.set()

        self.pods.observers.append(look)
        look()
        await done.wait()
        self.pods.observers.remove(look)
