"""DNS: one question to one name server each time, over UDP, without any cache."""

import asyncio
import ssl

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from edgebook.traffic.clients.base import BaseClient, Record, Request, words
from edgebook.traffic.values import Kind, Series


class Names(BaseClient):
    """One name, asked again and again; the answer's first address is told as who answered."""

    timeout = Kind.DNS

    def __init__(self, series: Series, record: Record, tls: ssl.SSLContext | None) -> None:
        super().__init__(series, record, tls)
        self.asked: dict[int, Question] = {}
        self.socket: asyncio.DatagramTransport | None = None

    def begin(self, now: float) -> None:
        message = dns.message.make_query(self.target.hostname, "A", use_edns=False)
        question = Question(now, self, message.id)
        self.open[question] = None
        self.asked[message.id] = question
        question.task = self.loop.create_task(self._send(question, message.to_wire()))

    async def _send(self, question: "Question", wire: bytes) -> None:
        where = (self.series.host, self.series.port)
        if self.socket is None:
            try:
                self.socket, _ = await self.loop.create_datagram_endpoint(
                    lambda: Answers(self), remote_addr=where
                )
            except OSError as error:
                self.failed(question, Kind.DNS, words(error))
                return
            self.transports.add(self.socket)
        self.socket.sendto(wire)

    def take(self, data: bytes) -> None:
        try:
            message = dns.message.from_wire(data)
        except dns.exception.DNSException:
            return
        question = self.asked.pop(message.id, None)
        if question is None:
            return
        found = sorted(
            item.to_text()
            for rrset in message.answer
            if rrset.rdtype == dns.rdatatype.A
            for item in rrset
        )
        if found:
            self.answered(question, f"//{found[0]}")
        else:
            code = dns.rcode.to_text(message.rcode())
            self.failed(question, Kind.DNS, "no address" if code == "NOERROR" else code)

    def gone(self, error: BaseException) -> None:
        """The network says that nobody is there; all that was asked is lost."""
        for question in list(self.asked.values()):
            self.failed(question, Kind.DNS, words(error))
        self.asked.clear()


class Question(Request):
    """One question."""

    def __init__(self, began: float, client: Names, number: int) -> None:
        super().__init__(began)
        self.client = client
        self.number = number
        self.phase = "no answer"
        self.task: asyncio.Task[None] | None = None

    def give_up(self) -> None:
        self.client.asked.pop(self.number, None)
        if self.task is not None:
            self.task.cancel()


class Answers(asyncio.DatagramProtocol):
    """What comes back."""

    def __init__(self, client: Names) -> None:
        self.client = client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.client.take(data)

    def error_received(self, exc: Exception) -> None:
        self.client.gone(exc)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.client.transports.discard(self.transport)
        self.client.socket = None
