"""The DNS server: what a stub resolver gets on the wire, over UDP and TCP."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest
from gcpsim.dns import server

ZONE = "projects/p/managedZones/z"
LIMIT = 5


@pytest.fixture
def zone(cloud: Any) -> None:
    body = {"name": "z", "dnsName": "example.com.", "description": ""}
    cloud.dns("POST", "projects/p/managedZones", body)
    record = {"name": "www.example.com.", "type": "A", "ttl": 300, "rrdatas": ["192.0.2.1"]}
    texts = [f'"{number:02} {"x" * 200}"' for number in range(30)]
    long = {"name": "long.example.com.", "type": "TXT", "ttl": 300, "rrdatas": texts}
    cloud.dns("POST", f"{ZONE}/changes", {"additions": [record, long]})
    cloud.advance(5)


def ask(cloud: Any, work: Callable[[int], Any]) -> Any:
    """Run blocking `work(port)` beside a running server."""

    async def run() -> Any:
        running = server.DnsServer(cloud.world.dns)
        port = await running.listen("127.0.0.1", 0)
        try:
            return await asyncio.to_thread(work, port)
        finally:
            running.close()

    return asyncio.run(run())


def udp(query: dns.message.Message, port: int) -> dns.message.Message:
    return dns.query.udp(query, "127.0.0.1", port=port, timeout=LIMIT)


def test_an_answer_over_udp_and_tcp(cloud: Any, zone: None) -> None:
    query = dns.message.make_query("WwW.Example.com.", "A")

    def work(port: int) -> Any:
        return udp(query, port), dns.query.tcp(query, "127.0.0.1", port=port, timeout=LIMIT)

    for answer in ask(cloud, work):
        assert answer.flags & dns.flags.AA
        assert answer.answer[0].to_text() == "WwW.Example.com. 300 IN A 192.0.2.1"


def test_negative_answers_carry_the_soa(cloud: Any, zone: None) -> None:
    def work(port: int) -> Any:
        return [
            udp(dns.message.make_query(name, type_), port)
            for name, type_ in (
                ("nope.example.com", "A"),
                ("www.example.com", "AAAA"),
                ("example.org", "A"),
            )
        ]

    missing, empty, foreign = ask(cloud, work)
    assert missing.rcode() == dns.rcode.NXDOMAIN
    assert missing.authority[0].rdtype == dns.rdatatype.SOA
    assert (empty.rcode(), empty.answer) == (dns.rcode.NOERROR, [])
    assert empty.authority[0].ttl == 300
    assert foreign.rcode() == dns.rcode.REFUSED


def test_a_long_answer_is_cut_over_udp_and_whole_over_tcp(cloud: Any, zone: None) -> None:
    plain = dns.message.make_query("long.example.com", "TXT")
    wide = dns.message.make_query("long.example.com", "TXT", use_edns=0, payload=4096)

    def work(port: int) -> Any:
        whole = dns.query.tcp(plain, "127.0.0.1", port=port, timeout=LIMIT)
        return udp(plain, port), udp(wide, port), whole

    cut, cut_too, whole = ask(cloud, work)
    for answer in (cut, cut_too):
        assert answer.flags & dns.flags.TC
        assert answer.answer == []
    assert cut_too.edns == 0
    assert not whole.flags & dns.flags.TC
    assert len(whole.answer[0]) == 30


def test_an_answer_follows_a_change_at_once(cloud: Any, zone: None) -> None:
    responder = server.Responder(cloud.world.dns)
    query = dns.message.make_query("new.example.com", "A")

    def look() -> Any:
        wire = responder.answer(query.to_wire())
        assert wire is not None
        return dns.message.from_wire(wire)

    assert look().rcode() == dns.rcode.NXDOMAIN
    record = {"name": "new.example.com.", "type": "A", "ttl": 1, "rrdatas": ["192.0.2.5"]}
    cloud.dns("POST", f"{ZONE}/rrsets", record)
    assert look().rcode() == dns.rcode.NXDOMAIN
    cloud.advance(5)
    assert look().answer[0].to_text() == "new.example.com. 1 IN A 192.0.2.5"
    other = dns.message.make_query("new.example.com", "A")
    wire = responder.answer(other.to_wire())
    assert wire is not None
    assert dns.message.from_wire(wire).id == other.id


@pytest.mark.parametrize(
    ("wire", "rcode"),
    [
        (b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\xff", dns.rcode.FORMERR),
        (b"\x12\x34\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00", dns.rcode.FORMERR),
        (dns.message.make_query("example.com", "AXFR").to_wire(), dns.rcode.REFUSED),
        (dns.message.make_query("example.com", "A", "CH").to_wire(), dns.rcode.REFUSED),
    ],
    ids=["junk", "no question", "transfer", "other class"],
)
def test_what_is_no_good_query(cloud: Any, zone: None, wire: bytes, rcode: int) -> None:
    answer = server.Responder(cloud.world.dns).answer(wire)
    assert answer is not None
    assert answer[:2] == wire[:2]
    assert answer[3] & 15 == rcode


def test_what_deserves_no_answer(cloud: Any, zone: None) -> None:
    responder = server.Responder(cloud.world.dns)
    assert responder.answer(b"short") is None
    response = dns.message.make_response(dns.message.make_query("example.com", "A"))
    assert responder.answer(response.to_wire()) is None


def test_broken_tcp_clients_do_not_hurt(cloud: Any, zone: None) -> None:
    def work(port: int) -> Any:
        with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as client:
            client.sendall(b"\xff\xff abc")
        with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as client:
            client.sendall(b"\x00\x03abc")
            assert client.recv(10) == b""
        return udp(dns.message.make_query("www.example.com", "A"), port)

    assert ask(cloud, work).answer


def test_weighted_answers_are_not_kept(cloud: Any, zone: None) -> None:
    items = [{"weight": 1, "rrdatas": ["192.0.2.1"]}, {"weight": 1, "rrdatas": ["192.0.2.2"]}]
    record = {"name": "w.example.com.", "type": "A", "ttl": 1}
    policy = {"routingPolicy": {"wrr": {"items": items}}}
    cloud.dns("POST", f"{ZONE}/rrsets", record | policy)
    cloud.advance(5)
    responder = server.Responder(cloud.world.dns)
    query = dns.message.make_query("w.example.com", "A").to_wire()
    answers = {responder.answer(query) for _ in range(100)}
    assert len(answers) == 2
