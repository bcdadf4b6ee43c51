"""Probes as Google's health checkers send them: real connections to the pods, again and again.

An event tells when the outcome of a probe changes; thresholds are counted by the control plane, on
simulated time. How long an answer would have taken is what the pod says it was slow by, since real
time says little on a busy machine when a second stands for a minute.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
from dataclasses import dataclass
from functools import cache
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset, TrailersReceived
from h2.exceptions import ProtocolError

from gcpsim.dataplane.farm.answers import PROBER, SLOW
from gcpsim.dataplane.farm.ground import Ground

VISITOR = "Mozilla/5.0 (compatible; Let's Encrypt validation server)"
SEEN_BODY = 1024  # an expected response must be in the first bytes
AT_ONCE = 64
PATIENCE = 1.0  # real seconds that a busy machine is given on top of a probe's timeout
TRIES = 6
LATE = 0.1  # real seconds by which a timer may be late in a process that has its turn
SERVING = 1
TLS = ("HTTPS", "HTTP2", "SSL", "GRPC_WITH_TLS")


class ProbeFailed(Exception):
    """Why an endpoint is not healthy."""


@dataclass(frozen=True)
class Probe:
    """One check of one endpoint from one location. `every` is real seconds, `timeout` simulated."""

    id: str
    host: str
    port: int
    type: str
    every: float
    timeout: float = 5.0
    path: str = "/"
    header: str = ""
    request: str = ""
    response: str = ""
    service: str = ""
    proxy_line: str = ""
    client: str = ""
    agent: str = PROBER
    sni: str = ""  # Google's front ends and probers send none unless told to


class Probes:
    """The probes that run, by id."""

    def __init__(self, farm: Ground) -> None:
        self.farm = farm
        self._running: dict[str, tuple[Probe, asyncio.Task[None]]] = {}
        self._seen: dict[str, str] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._least = 0.0
        self._fetching: set[asyncio.Task[None]] = set()

    def start(self, order: dict[str, Any]) -> None:
        """Probe now and from now on; an order for a known id replaces it and asks anew."""
        probe = Probe(**{name: value for name, value in order.items() if name != "op"})
        self.stop(order)
        task = asyncio.get_running_loop().create_task(self._run(probe))
        self._running[probe.id] = (probe, task)

    def running(self) -> list[str]:
        return sorted(self._running)

    def pace(self, order: dict[str, Any]) -> None:
        """No probe is repeated sooner than after `least` real seconds."""
        self._least = float(order["least"])

    def stop(self, order: dict[str, Any]) -> None:
        known = self._running.pop(order["id"], None)
        self._seen.pop(order["id"], None)
        if known is not None:
            known[1].cancel()

    async def _run(self, probe: Probe) -> None:
        while True:
            async with self._slots:
                why = await self._ask(probe)
            if self._seen.get(probe.id) != why:
                self._seen[probe.id] = why
                self.farm.tell({"event": "probe", "id": probe.id, "why": why})
            await asyncio.sleep(max(probe.every, self._least))

    async def _ask(self, probe: Probe) -> str:
        """Why the endpoint fails the probe; "" when it passes.

        No answer counts when it was awaited a second time, by a process that had its turn: on a
        machine that is too busy it is not the pod's fault.
        """
        for attempt in range(TRIES):
            began, patience = self._now(), self.farm.real(probe.timeout) + PATIENCE
            why = await self._once(probe, patience)
            if why is not None:
                return why
            if attempt and self._now() - began - patience < LATE:
                break
        return f"no answer within {probe.timeout:g} s"

    async def _once(self, probe: Probe, patience: float) -> str | None:
        """The same of one connection; None when nothing was said in time."""
        try:
            async with asyncio.timeout(patience):
                await self._attempt(probe)
        except TimeoutError:
            return None
        except ConnectionRefusedError:
            return "connection refused"
        except ssl.SSLError as error:
            return f"TLS handshake failed: {error.reason or error}"
        except (ConnectionError, asyncio.IncompleteReadError, EOFError):
            return "connection closed without an answer"
        except (ProbeFailed, OSError, ProtocolError) as error:
            return str(error)
        return ""

    async def _attempt(self, probe: Probe) -> None:
        reader, writer = await self._connect(probe)
        try:
            if probe.type in ("HTTP", "HTTPS"):
                await _http(probe, reader, writer)
            elif probe.type in ("HTTP2", "GRPC", "GRPC_WITH_TLS"):
                await _http2(probe, reader, writer)
            else:
                await _stream(probe, reader, writer)
        finally:
            writer.close()

    async def _connect(self, probe: Probe) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        sock.setblocking(False)
        try:
            with self.farm.on_behalf(sock, probe.client):
                await asyncio.get_running_loop().sock_connect(sock, (probe.host, probe.port))
                if probe.proxy_line:
                    await asyncio.get_running_loop().sock_sendall(sock, probe.proxy_line.encode())
        except BaseException:
            sock.close()
            raise
        if probe.type not in TLS:
            return await asyncio.open_connection(sock=sock)
        context = _tls(probe.type)
        return await asyncio.open_connection(sock=sock, ssl=context, server_hostname=probe.sni)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def fetch(self, order: dict[str, Any]) -> None:
        """One GET, as a certificate authority makes it; tells status and the first bytes."""
        task = asyncio.get_running_loop().create_task(self._fetch(order))
        self._fetching.add(task)
        task.add_done_callback(self._fetching.discard)

    async def _fetch(self, order: dict[str, Any]) -> None:
        kind = "HTTPS" if order["tls"] else "HTTP"
        probe = Probe(order["id"], order["host"], order["port"], kind, 0.0, path=order["path"],
                      header=order["header"], agent=VISITOR, sni=order["header"])  # fmt: skip
        event = {"event": "fetched", "id": probe.id, "status": 0, "location": "", "body": "",
                 "why": ""}  # fmt: skip
        try:
            async with asyncio.timeout(self.farm.real(probe.timeout) + PATIENCE):
                reader, writer = await self._connect(probe)
                try:
                    status, headers, body = await _get(probe, reader, writer)
                finally:
                    writer.close()
            event |= {"status": status, "body": body.decode("latin-1"),
                      "location": headers.get("location", "")}  # fmt: skip
        except (OSError, EOFError, TimeoutError, ProbeFailed) as error:
            event["why"] = str(error) or type(error).__name__
        self.farm.tell(event)


@cache
def _tls(kind: str) -> ssl.SSLContext:
    """Certificates of backends are not checked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if kind in ("HTTP2", "GRPC_WITH_TLS"):
        context.set_alpn_protocols(["h2"])
    return context


