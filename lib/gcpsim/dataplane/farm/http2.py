"""HTTP/2 on one connection of a pod, by ALPN or prior knowledge, and gRPC on top of it.

gRPC: the health service answers as the pod behaves; every other method gives its messages back.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from hyperframe.frame import GoAwayFrame

from gcpsim.dataplane.farm.answers import HEALTH_SERVICE, Headers, Reply, Request
from gcpsim.dataplane.farm.seams import Line

WATCH = HEALTH_SERVICE + "Watch"
SERVING = b"\x00\x00\x00\x00\x02\x08\x01"
NOT_SERVING = b"\x00\x00\x00\x00\x02\x08\x02"
GRPC = [("content-type", "application/grpc")]
UNAVAILABLE = [("grpc-status", "14"), ("grpc-message", "failing")]
DONE = [("grpc-status", "0")]
KEPT_BODY = 16 * 1024 * 1024
LARGE_WINDOW = 1 << 20


class Outgoing:
    """What a stream still has to send: flow control may hold it back."""

    def __init__(self, data: bytes, trailers: Headers | None, *, ends: bool) -> None:
        self.data, self.trailers, self.ends = data, trailers, ends
        self.ended = False


class Http2:
    """The speaker of HTTP/2 on a connection."""

    name = "h2"

    def __init__(self, connection: Line) -> None:
        self.connection = connection
        self.ending = False
        config = H2Configuration(client_side=False, header_encoding="utf-8")
        self._h2 = H2Connection(config)
        self._requests: dict[int, Request] = {}
        self._outgoing: dict[int, Outgoing] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(LARGE_WINDOW)
        self._send()

    @property
    def busy(self) -> bool:
        return bool(self._requests or self._outgoing or self._tasks)

    def feed(self, data: bytes) -> None:
        try:
            for event in self._h2.receive_data(data):
                self._happened(event)
            self._send()
        except ProtocolError:
            self._send()
            self.connection.close()

    def finish(self) -> None:
        """GOAWAY: open streams are answered, new ones go elsewhere."""
        if not self.ending:
            self.ending = True
            # The library's own GOAWAY would forbid to answer what is open.
            last = self._h2.highest_inbound_stream_id
            self.connection.write(GoAwayFrame(0, last_stream_id=last).serialize())
        self._close_when_done()

    def lost(self) -> None:
        for task in self._tasks.values():
            task.cancel()

    def _happened(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            fields = [(str(name), str(value)) for name, value in event.headers or ()]
            self._begin(event.stream_id or 0, fields)
        elif isinstance(event, DataReceived):
            self._take(event.stream_id or 0, event.data or b"", event.flow_controlled_length or 0)
        elif isinstance(event, StreamEnded):
            self._end(event.stream_id or 0)
        elif isinstance(event, StreamReset):
            self._forget(event.stream_id or 0)
        elif isinstance(event, WindowUpdated):
            for stream in list(self._outgoing):
                self._flush(stream)
        elif isinstance(event, ConnectionTerminated):
            self.connection.close()

    def _begin(self, stream: int, fields: Headers) -> None:
        headers: dict[str, str] = {}
        for name, value in fields:
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        method, target = headers.pop(":method", "GET"), headers.pop(":path", "/")
        authority = headers.pop(":authority", "")
        headers.pop(":scheme", None)
        if authority:
            headers.setdefault("host", authority)
        request = self.connection.request(method, target, headers, "2")
        self._requests[stream] = request
        if self._is_grpc(request):
            self._begin_grpc(stream, request)

    def _is_grpc(self, request: Request) -> bool:
        return request.headers.get("content-type", "").startswith("application/grpc")

    def _begin_grpc(self, stream: int, request: Request) -> None:
        behaviour = self.connection.pod.behaviour
        if behaviour.hang:
            return
        health = request.path.startswith(HEALTH_SERVICE)
        if not health and self.connection.pod.leaks():
            self._h2.reset_stream(stream, error_code=2)
            self._forget(stream)
            return
        names = self.connection.pod.identity.headers()[1:]
        self._h2.send_headers(stream, [(":status", "200"), *GRPC, *names])
        if health:
            message = NOT_SERVING if behaviour.fail else SERVING
            last = request.path != WATCH
            self._queue(stream, Outgoing(message, DONE if last else None, ends=last))
        elif behaviour.fail:
            self._queue(stream, Outgoing(b"", UNAVAILABLE, ends=True))

    def _take(self, stream: int, data: bytes, size: int) -> None:
        self._h2.acknowledge_received_data(size, stream)
        request = self._requests.get(stream)
        if request is None:
            return
        request.length += len(data)
        if not self._is_grpc(request):
            if request.length <= KEPT_BODY:
                request.body += data
        elif not request.path.startswith(HEALTH_SERVICE) and not self._refused():
            waiting = self._outgoing.get(stream)
            if waiting is not None:
                waiting.data += data
                self._flush(stream)
            else:
                self._queue(stream, Outgoing(data, None, ends=False))

    def _refused(self) -> bool:
        behaviour = self.connection.pod.behaviour
        return bool(behaviour.fail or behaviour.hang)

    def _end(self, stream: int) -> None:
        request = self._requests.get(stream)
        if request is None:
            return
        if self._is_grpc(request):
            if not request.path.startswith(HEALTH_SERVICE) and not self._refused():
                self._end_grpc(stream)
            if request.path != WATCH:
                self._requests.pop(stream, None)
            return
        self._requests.pop(stream)
        reply = self.connection.serve(request)
        if isinstance(reply, Reply) and not (reply.delay or reply.hang or reply.stream):
            self._write(stream, request, reply)
        else:
            task = asyncio.get_running_loop().create_task(self._later(stream, request, reply))
            self._tasks[stream] = task

    async def _later(
        self, stream: int, request: Request, reply: "Reply | Awaitable[Reply]"
    ) -> None:
        if not isinstance(reply, Reply):
            reply = await reply
        if reply.delay:
            await self.connection.wait(reply.delay)
        if reply.hang:
            await asyncio.Event().wait()
        if reply.stream is not None and not reply.drop:
            await self._pour(stream, reply, reply.stream)
            self._tasks.pop(stream, None)
        else:
            self._tasks.pop(stream, None)
            self._write(stream, request, reply)
        self._send()
        self._close_when_done()

    async def _pour(self, stream: int, reply: Reply, parts: AsyncIterator[bytes]) -> None:
        """Headers at once, the body as it comes; what breaks it off resets the stream."""
        fields = [(":status", str(reply.status)), *reply.headers]
        if reply.length is not None:
            fields.append(("content-length", str(reply.length)))
        self._h2.send_headers(stream, fields)
        self._send()
        try:
            async for part in parts:
                self._add(stream, part, ends=False)
                self._send()
                await self.connection.drained()
        except (OSError, EOFError, TimeoutError, ValueError):
            self._outgoing.pop(stream, None)
            self._h2.reset_stream(stream, error_code=2)
            return
        self._add(stream, b"", ends=True)

    def _add(self, stream: int, data: bytes, *, ends: bool) -> None:
        """More of a body whose beginning may still wait for flow control."""
        waiting = self._outgoing.get(stream)
        if waiting is None:
            self._queue(stream, Outgoing(data, None, ends=ends))
        else:
            waiting.data += data
            waiting.ends = ends
            self._flush(stream)

    def _end_grpc(self, stream: int) -> None:
        """The status of a call: at once, or as late as the pod is slow."""
        slow = self.connection.pod.behaviour.slow

        async def later() -> None:
            await self.connection.wait(slow)
            self._tasks.pop(stream, None)
            end()
            self._send()

        def end() -> None:
            waiting = self._outgoing.pop(stream, None)
            self._queue(stream, Outgoing(waiting.data if waiting else b"", DONE, ends=True))

        if slow:
            self._tasks[stream] = asyncio.get_running_loop().create_task(later())
        else:
            end()

    def _write(self, stream: int, request: Request, reply: Reply) -> None:
        if reply.drop:
            self._h2.reset_stream(stream, error_code=2)
            self._close_when_done()
            return
        headers = [(":status", str(reply.status)), *reply.headers]
        headers.append(("content-length", str(len(reply.body))))
        body = b"" if request.method == "HEAD" else reply.body
        self._h2.send_headers(stream, headers, end_stream=not body)
        if body:
            self._queue(stream, Outgoing(body, None, ends=True))
        self._close_when_done()

    def _queue(self, stream: int, outgoing: Outgoing) -> None:
        self._outgoing[stream] = outgoing
        self._flush(stream)

    def _flush(self, stream: int) -> None:
        """Send as much of a stream as flow control allows."""
        waiting = self._outgoing[stream]
        while waiting.data:
            room = min(self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size)
            if room <= 0:
                return
            piece, waiting.data = waiting.data[:room], waiting.data[room:]
            last = waiting.ends and not waiting.data and waiting.trailers is None
            self._h2.send_data(stream, piece, end_stream=last)
            waiting.ended = last
        if waiting.trailers is not None:
            self._h2.send_headers(stream, waiting.trailers, end_stream=True)
        elif waiting.ends and not waiting.ended:
            self._h2.end_stream(stream)
        del self._outgoing[stream]
        self._close_when_done()

    def _forget(self, stream: int) -> None:
        self._requests.pop(stream, None)
        self._outgoing.pop(stream, None)
        task = self._tasks.pop(stream, None)
        if task is not None:
            task.cancel()

    def _send(self) -> None:
        data = self._h2.data_to_send()
        if data:
            self.connection.write(data)

    def _close_when_done(self) -> None:
        if self.ending and not self.busy:
            self._send()
            self.connection.close()
