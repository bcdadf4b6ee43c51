"""The routing of one cluster's ingress controller: its decisions carried out by real connections.

All controller pods of a cluster share the routes; each has its own connections to the pods behind.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any, Protocol

from gcpsim.dataplane.farm import nginx
from gcpsim.dataplane.farm.answers import Identity, Reply, Request
from gcpsim.dataplane.farm.ground import Ground
from gcpsim.dataplane.farm.upstreams import Address, Broken, Unreachable, Upstreams

TRIES = 3  # proxy-next-upstream-tries
EMPTY: dict[str, Any] = {
    "options": {
        "use_forwarded_headers": False, "real_ip_cidrs": ["0.0.0.0/0"], "full_forwarded_for": False,
        "http_redirect_code": 308, "hsts": True, "hsts_max_age": 31536000, "hsts_subdomains": True,
        "underscores": False, "request_id": True,
    },
    "servers": {},
    "upstreams": {},
}  # fmt: skip


class Visited(Protocol):
    """The controller pod that a request came to."""

    key: str
    identity: Identity


class Router:
    """Routes of a cluster, and what goes through them."""

    def __init__(self, farm: Ground) -> None:
        self.farm = farm
        self.routes: dict[str, Any] = EMPTY
        self._wires: dict[str, Upstreams] = {}
        self._turns = self._draws = 0

    def become(self, order: dict[str, Any]) -> None:
        self.routes = order["routes"]

    def decide(self, request: Request) -> Reply | nginx.Onward:
        self._draws += 1
        draw = self._draws * 0.618033988749895 % 1  # evenly spread, and the same in each run
        return nginx.decide(self.routes, request, draw)

    def handles(self, request: Request) -> bool:
        """Whether a request (an upgrade) goes to a pod behind."""
        return isinstance(self.decide(request), nginx.Onward)

    def serve(self, pod: Visited, request: Request) -> Reply | Awaitable[Reply]:
        decision = self.decide(request)
        if isinstance(decision, Reply):
            decision.headers.append(("x-gcpsim-ingress", pod.key))
            return decision
        return self._onward(pod, request, decision)

    async def _onward(self, pod: Visited, request: Request, onward: nginx.Onward) -> Reply:
        """Ask up to three pods; only what may be repeated is, once it was sent."""
        candidates = self.candidates(onward.upstream, onward.cookie)
        if not candidates:
            return nginx.page(503)
        status = 502
        for name, at in candidates[:TRIES]:
            try:
                async with asyncio.timeout(onward.read_timeout):
                    reply = await self.wires(pod).ask(
                        at, request, onward.target, onward.headers,
                        tls=onward.tls, connect=onward.connect_timeout,
                        read=onward.read_timeout,
                    )  # fmt: skip
            except Unreachable:
                status = 502
                continue
            except TimeoutError:
                status = 504
            except Broken:
                status = 502
            else:
                return self._dressed(pod, onward, name, reply)
            if request.method == "POST":
                break
        return nginx.page(status)

    def stream(self, port: int) -> dict[str, Any] | None:
        """The TCP service on a port of the controller: its upstream, `decode` and `encode`."""
        found: dict[str, Any] | None = (self.routes.get("streams") or {}).get(str(port))
        return found

    def candidates(self, upstream: str, cookie: str = "") -> list[tuple[str, Address]]:
        """The pods of an upstream in the order in which they are tried."""
        self._turns += 1
        pods = self.routes["upstreams"].get(upstream) or []
        if not pods:
            return []
        first = self._turns % len(pods)
        for place, pod in enumerate(pods):
            if cookie and nginx.cookie_value(pod["name"]) == cookie:
                first = place
        ordered = pods[first:] + pods[:first]
        return [(pod["name"], (pod["host"], pod["port"])) for pod in ordered]

    def _dressed(self, pod: Visited, onward: nginx.Onward, name: str, reply: Reply) -> Reply:
        reply.headers += [*onward.add, ("x-gcpsim-ingress", pod.key)]
        value = nginx.cookie_value(name)
        if onward.sticky and onward.cookie != value:
            words = f"{onward.sticky['name']}={value}; Path={onward.sticky['path']}; HttpOnly"
            if onward.sticky["max_age"]:
                words += f"; Max-Age={onward.sticky['max_age']}"
            reply.headers.append(("set-cookie", words))
        return reply

    def wires(self, pod: Visited) -> Upstreams:
        found = self._wires.get(pod.key)
        if found is None:
            client = str(pod.identity.document.get("ip", ""))
            found = self._wires[pod.key] = Upstreams(self.farm, client)
        return found

    def forget(self, key: str) -> None:
        """A controller pod is gone, and its connections with it."""
        wires = self._wires.pop(key, None)
        if wires is not None:
            wires.close()
