"""The backend half of the data plane: pods, who probes them, and the world before.

One door for plane.DataPlane: `open` returns when every pod listens.
"""

import asyncio
from typing import Any

from gcpsim.certs.authority import Authority
from gcpsim.compute.collections.health import Health
from gcpsim.compute.engine.service import Compute
from gcpsim.dataplane.acme import Visits
from gcpsim.dataplane.block import Block
from gcpsim.dataplane.controllers import Controllers
from gcpsim.dataplane.drains import Drains
from gcpsim.dataplane.link import FarmLink
from gcpsim.dataplane.passthrough import Passthrough
from gcpsim.dataplane.places import Places
from gcpsim.dataplane.pods import Pods
from gcpsim.dataplane.probers import Probers
from gcpsim.gke import endpoints
from gcpsim.gke.certmanager import CertManager
from gcpsim.gke.estate import Estate
from gcpsim.k8s.controllers.plane import Plane

NAMES = ["pod.invalid"]  # of the certificate of pods that mount none


class Backends:
    """Pods, probers and the passthrough load balancers of a world."""

    def __init__(
        self,
        estate: Estate,
        authority: Authority,
        block: Block,
        places: Places,
        locations: list[str],
    ) -> None:
        self.locations = locations
        self._looking = False
        self.world, self.estate, self.authority = estate.world, estate, authority
        self.link = FarmLink()
        self.pods = Pods(self.world, self.link, block)
        compute = self.world.compute
        assert isinstance(compute, Compute), "the data plane needs the real Compute Engine"
        assert isinstance(compute.health, Health)
        self.probers = Probers(
            compute.health, self.pods, self.link, block, self.world.clock, locations
        )
        self.probers.machines = lambda ip, port: endpoints.answer(estate.planes.values(), ip, port)
        self.controllers = Controllers(self.pods, self.link)
        self.visits = Visits(self.world, self.link)
        self.visits.reach = self.reach
        self.passthrough = Passthrough(compute, estate, self.pods, self.link, places, locations)
        self.drains = Drains(compute, self.pods, self.link)
        self.link.restarted.insert(0, self._greet)

    async def open(self) -> None:
        """Start the farm; returns when all pods that run now listen."""
        await self.link.open()
        self._greet()
        self.world.clock.changed.append(self._tell_scale)
        for plane in self.estate.planes.values():
            self.follow(plane)
        self.estate.started.append(self.follow)
        await self.settled()
        self.probers.begin()
        self.passthrough.begin()
        self.drains.begin()
        await self.settled()

    async def close(self) -> None:
        await self.link.close()

    def follow(self, plane: Plane) -> None:
        """Follow a cluster; called again when its control plane starts anew, as after a reset."""
        self.probers.health.resume()
        self.drains.resume()
        self.pods.follow(plane)
        self.controllers.follow(plane)
        self.passthrough.follow(plane)
        for resource in ("nodes", "pods"):
            plane.cluster.subscribe(resource, lambda event, obj, old: self._look_at_machines())
        plane.machine_observers.append(lambda node: self._look_at_machines())
        plane.part(CertManager).visitor = self.visits.ask

    def _look_at_machines(self) -> None:
        """Once the transaction is over."""
        if not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._looking = False
        self.probers.look_at_machines()

    def _greet(self) -> None:
        """What a new farm needs to know first."""
        chain, private = self.authority.server_certificate(NAMES)
        self._tell_scale()
        self.link.send({"op": "certificate", "key": "", "chain": chain, "private": private})

    def _tell_scale(self) -> None:
        self.link.send({"op": "scale", "scale": self.world.clock.scale})

    def reach(self) -> list[dict[str, Any]]:
        """Where the passthrough load balancers' addresses are served."""
        return self.passthrough.reach()

    async def pod_log(self, key: str) -> list[tuple[float, str]]:
        """What a pod answered, of late: when (POSIX seconds of simulated time), and a line."""
        told = await self.link.ask({"op": "log", "key": key}, "log")
        clock = self.world.clock
        return [(clock.now() - ago * (clock.scale or 1.0), text) for ago, text in told["lines"]]

    async def settled(self) -> dict[str, Any]:
        """Wait until the farm has carried out and told all that was ordered; its pods."""
        self.pods.flush()
        counted = await self.link.ask({"op": "count"}, "count")
        await asyncio.sleep(0)  # the observers have been told as well
        return dict(counted["pods"])
