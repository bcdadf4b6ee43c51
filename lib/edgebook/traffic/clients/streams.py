"""Connections that stay open: TCP and TLS streams, and WebSockets.

What they see nobody else sees: a connection that was fine and is cut. Each request is something
said on the open connection and its answer; a cut counts when it happens, whether something was
being said or not. The next request opens a new one.
"""

import asyncio
import contextlib
import ssl
from typing import Any

from edgebook.traffic.clients.answers import who_said
from edgebook.traffic.clients.base import (
    BaseClient,
    Connection,
    Record,
    Request,
    connect_failure,
    words,
)
from edgebook.traffic.values import Kind, Series

MOST = 65536


class Streams(BaseClient):
    """One TCP or TLS stream, asked again and again."""

    def __init__(self, series: Series, record: Record, tls: ssl.SSLContext | None) -> None:
        super().__init__(series, record, tls)
        self.stream: Stream | None = None

    def begin(self, now: float) -> None:
        if self.open:
            return  # one thing at a time is said on a stream
        if self.stream is None:
            self.stream = Stream(self, now)
            self.stream.task = self.loop.create_task(self.stream.connect())
            self.open[self.stream] = None
        else:
            self.open[self.stream] = None
            self.stream.say(now)

    def was_late(self, seconds: float, *, long: bool) -> None:
        super().was_late(seconds, long=long)
        if long and self.stream is not None:
            self.stream.forgotten = True

    def close(self) -> None:
        if self.stream is not None:
            self.stream.forgotten = True
        super().close()


class Stream(Connection):
    """The connection; it is a request whenever something is being said."""

    def __init__(self, client: Streams, began: float) -> None:
        super().__init__(began)
        self.client: Streams = client
        self.born = began
        self.seen = b""
        self.forgotten = False

    async def connect(self) -> None:
        if await self.opened():
            self.say(self.began)
        elif self.client.stream is self:
            self.client.stream = None

    def say(self, began: float) -> None:
        self.began, self.late, self.unclear = began, 0.0, False
        self.phase, self.seen = "no answer", b""
        if self.transport is not None:
            self.transport.write(self.client.target.send.encode())

    def data_received(self, data: bytes) -> None:
        self.seen = (self.seen + data)[:MOST]
        if self.client.target.expect.encode() in self.seen:
            self.client.answered(self, who_said(self.seen))

    def lost(self, exc: BaseException | None) -> None:
        client = self.client
        if client.stream is self:
            client.stream = None
        if self.forgotten:
            client.open.pop(self, None)
            return
        now = client.loop.time()
        detail = f"cut after {now - self.born:.1f} s: {words(exc) if exc else 'closed'}"
        if self in client.open:
            client.failed(self, Kind.RESET, detail)
        else:
            client.cut(now, detail)

    def give_up(self) -> None:
        self.forgotten = True
        if self.client.stream is self:
            self.client.stream = None
        super().give_up()


class WebSockets(BaseClient):
    """One WebSocket; its ping, which every server answers, is the request."""

    def __init__(self, series: Series, record: Record, tls: ssl.SSLContext | None) -> None:
        super().__init__(series, record, tls)
        self.socket: Any = None
        self.keeper: asyncio.Task[None] | None = None
        self.leaving = False

    def begin(self, now: float) -> None:
        if self.open:
            return
        request = Ping(self, now)
        self.open[request] = None
        request.task = self.loop.create_task(self._ask(request))

    async def _ask(self, request: "Ping") -> None:
        from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

        try:
            if self.socket is None:
                self.socket = await self._connect()
                self.keeper = self.loop.create_task(self._keep(self.socket, request.began))
            request.phase = "no answer"
            await (await self.socket.ping())
            self.answered(request)
        except InvalidStatus as error:
            self.failed(request, Kind.STATUS, f"HTTP {error.response.status_code}")
        except ConnectionClosed:
            pass  # counted by whoever keeps the connection
        except (OSError, EOFError) as error:
            self.failed(request, *connect_failure(error, tls=self.tls is not None))
        except WebSocketException as error:
            self.failed(request, Kind.RESET, words(error))

    async def _connect(self) -> Any:
        from websockets.asyncio.client import connect

        target, secure = self.target, self.tls is not None
        name = target.hostname or target.ip
        scheme, default = ("wss", 443) if secure else ("ws", 80)
        port = f":{target.port}" if target.port != default else ""
        more: dict[str, Any] = {"ssl": self.tls, "server_hostname": name} if secure else {}
        return await connect(
            f"{scheme}://{name}{port}{target.websocket}",
            host=self.series.host,
            port=self.series.port,
            open_timeout=None,
            ping_interval=None,
            close_timeout=0.2,
            proxy=None,
            user_agent_header="edgebook-meter/0.1",
            **more,
        )

    async def _keep(self, socket: Any, born: float) -> None:
        """Read until it is closed; a close that we did not want counts."""
        with contextlib.suppress(Exception):
            async for _ in socket:
                pass
        if self.socket is socket:
            self.socket = None
        if self.leaving:
            return
        now = self.loop.time()
        detail = f"cut after {now - born:.1f} s: closed with {socket.close_code or 1006}"
        pending = [request for request in self.open if request.phase != "connecting"]
        for request in pending:
            self.failed(request, Kind.RESET, detail)
        if not pending:
            self.cut(now, detail)

    def was_late(self, seconds: float, *, long: bool) -> None:
        super().was_late(seconds, long=long)
        if long:
            self.let_go()

    def close(self) -> None:
        super().close()
        self.leaving = True
        self.let_go()

    def let_go(self) -> None:
        """The next request opens a new one; this one is no failure any more."""
        if self.keeper is not None:
            self.keeper.cancel()
        if self.socket is not None:
            self.socket.transport.abort()
        self.socket = None


class Ping(Request):
    """One ping and its pong; who waits for it in vain connects anew, as browsers do."""

    def __init__(self, client: WebSockets, began: float) -> None:
        super().__init__(began)
        self.client = client
        self.task: asyncio.Task[None] | None = None

    def give_up(self) -> None:
        if self.task is not None:
            self.task.cancel()
        self.client.let_go()
