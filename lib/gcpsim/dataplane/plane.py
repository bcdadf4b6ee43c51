"""The data plane of one world: who serves what, where, and the life of its processes.

It reads documents and time from the world, and never writes to it. What runs for it (Envoys, the
pod farm) are processes of their own that end with gcpsim.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gcpsim.certs.service import CertificateManager
from gcpsim.dataplane.backends import Backends
from gcpsim.dataplane.block import Block
from gcpsim.dataplane.places import Places
from gcpsim.gke.service import Gke

if TYPE_CHECKING:
    from gcpsim.core.world import World

DEFAULT_LOCATION = "us-central1"


class DataPlane:
    """`await open()` once the world is built, `await close()` before it goes."""

    def __init__(
        self, world: World, gke: Gke, certificates: CertificateManager, folder: Path
    ) -> None:
        self.world = world
        self.folder = folder
        self.locations = locations(world)
        self.block = Block()
        self.places = Places(self.block)
        self.backends = Backends(
            gke.estate, certificates.authority, self.block, self.places, self.locations
        )

    async def open(self) -> None:
        """Start everything; returns when the front ends serve what the world has now."""
        await self.backends.open()

    async def close(self) -> None:
        """End every process that was started."""
        await self.backends.close()
        self.block.close()

    def reach(self) -> list[dict[str, Any]]:
        """Where each address, port and location is served, sorted."""
        return []


def locations(world: World) -> list[str]:
    """Those asked for, else the regions of the clusters, sorted; one when there is no cluster."""
    if world.options.locations:
        return sorted(set(world.options.locations))
    found = {_region(cluster.location) for cluster in world.gke.clusters.values()}
    return sorted(found) or [DEFAULT_LOCATION]


def _region(location: str) -> str:
    """The region of a region or zone."""
    parts = location.split("-")
    return "-".join(parts[:2])
