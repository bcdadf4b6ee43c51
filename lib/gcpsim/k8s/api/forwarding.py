"""`kubectl port-forward`: connections of a client to the sockets of a pod's stand-in.

Three ways, as at a real API server: SPDY by an upgrade (kubectl up to 1.30), the same SPDY inside a
WebSocket (kubectl since), and WebSocket channels (the Python client). What a pod sees at the other
end is Google's front end, as with everybody who connects to its socket.
"""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import WSMsgType, web

from gcpsim.core.world import World
from gcpsim.k8s.api.call import Call
from gcpsim.k8s.api.spdy import Broken, Event, Reader, Writer
from gcpsim.k8s.objects.cluster import Cluster
from gcpsim.k8s.types.status import StatusError, bad_request

Doc = dict[str, Any]
Send = Callable[[bytes], Awaitable[None]]
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]

SPDY, PROTOCOL = "SPDY/3.1", "portforward.k8s.io"
TUNNEL = f"{SPDY}+{PROTOCOL}"
CHANNELS = "v4.channel.k8s.io"
PIECE = 32 * 1024
MOST_PORTS = 100
SWITCHING = (
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
    f"Upgrade: {SPDY}\r\nX-Stream-Protocol-Version: {PROTOCOL}\r\n\r\n"
)


class Unreached(Exception):
    """A port on which nothing listens; the text is the kubelet's."""


class Ports:
    """One pod's ports, as they are served now."""

    def __init__(self, cluster: Cluster, world: World, call: Call) -> None:
        self._world = world
        pod = cluster.require("pods", call.namespace, call.name)
        state = pod.get("status") or {}
        if state.get("phase") != "Running":
            phase = state.get("phase") or "Pending"
            raise bad_request(
                f"unable to forward port because pod is not running. Current status={phase}"
            )
        if world.dataplane is None:
            raise bad_request(
                "gcpsim: nothing listens in this pod, as there is no data plane (it was started "
                "with --no-dataplane, or has no Envoy); start gcpsim without it to forward ports"
            )
        self._ip, self._uid = str(state.get("podIP")), str(pod["metadata"]["uid"])

    async def connect(self, port: int) -> Line:
        """A connection to a port of the pod; Unreached where nothing listens."""
        plane = self._world.dataplane
        at = plane.socket(self._ip, port)[0] if plane is not None else None
        try:
            if at is None:
                raise ConnectionRefusedError
            return await asyncio.open_connection(*at)
        except OSError:
            raise Unreached(
                f"error forwarding port {port} to pod {self._uid}, uid : failed to connect to "
                f'localhost:{port} inside namespace "{self._uid}", IPv4: dial tcp4 '
                f"127.0.0.1:{port}: connect: connection refused"
            ) from None


async def serve(ports: Ports, request: web.Request, call: Call) -> web.StreamResponse:
    """Forward until the client goes. StatusError before anything was upgraded."""
    upgrade = call.headers.get("upgrade", "").lower()
    if upgrade == "websocket":
        offered = [one.strip() for one in call.headers.get("sec-websocket-protocol", "").split(",")]
        if TUNNEL in offered:
            return await _in_websocket(request, ports)
        if CHANNELS in offered:
            return await _in_channels(request, ports, _asked(call))
    elif upgrade == SPDY.lower():
        return await _upgraded(request, ports)
    raise StatusError(
        400,
        "BadRequest",
        f"unable to upgrade: port-forward is spoken as {SPDY}, or in a WebSocket of {TUNNEL} or "
        f"{CHANNELS}",
    )


def _asked(call: Call) -> list[int]:
    texts = [text for text in call.query.get("ports", "").split(",") if text]
    if not texts or len(texts) > MOST_PORTS:
        raise bad_request('query parameter "ports" is required')
    for text in texts:
        if not text.isdecimal() or not 0 < int(text) < 65536:
            raise bad_request(f'unable to parse "{text}" as a port')
    return [int(text) for text in texts]


async def _in_websocket(request: web.Request, ports: Ports) -> web.StreamResponse:
    socket = web.WebSocketResponse(protocols=(TUNNEL,), max_msg_size=0)
    await socket.prepare(request)
    await Session(ports, socket.send_bytes).run(_messages(socket))
    await socket.close()
    return socket


async def _messages(socket: web.WebSocketResponse) -> AsyncIterator[bytes]:
    async for message in socket:
        if message.type == WSMsgType.BINARY:
            yield message.data