async def _get(
    probe: Probe, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and the first bytes of the body of a GET."""
    host = probe.header or probe.client.partition(":")[0] or probe.host
    writer.write(
        f"GET {probe.path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {probe.agent}\r\n"
        "Connection: close\r\n\r\n".encode()
    )
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    words = head[0].split(" ")
    if len(words) < 2 or not words[0].startswith("HTTP/") or not words[1].isdigit():
        raise ProbeFailed("the answer is no HTTP")
    headers = {}
    for line in head[1:]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = b""
    wanted = min(SEEN_BODY, int(headers.get("content-length") or SEEN_BODY))
    with contextlib.suppress(asyncio.IncompleteReadError):
        body = await reader.readexactly(wanted)
    return int(words[1]), headers, body


async def _http(probe: Probe, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    status, headers, body = await _get(probe, reader, writer)
    _judge(probe, status, headers, body)


def _judge(probe: Probe, status: int, headers: dict[str, str], body: bytes) -> None:
    if float(headers.get(SLOW, 0)) > probe.timeout:
        raise ProbeFailed(f"no answer within {probe.timeout:g} s")
    if status != 200:
        raise ProbeFailed(f"HTTP {status}, not 200")
    if probe.response and probe.response.encode() not in body[:SEEN_BODY]:
        raise ProbeFailed(f"the first {SEEN_BODY} bytes lack {probe.response!r}")


async def _stream(probe: Probe, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """TCP and SSL: connecting is enough, unless something must be said and answered."""
    if probe.request:
        writer.write(probe.request.encode())
    if probe.response:
        wanted, got = probe.response.encode(), b""
        while wanted not in got:
            piece = await reader.read(SEEN_BODY)
            got += piece
            if not piece or len(got) > SEEN_BODY:
                raise ProbeFailed(f"the answer lacks {probe.response!r}")


async def _http2(probe: Probe, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """HTTP2, GRPC and GRPC_WITH_TLS: one stream, then goodbye."""
    tls = writer.get_extra_info("ssl_object")
    if tls is not None and tls.selected_alpn_protocol() != "h2":
        raise ProbeFailed("failed to negotiate h2 by ALPN")
    session = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
    session.initiate_connection()
    grpc = probe.type != "HTTP2"
    fields = [
        (":method", "POST" if grpc else "GET"),
        (":scheme", "https" if tls else "http"),
        (":authority", probe.header or probe.host),
        (":path", "/grpc.health.v1.Health/Check" if grpc else probe.path),
        ("user-agent", PROBER),
    ]
    if grpc:
        name = probe.service.encode()
        message = b"\x0a" + bytes([len(name)]) + name if name else b""
        session.send_headers(1, [*fields, ("content-type", "application/grpc"), ("te", "trailers")])
        session.send_data(1, struct.pack(">BI", 0, len(message)) + message, end_stream=True)
    else:
        session.send_headers(1, fields, end_stream=True)
    writer.write(session.data_to_send())
    headers, body = await _stream_answer(session, reader, writer)
    if grpc:
        _judge_grpc(probe, headers, body)
    else:
        _judge(probe, int(headers.get(":status", 0)), headers, body)


async def _stream_answer(
    session: H2Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[dict[str, str], bytes]:
    headers: dict[str, str] = {}
    body = b""
    while True:
        data = await reader.read(65536)
        if not data:
            raise EOFError
        for event in session.receive_data(data):
            if isinstance(event, ResponseReceived | TrailersReceived):
                headers |= {str(name): str(value) for name, value in event.headers or ()}
            elif isinstance(event, DataReceived):
                body += event.data or b""
            elif isinstance(event, StreamEnded):
                return headers, body
            elif isinstance(event, StreamReset):
                raise ProbeFailed("the stream was reset")
        writer.write(session.data_to_send())


def _judge_grpc(probe: Probe, headers: dict[str, str], body: bytes) -> None:
    if float(headers.get(SLOW, 0)) > probe.timeout:
        raise ProbeFailed(f"no answer within {probe.timeout:g} s")
    if headers.get("grpc-status", "0") != "0":
        raise ProbeFailed(f"gRPC status {headers['grpc-status']}")
    if body[5:7] != bytes([0x08, SERVING]):
        raise ProbeFailed("gRPC health is not SERVING")
