"""HTTP/2: many requests at once on one connection that stays open, by the h2 library.

A connection that says GOAWAY finishes what it accepted and is replaced by the next request; what it
did not finish counts as failed, since nothing is tried again.
"""

import asyncio
import ssl
from typing import Any, cast

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from edgebook.traffic.clients.answers import KEPT, Answer, who_of
from edgebook.traffic.clients.base import BaseClient, Record, Request, connect_failure, words
from edgebook.traffic.clients.http1 import judged
from edgebook.traffic.values import Kind, Series

NO_ERROR = 0


class Http2(BaseClient):
    """One series of HTTP/2 requests."""

    def __init__(self, series: Series, record: Record, tls: ssl.SSLContext | None) -> None:
        super().__init__(series, record, tls)
        self.line: Line | None = None
        target = self.target
        default = 443 if tls is not None else 80
        port = f":{target.port}" if target.port != default else ""
        self.headers = [
            (":method", target.method),
            (":authority", f"{target.hostname or target.ip}{port}"),
            (":scheme", "https" if tls is not None else "http"),
            (":path", target.path),
            ("user-agent", "edgebook-meter/0.1"),
            ("accept", "*/*"),
        ]

    def begin(self, now: float) -> None:
        stream = Stream(now)
        self.open[stream] = None
        if self.line is None or not self.line.usable:
            self.line = Line(self)
            self.line.task = self.loop.create_task(self.line.connect())
        self.line.ask(stream)

    def judge(self, stream: "Stream") -> None:
        kind, detail = judged(stream.answer, self.target, self.has_served)
        self.has_served = self.has_served or 0 < stream.answer.status < 400
        who = who_of(stream.answer)
        if kind is None:
            self.answered(stream, who)
        else:
            self.failed(stream, kind, detail, who)

    def was_late(self, seconds: float, *, long: bool) -> None:
        super().was_late(seconds, long=long)
        if long and self.line is not None:
            self.line.usable = False

    def close(self) -> None:
        super().close()
        if self.line is not None and self.line.task is not None:
            self.line.task.cancel()


class Stream(Request):
    """One request on a connection that others share."""

    def __init__(self, began: float) -> None:
        super().__init__(began)
        self.answer = Answer()
        self.line: Line | None = None
        self.number = 0

    def give_up(self) -> None:
        if self.line is not None:
            self.line.forget(self)


class Patient(h2.connection.H2ConnectionStateMachine):
    """Open after a GOAWAY: what the other side has accepted it still answers (RFC 9113, 6.8).

    The library calls the connection closed then, and what comes of those answers an error.
    """

    def process_input(self, input_: h2.connection.ConnectionInputs) -> list[h2.events.Event]:
        if input_ is h2.connection.ConnectionInputs.RECV_GOAWAY:
            return []
        return super().process_input(input_)


