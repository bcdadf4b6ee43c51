"""Google's probers: from each location they really connect to the endpoints of backend services.

Who is probed, and how many probes in a row count, compute.health decides on simulated time; here
the connections are ordered from the farm and its answers kept. A pod whose sockets or behaviour
changed is probed at once; otherwise in the rhythm of the health check, but all probes together not
more often than a few times a real second: at 60 times real time they would eat the machine.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gcpsim.compute.collections.health import Health, Target
from gcpsim.core.clock import Clock
from gcpsim.dataplane.block import Block
from gcpsim.dataplane.link import Event, FarmLink
from gcpsim.dataplane.pods import Pods, Socket
from gcpsim.gke import endpoints

# What kube-proxy or a node's kernel says, as probes tell it; else there is no answer.
SAID = {
    endpoints.OK: "",
    endpoints.REFUSED: "connection refused",
    endpoints.UNAVAILABLE: "HTTP 503, not 200",
}
PROBES_A_SECOND = 10.0  # real seconds, all together
PROBERS = "35.191.{}.1"


@dataclass
class Watched:
    """A target that is probed: by whom it is asked for, what was seen, and since when it is so."""

    users: set[str]
    asked: float
    why: str | None = None
    waiting: bool = True  # for the answer to what was asked
    probed: bool = False  # by the farm
    machine: bool = False  # a node's address: what is said there is a rule


class Probers:
    """`observers` are called when a verdict changed."""

    def __init__(
        self, health: Health, pods: Pods, link: FarmLink, block: Block, clock: Clock,
        locations: list[str],
    ) -> None:  # fmt: skip
        self.health, self.pods, self.link = health, pods, link
        self.block, self.clock, self.locations = block, clock, locations
        self.observers: list[Callable[[], None]] = health.observers
        self.marks: Callable[[list[str]], None] = lambda groups: health.mark(*groups)
        self.served: Callable[[str, int], Socket | None] = lambda ip, port: None
        self.machines: Callable[[str, int], str] = lambda ip, port: endpoints.TIMEOUT
        self._watched: dict[Target, Watched] = {}
        self._by_ip: defaultdict[str, set[Target]] = defaultdict(set)
        self._of_key: defaultdict[str, set[Target]] = defaultdict(set)
        self._names: dict[str, Target] = {}
        self._answered = asyncio.Event()
        link.on("probe", self._told)
        link.restarted.append(self._ask_all)
        pods.touched.append(self.touched)

    def look_at_machines(self) -> None:
        """Nodes or their pods changed: machines, which have no sockets, are asked again."""
        for target, watched in list(self._watched.items()):
            if watched.machine:
                self._ask(target)

    def begin(self) -> None:
        """From now on health is what is seen."""
        self.health.prober = self
        self.clock.changed.append(self._ask_all)  # in another rhythm
        self.health.mark()

    def state(self, location: str, service: str, group: str, endpoint: str) -> str:
        """HEALTHY, UNHEALTHY or "" (not known) for "ip:port" of a group in a backend service."""
        return self.health.state(location, service, group, endpoint)

    def table(self) -> list[dict[str, Any]]:
        """What each prober sees of each endpoint, and why; sorted."""
        return self.health.table()

    def count(self) -> int:
        """How many targets are probed."""
        return len(self._watched)

    async def settled(self) -> None:
        """Wait until everything that was asked has been answered."""
        while any(watched.waiting for watched in self._watched.values()):
            self._answered.clear()
            await self._answered.wait()

    # What compute.health asks

    def seen(self, target: Target) -> tuple[str, float] | None:
        watched = self._watched.get(target)
        if watched is None:
            watched = self._watched[target] = Watched(set(), self.clock.now())
            self._by_ip[target.ip].add(target)
            self._names[_name(target)] = target
            self._pace()
            self._ask(target)
        return None if watched.why is None else (watched.why, watched.asked)

    def keep(self, group_key: str, targets: set[Target]) -> None:
        before, self._of_key[group_key] = self._of_key[group_key], targets
        for target in targets:
            self._watched[target].users.add(group_key)
        for target in before - targets:
            watched = self._watched[target]
            watched.users.discard(group_key)
            if not watched.users:
                self._forget(target)
        if not targets:
            del self._of_key[group_key]

    def _socket(self, ip: str, port: int) -> Socket | None:
        """Where a connection to an address goes; None when nobody has it."""
        return self.served(ip, port) or self.pods.at(ip, port) or self.pods.closed(ip)

    def _forget(self, target: Target) -> None:
        del self._watched[target]
        del self._names[_name(target)]
        self._by_ip[target.ip].discard(target)
        self.link.send({"op": "unprobe", "id": _name(target)})

    # Orders and what comes back

    def _ask(self, target: Target) -> None:
        """Have a target probed now, and from now on."""
        watched = self._watched[target]
        watched.asked, watched.waiting = self.clock.now(), True
        at = self._socket(target.ip, target.port)
        check = json.loads(target.check)
        if at is None:
            if watched.probed:
                watched.probed = False
                self.link.send({"op": "unprobe", "id": _name(target)})
            said = self.machines(target.ip, target.port)
            watched.machine = watched.machine or said != endpoints.TIMEOUT
            silence = f"no answer within {check['timeoutSec']} s: nobody has {target.ip}"
            self._told({"id": _name(target), "why": SAID.get(said, silence)})
            return
        watched.probed = True
        self.link.send(probe_order(target, at, self.locations.index(target.location), self._every))

    def _every(self, interval: float) -> float:
        return interval / (self.clock.scale or 1.0)

    def _pace(self) -> None:
        self.link.send({"op": "pace", "least": len(self._watched) / PROBES_A_SECOND})

    def _ask_all(self) -> None:
        self._pace()
        for target in list(self._watched):
            self._ask(target)

    def touched(self, ip: str) -> None:
        """What serves an address may have changed: it is probed at once."""
        for target in sorted(self._by_ip.get(ip, ()), key=_name):
            self._ask(target)

    def _told(self, event: Event) -> None:
        target = self._names.get(event["id"])
        if target is None:
            return
        watched = self._watched[target]
        if not watched.waiting:
            watched.asked = self.clock.now()
        watched.waiting = False
        self._answered.set()
        if watched.why == event["why"]:
            return
        watched.why = event["why"]
        self.marks(sorted({key.split("|")[1] for key in watched.users}))


def probe_order(
    target: Target, at: tuple[str, int], number: int, every: Callable[[float], float]
) -> Event:
    """The farm's order for a target that is served at a loopback socket."""
    check = json.loads(target.check)
    block = check["block"]
    client = f"{PROBERS.format(number)}:{target.port}"
    line = ""
    if block.get("proxyHeader") == "PROXY_V1":
        source = client.partition(":")[0]
        line = f"PROXY TCP4 {source} {target.ip} 32768 {target.port}\r\n"
    return {
        "op": "probe",
        "id": _name(target),
        "host": at[0],
        "port": at[1],
        "type": check["type"],
        "every": every(check["checkIntervalSec"]),
        "timeout": float(check["timeoutSec"]),
        "path": block.get("requestPath", "/"),
        "header": block.get("host") or target.ip,
        "request": block.get("request", ""),
        "response": block.get("response", ""),
        "service": block.get("grpcServiceName", ""),
        "proxy_line": line,
        "client": client,
    }


def _name(target: Target) -> str:
    return f"{target.location} {target.ip}:{target.port} {target.check}"
