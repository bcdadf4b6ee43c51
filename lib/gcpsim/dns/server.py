"""A DNS server over UDP and TCP that answers from the simulated zones.

It plays authoritative servers and resolver in one: it chases CNAMEs and follows delegation by
itself. Answers are kept as wire until what is served changes. It must not write to the world.
"""

import asyncio
import struct
from dataclasses import replace
from typing import Any, Protocol

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from gcpsim.dns.lookup import Records, Resolution, Status
from gcpsim.dns.service import Dns
from gcpsim.dns.signing import Signer

PAYLOAD = 1232
CACHE_SIZE = 10_000
TRIES = 20
RCODE = {
    Status.NOERROR: dns.rcode.NOERROR,
    Status.NXDOMAIN: dns.rcode.NXDOMAIN,
    Status.REFUSED: dns.rcode.REFUSED,
    Status.LAME: dns.rcode.SERVFAIL,
    Status.LOOP: dns.rcode.SERVFAIL,
}


class Responder:
    """Turns a query as wire into an answer as wire."""

    def __init__(self, service: Dns) -> None:
        self._service = service
        self._generation = (-1, 0)
        self._cache: dict[tuple[bytes, bool], bytes] = {}

    def answer(self, wire: bytes, *, tcp: bool = False) -> bytes | None:
        """The answer, or None for what deserves none."""
        if len(wire) < 12 or wire[2] & 0x80:
            return None
        now = (self._service.generation, self._service.signer.day)
        if self._generation != now:
            self._generation = now
            self._cache.clear()
        key = (wire[2:], tcp)
        kept = self._cache.get(key)
        if kept is not None:
            return wire[:2] + kept
        response, cacheable = self._respond(wire)
        out = printed(response, 65535 if tcp else limit(response))
        if cacheable and len(self._cache) < CACHE_SIZE:
            self._cache[key] = out[2:]
        return out

    def _respond(self, wire: bytes) -> tuple[dns.message.Message, bool]:
        try:
            query = dns.message.from_wire(wire, ignore_trailing=True)
        except (dns.exception.DNSException, ValueError):
            broken = dns.message.Message(int.from_bytes(wire[:2], "big"))
            broken.flags = dns.flags.QR
            broken.set_rcode(dns.rcode.FORMERR)
            return broken, False
        response = dns.message.make_response(query, recursion_available=True, our_payload=PAYLOAD)
        if query.opcode() != dns.opcode.QUERY:
            response.set_rcode(dns.rcode.NOTIMP)
            return response, True
        if query.edns > 0:
            response.set_rcode(dns.rcode.BADVERS)
            return response, True
        if len(query.question) != 1:
            response.set_rcode(dns.rcode.FORMERR)
            return response, True
        question = query.question[0]
        type_ = dns.rdatatype.to_text(question.rdtype)
        if question.rdclass != dns.rdataclass.IN or type_ in ("AXFR", "IXFR"):
            response.set_rcode(dns.rcode.REFUSED)
            return response, True
        found = self._service.lookup.resolve(question.name.to_text(), type_)
        signer = self._service.signer if wants_signatures(query) else None
        _fill(response, found, question.name, signer)
        return response, not found.varies


def _fill(
    response: dns.message.Message, found: Resolution, asked: dns.name.Name, signer: Signer | None
) -> None:
    response.set_rcode(RCODE[found.status])
    if found.status in (Status.NOERROR, Status.NXDOMAIN):
        response.flags |= dns.flags.AA
    if found.status is Status.LAME:
        found = replace(found, authority=None)
    add_records(response, found, asked, signer)


def wants_signatures(query: dns.message.Message) -> bool:
    """The DO bit of a question."""
    return bool(query.ednsflags & dns.flags.DO)


def add_records(
    response: dns.message.Message, found: Resolution, asked: dns.name.Name, signer: Signer | None
) -> None:
    """Put an answer into a message, with signatures and proofs where a signer is given."""
    if signer is not None:
        response.ednsflags |= dns.flags.DO
    for index, records in enumerate(found.answers):
        _add(response.answer, records, asked if index == 0 else None, signer)
    if found.authority is not None:
        _add(response.authority, found.authority, None, signer)
    for proof in signer.proofs(found) if signer is not None else ():
        _add(response.authority, proof, None, signer)


def _add(
    section: list[dns.rrset.RRset],
    records: Records,
    name: dns.name.Name | None,
    signer: Signer | None,
) -> None:
    section.append(rrset(records, name))
    signature = signer.signature(records, name) if signer is not None else None
    if signature is not None:
        section.append(signature)


def rrset(records: Records, name: dns.name.Name | None) -> dns.rrset.RRset:
    """Records as dnspython has them, under the name as it was asked when one is given."""
    owner: Any = name if name is not None else dns.name.from_text(records.name)
    return dns.rrset.from_text_list(owner, records.ttl, "IN", records.type, list(records.data))


def limit(response: dns.message.Message) -> int:
    """How long an answer over UDP may be, as the question's EDNS says."""
    asked: int = response.request_payload
    return max(512, min(asked, PAYLOAD)) if response.edns >= 0 else 512


def printed(response: dns.message.Message, most: int) -> bytes:
    """The wire of an answer, emptied and marked as truncated when it is longer than `most`."""
    try:
        return response.to_wire(max_size=most)
    except dns.exception.TooBig:
        response.answer.clear()
        response.authority.clear()
        response.additional.clear()
        response.flags |= dns.flags.TC
        return response.to_wire(max_size=most)


class Answering(Protocol):
    """Anything that turns a query as wire into an answer as wire."""

    def answer(self, wire: bytes, *, tcp: bool = False) -> bytes | None: ...


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, responder: Answering) -> None:
        self._responder = responder
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        answer = self._responder.answer(data)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)


class DnsServer:
    """The two sockets of one running server, authoritative unless another answers."""

    def __init__(
        self, service: Dns, responder: Answering | None = None, patience: float = 30.0
    ) -> None:
        """`patience`: real seconds until a connection must have asked, and asked again."""
        self._patience = patience
        self.responder = responder or Responder(service)
        self.port = 0
        self._tcp: asyncio.Server | None = None
        self._udp: asyncio.DatagramTransport | None = None

    async def listen(self, host: str, port: int) -> int:
        """Bind both sockets to one port; OSError when that is impossible."""
        for attempt in range(TRIES):
            self._tcp = await asyncio.start_server(self._serve, host, port)
            self.port = self._tcp.sockets[0].getsockname()[1]
            try:
                self._udp, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                    lambda: _Udp(self.responder), local_addr=(host, self.port)
                )
            except OSError:
                self._tcp.close()
                if port or attempt == TRIES - 1:
                    raise
                continue
            break
        return self.port

    def close(self) -> None:
        if self._tcp is not None:
            self._tcp.close()
        if self._udp is not None:
            self._udp.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                async with asyncio.timeout(self._patience):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    wire = await reader.readexactly(length)
                answer = self.responder.answer(wire, tcp=True)
                if answer is None:
                    return
                writer.write(struct.pack("!H", len(answer)) + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            return
        finally:
            writer.close()
