"""Zones whose DNSSEC is on: their keys, and answers that a validator believes or not.

The validator here is dnspython's, with the digest of `dnsKeys` as the anchor; what it does not do,
whether a proof of absence covers the name, is looked at by hand with the hashes of RFC 5155.
"""

import asyncio
import base64
from collections.abc import Callable, Iterator
from typing import Any

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from gcpsim.dns import server
from gcpsim.dns.resolver import HABITS, Resolver

ZONES = "projects/p/managedZones"
ALGORITHMS = ("rsasha256", "rsasha512", "ecdsap256sha256", "ecdsap384sha384")
Ask = Callable[..., dns.message.Message]


def zone(
    cloud: Any, name: str, dns_name: str, *records: tuple[str, str, str], **config: Any
) -> Any:
    body = {"name": name, "dnsName": dns_name, "description": ""}
    if config:
        body["dnssecConfig"] = {"state": "on", **config}
    made = cloud.dns("POST", ZONES, body)
    for owner, kind, data in records:
        rrset = {"name": owner, "type": kind, "ttl": 300, "rrdatas": [data]}
        cloud.dns("POST", f"{ZONES}/{name}/rrsets", rrset)
    cloud.advance(5)
    return made


RECORDS = (
    ("www.example.com.", "A", "192.0.2.1"),
    ("alias.example.com.", "CNAME", "www.example.com."),
    ("*.wild.example.com.", "A", "192.0.2.2"),
    ("a.b.example.com.", "TXT", '"deep"'),
)


def asking(cloud: Any, work: Callable[[Ask], Any], responder: Any = None) -> Any:
    """Run blocking `work(ask)` beside a running server; `ask(name, type)` sets the DO bit."""

    async def run() -> Any:
        running = server.DnsServer(cloud.world.dns, responder)
        port = await running.listen("127.0.0.1", 0)

        def ask(name: str, kind: str, **options: Any) -> dns.message.Message:
            options = {"want_dnssec": True, **options}
            query = dns.message.make_query(name, kind, **options)
            answer, _ = dns.query.udp_with_fallback(query, "127.0.0.1", port=port, timeout=5)
            return answer

        try:
            return await asyncio.to_thread(work, ask)
        finally:
            running.close()

    return asyncio.run(run())


def sets(section: list[dns.rrset.RRset]) -> Iterator[tuple[dns.rrset.RRset, dns.rrset.RRset]]:
    """(records, their signatures); StopIteration when a set has none."""
    for rrset in section:
        if rrset.rdtype != dns.rdatatype.RRSIG:
            yield (
                rrset,
                next(s for s in section if (s.name, s.covers) == (rrset.name, rrset.rdtype)),
            )


def validated(answer: dns.message.Message, keys: Any, now: float) -> list[str]:
    """What is in an answer, each set valid by the keys."""
    found = []
    for rrset, signatures in (*sets(answer.answer), *sets(answer.authority)):
        dns.dnssec.validate(rrset, signatures, keys, now=now)
        found.append(f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)}")
    return found


def trusted(ask: Ask, apex: str, digests: set[str], now: float) -> Any:
    """The keys of a zone, one of them the one whose digest is known."""
    answer = ask(apex, "DNSKEY")
    rrset, signatures = next(sets(answer.answer))
    name = dns.name.from_text(apex)
    made = {dns.dnssec.make_ds(name, key, "SHA256").digest.hex().upper() for key in rrset}
    assert made & digests
    anchor = {name: rrset}
    dns.dnssec.validate(rrset, signatures, anchor, now=now)
    assert [signature.key_tag for signature in signatures] == [
        dns.dnssec.key_id(key) for key in rrset if key.flags == 257
    ]
    return anchor


