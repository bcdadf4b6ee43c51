"""Bytes both ways through an ingress controller: a WebSocket, or one of its TCP services."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from gcpsim.dataplane.farm import nginx
from gcpsim.dataplane.farm.answers import Request
from gcpsim.dataplane.farm.http1 import head_bytes
from gcpsim.dataplane.farm.router import Router
from gcpsim.dataplane.farm.seams import Line
from gcpsim.dataplane.farm.upstreams import Unreachable, Wire, request_bytes

PIECE = 65536
CONNECT = 5.0  # proxy-connect-timeout


class Through(ABC):
    """The speaker of a connection whose other end is a pod behind."""

    name = "through"
    busy = True

    def __init__(self, connection: Line) -> None:
        self.connection = connection
        self._waiting: list[bytes] = []
        self._writer: asyncio.StreamWriter | None = None
        self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def router(self) -> Router:
        return self.connection.pod.router

    @abstractmethod
    async def connect(self) -> tuple[Wire, bytes]:
        """A connection to a pod, and what is said on it first. Unreachable."""

    def unreachable(self) -> bytes:
        """What the client is told when there is no pod."""
        return b""

    def feed(self, data: bytes) -> None:
        if self._writer is None:
            self._waiting.append(data)
        else:
            self._writer.write(data)

    async def _run(self) -> None:
        try:
            (reader, writer), first = await self.connect()
        except Unreachable:
            self.connection.write(self.unreachable())
            self.connection.close()
            return
        self._writer = writer
        writer.write(first + b"".join(self._waiting))
        with contextlib.suppress(OSError):
            while data := await reader.read(PIECE):
                self.connection.write(data)
                await self.connection.drained()
        self.connection.close()

    def finish(self) -> None:
        """Streams stay until the process has ended."""
        return

    def lost(self) -> None:
        self._task.cancel()
        if self._writer is not None:
            self._writer.close()


class Tunnel(Through):
    """A WebSocket: the handshake goes on as NGINX changes requests."""

    name = "tunnel"

    def __init__(self, connection: Line, request: Request) -> None:
        self._request = request
        super().__init__(connection)

    async def connect(self) -> tuple[Wire, bytes]:
        decision = self.router.decide(self._request)
        if not isinstance(decision, nginx.Onward):
            raise Unreachable("no location")
        candidates = self.router.candidates(decision.upstream, decision.cookie)
        if not candidates:
            raise Unreachable(decision.upstream)
        wires = self.router.wires(self.connection.pod)
        wire = await wires.open(
            candidates[0][1], tls=decision.tls, connect=decision.connect_timeout
        )
        headers = decision.headers | {"connection": "Upgrade"}
        return wire, request_bytes("GET", decision.target, headers, b"")

    def unreachable(self) -> bytes:
        return head_bytes(502, [("connection", "close")])


class Stream(Through):
    """A TCP service of the controller: bytes as they are, after a PROXY line where it says so."""

    name = "stream"

    def __init__(self, connection: Line, service: Mapping[str, Any]) -> None:
        self._service = service
        super().__init__(connection)

    async def connect(self) -> tuple[Wire, bytes]:
        wires = self.router.wires(self.connection.pod)
        for _, at in self.router.candidates(self._service["upstream"]):
            with contextlib.suppress(Unreachable):
                return await wires.open(at, tls=False, connect=CONNECT), self._line(at)
        raise Unreachable(self._service["upstream"])

    def _line(self, at: tuple[str, int]) -> bytes:
        if not self._service["encode"]:
            return b""
        host, _, port = self.connection.client.rpartition(":")
        ip = self.connection.pod.identity.document["ip"]
        return f"PROXY TCP4 {host} {ip} {port} {self.connection.port}\r\n".encode()
