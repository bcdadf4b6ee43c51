"""A WebSocket through an ingress controller: the handshake goes on, then bytes go both ways."""

import asyncio
from typing import TYPE_CHECKING

from gcpsim.dataplane.farm import nginx
from gcpsim.dataplane.farm.answers import Request
from gcpsim.dataplane.farm.http1 import head_bytes
from gcpsim.dataplane.farm.upstreams import Unreachable, request_bytes

if TYPE_CHECKING:
    from gcpsim.dataplane.farm.connections import Connection

PIECE = 65536


class Tunnel:
    """The speaker of an upgraded connection whose other end is a pod behind."""

    name = "tunnel"
    busy = True

    def __init__(self, connection: "Connection", request: Request) -> None:
        self.connection = connection
        self._waiting: list[bytes] = []
        self._writer: asyncio.StreamWriter | None = None
        self._task = asyncio.get_running_loop().create_task(self._run(request))

    def feed(self, data: bytes) -> None:
        if self._writer is None:
            self._waiting.append(data)
        else:
            self._writer.write(data)

    async def _run(self, request: Request) -> None:
        pod = self.connection.pod
        router = pod.farm.router(pod.ingress)
        decision = router.decide(request)
        candidates = router.candidates(decision) if isinstance(decision, nginx.Onward) else []
        try:
            if not isinstance(decision, nginx.Onward) or not candidates:
                raise Unreachable
            reader, self._writer = await router.wires(pod).open(
                candidates[0][1], tls=decision.tls, connect=decision.connect_timeout
            )
        except Unreachable:
            self.connection.write(head_bytes(502, [("connection", "close")]))
            self.connection.close()
            return
        headers = decision.headers | {"connection": "Upgrade"}
        self._writer.write(request_bytes("GET", decision.target, headers, b""))
        self._writer.write(b"".join(self._waiting))
        try:
            while data := await reader.read(PIECE):
                self.connection.write(data)
        except OSError:
            pass
        self.connection.close()

    def finish(self) -> None:
        """Streams stay until the process has ended."""

    def lost(self) -> None:
        self._task.cancel()
        if self._writer is not None:
            self._writer.close()
