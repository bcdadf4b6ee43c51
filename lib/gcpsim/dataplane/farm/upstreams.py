"""Requests from an ingress controller to the pods behind it: HTTP/1.1, kept alive, once each.

A connection that was closed while it idled is opened anew once; what else goes wrong is the
caller's to answer.
"""

import asyncio
import contextlib
import socket
import ssl
from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING

from gcpsim.dataplane.farm.answers import Headers, Reply, Request

if TYPE_CHECKING:
    from gcpsim.dataplane.farm.farm import Farm

Address = tuple[str, int]
Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]
KEPT = 64
LARGEST = 64 * 1024 * 1024
HOP = ("connection", "keep-alive", "transfer-encoding", "content-length")


class Unreachable(Exception):
    """No connection to the pod: nothing was sent."""


class Broken(Exception):
    """The pod ended the connection before its answer was complete."""


class Upstreams:
    """The connections of one controller pod; `client` is its address, as the pods behind see it."""

    def __init__(self, farm: "Farm", client: str) -> None:
        self.farm, self.client = farm, client
        self._idle: defaultdict[tuple[Address, bool], list[Wire]] = defaultdict(list)

    async def ask(
        self, at: Address, request: Request, target: str, headers: dict[str, str], *,
        tls: bool, connect: float,
    ) -> Reply:  # fmt: skip
        """The pod's answer, whole. Unreachable, Broken."""
        idle = self._idle[at, tls]
        while idle:
            wire = idle.pop()
            if wire[0].at_eof() or wire[1].is_closing():
                wire[1].close()
                continue
            try:
                return await self._exchange(wire, at, request, target, headers, tls=tls)
            except Broken:
                if request.method not in ("GET", "HEAD"):
                    raise
        wire = await self.open(at, tls=tls, connect=connect)
        return await self._exchange(wire, at, request, target, headers, tls=tls)

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
        tls: bool,
    ) -> Reply:  # fmt: skip
        reader, writer = wire
        whole = False
        try:
            writer.write(request_bytes(request.method, target, headers, request.body))
            reply, whole = await _read_reply(reader, request.method)
        except (OSError, EOFError, ValueError) as error:
            raise Broken(str(error)) from error
        finally:
            if whole and len(self._idle[at, tls]) < KEPT:
                self._idle[at, tls].append(wire)
            else:
                writer.close()
        return reply

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


async def _read_reply(reader: asyncio.StreamReader, method: str) -> tuple[Reply, bool]:
    """An answer, and whether the connection may be used again."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ")[1])
    headers: Headers = []
    for line in head[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers.append((name.lower(), value.strip()))
    fields = dict(headers)
    kept = [item for item in headers if item[0] not in HOP]
    alive = fields.get("connection", "").lower() != "close"
    if method == "HEAD" or status in (204, 304):
        return Reply(status, kept), alive
    if "chunked" in fields.get("transfer-encoding", ""):
        return Reply(status, kept, await _chunks(reader)), alive
    if "content-length" in fields:
        return Reply(status, kept, await reader.readexactly(int(fields["content-length"]))), alive
    return Reply(status, kept, await reader.read(LARGEST)), False


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readline()).partition(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readline()
    with contextlib.suppress(EOFError):
        while (await reader.readline()).strip():
            continue
    return body
