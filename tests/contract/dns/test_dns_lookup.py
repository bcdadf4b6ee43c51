"""Names as the world sees them: wildcards, CNAMEs, negative answers, delegation, CAA."""

from typing import Any

import pytest


def make(cloud: Any, name: str, dns_name: str, project: str = "p", **records: Any) -> Any:
    """A zone with records; `records` maps `name TYPE` to data, relative to the zone."""
    body = {"name": name, "dnsName": dns_name, "description": ""}
    zone = cloud.dns("POST", f"projects/{project}/managedZones", body)
    for key, data in records.items():
        add(cloud, f"projects/{project}/managedZones/{name}", dns_name, key, data)
    cloud.advance(5)
    return zone


def add(cloud: Any, path: str, dns_name: str, key: str, data: list[str]) -> None:
    label, type_ = key.split()
    owner = dns_name if label == "@" else f"{label}.{dns_name}"
    body = {"name": owner, "type": type_, "ttl": 300, "rrdatas": data}
    cloud.dns("POST", f"{path}/rrsets", body)


@pytest.fixture
def lookup(cloud: Any) -> Any:
    make(
        cloud,
        "z",
        "example.com.",
        **{
            "www A": ["192.0.2.1"],
            "alias CNAME": ["www.example.com."],
            "chain CNAME": ["alias.example.com."],
            "away CNAME": ["host.elsewhere.example."],
            "loop CNAME": ["loop2.example.com."],
            "loop2 CNAME": ["loop.example.com."],
            "*.wild A": ["192.0.2.2"],
            "host.wild A": ["192.0.2.3"],
            "deep.ent.sub A": ["192.0.2.4"],
            "@ ALIAS": ["www.example.com."],
        },
    )
    return cloud.world.dns.lookup


def test_answers_and_their_kinds(lookup: Any) -> None:
    assert lookup.resolve("WWW.Example.com.", "A").data("A") == ["192.0.2.1"]
    nodata = lookup.resolve("www.example.com", "AAAA")
    assert (nodata.status, nodata.answers) == ("NOERROR", ())
    assert (nodata.authority.type, nodata.authority.ttl) == ("SOA", 300)
    missing = lookup.resolve("nope.example.com", "A")
    assert missing.status == "NXDOMAIN"
    assert missing.authority.name == "example.com."
    assert lookup.resolve("ent.sub.example.com", "A").status == "NOERROR"
    assert lookup.resolve("www.example.org", "A").status == "REFUSED"


def test_cnames_are_chased(lookup: Any) -> None:
    found = lookup.resolve("chain.example.com", "A")
    assert [answer.type for answer in found.answers] == ["CNAME", "CNAME", "A"]
    assert lookup.cname_chain("chain.example.com") == ["alias.example.com.", "www.example.com."]
    away = lookup.resolve("away.example.com", "A")
    assert (away.status, away.data("CNAME")) == ("NOERROR", ["host.elsewhere.example."])
    assert lookup.resolve("loop.example.com", "A").status == "LOOP"
    assert lookup.resolve("chain.example.com", "CNAME").data("CNAME") == ["alias.example.com."]


def test_a_wildcard_answers_what_does_not_exist_below_its_encloser(lookup: Any) -> None:
    for name in ("x.wild.example.com.", "x.y.wild.example.com."):
        found = lookup.resolve(name, "A")
        assert found.answers[0].name == name
        assert found.data("A") == ["192.0.2.2"]
    assert lookup.resolve("host.wild.example.com", "A").data("A") == ["192.0.2.3"]
    assert lookup.resolve("host.wild.example.com", "TXT").status == "NOERROR"
    assert lookup.resolve("x.host.wild.example.com", "A").status == "NXDOMAIN"
    assert lookup.resolve("wild.example.com", "A").answers == ()


def test_an_alias_at_the_apex_answers_with_addresses(lookup: Any) -> None:
    assert lookup.resolve("example.com", "A").data("A") == ["192.0.2.1"]


def test_a_child_zone_counts_once_its_parent_delegates(cloud: Any) -> None:
    make(cloud, "parent", "example.com.", **{"host.sub A": ["192.0.2.1"]})
    child = make(cloud, "child", "sub.example.com.", "other", **{"host A": ["192.0.2.2"]})
    lookup = cloud.world.dns.lookup
    assert lookup.resolve("host.sub.example.com", "A").data("A") == ["192.0.2.1"]
    parent = "projects/p/managedZones/parent"
    add(cloud, parent, "example.com.", "sub NS", child["nameServers"])
    assert lookup.resolve("host.sub.example.com", "A").data("A") == ["192.0.2.1"]
    cloud.advance(5)
    assert lookup.resolve("host.sub.example.com", "A").data("A") == ["192.0.2.2"]


def test_delegation_to_the_wrong_servers_leads_nowhere(cloud: Any) -> None:
    make(cloud, "parent", "example.com.", **{"sub NS": ["ns.elsewhere.example."]})
    make(cloud, "child", "sub.example.com.", **{"host A": ["192.0.2.2"]})
    found = cloud.world.dns.lookup.resolve("host.sub.example.com", "A")
    assert found.status == "LAME"
    assert found.authority.data == ("ns.elsewhere.example.",)


def test_a_domain_that_no_registrar_delegates_does_not_exist(cloud: Any) -> None:
    make(cloud, "z", "example.com.", **{"www A": ["192.0.2.1"]})
    direct = cloud.world.stage["dns"]
    assert direct({"undelegate": ["example.com"]})["undelegated"] == ["example.com."]
    lookup = cloud.world.dns.lookup
    assert lookup.resolve("www.example.com", "A").status == "NXDOMAIN"
    direct({"delegate": ["example.com."]})
    assert lookup.resolve("www.example.com", "A").status == "NOERROR"


def test_of_two_zones_for_a_domain_the_registrar_knows_one(cloud: Any) -> None:
    make(cloud, "old", "example.com.", **{"www A": ["192.0.2.1"]})
    make(cloud, "new", "example.com.", "q", **{"www A": ["192.0.2.2"]})
    lookup = cloud.world.dns.lookup
    assert lookup.resolve("www.example.com", "A").data("A") == ["192.0.2.1"]
    cloud.world.stage["dns"]({"undelegate": ["p/old"]})
    assert lookup.resolve("www.example.com", "A").data("A") == ["192.0.2.2"]


def test_caa_is_looked_for_up_the_tree(cloud: Any) -> None:
    make(
        cloud,
        "z",
        "example.com.",
        **{
            "@ CAA": ['0 issue "letsencrypt.org"', '0 iodef "mailto:a@example.com"'],
            "a.b CAA": ['0 issue "pki.goog; cansignhttpexchanges=yes"'],
        },
    )
    lookup = cloud.world.dns.lookup
    where, found = lookup.caa("*.x.a.b.example.com")
    assert where == "a.b.example.com."
    assert found == [("issue", "pki.goog; cansignhttpexchanges=yes")]
    assert lookup.caa("b.example.com")[0] == "example.com."
    assert lookup.caa("example.org") == ("", [])
