"""The farm: its pods, probes, forwarders and routers, and the orders that change them.

`order` carries out one order of the control plane; `tell` is where events go. Orders name what they
are about, so that repeating one changes nothing. An order that can't be carried out is an event
`trouble`, and nothing else stops.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

from gcpsim.dataplane.farm.certificates import Certificates, Pair
from gcpsim.dataplane.farm.forward import Forwarder
from gcpsim.dataplane.farm.pod import Pod
from gcpsim.dataplane.farm.probes import Probes
from gcpsim.dataplane.farm.router import Router

Event = dict[str, Any]
OURS = "127.0.0.1"
MOST_ORIGINS = 50_000
SILENCE = 60.0  # real seconds for which the sockets of a lost machine stay as they are
FRONT_END = "35.191.0.1"  # whom a pod sees when Google's front end or prober connects


class Farm:
    """`origins` says on whose behalf our own sockets connect to pods: (host, port) -> client."""

    def __init__(self, tell: Callable[[Event], None]) -> None:
        self.tell = tell
        self.scale = 1.0
        self.certificates = Certificates()
        self.pods: dict[str, Pod] = {}
        self.probes = Probes(self)
        self.forwarders: dict[str, Forwarder] = {}
        self.origins: dict[tuple[str, int], str] = {}
        self._silent: list[Pod] = []
        self._routers: dict[str, Router] = {}
        self._orders: dict[str, Callable[[Event], None]] = {
            "scale": self._set_scale,
            "pod": self._pod,
            "gone": self._gone,
            "cut": self._cut,
            "certificate": self._certificate,
            "probe": self.probes.start,
            "pace": self.probes.pace,
            "unprobe": self.probes.stop,
            "forward": self._forward,
            "routes": self._routes,
            "fetch": self.probes.fetch,
            "count": self._count,
            "log": self._log,
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
        """Real seconds for simulated ones; at scale 0 the clock runs at real speed.

        For probes only: what happens on a connection takes real seconds, as at the front ends.
        """
        return simulated / (self.scale or 1.0)

    def client_of(self, peer: tuple[str, int]) -> tuple[str, bool]:
        """Whom a pod sees at the other end, and whether that is one of Google's front ends."""
        known = self.origins.pop(peer, "")
        return known or f"{FRONT_END}:{peer[1]}", not known

    @contextlib.contextmanager
    def on_behalf(self, sock: socket.socket, client: str) -> Iterator[None]:
        """Connect within this, and the pod sees `client` (ip:port; "" is Google's front end)."""
        if client:
            sock.bind((OURS, 0))
            if len(self.origins) > MOST_ORIGINS:  # of connections that no pod took
                self.origins.clear()
            self.origins[sock.getsockname()] = client
        yield

    # Orders

    def _set_scale(self, order: Event) -> None:
        self.scale = float(order["scale"])

    def _pod(self, order: Event) -> None:
        key = order["key"]
        pod = self.pods.get(key)
        if pod is None:
            pod = self.pods[key] = Pod(self, key, order["address"])
        pod.become(order)
        sockets = {str(port): list(at) for port, at in pod.sockets().items()}
        self.tell({"event": "listening", "key": key, "sockets": sockets})

    def _gone(self, order: Event) -> None:
        pod = self.pods.pop(order["key"], None)
        if pod is not None and order.get("silent"):  # its machine is gone: nobody says goodbye
            self._silent.append(pod)
            asyncio.get_running_loop().call_later(SILENCE, self._bury, pod)
        elif pod is not None:
            pod.kill()
        if pod is not None:
            for router in self._routers.values():
                router.forget(pod.key)
            self.tell({"event": "listening", "key": order["key"], "sockets": {}})

    def _bury(self, pod: Pod) -> None:
        if pod in self._silent:
            self._silent.remove(pod)
            pod.kill()

    def close(self) -> None:
        """End everything that is open."""
        for key in list(self.pods):
            self._gone({"key": key})
        for pod in list(self._silent):
            self._bury(pod)
        for forwarder in self.forwarders.values():
            forwarder.close()
        self.forwarders.clear()
        for probe in self.probes.running():
            self.probes.stop({"id": probe})

    def _cut(self, order: Event) -> None:
        pod = self.pods.get(order["key"])
        cut = pod.cut(int(order["port"]), fronted=True) if pod is not None else 0
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
        if order.get("gone"):
            known = self.forwarders.pop(key, None)
            if known is not None:
                known.close()
            return
        if key not in self.forwarders:
            self.forwarders[key] = Forwarder(self, key)
        self.forwarders[key].become(order)

    def _routes(self, order: Event) -> None:
        self.router(order["key"]).become(order)

    def _log(self, order: Event) -> None:
        pod = self.pods.get(order["key"])
        lines = pod.log() if pod is not None else []
        self.tell({"event": "log", "id": order["id"], "lines": lines})

    def _count(self, order: Event) -> None:
        pods = {
            key: {"connections": len(pod.connections), "phase": pod.phase}
            for key, pod in sorted(self.pods.items())
        }
        self.tell({"event": "count", "id": order["id"], "pods": pods})
