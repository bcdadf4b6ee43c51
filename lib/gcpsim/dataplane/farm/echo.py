"""Plain TCP on one connection of a pod: bytes come back; the line `who` is answered with JSON."""

import asyncio
import json

from gcpsim.dataplane.farm.seams import Line

WHO = b"who"


class Echo:
    """The speaker of a protocol that the farm does not know."""

    name = "tcp"

    def __init__(self, connection: Line) -> None:
        self.connection = connection
        self._tasks: set[asyncio.Task[None]] = set()

    busy = True  # a stream lasts until one of its sides ends it

    def feed(self, data: bytes) -> None:
        pod = self.connection.pod
        if pod.behaviour.fail:
            self.connection.close()
            return
        if pod.behaviour.cut:
            self.connection.cut()
            return
        if pod.behaviour.hang or not data:
            return
        answer = self._account() if data.strip().lower() == WHO else data
        if pod.behaviour.slow:
            task = asyncio.get_running_loop().create_task(self._later(answer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self.connection.write(answer)

    async def _later(self, answer: bytes) -> None:
        await self.connection.wait(self.connection.pod.behaviour.slow)
        self.connection.write(answer)

    def _account(self) -> bytes:
        connection = self.connection
        asked = connection.request("", "", {}, "")
        about = {
            **connection.pod.identity.document,
            "port": connection.port,
            "client": connection.client,
            "tls": asked.tls,
            "proxy": connection.proxy or None,
        }
        return json.dumps(about).encode() + b"\n"

    def finish(self) -> None:
        """Streams stay until the process has ended."""

    def lost(self) -> None:
        for task in self._tasks:
            task.cancel()