async def _upgraded(request: web.Request, ports: Ports) -> web.StreamResponse:
    """The bare connection, taken out of the hands of HTTP."""
    transport = request.transport
    assert transport is not None
    http = transport.get_protocol()
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=PIECE, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    protocol.connection_made(transport)
    transport.set_protocol(protocol)
    assert isinstance(transport, asyncio.Transport)
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)

    async def send(data: bytes) -> None:
        writer.write(data)
        await writer.drain()

    try:
        await send(SWITCHING.encode())
        await Session(ports, send).run(_pieces(reader))
    finally:
        transport.set_protocol(http)
        transport.abort()
    return web.Response(status=503)  # nobody reads it


async def _pieces(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(PIECE):
            yield data


class Session:
    """The streams of one SPDY connection: for each forwarded connection one for its bytes and one
    for what went wrong, which share a request id."""

    def __init__(self, ports: Ports, send: Send) -> None:
        self._ports, self._send = ports, send
        self._reader, self._writer = Reader(), Writer()
        self._errors: dict[str, int] = {}  # request id -> its stream for errors
        self._waiting: dict[int, list[bytes]] = {}  # of streams whose connection is being made
        self._lines: dict[int, asyncio.StreamWriter] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, arriving: AsyncIterator[bytes]) -> None:
        try:
            async for data in arriving:
                for event in self._reader.feed(data):
                    if event.kind == "goaway":
                        return
                    await self._take(event)
        except (Broken, ConnectionError):
            return
        finally:
            for task in self._tasks:
                task.cancel()
            for line in self._lines.values():
                line.transport.abort()

    async def _take(self, event: Event) -> None:
        if event.kind == "ping":
            await self._send(self._writer.pong(event))
        elif event.kind == "opened":
            await self._opened(event)
        elif event.kind == "data" and event.stream in self._waiting:
            self._waiting[event.stream] += [event.data] + ([b""] if event.fin else [])
        elif event.kind == "data" and event.stream in self._lines:
            await _pass_on(self._lines[event.stream], event.data, fin=event.fin)
        elif event.kind == "reset" and event.stream in self._lines:
            self._lines.pop(event.stream).transport.abort()

    async def _opened(self, event: Event) -> None:
        await self._send(self._writer.accept(event.stream))
        about = event.headers
        request = about.get("requestid", "")
        if about.get("streamtype") == "error":
            self._errors[request] = event.stream
        elif about.get("streamtype") == "data" and about.get("port", "").isdecimal():
            self._waiting[event.stream] = []
            task = asyncio.create_task(self._forward(event.stream, int(about["port"]), request))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _forward(self, stream: int, port: int, request: str) -> None:
        """Carry one connection; both its streams end with it."""
        error = self._errors.pop(request, 0)
        try:
            reader, line = await self._ports.connect(port)
        except Unreached as why:
            self._waiting.pop(stream, None)
            if error:
                await self._send(self._writer.data(error, str(why).encode(), fin=True))
            await self._send(self._writer.data(stream, fin=True))
            return
        self._lines[stream] = line
        for data in self._waiting.pop(stream):
            await _pass_on(line, data, fin=not data)
        try:
            async for data in _pieces(reader):
                await self._send(self._writer.data(stream, data))
            await self._send(self._writer.data(stream, fin=True))
            if error:
                await self._send(self._writer.data(error, fin=True))
        finally:
            self._lines.pop(stream, None)
            line.close()


async def _pass_on(line: asyncio.StreamWriter, data: bytes, *, fin: bool) -> None:
    with contextlib.suppress(ConnectionError):
        if data:
            line.write(data)
            await line.drain()
        if fin:
            line.write_eof()


async def _in_channels(request: web.Request, ports: Ports, asked: list[int]) -> web.StreamResponse:
    """Two channels for each port, bytes and errors; the first two bytes on each are its number."""
    socket = web.WebSocketResponse(protocols=(CHANNELS,), max_msg_size=0)
    await socket.prepare(request)
    lines: dict[int, asyncio.StreamWriter] = {}
    tasks: set[asyncio.Task[None]] = set()
    for index, port in enumerate(asked):
        for channel in (2 * index, 2 * index + 1):
            await socket.send_bytes(bytes([channel]) + struct.pack("<H", port))
        try:
            reader, lines[2 * index] = await ports.connect(port)
        except Unreached as why:
            await socket.send_bytes(bytes([2 * index + 1]) + str(why).encode())
        else:
            tasks.add(asyncio.create_task(_to_channel(socket, 2 * index, reader)))
    try:
        async for data in _messages(socket):
            if data and data[0] in lines:
                await _pass_on(lines[data[0]], data[1:], fin=False)
    finally:
        for task in tasks:
            task.cancel()
        for line in lines.values():
            line.transport.abort()
    await socket.close()
    return socket


async def _to_channel(
    socket: web.WebSocketResponse, channel: int, reader: asyncio.StreamReader
) -> None:
    async for data in _pieces(reader):
        await socket.send_bytes(bytes([channel]) + data)
    await socket.close()  # there is no other way to say that a port has ended
