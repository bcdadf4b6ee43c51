"""Requests from an ingress controller to the pods behind it: HTTP/1.1, kept alive, once each.

A connection that was closed while it idled is opened anew once; what else goes wrong is the
caller's to answer.
"""

import asyncio
import socket
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache

from gcpsim.dataplane.farm.answers import Headers, Reply, Request
from gcpsim.dataplane.farm.ground import Ground

Address = tuple[str, int]
Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]
KEPT = 64
PIECE = 65536
HOP = ("connection", "keep-alive", "transfer-encoding", "content-length")


class Unreachable(Exception):
    """No connection to the pod: nothing was sent."""


class Broken(Exception):
    """The pod ended the connection before its answer was complete."""


class Upstreams:
    """The connections of one controller pod; `client` is its address, as the pods behind see it."""

    def __init__(self, farm: Ground, client: str) -> None:
        self.farm, self.client = farm, client
        self._idle: defaultdict[tuple[Address, bool], list[Wire]] = defaultdict(list)

    async def ask(
        self, at: Address, request: Request, target: str, headers: dict[str, str], *,
        tls: bool, connect: float, read: float,
    ) -> Reply:  # fmt: skip
        """The pod's answer, whole. Unreachable, Broken."""
        idle = self._idle[at, tls]
        while idle:
            wire = idle.pop()
            if wire[0].at_eof() or wire[1].is_closing():
                wire[1].close()
                continue
            try:
                return await self._exchange(wire, at, request, target, headers, tls=tls, read=read)
            except Broken:
                if request.method not in ("GET", "HEAD"):
                    raise
        wire = await self.open(at, tls=tls, connect=connect)
        return await self._exchange(wire, at, request, target, headers, tls=tls, read=read)

    async def open(self, at: Address, *, tls: bool, connect: float) -> Wire:
        """A new connection to a pod, on behalf of this controller."""
        loop = asyncio.get_running_loop()
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        sock.setblocking(False)
        try:
            async with asyncio.timeout(connect):
                with self.farm.on_behalf(sock, f"{self.client}:0"):
                    await loop.sock_connect(sock, at)
                if not tls:
                    return await asyncio.open_connection(sock=sock)
                return await asyncio.open_connection(sock=sock, ssl=_any(), server_hostname="")
        except (OSError, TimeoutError) as error:
            sock.close()
            raise Unreachable(str(error)) from error
        except BaseException:
            sock.close()
            raise

    async def _exchange(
        self, wire: Wire, at: Address, request: Request, target: str, headers: dict[str, str], *,
        tls: bool, read: float,
    ) -> Reply:  # fmt: skip
        """Send a request, read the head of the answer, and the body if all of it is there."""
        reader, writer = wire
        try:
            writer.write(request_bytes(request.method, target, headers, request.body))
            answer = await _read_head(reader, request.method)
            first = b""
            if answer.length is not None:
                first = await reader.read(min(PIECE, answer.length)) if answer.length else b""
            if len(first) == answer.length:
                self._again(wire, at, tls, alive=answer.alive)
                return Reply(answer.status, answer.headers, first)
        except (OSError, EOFError, ValueError) as error:
            writer.close()
            raise Broken(str(error)) from error
        except BaseException:
            writer.close()
            raise
        stream = self._rest(wire, at, answer, first, tls=tls, read=read)
        return Reply(answer.status, answer.headers, stream=stream, length=answer.length)

    async def _rest(
        self, wire: Wire, at: Address, answer: "Head", first: bytes, *, tls: bool, read: float
    ) -> AsyncIterator[bytes]:
        """A body as it comes; the connection is used again when all of it came."""
        reader, whole = wire[0], False
        try:
            if answer.chunked:
                async for piece in _chunks(reader, read):
                    yield piece
                whole = True
            else:
                left = None if answer.length is None else answer.length - len(first)
                yield first
                while left is None or left:
                    async with asyncio.timeout(read):
                        piece = await reader.read(PIECE if left is None else min(PIECE, left))
                    if not piece and left:
                        raise EOFError
                    if not piece:
                        break
                    left = None if left is None else left - len(piece)
                    yield piece
                whole = answer.length is not None
        finally:
            self._again(wire, at, tls, alive=whole and answer.alive)

    def _again(self, wire: Wire, at: Address, tls: bool, *, alive: bool) -> None:
        if alive and len(self._idle[at, tls]) < KEPT:
            self._idle[at, tls].append(wire)
        else:
            wire[1].close()

    def close(self) -> None:
        for wires in self._idle.values():
            for _, writer in wires:
                writer.close()
        self._idle.clear()


@cache
def _any() -> ssl.SSLContext:
    """Certificates of pods are not checked (proxy-ssl-verify off)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def request_bytes(method: str, target: str, headers: dict[str, str], body: bytes) -> bytes:
    lines = [f"{method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"content-length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


@dataclass(slots=True)
class Head:
    """Status and headers of an answer, and what its body is: `length` None is unknown."""

    status: int
    headers: Headers
    length: int | None
    chunked: bool
    alive: bool


async def _read_head(reader: asyncio.StreamReader, method: str) -> Head:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(lines[0].split(" ")[1])
    headers: Headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers.append((name.lower(), value.strip()))
    fields = dict(headers)
    kept = [item for item in headers if item[0] not in HOP]
    alive = fields.get("connection", "").lower() != "close"
    if method == "HEAD" or status in (204, 304):
        return Head(status, kept, 0, False, alive)
    if "chunked" in fields.get("transfer-encoding", ""):
        return Head(status, kept, None, True, alive)
    length = int(fields["content-length"]) if "content-length" in fields else None
    return Head(status, kept, length, False, alive and length is not None)


async def _chunks(reader: asyncio.StreamReader, read: float) -> AsyncIterator[bytes]:
    """The pieces of a chunked body; `read` is the longest time between two of them."""
    while True:
        async with asyncio.timeout(read):
            size = int((await reader.readline()).partition(b";")[0], 16)
            piece = await reader.readexactly(size)
            await reader.readline()  # after the last one too, when no trailers come
        if not size:
            return
        yield piece
