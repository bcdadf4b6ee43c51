"""The data plane of one world: who serves what, where, and the life of its processes.

It reads documents and time from the world, and never writes to it. What runs for it (Envoys, the
pod farm) are processes of their own that end with gcpsim.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gcpsim.core.errors import ApiError
from gcpsim.core.text import plain
from gcpsim.dataplane import access
from gcpsim.dataplane.backends import Backends
from gcpsim.dataplane.block import Block
from gcpsim.dataplane.directions import Locations
from gcpsim.dataplane.envoy import process
from gcpsim.dataplane.envoy.fleet import Fleet
from gcpsim.dataplane.load import Load
from gcpsim.dataplane.places import Places
from gcpsim.dataplane.routes.documents import port_of
from gcpsim.dataplane.seams import Health, Pods
from gcpsim.dataplane.spread import Spread
from gcpsim.dataplane.station import Shared, Station
from gcpsim.dataplane.traffic import Traffic

if TYPE_CHECKING:
    from gcpsim.certs.service import CertificateManager
    from gcpsim.compute.engine.service import Compute
    from gcpsim.core.world import World
    from gcpsim.gke.service import Gke

DEFAULT_LOCATION = "us-central1"
SETTLE_SECONDS = 10.0
PROTOCOLS = {
    "targetHttpProxies": "HTTP",
    "targetHttpsProxies": "HTTPS",
    "targetSslProxies": "SSL",
    "targetTcpProxies": "TCP",
}


class NoEnvoy(Exception):
    """There is no Envoy for this platform; the text says so in one line."""


class DataPlane:
    """`await open()` once the world is built, `await close()` before it goes."""

    def __init__(self, compute: Compute, certificates: CertificateManager, gke: Gke) -> None:
        program = process.binary()
        if program is None:
            raise NoEnvoy("no Envoy for this platform: no traffic through load balancers")
        self.world = world = compute.world
        self.locations = locations(world)
        self.block = Block()
        self.places = Places(self.block, say)
        self.backends = Backends(
            gke.estate, certificates.authority, self.block, self.places, self.locations
        )
        self.pods: Pods = self.backends.pods
        self.health: Health = self.backends.probers
        self.backends.visits.reach = self.reach
        self.backends.probers.served = lambda ip, port: self.served.get((ip, port))
        self.spread = Spread(world, compute, certificates, self.locations)
        self.traffic = Traffic()
        self.backends.passthrough.carried.observers.append(self.traffic.packets)
        self.served: dict[tuple[str, int], tuple[str, int]] = {}
        self._changed = asyncio.Event()
        shared = Shared(say=say)
        self.stations = {
            name: Station(location, shared, self._placer(name), self._offerer(name), world.options)
            for name, location in self.spread.locations.items()
        }
        self._readers = {
            name: access.Reader(
                name,
                self._simulated,
                station_groups(station),
                [self.traffic, Load(station), world.observability],
            )
            for name, station in self.stations.items()
        }
        self._fleet = Fleet(
            program,
            {name: station.catalogue for name, station in self.stations.items()},
            {name: reader.take for name, reader in self._readers.items()},
            say,
        )
        self._at = Locations(
            world, self.spread.locations, self._fleet.envoys, self._changed.set,
            lambda location, pair: self.stations[location].exchange(pair),
        )  # fmt: skip

    async def open(self) -> None:
        """Start everything; returns when the front ends serve what the world has now."""
        backends = asyncio.create_task(self.backends.open())
        await self._fleet.start()
        # Pods and Envoys start up while this process translates.
        for name, station in self.stations.items():
            station.changed = self._told(name)
            station.translate_anew()
            station.publish()
        self.spread.learned = lambda location, keys: self.stations[location.name].learn(keys)
        for observers in (self.pods.observers, self.health.observers):
            observers.append(self._look_again)
        await backends
        self._look_again()
        await self.settled()

    async def close(self) -> None:
        """End every process that was started."""
        await asyncio.gather(self.backends.close(), self._fleet.stop())
        self.block.close()

    async def settled(self, limit: float = SETTLE_SECONDS) -> None:
        """Wait until every Envoy has taken (or refused) all that its location knows."""
        end = time.monotonic() + limit
        await self.backends.settled()
        while not all(s.settled() for s in self.stations.values() if not s.location.down):
            self._changed.clear()
            left = end - time.monotonic()
            if left <= 0:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)

    def reach(self) -> list[dict[str, Any]]:
        """Where each address, port and location is served, sorted."""
        out = []
        for location in self.stations:
            by = self._at.instead_of(location)
            for front in self.stations[by].config.fronts if by else ():
                ip, port = front.rule["IPAddress"], port_of(front.rule)
                out.append(
                    {
                        "ip": ip,
                        "port": port,
                        "location": location,
                        "connect": str(self.places.of(ip, by, port)),
                        "protocol": PROTOCOLS[front.kind],
                        "rule": front.path,
                    }
                )
        out += self.backends.reach()
        return sorted(out, key=lambda one: (one["ip"], one["port"], one["location"]))

    def flow(self) -> dict[str, Any]:
        """What flowed since the start, and what is not served and why."""
        return {"refused": self.refused(), "traffic": self.traffic.table()}

    def resync(self) -> None:
        """After a reset of the world, which forgets what was on its way to the locations, or a
        change of its options."""
        self.spread.resync()
        for station in self.stations.values():
            station.translate_anew()

    def news(self, since: int) -> list[dict[str, Any]]:
        """The documents that began to spread to the locations after that number."""
        return [one.to_json() for one in self.spread.news(since)]

    def health_table(self) -> list[dict[str, Any]]:
        """What each prober saw of each endpoint, and why; sorted."""
        return self.backends.probers.table()

    async def pod_log(self, cluster: str, namespace: str, name: str) -> list[tuple[float, str]]:
        """What a pod answered, of late: when (POSIX seconds of simulated time), and a line."""
        return await self.backends.pod_log(f"{cluster}/{namespace}/{name}")

    def socket(self, ip: str, port: int) -> tuple[tuple[str, int] | None, bool]:
        """Where an address inside the clusters is served, and whether that is a process that was
        put there; (None, False) where nothing listens."""
        theirs = self.served.get((ip, port))
        return (theirs, True) if theirs else (self.pods.at(ip, port), False)

    def pods_table(self) -> list[dict[str, Any]]:
        """Where each pod listens and how it behaves, sorted."""
        return self.backends.pods.table()

    def refused(self) -> list[dict[str, str]]:
        """What is not served as it stands in the documents, and why."""
        return [
            {"location": name, "why": why}
            for name, station in sorted(self.stations.items())
            for why in station.refused()
        ]

    def _placer(self, location: str) -> Callable[[str, int], tuple[str, int]]:
        def place(ip: str, port: int) -> tuple[str, int]:
            found = self.places.of(ip, location, port)
            return found.host, found.port

        return place

    def _offerer(self, location: str) -> Callable[[str, str, str], tuple[str, int] | None]:
        known: dict[tuple[str, str, str], str] = {}

        def offered(service: str, group: str, endpoint: str) -> tuple[str, int] | None:
            """An endpoint that is probed no more is as it was last seen: the location may not have
            heard yet that it is no longer used."""
            key = (service, group, endpoint)
            state = self.health.state(location, *key) or known.get(key, "")
            known[key] = state
            if state != "HEALTHY":
                return None
            ip, _, port = endpoint.rpartition(":")
            at = (ip, int(port))
            return self.served.get(at) or self.pods.at(*at) or (self.block.nobody, 1)

        return offered

    def serve(self, args: dict[str, Any]) -> dict[str, str]:
        """Stage direction: {"ip", "port", "socket": "127.0.0.1:8080"} has a process of this
        machine answer for an endpoint; an empty socket ends that."""
        if not str(args.get("port", "")).isdigit():
            text = f"endpoint-serve: port must be a number, not {args.get('port')!r}"
            raise ApiError(400, text, "invalid")
        key = (str(args.get("ip", "")), int(args["port"]))
        host, _, port = str(args.get("socket") or "").rpartition(":")
        if not host:
            self.served.pop(key, None)
        elif host.startswith("127.") and port.isdigit():
            self.served[key] = (host, int(port))
        else:
            text = f"endpoint-serve: socket must be 127.x.y.z:PORT, not {args.get('socket')!r}"
            raise ApiError(400, text, "invalid")
        self.backends.probers.touched(key[0])
        self._look_again()
        return {f"{key[0]}:{key[1]}": str(args.get("socket") or "")}

    def _look_again(self) -> None:
        for station in self.stations.values():
            station.look_again()

    def _told(self, name: str) -> Callable[[], None]:
        def told() -> None:
            station = self.stations[name]
            # Rules that are gone stay known: their last requests are told late.
            self._readers[name].rules |= {
                front.path: access.names_of(front.path, front.rule, front.proxy)
                for front in station.config.fronts
            }
            self._changed.set()

        return told

    def _simulated(self, real: float) -> float:
        """A moment of real time as simulated time."""
        clock = self.world.clock
        if clock.paused:
            return clock.now()
        return clock.now() - (time.time() - real) * (clock.scale or 1.0)


def station_groups(station: Station) -> Callable[[str, str], tuple[str, str]]:
    return lambda service, address: station.behind.get((service, address), ("", ""))


def say(text: str) -> None:
    """One line for whoever runs the simulator."""
    print(f"gcpsim: {plain(text)}", file=sys.stderr, flush=True)


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
