"""Recursive resolvers with caches: what users still get after a record has changed."""

from typing import Any

import dns.message
import dns.rcode
import pytest
from gcpsim.core.errors import ApiError
from gcpsim.dns.resolver import Resolvers
from gcpsim.dns.server import Responder

ZONE = "projects/p/managedZones/shop"
OLD, NEW = "203.0.113.10", "203.0.113.20"


@pytest.fixture
def resolvers(cloud: Any) -> Resolvers:
    cloud.dns(
        "POST",
        "projects/p/managedZones",
        {"name": "shop", "dnsName": "shop.example.", "description": "shop"},
    )
    cloud.advance(10)
    change(cloud, additions=[a_record(OLD)])
    return Resolvers(cloud.world.services["dns"])


def a_record(ip: str, name: str = "www.shop.example.") -> dict[str, Any]:
    return {"name": name, "type": "A", "ttl": 60, "rrdatas": [ip]}


def change(cloud: Any, **changes: Any) -> None:
    cloud.dns("POST", f"{ZONE}/changes", changes)
    cloud.advance(10)


def ask(resolver: Any, name: str = "www.shop.example.") -> dns.message.Message:
    wire = resolver.answer(dns.message.make_query(name, "A").to_wire())
    return dns.message.from_wire(wire)


def addresses(resolver: Any, name: str = "www.shop.example.") -> list[str]:
    return [item.address for rrset in ask(resolver, name).answer for item in rrset]


def test_each_keeps_a_changed_answer_as_long_as_its_habit_says(
    cloud: Any, resolvers: Resolvers
) -> None:
    for resolver in resolvers.by_name.values():
        assert addresses(resolver) == [OLD]
    change(cloud, deletions=[a_record(OLD)], additions=[a_record(NEW)])
    seen = {}
    for after in (30, 61, 301, 86_401):
        cloud.advance(after - (cloud.world.clock.now() - START))
        seen[after] = {name: addresses(one) for name, one in resolvers.by_name.items()}
    assert seen[30] == {"honest": [OLD], "minimum": [OLD], "stubborn": [OLD]}
    assert seen[61] == {"honest": [NEW], "minimum": [OLD], "stubborn": [OLD]}
    assert seen[301] == {"honest": [NEW], "minimum": [NEW], "stubborn": [OLD]}
    assert seen[86_401] == {"honest": [NEW], "minimum": [NEW], "stubborn": [NEW]}


START = 1_800_000_020.0  # the clock of `cloud` after the zone and its record are served


def test_the_ttl_shown_counts_down(cloud: Any, resolvers: Resolvers) -> None:
    honest = resolvers.by_name["honest"]
    assert ask(honest).answer[0].ttl == 60
    cloud.advance(25)
    assert ask(honest).answer[0].ttl == 35


def test_that_a_name_does_not_exist_is_kept_too(cloud: Any, resolvers: Resolvers) -> None:
    honest = resolvers.by_name["honest"]
    assert ask(honest, "new.shop.example.").rcode() == dns.rcode.NXDOMAIN
    change(cloud, additions=[a_record(NEW, "new.shop.example.")])
    assert ask(honest, "new.shop.example.").rcode() == dns.rcode.NXDOMAIN
    cloud.advance(300)  # the SOA's minimum in Cloud DNS
    assert addresses(honest, "new.shop.example.") == [NEW]


def test_what_no_zone_serves_fails_and_is_not_kept(resolvers: Resolvers) -> None:
    honest = resolvers.by_name["honest"]
    assert ask(honest, "nowhere.test.").rcode() == dns.rcode.SERVFAIL
    assert len(honest) == 0


def test_habits_are_set_and_caches_flushed_by_stage_directions(
    cloud: Any, resolvers: Resolvers
) -> None:
    honest = resolvers.by_name["honest"]
    addresses(honest)
    assert cloud.world.stage["resolver-flush"]({"resolver": "honest"}) == {"forgotten": 1}
    cloud.world.stage["resolver-set"]({"resolver": "honest", "minimum_ttl": "600"})
    assert ask(honest).answer[0].ttl == 600
    assert cloud.world.stage["resolver-list"]({})["honest"]["minimum_ttl"] == 600


def test_name_servers_that_fail_are_met_by_whoever_has_no_answer_yet(
    cloud: Any, resolvers: Resolvers
) -> None:
    honest, stubborn = resolvers.by_name["honest"], resolvers.by_name["stubborn"]
    server = Responder(cloud.world.dns)
    before = addresses(honest)
    assert ask(server).answer  # from now on it is kept
    said = cloud.world.stage["domain-fail"]({"domain": "shop.example"})
    assert said == {"undelegated": [], "failing": ["shop.example."]}
    assert ask(server).rcode() == ask(stubborn).rcode() == dns.rcode.SERVFAIL
    assert addresses(honest) == before  # its TTL is not over
    cloud.advance(10_000)
    assert ask(honest).rcode() == dns.rcode.SERVFAIL
    assert len(stubborn) == 0  # a failure is not kept
    assert cloud.world.stage["domain-heal"]({"domain": "shop.example."})["failing"] == []
    assert addresses(stubborn) == addresses(honest) == before
    assert ask(server).rcode() == dns.rcode.NOERROR


@pytest.mark.parametrize("args", [{}, {"domain": ["a"]}, {"domain": "a", "zone": "b"}])
def test_a_direction_without_a_domain_is_refused(cloud: Any, args: dict[str, Any]) -> None:
    with pytest.raises(ApiError, match=r"domain|lists of names"):
        cloud.world.stage["domain-fail"](args)


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ({}, "honest, minimum, stubborn"),
        ({"resolver": ["honest"]}, "honest, minimum, stubborn"),
        ({"resolver": "honest", "keeps": "long"}, "keeps"),
        ({"resolver": "honest", "keeps": -1}, "keeps"),
        ({"resolver": "honest", "ttl": 1}, "ttl"),
    ],
)
def test_wrong_directions_are_refused(
    cloud: Any, resolvers: Resolvers, args: dict[str, Any], why: str
) -> None:
    with pytest.raises(ApiError, match=why):
        cloud.world.stage["resolver-set"](args)
