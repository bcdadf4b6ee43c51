"""The proxy of the simulator: Google's APIs, the simulated world's front ends, and nothing else.

Tools with no endpoint option of their own are pointed at it with HTTPS_PROXY and a CA bundle. It
ends TLS for *.googleapis.com and accounts.google.com (with certificates of the local CA), leads
any name of the simulated DNS to the front end of a location, and connects to the simulator's own
loopback ports. Everything else is refused, never forwarded.
"""

import asyncio
import contextlib
import ssl
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gcpsim.certs.authority import Authority
from gcpsim.core.world import World
from gcpsim.dns.lookup import Lookup
from gcpsim.front import ways
from gcpsim.front.guard import is_googles

HEAD_LIMIT = 64 * 1024
SETTLE_SECONDS = 1.0
LOCAL = ("127.0.0.1", "localhost")


@dataclass(frozen=True)
class Head:
    """The head of a request to the proxy."""

    verb: str
    target: str
    lines: tuple[str, ...]

    def header(self, name: str) -> str:
        for line in self.lines:
            key, _, value = line.partition(":")
            if key.lower() == name:
                return value.strip()
        return ""


class ConnectProxy:
    """Serves CONNECT on a loopback port; `port` is where the simulator itself listens."""

    def __init__(
        self,
        world: World,
        names: Lookup,
        authority: Authority,
        host: str,
        port: int,
        ports: Callable[[], Collection[int]],
    ) -> None:
        self._world, self._names = world, names
        self._patience = world.options.patience  # real seconds
        self._ports = ports
        self._authority = authority
        self._host, self._port = host, port
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> int:
        self._server = await asyncio.start_server(self._serve, self._host, port, limit=HEAD_LIMIT)
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(
            OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
        ):
            await self._answer(reader, writer)
        with contextlib.suppress(OSError):
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(self._patience):
            raw = await reader.readuntil(b"\r\n\r\n")
        first, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
        verb, _, rest = first.partition(" ")
        head = Head(verb, rest.split(" ")[0], tuple(lines))
        if verb == "CONNECT":
            await self._connect(head, reader, writer)
        elif head.target.startswith("http://"):
            await self._forward(head, reader, writer)
        else:
            await _say(writer, "405 Method Not Allowed", "gcpsim's proxy only takes CONNECT")

    async def _connect(
        self, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        host, _, port = head.target.rpartition(":")
        host = host.strip("[]")
        if is_googles(host):
            await _say(writer, "200 Connection established")
            await writer.start_tls(self._context(host), ssl_handshake_timeout=self._patience)
            await self._tunnel(reader, writer, ways.Way(self._host, self._port))
        elif host in LOCAL and port.isdigit() and int(port) in self._ports():
            await _say(writer, "200 Connection established")
            await self._tunnel(reader, writer, ways.Way("127.0.0.1", int(port)))
        else:
            way = await self._way(head, host, port, writer)
            if way is not None:
                await _say(writer, "200 Connection established")
                await self._tunnel(reader, writer, way)

    async def _forward(
        self, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """A plain HTTP request in absolute form: one request a connection."""
        url = urlsplit(head.target)
        host = url.hostname or ""
        if is_googles(host):
            await _say(writer, "405 Method Not Allowed", "gcpsim's proxy only takes CONNECT")
            return
        way = await self._way(head, host, str(url.port or 80), writer)
        if way is None:
            return
        path = url.path or "/"
        path += f"?{url.query}" if url.query else ""
        kept = [
            line
            for line in head.lines
            if not line.lower().startswith(("proxy-", "connection:", "keep-alive:"))
        ]
        lines = [f"{head.verb} {path} HTTP/1.1", *kept, "Connection: close", "", ""]
        opening = way.opening + "\r\n".join(lines).encode("latin-1")
        await self._tunnel(reader, writer, ways.Way(way.host, way.port, opening))

    async def _way(
        self, head: Head, host: str, port: str, writer: asyncio.StreamWriter
    ) -> ways.Way | None:
        """The way to a name of the simulated world; None when the refusal has been said."""
        asking = ways.asker(head.header("proxy-authorization"))
        if self._world.dataplane is not None:
            await self._world.dataplane.settled(SETTLE_SECONDS)
        try:
            number = int(port) if port.isdigit() else 0
            return ways.find(self._world, self._names, host, number, asking)
        except ways.Unknown as why:
            text = f"gcpsim leads to *.googleapis.com and to its simulated world only: {why}; "
            await _say(writer, "403 Forbidden", text + "unset HTTPS_PROXY for the internet")
        except ways.Closed as why:
            await _say(writer, "502 Bad Gateway", str(why))
        return None

    async def _tunnel(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: ways.Way
    ) -> None:
        """Carry bytes both ways; each side's end is passed on; the second one ends the tunnel."""
        try:
            inner_reader, inner_writer = await asyncio.open_connection(way.host, way.port)
        except OSError:
            if way.opening:
                await _say(writer, "502 Bad Gateway", f"nothing answers at {way.host}:{way.port}")
            return
        if way.opening:
            inner_writer.write(way.opening)
        there = asyncio.ensure_future(_copy(reader, inner_writer))
        back = asyncio.ensure_future(_copy(inner_reader, writer))
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
            if there.done() and not back.done() and inner_writer.can_write_eof():
                # A client that is done sending may still be waiting for its answer.
                with contextlib.suppress(OSError):
                    inner_writer.write_eof()
                await asyncio.wait({back}, timeout=self._patience)
        finally:
            for way_ in (there, back):
                way_.cancel()
            inner_writer.close()

    def _context(self, host: str) -> ssl.SSLContext:
        if host not in self._contexts:
            self._contexts[host] = server_context(self._authority, [host])
        return self._contexts[host]


def server_context(authority: Authority, names: list[str]) -> ssl.SSLContext:
    """A TLS server context with a certificate of the local CA for host names or IP addresses."""
    chain, key = authority.server_certificate(names)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    with tempfile.TemporaryDirectory() as folder:
        pem = Path(folder) / "server.pem"
        pem.touch(mode=0o600)
        pem.write_text(chain + key)
        context.load_cert_chain(pem)
    return context


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, ssl.SSLError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()


async def _say(writer: asyncio.StreamWriter, status: str, text: str = "") -> None:
    body = (text + "\n").encode() if text else b""
    head = f"HTTP/1.1 {status}\r\n"
    if body:
        head += f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    writer.write(head.encode() + b"\r\n" + body)
    await writer.drain()