class Line(asyncio.Protocol):
    """One connection: its streams, and those that wait for it."""

    def __init__(self, client: Http2) -> None:
        self.client = client
        self.usable = True
        self.task: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport | None = None
        self.streams: dict[int, Stream] = {}
        self.waiting: list[Stream] = []
        config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8")
        self.wire = h2.connection.H2Connection(config=config)
        self.wire.state_machine = Patient()
        self.ready = False

    async def connect(self) -> None:
        client = self.client
        options: dict[str, Any] = {}
        if client.tls is not None:
            name = client.target.hostname or client.series.host
            options = {"ssl": client.tls, "server_hostname": name}
        where = (client.series.host, client.series.port)
        try:
            await client.loop.create_connection(lambda: self, *where, **options)
        except (OSError, EOFError) as error:
            self._fail_all(*connect_failure(error, tls=client.tls is not None))
            return
        if self.transport is None:
            return
        secured = self.transport.get_extra_info("ssl_object")
        if secured is not None and secured.selected_alpn_protocol() != "h2":
            self._fail_all(Kind.ANSWER, "does not speak HTTP/2")
            self.transport.close()
            return
        self.wire.initiate_connection()
        self.ready = True
        waiting, self.waiting = self.waiting, []
        for stream in waiting:
            if stream in client.open:
                self.ask(stream)
        self._flush()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.client.transports.add(transport)

    def ask(self, stream: Stream) -> None:
        stream.line = self
        if not self.ready:
            self.waiting.append(stream)
            return
        stream.phase = "no answer"
        stream.number = self.wire.get_next_available_stream_id()
        body = self.client.target.body.encode()
        self.streams[stream.number] = stream
        try:
            self.wire.send_headers(stream.number, self.client.headers, end_stream=not body)
            if body:
                self.wire.send_data(stream.number, body, end_stream=True)
        except h2.exceptions.H2Error as error:
            self.usable = False
            self.streams.pop(stream.number, None)
            self.client.failed(stream, Kind.RESET, words(error))
        self._flush()

    def forget(self, stream: Stream) -> None:
        """Its patience is over: the stream is cancelled, the connection goes on."""
        if stream in self.waiting:
            self.waiting.remove(stream)
        if self.streams.pop(stream.number, None) is not None and self.transport is not None:
            try:
                self.wire.reset_stream(stream.number, error_code=8)  # CANCEL
            except h2.exceptions.H2Error:
                self.usable = False
            self._flush()
        elif not self.ready:
            self.usable = False

    def data_received(self, data: bytes) -> None:
        try:
            events = self.wire.receive_data(data)
        except h2.exceptions.H2Error as error:
            self._fail_all(Kind.ANSWER, f"not HTTP/2: {words(error)}")
            if self.transport is not None:
                self.transport.abort()
            return
        for event in events:
            self._take(event)
        self._flush()

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ResponseReceived):
            stream = self.streams.get(event.stream_id or 0)
            if stream is not None:
                stream.phase = "answer unfinished"
                named = {str(k): str(v) for k, v in event.headers or ()}
                stream.answer.status = int(named.get(":status", "0"))
                stream.answer.headers = {k.encode(): v.encode() for k, v in named.items()}
        elif isinstance(event, h2.events.DataReceived):
            stream = self.streams.get(event.stream_id or 0)
            if stream is not None and len(stream.answer.body) < KEPT:
                stream.answer.body += (event.data or b"")[:KEPT]
            self.wire.acknowledge_received_data(
                event.flow_controlled_length or 0, event.stream_id or 0
            )
        elif isinstance(event, h2.events.StreamEnded):
            stream = self.streams.pop(event.stream_id or 0, None)
            if stream is not None:
                self.client.judge(stream)
        elif isinstance(event, h2.events.StreamReset):
            stream = self.streams.pop(event.stream_id or 0, None)
            if stream is not None:
                self._lost(stream, f"stream reset ({event.error_code})")
        elif isinstance(event, h2.events.ConnectionTerminated):
            self._going_away(event)

    def _going_away(self, event: h2.events.ConnectionTerminated) -> None:
        """What the other side has not begun it will not answer; the rest may still come."""
        self.usable = False
        last = event.last_stream_id or 0
        for number in [number for number in self.streams if number > last]:
            self._lost(self.streams.pop(number), "refused: the connection is going away")

    def _lost(self, stream: Stream, detail: str) -> None:
        cut = stream.answer.status != 0
        said = f"HTTP {stream.answer.status}, then {detail}" if cut else detail
        self.client.failed(stream, Kind.CUT_BODY if cut else Kind.RESET, said)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self.transport is not None:
            self.client.transports.discard(self.transport)
        self.transport, self.usable = None, False
        streams, self.streams = self.streams, {}
        for stream in streams.values():
            self._lost(stream, words(exc) if exc else "closed without an answer")

    def _fail_all(self, kind: Kind, detail: str) -> None:
        self.usable = False
        everything = [*self.waiting, *self.streams.values()]
        self.waiting, self.streams = [], {}
        for stream in everything:
            self.client.failed(stream, kind, detail)

    def _flush(self) -> None:
        if self.transport is not None and (data := self.wire.data_to_send()):
            self.transport.write(data)
