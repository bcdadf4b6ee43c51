"""One connection to a pod: what it speaks is told by its first bytes, as nothing else says it.

TLS or not, HTTP/1.1, HTTP/2, or bytes that are echoed. A port that is declared as HTTP or HTTPS
keeps to that and answers the other with 400, as servers do. A frozen connection belongs to a
machine that is gone: it neither reads, writes nor ends.
"""

import asyncio
import contextlib
import re
import socket
from collections.abc import Awaitable
from typing import Any

from gcpsim.dataplane.farm.answers import Reply, Request
from gcpsim.dataplane.farm.echo import Echo
from gcpsim.dataplane.farm.http1 import Http1, refusal
from gcpsim.dataplane.farm.seams import Host, Speaker
from gcpsim.dataplane.farm.tunnel import Stream, Tunnel
from gcpsim.dataplane.farm.websocket import WebSocket

REQUEST = re.compile(rb"[A-Z]{3,12} (/|\*|http)")
PREFACE = b"PRI * HTTP/2.0"
HELLO = 0x16
LONGEST_PROXY_LINE = 107
PAUSE = 0.01  # seconds until half a PROXY line is looked at again
HANDSHAKE = 10.0  # seconds that a TLS handshake may take
NOT_TLS = "The plain HTTP request was sent to a port that speaks TLS."
NOT_PLAIN = "The client sent TLS to a port that speaks plain text."


