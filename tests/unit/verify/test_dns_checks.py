"""Checks of names."""

import socket
from dataclasses import replace

import pytest
from edgebook.model.values import CheckState
from edgebook.verify import dns_checks
from edgebook.verify.dns_checks import allows

from tests.unit.verify.test_cases import facts_of


@pytest.mark.parametrize(
    ("records", "wildcard", "expected"),
    [
        (('0 issue "pki.goog"',), False, True),
        (('0 issue "letsencrypt.org"',), False, False),
        (('0 issue "letsencrypt.org"', '0 issue "pki.goog"'), False, True),
        (('0 issue "pki.goog"', '0 issuewild ";"'), True, False),
        (('0 issue ";"', '0 issuewild "pki.goog"'), True, True),
        (('0 issue "pki.goog; cansignhttpexchanges=yes"',), False, True),
        (('0 iodef "mailto:a@b.c"',), False, True),
    ],
)
def test_caa(records, wildcard, expected):
    assert allows(records, wildcard=wildcard) is expected


SCOPE = "projects/shop-rehearsal/managedZones/shop-example"


def zone_facts(zone, *, records=(), **params):
    """Facts whose managed zone is this one; nobody answers DNS, so Cloud DNS's records do."""
    facts = facts_of({"params": params})
    facts.reader.wire.connection.dns_by_api = True
    facts.reader.start(("one", "dns", f"dns/v1/{SCOPE}"), lambda: zone)
    facts.reader.start(("collection", "dnsRecordSet", SCOPE), lambda: list(records))
    return facts


def test_a_private_zone_is_seen_by_nobody_outside():
    public = {"dnsName": "example.com.", "nameServers": ["ns."]}
    said = [(r.state, r.check) for r in dns_checks.zone(zone_facts(public))]
    assert (CheckState.FAILED, "DNS zone is public") not in said
    private = {**public, "visibility": "private"}
    said = [(r.state, r.check) for r in dns_checks.zone(zone_facts(private))]
    assert (CheckState.FAILED, "DNS zone is public") in said


def test_a_zone_that_is_not_there_or_holds_other_names_is_said():
    assert [r.state for r in dns_checks.zone(zone_facts(None))] == [CheckState.FAILED]
    other = {"dnsName": "example.org.", "nameServers": ["ns."]}
    first = next(iter(dns_checks.zone(zone_facts(other))))
    assert first.state is CheckState.FAILED and "dns.zones" in first.remedy


def record(name, kind="A", *values):
    return {"name": name, "type": kind, "ttl": 300, "rrdatas": list(values) or ["198.51.100.7"]}


@pytest.mark.parametrize(
    ("name", "values", "problem"),
    [
        ("shop.example.com", ("198.51.100.7",), ""),
        ("other.example.com", ("203.0.113.9",), ""),  # by the wildcard
        ("a.b.example.com", ("203.0.113.9",), ""),  # at any depth
        ("deep.shop.example.com", (), "NXDOMAIN"),  # shop exists, so the wildcard does not reach it
        ("below.example.com", (), "no such record"),  # exists only by what is below it
    ],
)
def test_records_answer_as_a_name_server_would(name, values, problem):
    records = [
        record("shop.example.com."),
        record("*.example.com.", "A", "203.0.113.9"),
        record("x.below.example.com."),
        record("example.com.", "SOA", "x"),
    ]
    zone = {"dnsName": "example.com.", "nameServers": ["ns."]}
    reply = zone_facts(zone, records=records).lookup.resolved(name, "A")
    assert (reply.values, reply.problem) == (values, problem)


def test_a_name_server_that_does_not_answer_proves_nothing():
    """Neither that the zone is not delegated, nor that a record is wrong: the way is to blame."""
    facts = facts_of({"built": {}})
    connection = facts.reader.wire.connection
    connection.dns_by_api = False
    connection.limits = replace(connection.limits, dns=0.2)
    zone = {"dnsName": "example.com.", "nameServers": ["ns."]}
    facts.reader.start(("one", "dns", f"dns/v1/{SCOPE}"), lambda: zone)
    facts.reader.start(("collection", "dnsRecordSet", SCOPE), list)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        connection.name_servers = (silent.getsockname(),)
        found = [*dns_checks.zone(facts), *dns_checks.records(facts), *dns_checks.cnames(facts)]
    told = {item.check: item for item in found}
    for check in ("zone is delegated", "A record answers", "CNAME answers"):
        assert told[check].state is CheckState.UNCERTAIN, told[check]
        assert "no answer within 0.2 s" in told[check].reason
        assert "port 53" in told[check].remedy


def test_names_at_another_provider_are_set_by_hand_and_hold_nothing_up():
    """Without `dns:` a record is told, not run again for ever; the CNAME too, with its value."""
    facts = facts_of({"built": {"dns": "<gone>"}})
    facts.reader.wire.connection.dns_by_api = True
    said = list(dns_checks.records(facts))
    assert {item.state for item in said} == {CheckState.SKIPPED}
    remedies = {item.subject: item.remedy for item in said}
    wanted = "when you are ready, set at your provider: shop.example.com. A 203.0.113.1"
    assert remedies["shop.example.com"] == wanted
    (cname,) = dns_checks.cnames(facts)
    assert cname.state is CheckState.UNCERTAIN
    assert "set at your provider: _acme-challenge" in cname.remedy and "CNAME" in cname.remedy
    assert not any("run 10" in item.remedy for item in [*said, cname])