def digests(cloud: Any, name: str) -> set[str]:
    keys = cloud.dns("GET", f"{ZONES}/{name}/dnsKeys")["dnsKeys"]
    return {one["digest"] for key in keys for one in key.get("digests", ())}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_keys_are_real_and_validate_answers(cloud: Any, algorithm: str) -> None:
    length = int(algorithm[6:9]) if algorithm.startswith("ecdsa") else 1024
    specs = [
        {"keyType": kind, "algorithm": algorithm, "keyLength": length}
        for kind in ("keySigning", "zoneSigning")
    ]
    zone(cloud, "z", "example.com.", *RECORDS, defaultKeySpecs=specs)
    for key in cloud.dns("GET", f"{ZONES}/z/dnsKeys")["dnsKeys"]:
        flags = {"keySigning": 257, "zoneSigning": 256}[key["type"]]
        number = dns.dnssec.algorithm_from_text(algorithm.upper())
        record = DNSKEY("IN", "DNSKEY", flags, 3, number, base64.b64decode(key["publicKey"]))  # type: ignore[no-untyped-call]
        assert (key["algorithm"], key["keyLength"]) == (algorithm, length)
        assert key["keyTag"] == dns.dnssec.key_id(record)
    now = cloud.world.clock.now()

    def work(ask: Ask) -> list[str]:
        keys = trusted(ask, "example.com.", digests(cloud, "z"), now)
        return validated(ask("www.example.com.", "A"), keys, now)

    assert asking(cloud, work) == ["www.example.com. A"]


@pytest.mark.parametrize("way", ["nsec", "nsec3"])
def test_what_is_not_there_is_proven(cloud: Any, way: str) -> None:
    zone(cloud, "z", "example.com.", *RECORDS, nonExistence=way)
    now = cloud.world.clock.now()

    def work(ask: Ask) -> None:
        keys = trusted(ask, "example.com.", digests(cloud, "z"), now)
        for name, kind, rcode in (
            ("nope.example.com.", "A", dns.rcode.NXDOMAIN),
            ("zz.deep.nope.example.com.", "A", dns.rcode.NXDOMAIN),
            ("c.b.example.com.", "A", dns.rcode.NXDOMAIN),
            ("www.example.com.", "AAAA", dns.rcode.NOERROR),
            ("b.example.com.", "A", dns.rcode.NOERROR),
            ("example.com.", "MX", dns.rcode.NOERROR),
            ("x.wild.example.com.", "AAAA", dns.rcode.NOERROR),
        ):
            answer = ask(name, kind)
            assert answer.rcode() == rcode, name
            assert "example.com. SOA" in validated(answer, keys, now)
            denied(answer, name, kind, way)

    asking(cloud, work)


def denied(answer: dns.message.Message, name: str, kind: str, way: str) -> None:
    """The proof is of this name: RFC 4035 5.4, RFC 5155 8."""
    asked, apex = dns.name.from_text(name), dns.name.from_text("example.com.")
    wanted = dns.rdatatype.from_text(way.upper())
    proofs = [rrset for rrset in answer.authority if rrset.rdtype == wanted]
    assert proofs
    matches, covers = (_nsec, _nsec_covers) if way == "nsec" else (_nsec3, _nsec3_covers)
    for proof in proofs:
        if matches(proof, asked):
            assert answer.rcode() == dns.rcode.NOERROR
            assert not has(proof[0], kind)
            return
    assert any(covers(proof, asked) for proof in proofs) or way == "nsec3"
    encloser, closer = asked.parent(), asked
    while not any(matches(proof, encloser) for proof in proofs) and way == "nsec3":
        encloser, closer = encloser.parent(), encloser
        assert encloser.is_subdomain(apex)
    if way == "nsec3":
        assert any(covers(proof, closer) for proof in proofs)
        star = dns.name.from_text("*", encloser)
        if answer.rcode() == dns.rcode.NXDOMAIN:
            assert any(covers(proof, star) for proof in proofs)
        else:
            [below] = [proof for proof in proofs if matches(proof, star)]
            assert not has(below[0], kind)


def has(record: Any, kind: str) -> bool:
    number = int(dns.rdatatype.from_text(kind))
    for window, bitmap in record.windows:
        at = number - window * 256
        if 0 <= at // 8 < len(bitmap) and at < 256 and bitmap[at // 8] & (0x80 >> at % 8):
            return True
    return False


def _nsec(proof: dns.rrset.RRset, name: dns.name.Name) -> bool:
    return proof.name == name


def _nsec_covers(proof: dns.rrset.RRset, name: dns.name.Name) -> bool:
    after = proof[0].next
    return proof.name < name and (name < after or after == dns.name.from_text("example.com."))


