"""What all clients share: the requests that are open, their patience, and how they are counted.

A client starts one request each time it is told to, remembers when, and records what came of it,
once. It never tries again: that is the point of it.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, cast

from edgebook.traffic.values import Kind, Series

SHUTDOWN_SECONDS = 2.0
MOST_OPEN = 64  # requests of one series that are under way at the same time

Record = Callable[[float, int, float, str, str, str], None]


class Request:
    """One request under way; `late` is time in which our own loop did not run.

    `unclear`: so long that whatever goes wrong with it may be our own fault.
    """

    __slots__ = ("began", "late", "phase", "unclear")

    def __init__(self, began: float) -> None:
        self.began = began
        self.late = 0.0
        self.unclear = False
        self.phase = "connecting"

    def give_up(self) -> None:
        """Let go of whatever the request holds: its time is up."""
        raise NotImplementedError


class BaseClient:
    """The bookkeeping of one series; a kind of client says in `begin` what a request is."""

    timeout = Kind.TIMEOUT

    def __init__(self, series: Series, record: Record, tls: ssl.SSLContext | None) -> None:
        self.series = series
        self.target = series.target
        self.tls = tls
        self.loop = asyncio.get_running_loop()
        self.open: dict[Any, None] = {}  # in the order in which they were begun
        self.transports: set[asyncio.BaseTransport] = set()  # also those that hang up by now
        self.unfinished = 0
        self.has_served = False  # whether an answer below 400 was seen: no 4xx is good after it
        self._record = record

    def launch(self) -> None:
        """Begin one request, unless as many as may be are under way."""
        if len(self.open) < MOST_OPEN:
            self.begin(self.loop.time())

    def begin(self, now: float) -> None:
        raise NotImplementedError

    def answered(self, request: Any, who: str = "") -> None:
        self._ended(request, "", "", who)

    def failed(self, request: Any, kind: Kind, detail: str, who: str = "") -> None:
        self._ended(request, kind.value, detail, who)

    def cut(self, now: float, detail: str) -> None:
        """A connection that stays open was cut while nothing was being said on it."""
        self._record(now, self.series.number, 0.0, Kind.RESET.value, detail, "")

    def _ended(self, request: Any, kind: str, detail: str, who: str) -> None:
        if request not in self.open:
            return
        del self.open[request]
        if kind and request.unclear:
            self.unfinished += 1
            return
        seconds = max(0.0, self.loop.time() - request.began - request.late)
        self._record(request.began, self.series.number, seconds, kind, detail, who)

    def sweep(self, now: float) -> None:
        """End the requests whose patience is over. One that we made late ourselves is unclear."""
        for request in list(self.open):
            if now - request.began < self.target.patience:
                break
            if request.late:
                del self.open[request]
                self.unfinished += 1
            else:
                self.failed(
                    request, self.timeout, f"{request.phase} for {now - request.began:.1f} s"
                )
            request.give_up()

    def was_late(self, seconds: float, *, long: bool) -> None:
        """The loop did not run for that time; after a long one, old connections are let go."""
        for request in self.open:
            request.late += seconds
            request.unclear = request.unclear or long

    def close(self) -> None:
        """Let go of everything; what is still open is neither answered nor failed."""
        self.unfinished += len(self.open)
        for request in list(self.open):
            del self.open[request]
            request.give_up()
        for transport in list(self.transports):
            cast(asyncio.Transport, transport).abort()


class Connection(Request, asyncio.Protocol):
    """A request that has a connection of its own, at least for now."""

    client: BaseClient

    def __init__(self, began: float) -> None:
        super().__init__(began)
        self.transport: asyncio.Transport | None = None
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.client.transports.add(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self.transport is not None:
            self.client.transports.discard(self.transport)
        self.transport = None
        self.lost(exc)

    def lost(self, exc: BaseException | None) -> None:
        """The connection is gone: with an error, or closed by the other side or by us."""
        raise NotImplementedError

    async def opened(self) -> bool:
        """Connect as the series says; False when that failed (recorded) or nobody waits for it."""
        client = self.client
        options: dict[str, Any] = {}
        if client.tls is not None:
            options = {
                "ssl": client.tls,
                "server_hostname": client.target.hostname or client.series.host,
                "ssl_handshake_timeout": client.target.patience + 5,
                "ssl_shutdown_timeout": SHUTDOWN_SECONDS,
            }
        where = (client.series.host, client.series.port)
        try:
            await client.loop.create_connection(lambda: self, *where, **options)
        except (OSError, EOFError) as error:
            client.failed(self, *connect_failure(error, tls=client.tls is not None))
            return False
        return self.transport is not None and self in client.open

    def give_up(self) -> None:
        if self.task is not None and not self.task.done():
            self.task.cancel()
        if self.transport is not None:
            self.transport.abort()

    def hang_up(self) -> None:
        if self.transport is not None:
            self.transport.close()


def connect_failure(error: BaseException, *, tls: bool) -> tuple[Kind, str]:
    """The kind of a failure to connect: before the handshake, or in it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Kind.TLS, f"certificate not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return Kind.TLS, f"handshake refused: {(error.reason or str(error)).lower()}"
    if tls and isinstance(error, ConnectionResetError | ConnectionAbortedError | EOFError):
        return Kind.TLS, "handshake cut"
    return Kind.CONNECT, words(error)


def words(error: BaseException) -> str:
    """Few words for an error; without addresses, so that the same error has the same words."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionResetError):
        return "connection reset"
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()