class Arrival:
    """An accepted socket whose first bytes have not come yet."""

    def __init__(
        self, pod: Host, port: int, sock: socket.socket, client: str, *, fronted: bool
    ) -> None:
        self.pod, self.port, self.client, self.fronted = pod, port, client, fronted
        self.proxy = ""
        self._pause: asyncio.TimerHandle | None = None
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        pod.connections.add(self)
        self._loop.add_reader(sock.fileno(), self._look)

    busy = False

    def _look(self) -> None:
        try:
            first = self._socket.recv(LONGEST_PROXY_LINE, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            first = b""
        if not first:
            self.close()
            return
        wish = self._proxy_wish()
        if wish in ("on", "optional") and not self.proxy and b"PROXY ".startswith(first[:6]):
            self._read_proxy_line(first)
        elif wish == "on" and not self.proxy:
            self.close()  # "broken header"
        elif wish == "off" and first.startswith(b"PROXY "):
            self.close()
        else:
            self._begin(first)

    def _proxy_wish(self) -> str:
        """Whether a PROXY line is wanted: `raw` is a TCP service that passes it on as it is."""
        stream = self.pod.stream(self.port)
        if stream is None:
            return self.pod.behaviour.proxy_protocol
        return "on" if stream["decode"] else "raw"

    def _read_proxy_line(self, first: bytes) -> None:
        line, end, _ = first.partition(b"\r\n")
        if not end:
            if len(first) >= LONGEST_PROXY_LINE:
                self.close()
            else:  # the rest is on its way, and what is there would be told again and again
                self._loop.remove_reader(self._socket.fileno())
                self._pause = self._loop.call_later(PAUSE, self.thaw)
            return
        self._socket.recv(len(line) + 2)
        self.proxy = line.decode("latin-1")
        words = self.proxy.split(" ")
        if len(words) == 6:
            self.client = f"{words[2]}:{words[4]}"

    def _begin(self, first: bytes) -> None:
        raw = self.pod.stream(self.port) is not None
        declared = "" if raw else self.pod.ports.get(self.port, "")
        tls = first[0] == HELLO and not raw
        if tls and declared == "http":
            self._refuse(NOT_PLAIN)
        elif not tls and declared == "https":
            self._refuse(NOT_TLS)
        else:
            self._leave()
            self.pod.keep(self._loop.create_task(self._open(tls)))

    async def _open(self, tls: bool) -> None:
        connection = Connection(self.pod, self.port, self.client, self.proxy, fronted=self.fronted)
        try:
            context = self.pod.tls_context() if tls else None
            more: dict[str, Any] = {"ssl_handshake_timeout": HANDSHAKE} if tls else {}
            await self._loop.connect_accepted_socket(
                lambda: connection, self._socket, ssl=context, **more
            )
        except (OSError, asyncio.CancelledError):
            self._socket.close()

    def _refuse(self, words: str) -> None:
        with contextlib.suppress(OSError):
            self._socket.recv(65536)
            self._socket.send(refusal(words))
        self.close()

    def _leave(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
        self.pod.connections.discard(self)
        self._loop.remove_reader(self._socket.fileno())

    def close(self) -> None:
        self._leave()
        self._socket.close()

    finish = cut = close

    def freeze(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._socket.fileno())

    def thaw(self) -> None:
        self._loop.add_reader(self._socket.fileno(), self._look)


class Connection(asyncio.Protocol):
    """An open connection; its speaker is chosen when the first bytes arrive."""

    def __init__(self, pod: Host, port: int, client: str, proxy: str, *, fronted: bool) -> None:
        self.pod, self.port, self.client, self.proxy = pod, port, client, proxy
        self.fronted = fronted
        self.speaker: Speaker | None = None
        self.frozen = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.Transport | None = None
        self._tls: dict[str, str] | None = None
        self._first = b""
        self._touched = 0.0
        self._idle: asyncio.TimerHandle | None = None

    # asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            self._tls = {
                "version": tls.version(),
                "cipher": tls.cipher()[0],
                "alpn": tls.selected_alpn_protocol() or "",
                "sni": getattr(tls, "asked_name", None) or "",
            }
        self.pod.connections.add(self)
        self._arm()
        if self.pod.ended:
            self.close()
        elif self._tls is not None and self._tls["alpn"] == "h2":
            self._speak_http2()

    def data_received(self, data: bytes) -> None:
        if self.frozen:
            return
        if self.speaker is None:
            data = self._choose(data)
            if self.speaker is None:
                return
        self.speaker.feed(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.pod.connections.discard(self)
        self._writable.set()
        if self._idle is not None:
            self._idle.cancel()
        if self.speaker is not None:
            self.speaker.lost()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # What speakers use

    def request(self, method: str, target: str, headers: dict[str, str], version: str) -> Request:
        return Request(
            method, target, headers, version, self.port, self.client, self._tls, self.proxy
        )  # fmt: skip

    def serve(self, request: Request) -> Reply | Awaitable[Reply]:
        return self.pod.serve(request)

    def upgraded(self, request: Request, rest: bytes) -> bool:
        """Whether a request has made this connection a WebSocket."""
        if "websocket" not in request.headers.get("upgrade", "").lower():
            return False
        if self.pod.routes(request):
            if not self.pod.router.handles(request):
                return False
            self.speaker = Tunnel(self, request)
        else:
            self.speaker = WebSocket(self, request)
        self.speaker.feed(rest)
        return True

    def write(self, data: bytes) -> None:
        if self.frozen or self._transport is None or self._transport.is_closing():
            return
        self._touched = self._now()
        self._transport.write(data)

    async def drained(self) -> None:
        """Wait while the other end takes no more."""
        await self._writable.wait()

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    # What ends it

    @property
    def busy(self) -> bool:
        return self.speaker is not None and self.speaker.busy

    def finish(self) -> None:
        """The process was asked to end: what is being asked is answered, then it closes."""
        if self.speaker is None:
            self.close()
        else:
            self.speaker.finish()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def cut(self) -> None:
        """The process was killed: nothing more is written."""
        if self._transport is not None:
            self._transport.abort()

    def freeze(self) -> None:
        self.frozen = True
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()

    def thaw(self) -> None:
        self.frozen = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    # Inside

    def _choose(self, data: bytes) -> bytes:
        data, self._first = self._first + data, b""
        stream = self.pod.stream(self.port)
        if stream is not None:
            self.speaker = Stream(self, stream)
            return data
        declared = self.pod.ports.get(self.port, "")
        if data.startswith(PREFACE[: len(data)]):
            if len(data) < len(PREFACE):
                self._first = data
                return b""
            self._speak_http2()
        elif declared in ("http", "https") or REQUEST.match(data):
            self.speaker = Http1(self)
        else:
            self.speaker = Echo(self)
        return data

    def _speak_http2(self) -> None:
        from gcpsim.dataplane.farm.http2 import Http2

        self.speaker = Http2(self)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _arm(self) -> None:
        """Close the connection when it has been idle for the pod's keep-alive time."""
        self._touched = self._now()
        if self.pod.behaviour.keepalive:
            self._check_idle()

    def _check_idle(self) -> None:
        limit = self.pod.behaviour.keepalive
        if not limit:
            return
        left = self._touched + limit - self._now()
        if left <= 0 and not self.busy:
            self.close()
        else:
            later = left if left > 0 else limit
            self._idle = asyncio.get_running_loop().call_later(later, self._check_idle)