def _hashed(proof: dns.rrset.RRset, name: dns.name.Name) -> str:
    record = proof[0]
    return dns.dnssec.nsec3_hash(name, record.salt, record.iterations, record.algorithm)


def _nsec3(proof: dns.rrset.RRset, name: dns.name.Name) -> bool:
    return proof.name.labels[0].decode().upper() == _hashed(proof, name)


def _nsec3_covers(proof: dns.rrset.RRset, name: dns.name.Name) -> bool:
    own, after = proof.name.labels[0].decode().upper(), base64.b32hexencode(proof[0].next).decode()
    wanted = _hashed(proof, name)
    return own < wanted < after if own < after else wanted > own or wanted < after


@pytest.mark.parametrize("way", ["nsec", "nsec3"])
def test_wildcards_and_aliases_validate(cloud: Any, way: str) -> None:
    zone(cloud, "z", "example.com.", *RECORDS, nonExistence=way)
    now = cloud.world.clock.now()

    def work(ask: Ask) -> tuple[list[str], list[str]]:
        keys = trusted(ask, "example.com.", digests(cloud, "z"), now)
        wild = ask("x.y.wild.example.com.", "A")
        assert [s[0].labels for _, s in sets(wild.answer)] == [3]  # as *.wild.example.com
        return validated(wild, keys, now), validated(ask("alias.example.com.", "A"), keys, now)

    wild, alias = asking(cloud, work)
    assert wild[0] == "x.y.wild.example.com. A"
    assert wild[1].endswith(f" {way.upper()}")  # nothing of that name is nearer
    assert alias == ["alias.example.com. CNAME", "www.example.com. A"]


def test_a_delegation_is_a_chain_of_trust(cloud: Any) -> None:
    """The parent signs the DS of the child; without one it proves that there is none."""
    child = zone(
        cloud, "child", "sub.example.com.", ("www.sub.example.com.", "A", "192.0.2.9"), state="on"
    )
    plain = zone(cloud, "plain", "plain.example.com.")
    zone(cloud, "z", "example.com.", *RECORDS, state="on")
    for made in (child, plain):
        servers = {
            "name": made["dnsName"],
            "type": "NS",
            "ttl": 300,
            "rrdatas": made["nameServers"],
        }
        cloud.dns("POST", f"{ZONES}/z/rrsets", servers)
    ksk = cloud.dns("GET", f"{ZONES}/child/dnsKeys/0")
    [digest] = ksk["digests"]
    data = f"{ksk['keyTag']} 8 2 {digest['digest']}"
    ds = {"name": "sub.example.com.", "type": "DS", "ttl": 300, "rrdatas": [data]}
    cloud.dns("POST", f"{ZONES}/z/rrsets", ds)
    cloud.advance(5)
    now = cloud.world.clock.now()

    def work(ask: Ask) -> list[str]:
        parent = trusted(ask, "example.com.", digests(cloud, "z"), now)
        answer = ask("sub.example.com.", "DS")
        assert validated(answer, parent, now) == ["sub.example.com. DS"]
        handed = {record.digest.hex().upper() for record in next(sets(answer.answer))[0]}
        inner = trusted(ask, "sub.example.com.", handed, now)
        none = ask("plain.example.com.", "DS")
        assert "example.com. SOA" in validated(none, parent, now)
        denied(none, "plain.example.com.", "DS", "nsec3")
        return validated(ask("www.sub.example.com.", "A"), inner, now)

    assert asking(cloud, work) == ["www.sub.example.com. A"]


def test_nobody_who_does_not_ask_gets_signatures(cloud: Any) -> None:
    zone(cloud, "z", "example.com.", *RECORDS, state="on")
    zone(cloud, "plain", "example.org.", ("www.example.org.", "A", "192.0.2.1"))

    def work(ask: Ask) -> list[list[dns.rrset.RRset]]:
        signed = ask("www.example.com.", "A")
        assert signed.ednsflags & dns.flags.DO
        assert len(signed.answer) == 2
        return [
            ask("www.example.com.", "A", want_dnssec=False).answer,
            ask("www.example.org.", "A").answer,
        ]

    assert [len(answer) for answer in asking(cloud, work)] == [1, 1]


