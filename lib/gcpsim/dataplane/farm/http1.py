"""HTTP/1.1 on one connection of a pod: parse, have it answered, write, keep alive.

Hand-written, since pods must never be the bottleneck in front of a proxy under load. Requests are
answered in order; bodies are read whole before the answer begins. What is no HTTP is a 400.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable

from gcpsim.dataplane.farm.answers import REASONS, Headers, Reply, Request
from gcpsim.dataplane.farm.seams import Line

LARGEST_HEAD = 256 * 1024
KEPT_BODY = 16 * 1024 * 1024
BODILESS = (204, 304)


class BadRequest(Exception):
    """What arrived is no HTTP/1.1."""


class Http1:
    """The speaker of HTTP/1.1 on a connection."""

    name = "http/1.1"

    def __init__(self, connection: Line) -> None:
        self.connection = connection
        self.ending = False
        self._buffer = bytearray()
        self._request: Request | None = None  # its head is read, its body is not
        self._chunked = False
        self._left = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        return self._task is not None or self._request is not None or bool(self._buffer)

    def feed(self, data: bytes) -> None:
        self._buffer += data
        try:
            self._work()
        except (BadRequest, ValueError) as error:
            self._refuse(str(error))

    def finish(self) -> None:
        """Answer what is being asked, then close."""
        self.ending = True
        if not self.busy:
            self.connection.close()

    def lost(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _work(self) -> None:
        while self._task is None and self._buffer:
            if self._request is None and not self._read_head():
                return
            if not self._read_body():
                return
            request, self._request = self._request, None
            assert request is not None
            if self.connection.upgraded(request, bytes(self._buffer)):
                self._buffer.clear()
                return
            self._answer(request)

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > LARGEST_HEAD:
                raise BadRequest("headers too long")
            return False
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        try:
            method, target, version = lines[0].split(" ")
        except ValueError:
            raise BadRequest("malformed request line") from None
        if not version.startswith("HTTP/1."):
            raise BadRequest("unknown protocol version")
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                raise BadRequest("malformed header")
            key, value = name.lower(), value.strip()
            headers[key] = f"{headers[key]}, {value}" if key in headers else value
        self._request = self.connection.request(method, target, headers, version[5:])
        self._chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        self._left = _size(headers.get("content-length") or "0", 10)
        if headers.get("expect", "").lower() == "100-continue":
            self.connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def _read_body(self) -> bool:
        """True when the body is complete."""
        if self._chunked:
            return self._read_chunks()
        if self._left:
            taken = bytes(self._buffer[: self._left])
            del self._buffer[: len(taken)]
            self._left -= len(taken)
            self._take(taken)
        return self._left == 0

    def _read_chunks(self) -> bool:
        while True:
            end = self._buffer.find(b"\r\n")
            if end < 0:
                return False
            size = _size(bytes(self._buffer[:end]).partition(b";")[0].decode("latin-1"), 16)
            if size == 0:
                last = self._buffer.find(b"\r\n\r\n", end)
                if last < 0:
                    return False
                del self._buffer[: last + 4]
                return True
            if len(self._buffer) < end + 2 + size + 2:
                return False
            self._take(bytes(self._buffer[end + 2 : end + 2 + size]))
            del self._buffer[: end + 2 + size + 2]

    def _take(self, data: bytes) -> None:
        request = self._request
        assert request is not None
        request.length += len(data)
        if request.length <= KEPT_BODY:
            request.body += data

    def _answer(self, request: Request) -> None:
        reply = self.connection.serve(request)
        if isinstance(reply, Reply) and not (reply.delay or reply.hang or reply.stream):
            self._write(request, reply)
        else:
            self._task = asyncio.get_running_loop().create_task(self._later(request, reply))

    async def _later(self, request: Request, reply: "Reply | Awaitable[Reply]") -> None:
        if not isinstance(reply, Reply):
            reply = await reply
        if reply.delay:
            await self.connection.wait(reply.delay)
        if reply.hang:
            await asyncio.Event().wait()
        if reply.stream is not None and not reply.drop:
            await self._pour(request, reply, reply.stream)
            self._task = None
        else:
            self._task = None
            self._write(request, reply)
        try:
            self._work()
        except (BadRequest, ValueError) as error:
            self._refuse(str(error))

    async def _pour(self, request: Request, reply: Reply, stream: AsyncIterator[bytes]) -> None:
        """Headers at once, the body as it comes; what breaks it off breaks the connection."""
        head, last = self._head(request, reply)
        chunked = reply.length is None and not last
        self.connection.write(head)
        try:
            async for part in stream:
                if part:
                    framed = b"%x\r\n%b\r\n" % (len(part), part) if chunked else part
                    self.connection.write(framed)
                    await self.connection.drained()
        except (OSError, EOFError, TimeoutError, ValueError):
            self.connection.cut()
            return
        if chunked:
            self.connection.write(b"0\r\n\r\n")
        if last:
            self.connection.close()

    def _write(self, request: Request, reply: Reply) -> None:
        if reply.drop:
            self.connection.close()
            return
        head, last = self._head(request, reply)
        self.connection.write(head if request.method == "HEAD" else head + reply.body)
        if last:
            self.connection.close()

    def _head(self, request: Request, reply: Reply) -> tuple[bytes, bool]:
        """Status line and headers, and whether the connection ends with this answer."""
        wish = request.headers.get("connection", "").lower()
        last = self.ending or "close" in wish or (request.version == "1.0" and wish != "keep-alive")
        unknown = reply.stream is not None and reply.length is None
        last = last or (unknown and request.version == "1.0")
        extra: Headers = [("connection", "close")] if last else []
        if unknown and not last:
            extra.append(("transfer-encoding", "chunked"))
        elif reply.status not in BODILESS and not unknown:
            length = reply.length if reply.stream is not None else len(reply.body)
            extra.append(("content-length", str(length)))
        return head_bytes(reply.status, [*reply.headers, *extra]), last

    def _refuse(self, why: str) -> None:
        self.connection.write(refusal(why))
        self.connection.close()


def _size(text: str, base: int) -> int:
    """A length as HTTP writes it; ValueError."""
    size = int(text, base)
    if size < 0:
        raise BadRequest("negative length")
    return size


def refusal(why: str) -> bytes:
    """A whole 400 answer."""
    body = f"400 Bad Request: {why}\n".encode()
    headers = [("content-type", "text/plain"), ("connection", "close")]
    return head_bytes(400, [*headers, ("content-length", str(len(body)))]) + body


def head_bytes(status: int, headers: Headers) -> bytes:
    """Status line and headers of an answer."""
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
