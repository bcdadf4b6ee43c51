"""One pod: its identity, its sockets, how it behaves, and how its life ends.

`serving` listens. `ending` has had its SIGTERM: it accepts nothing new, answers what is being asked
and leaves streams alone. `lost` is on a machine that is down. Killing cuts what is left.
"""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Awaitable, Mapping
from typing import Any, Protocol

from gcpsim.core.behaviour import Behaviour
from gcpsim.core.pages import has_page
from gcpsim.dataplane.farm.answers import PROBER, SLOW, Identity, Reply, Request, answer, cut_short
from gcpsim.dataplane.farm.certificates import Certificates
from gcpsim.dataplane.farm.connections import Arrival, Connection
from gcpsim.dataplane.farm.ground import Ground
from gcpsim.dataplane.farm.listening import Listener, bound
from gcpsim.dataplane.farm.router import Router

SAID = 500  # answered requests that a pod's log keeps
PHASES = ("serving", "ending", "lost")


class Land(Ground, Protocol):
    """The farm, as a pod sees it."""

    certificates: Certificates

    def router(self, cluster: str) -> Router: ...


class Pod:
    """`ports` are the container ports with what they are declared to speak ("" if unknown)."""

    def __init__(self, farm: Land, key: str, address: str) -> None:
        self.farm, self.key, self.address = farm, key, address
        self.identity = Identity({})
        self.behaviour = Behaviour()
        self.ports: dict[int, str] = {}
        self.pages: dict[int, frozenset[str]] = {}  # what its own probes ask for
        self.certificates: list[str] = []
        self.ingress = ""  # the routes that it serves, when it is an ingress controller
        self.routed: list[int] = []  # the ports on which it serves them
        self.phase = ""
        self.connections: set[Arrival | Connection] = set()
        self._listeners: dict[int, Listener] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._requests = 0
        self.said: deque[tuple[float, str, str, str, str, str, str]] = deque(maxlen=SAID)

    @property
    def ended(self) -> bool:
        return self.phase in ("ending", "killed")

    @property
    def router(self) -> Router:
        """The routing of the cluster whose ingress controller this is."""
        return self.farm.router(self.ingress)

    def client_of(self, peer: tuple[str, int]) -> tuple[str, bool]:
        """Whom this pod sees at the other end, and whether that is one of Google's front ends."""
        return self.farm.client_of(peer)

    def sockets(self) -> dict[int, tuple[str, int]]:
        """Where each port listens."""
        return {port: listener.at for port, listener in sorted(self._listeners.items())}

    def become(self, wanted: dict[str, Any]) -> None:
        """Take over what the control plane says about this pod."""
        self.identity = Identity(wanted["about"])
        self.behaviour = Behaviour(**wanted["behaviour"])
        ports = {int(port): speaks for port, speaks in wanted["ports"].items()}
        gone, self.ports = set(self.ports) - set(ports), ports
        self.pages = {int(port): frozenset(found) for port, found in wanted["pages"].items()}
        self.certificates = wanted["certificates"]
        self.ingress = wanted.get("ingress", "")
        self.routed = wanted.get("routed", [])
        self._listen()
        for port in gone:  # its container has ended
            self.cut(port)
        if wanted["phase"] != self.phase:
            self._enter(wanted["phase"])

    def _listen(self) -> None:
        """Open the ports that should be open, close the others. OSError: an address is taken."""
        wanted = {} if self.behaviour.refuse else self.ports
        for port in [port for port in self._listeners if port not in wanted]:
            self._listeners.pop(port).close()
        if self.ended:
            return
        for port in sorted(set(wanted) - set(self._listeners)):
            self._listeners[port] = Listener(self, port, bound(self.address, port))
            if self.phase == "lost":
                self._listeners[port].freeze()

    def _enter(self, phase: str) -> None:
        before, self.phase = self.phase, phase
        if before == "lost" and phase != "lost":
            for one in (*self._listeners.values(), *self.connections):
                one.thaw()
        if phase == "lost":
            for one in (*self._listeners.values(), *self.connections):
                one.freeze()
        elif phase == "ending":
            self._stop_listening()
            for connection in list(self.connections):
                connection.finish()
        elif phase == "serving":
            self._listen()

    def kill(self) -> None:
        """The process is gone: every socket of it ends now."""
        self.phase = "killed"
        self._stop_listening()
        self.cut()
        for task in self._tasks:
            task.cancel()

    def cut(self, port: int = 0, *, fronted: bool = False) -> int:
        """End the connections of one port, or all; only those of front ends if `fronted`."""
        chosen = [c for c in self.connections if port in (0, c.port) and (c.fronted or not fronted)]
        for connection in chosen:
            connection.cut()
        return len(chosen)

    def _stop_listening(self) -> None:
        for listener in self._listeners.values():
            listener.close()
        self._listeners.clear()

    def keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # What is served

    def tls_context(self) -> ssl.SSLContext:
        return self.farm.certificates.context(tuple(self.certificates))

    def routes(self, request: Request) -> bool:
        """Whether this is an ingress controller, and the port one on which it routes."""
        return request.port in self.routed

    def stream(self, port: int) -> Mapping[str, Any] | None:
        """The TCP service that an ingress controller has on a port."""
        return self.router.stream(port) if self.ingress else None

    def serve(self, request: Request) -> Reply | Awaitable[Reply]:
        """The answer to a request, after the pod's moods; its log has it, but for probes."""
        reply = self._serve(request)
        if request.headers.get("user-agent") == PROBER:
            return reply
        if not isinstance(reply, Reply):
            return self._noted_later(request, reply)
        self._note(request, reply)
        return reply

    def _note(self, request: Request, reply: Reply) -> None:
        said = "hangs" if reply.hang else "dropped" if reply.drop else str(reply.status)
        agent = request.headers.get("user-agent", "-")
        self.said.append(
            (
                time.monotonic(),
                request.client,
                request.method,
                request.target,
                said,
                request.host,
                agent,
            )
        )

    async def _noted_later(self, request: Request, coming: Awaitable[Reply]) -> Reply:
        reply = await coming
        self._note(request, reply)
        return reply

    def log(self) -> list[tuple[float, str]]:
        """What it answered: how many real seconds ago, and a line; the oldest first."""
        now = time.monotonic()
        return [
            (now - when, f'{client} "{method} {target[:200]}" {said} {host} "{agent[:80]}"')
            for when, client, method, target, said, host, agent in self.said
        ]

    def _serve(self, request: Request) -> Reply | Awaitable[Reply]:
        behaviour = self.behaviour
        if behaviour.hang:
            return Reply(hang=True)
        if self.leaks():
            return Reply(drop=True)
        if behaviour.cut and request.headers.get("user-agent") != PROBER:
            return cut_short(self.identity)
        if behaviour.fail:
            reply: Reply | Awaitable[Reply] = Reply(
                behaviour.fail, self.identity.headers(), b'{"failing": true}'
            )
        elif not behaviour.knows(request.target.partition("?")[0]):
            reply = Reply(404, self.identity.headers(), b'{"found": false}')
        elif self.routes(request):
            reply = self.router.serve(self, request)
        elif request.headers.get("user-agent") == PROBER and not self._has(request):
            reply = Reply(404, self.identity.headers(), b'{"found": false}')
        else:
            reply = answer(self.identity, request, behaviour.deny)
        if behaviour.slow:
            if not isinstance(reply, Reply):
                return self._slowed_later(request, reply)
            self._slow(request, reply)
        return reply

    def _has(self, request: Request) -> bool:
        known = () if self.behaviour.paths else self.pages.get(request.port, ())
        return has_page(known, request.target)

    def _slow(self, request: Request, reply: Reply) -> None:
        # Probes are told instead of kept waiting: their timeouts are in simulated time.
        if request.headers.get("user-agent") != PROBER:
            reply.delay += self.behaviour.slow
        reply.headers = [*reply.headers, (SLOW, f"{self.behaviour.slow:g}")]

    async def _slowed_later(self, request: Request, coming: Awaitable[Reply]) -> Reply:
        """What an ingress controller passes on is late too."""
        reply = await coming
        self._slow(request, reply)
        return reply

    def leaks(self) -> bool:
        """Whether one more request is dropped: every n-th, so that a share is what it says."""
        share = self.behaviour.leak
        self._requests += 1
        return int(self._requests * share) != int((self._requests - 1) * share)