def test_signatures_end_and_are_renewed(cloud: Any) -> None:
    zone(cloud, "z", "example.com.", *RECORDS, state="on")
    start = cloud.world.clock.now()

    def work(ask: Ask) -> tuple[Any, dns.message.Message]:
        keys = trusted(ask, "example.com.", digests(cloud, "z"), start)
        return keys, ask("www.example.com.", "A")

    keys, old = asking(cloud, work)
    cloud.advance(25 * 86_400)
    now = cloud.world.clock.now()
    with pytest.raises(dns.dnssec.ValidationFailure):
        validated(old, keys, now)
    assert validated(asking(cloud, work_again)[0], keys, now) == ["www.example.com. A"]


def work_again(ask: Ask) -> list[dns.message.Message]:
    return [ask("www.example.com.", "A")]


def test_resolvers_pass_signatures_on(cloud: Any) -> None:
    zone(cloud, "z", "example.com.", *RECORDS, state="on")
    now = cloud.world.clock.now()
    resolver = Resolver(cloud.world.dns, HABITS["honest"])

    def work(ask: Ask) -> list[str]:
        keys = trusted(ask, "example.com.", digests(cloud, "z"), now)
        cloud.advance(60)
        return [
            *validated(ask("www.example.com.", "A"), keys, now),
            *validated(ask("no.example.com.", "A"), keys, now)[:1],
        ]

    assert asking(cloud, work, resolver) == ["www.example.com. A", "example.com. SOA"]


def test_keys_go_with_dnssec_and_are_new_when_it_comes_back(cloud: Any) -> None:
    made = zone(cloud, "z", "example.com.", *RECORDS, state="on")
    config = made["dnssecConfig"]
    assert config["nonExistence"] == "nsec3"
    assert [(s["keyType"], s["algorithm"], s["keyLength"]) for s in config["defaultKeySpecs"]] == [
        ("keySigning", "rsasha256", 2048),
        ("zoneSigning", "rsasha256", 1024),
    ]
    before = digests(cloud, "z")
    cloud.dns("PATCH", f"{ZONES}/z", {"dnssecConfig": {"state": "off"}})
    assert "dnsKeys" not in cloud.dns("GET", f"{ZONES}/z/dnsKeys")
    assert len(asking(cloud, work_again)[0].answer) == 1
    cloud.dns("PATCH", f"{ZONES}/z", {"dnssecConfig": {"state": "on", "nonExistence": "nsec"}})
    after = digests(cloud, "z")
    assert len(after) == 1
    assert not after & before
    asked = cloud.dns("GET", f"{ZONES}/z/dnsKeys/0", digestType="sha1,sha384")["digests"]
    assert [(one["type"], len(one["digest"])) for one in asked] == [("sha1", 40), ("sha384", 96)]


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"nonExistence": "nsec"}, "nonExistence"),
        (
            {
                "defaultKeySpecs": [
                    {"keyType": "keySigning", "algorithm": "rsasha512", "keyLength": 2048}
                ]
            },
            "defaultKeySpecs",
        ),
    ],
)
def test_a_signed_zone_keeps_its_way(cloud: Any, config: Any, field: str) -> None:
    zone(cloud, "z", "example.com.", state="on")
    refused = cloud.refusal("dns", "PATCH", f"{ZONES}/z", {"dnssecConfig": config})
    assert refused.code == 400
    assert f"entity.managedZone.dnssecConfig.{field}" in refused.message


def test_private_zones_and_unknown_keys_are_refused(cloud: Any) -> None:
    body = {"name": "z", "dnsName": "example.com.", "description": "", "visibility": "private"}
    on = {**body, "dnssecConfig": {"state": "on"}}
    assert cloud.refusal("dns", "POST", ZONES, on).code == 400
    short = {"keyType": "keySigning", "algorithm": "rsasha256", "keyLength": 512}
    specs = {"state": "on", "defaultKeySpecs": [short]}
    public = {**body, "visibility": "public", "dnssecConfig": specs}
    assert cloud.refusal("dns", "POST", ZONES, public).code == 400
