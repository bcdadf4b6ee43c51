"""A CONNECT proxy that ends TLS for *.googleapis.com, so that any Google tool can rehearse here.

Tools with no endpoint option of their own are pointed at it with HTTPS_PROXY and a CA bundle. It
answers only for Google's API hosts (with certificates of the local CA, handing the requests to the
simulator) and for the simulator's own loopback ports. Everything else is refused, never forwarded.
"""

import asyncio
import contextlib
import ssl
import tempfile
from pathlib import Path

from gcpsim.certs.authority import Authority

HEAD_LIMIT = 16 * 1024
IDLE = 600.0


class ConnectProxy:
    """Serves CONNECT on a loopback port; `port` is where the simulator itself listens."""

    def __init__(self, authority: Authority, host: str, port: int) -> None:
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
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await self._connect(reader, writer)
        with contextlib.suppress(OSError):
            writer.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), IDLE)
        verb, _, rest = head.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
        host, _, port = rest.split(" ")[0].rpartition(":")
        if verb != "CONNECT":
            await _say(writer, "405 Method Not Allowed", "gcpsim's proxy only takes CONNECT")
            return
        if host.endswith(".googleapis.com"):
            await _say(writer, "200 Connection established")
            await writer.start_tls(self._context(host))
            await self._tunnel(reader, writer, self._host, self._port)
        elif host in ("127.0.0.1", "localhost") and port.isdigit():
            await _say(writer, "200 Connection established")
            await self._tunnel(reader, writer, "127.0.0.1", int(port))
        else:
            why = f"gcpsim answers for *.googleapis.com only, not for {host}; unset HTTPS_PROXY"
            await _say(writer, "403 Forbidden", why)

    async def _tunnel(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int
    ) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(host, port)
        ways = [
            asyncio.ensure_future(_copy(reader, inner_writer)),
            asyncio.ensure_future(_copy(inner_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
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
