"""The farm: its pods, probes, forwarders and routers, and the orders that change them.

`order` carries out one order of the control plane; `tell` is where events go. Orders name what they
are about, so that repeating one changes nothing. An order that can't be carried out is an event
`trouble`, and nothing else stops.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from gcpsim.dataplane.farm.certificates import Certificates, Pair
from gcpsim.dataplane.farm.forward import Forwarder
from gcpsim.dataplane.farm.pod import Pod
from gcpsim.dataplane.farm.probes import Probes
from gcpsim.dataplane.farm.router import Router

Event = dict[str, Any]
FRONT_END = "35.191.0.1"  # whom a pod sees when Google's front end or prober connects


class Farm:
    """`block` is the first two numbers of the pods' loopback addresses."""

    def __init__(self, block: str, tell: Callable[[Event], None]) -> None:
        self.block = block
        self.tell = tell
        self.scale = 1.0
        self.certificates = Certificates()
        self.pods: dict[str, Pod] = {}
        self.probes = Probes(self)
        self.forwarders: dict[str, Forwarder] = {}
        self.origins: dict[tuple[str, int], str] = {}
        self._routers: dict[str, Router] = {}
        self._last = 1
        self._orders: dict[str, Callable[[Event], None]] = {
            "scale": self._set_scale,
            "pod": self._pod,
            "gone": self._gone,
            "cut": self._cut,
            "certificate": self._certificate,
            "probe": self.probes.start,
            "unprobe": self.probes.stop,
            "forward": self._forward,
            "routes": self._routes,
            "fetch": self.probes.fetch,
            "count": self._count,
        }

    def order(self, order: Event) -> None:
        """Carry out one order."""
        try:
            self._orders[order["op"]](order)
        except Exception as error:
            what = f"{order.get('op')} {order.get('key', order.get('id', ''))}"
            self.tell({"event": "trouble", "text": f"{what}: {type(error).__name__}: {error}"})

    def router(self, cluster: str) -> Router:
        found = self._routers.get(cluster)
        if found is None:
            found = self._routers[cluster] = Router(self)
        return found

    # Time and addresses

    def real(self, simulated: float) -> float:
        """Real seconds for simulated ones; at scale 0 the clock runs at real speed."""
        return simulated / (self.scale or 1.0)

    async def wait(self, simulated: float) -> None:
        await asyncio.sleep(self.real(simulated))

    def client_of(self, peer: tuple[str, int]) -> str:
        """Whom a pod sees at the other end: a client, a node, or Google's front end."""
        return self.origins.get(peer) or f"{FRONT_END}:{peer[1]}"

    def free_address(self) -> str:
        self._last += 1
        if self._last % 256 in (0, 255):
            self._last += 2 - self._last % 256 % 255
        return f"{self.block}.{self._last // 256 % 256}.{self._last % 256}"

    # Orders

    def _set_scale(self, order: Event) -> None:
        self.scale = float(order["scale"])

    def _pod(self, order: Event) -> None:
        key = order["key"]
        pod = self.pods.get(key)
        for _ in range(8):
            if pod is None:
                pod = self.pods[key] = Pod(self, key, self.free_address())
            try:
                pod.become(order)
                break
            except OSError:  # someone else's address: take another
                if pod.connections:
                    raise
                pod.kill()
                pod = None
        else:
            raise OSError("no free loopback address")
        sockets = {str(port): list(at) for port, at in pod.sockets().items()}
        self.tell({"event": "listening", "key": key, "sockets": sockets})

    def _gone(self, order: Event) -> None:
        pod = self.pods.pop(order["key"], None)
        if pod is not None:
            pod.kill()
            self.tell({"event": "listening", "key": order["key"], "sockets": {}})

    def _cut(self, order: Event) -> None:
        pod = self.pods.get(order["key"])
        cut = pod.cut(int(order.get("port", 0))) if pod is not None else 0
        self.tell({"event": "cut", "key": order["key"], "connections": cut})

    def _certificate(self, order: Event) -> None:
        pair = None
        if order.get("chain"):
            pair = Pair(order["chain"], order["private"], tuple(order.get("hosts") or ()))
        problem = self.certificates.put(order["key"], pair)
        if problem:
            self.tell({"event": "trouble", "text": problem})

    def _forward(self, order: Event) -> None:
        key = order["key"]
        known = self.forwarders.get(key)
        if not order.get("nodes") and order.get("gone"):
            if known is not None:
                self.forwarders.pop(key).close()
            return
        if known is None:
            known = self.forwarders[key] = Forwarder(self, key)
        known.become(order)

    def _routes(self, order: Event) -> None:
        self.router(order["key"]).become(order)

    def _count(self, order: Event) -> None:
        pods = {
            key: {"connections": len(pod.connections), "phase": pod.phase}
            for key, pod in sorted(self.pods.items())
        }
        self.tell({"event": "count", "id": order["id"], "pods": pods})
