"""SPDY/3.1 as kubectl speaks it: frames to events and back. No socket, no clock.

Only what streams of a port-forward need: opening, data, ends, pings. Flow control is not used by
these clients. The dictionary is the protocol's own constant (its Adler-32 is in each block).
"""

import struct
import zlib
from dataclasses import dataclass, field

WORDS = """options head post put delete trace accept accept-charset accept-encoding accept-language
accept-ranges age allow authorization cache-control connection content-base content-encoding
content-language content-length content-location content-md5 content-range content-type date etag
expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since
last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer
retry-after server te trailer transfer-encoding upgrade user-agent vary via warning
www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie keep-alive
origin"""
CODES = """100 101 201 202 205 206 300 302 303 304 305 306 307 402 405 406 407 408 409 410 411 412
413 414 415 416 417 502 504 505"""
TAIL = (
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request"
    "401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented"
    "503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, "
    "Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,"
    "application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdch"
    "charset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY = (
    b"".join(
        struct.pack(">I", len(word)) + word.replace("_", " ").encode() for word in WORDS.split()
    )
    + (CODES.replace(" ", "").replace("\n", "") + TAIL).encode()
)

SYN_STREAM, SYN_REPLY, RST_STREAM, PING, GOAWAY = 1, 2, 3, 6, 7
FIN = 1
CONTROL = 0x80030000  # version 3
LONGEST = 1 << 20  # bytes of one frame; clients write 32 KiB at most
MOST_HEADERS = 64 * 1024


class Broken(Exception):
    """What arrived is no SPDY/3.1."""


@dataclass(frozen=True, slots=True)
class Event:
    """`kind` is opened, data, reset, ping or goaway; `fin`: nothing follows on this stream."""

    kind: str
    stream: int = 0
    data: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    fin: bool = False


class Reader:
    """Bytes of a connection as events; what is not a whole frame yet waits."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)

    def feed(self, data: bytes) -> list[Event]:
        """The events that are complete now; Broken when there can be no more."""
        self._buffer += data
        found: list[Event] = []
        while len(self._buffer) >= 8:
            first, second = struct.unpack_from(">II", self._buffer)
            size = second & 0xFFFFFF
            if size > LONGEST:
                raise Broken(f"a frame of {size} bytes")
            if len(self._buffer) < 8 + size:
                break
            body = bytes(self._buffer[8 : 8 + size])
            del self._buffer[: 8 + size]
            if first & 0x80000000:
                found += self._control(first, second >> 24, body)
            else:
                found.append(Event("data", first, body, fin=bool(second >> 24 & FIN)))
        return found

    def _control(self, first: int, flags: int, body: bytes) -> list[Event]:
        kind = first & 0xFFFF
        if first & 0xFFFF0000 != CONTROL:
            raise Broken("another version of SPDY")
        try:
            if kind == SYN_STREAM:
                (stream,) = struct.unpack_from(">I", body)
                return [Event("opened", stream, headers=self._headers(body[10:]),
                              fin=bool(flags & FIN))]  # fmt: skip
            if kind == RST_STREAM:
                return [Event("reset", struct.unpack_from(">I", body)[0])]
            if kind == PING:
                return [Event("ping", data=body[:4])]
            return [Event("goaway")] if kind == GOAWAY else []
        except (struct.error, zlib.error) as error:
            raise Broken(str(error)) from error

    def _headers(self, block: bytes) -> dict[str, str]:
        plain = self._inflate.decompress(block, MOST_HEADERS)
        (count,) = struct.unpack_from(">I", plain)
        found, at = {}, 4
        for _ in range(count):
            parts = []
            for _part in range(2):
                (size,) = struct.unpack_from(">I", plain, at)
                parts.append(plain[at + 4 : at + 4 + size].decode("utf-8", "replace"))
                at += 4 + size
            found[parts[0].lower()] = parts[1]
        return found


class Writer:
    """Frames to send; one per connection, as the headers of all streams share one compression."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def accept(self, stream: int) -> bytes:
        """The answer to an opened stream: it is taken, and has no headers of its own."""
        block = self._deflate.compress(struct.pack(">I", 0))
        block += self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return _frame(SYN_REPLY, struct.pack(">I", stream) + block)

    def data(self, stream: int, data: bytes = b"", *, fin: bool = False) -> bytes:
        return struct.pack(">II", stream, (FIN if fin else 0) << 24 | len(data)) + data

    def pong(self, event: Event) -> bytes:
        return _frame(PING, event.data)


def _frame(kind: int, body: bytes) -> bytes:
    return struct.pack(">II", CONTROL | kind, len(body)) + body
