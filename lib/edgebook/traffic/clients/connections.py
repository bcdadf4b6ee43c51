"""SSL and TCP: a connection for each request, held until it has proved that somebody is behind it.

A proxy accepts before it has a backend, so a connection alone proves nothing: with something to say
the answer does; with nothing to say, that it is not closed for a moment.
"""

import asyncio

from edgebook.traffic.clients.answers import who_said
from edgebook.traffic.clients.base import BaseClient, Connection, words
from edgebook.traffic.values import Kind

HELD_SECONDS = 0.5
MOST = 4096


class Connections(BaseClient):
    """One series of connections."""

    def begin(self, now: float) -> None:
        held = Held(self, now)
        self.open[held] = None
        held.task = self.loop.create_task(held.connect())


class Held(Connection):
    """One connection."""

    def __init__(self, client: Connections, began: float) -> None:
        super().__init__(began)
        self.client: BaseClient = client
        self.seen = b""
        self.timer: asyncio.TimerHandle | None = None

    async def connect(self) -> None:
        client = self.client
        if not await self.opened() or self.transport is None:
            return
        self.phase = "no answer"
        if client.target.send:
            self.transport.write(client.target.send.encode())
        elif not client.target.expect:
            self.timer = client.loop.call_later(HELD_SECONDS, self._stood)

    def data_received(self, data: bytes) -> None:
        self.seen = (self.seen + data)[:MOST]
        expected = self.client.target.expect.encode()
        if (self.client.target.send or expected) and expected in self.seen:
            self.client.answered(self, who_said(self.seen))
            self.hang_up()
        # with nothing to say a greeting is welcome, and the connection is held on

    def _stood(self) -> None:
        self.client.answered(self, who_said(self.seen))
        self.hang_up()

    def lost(self, exc: BaseException | None) -> None:
        if self.seen and self.client.target.expect:
            self.client.failed(self, Kind.ANSWER, f"without {self.client.target.expect!r}")
        else:
            reason = words(exc) if exc else "closed without an answer"
            self.client.failed(self, Kind.RESET, reason)

    def give_up(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        super().give_up()
