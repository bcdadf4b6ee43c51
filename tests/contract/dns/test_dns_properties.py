"""Random changes, good and bad: each happens whole or not at all, and the zone stays valid."""

from typing import Any

from gcpsim.core.clock import Clock
from gcpsim.core.errors import ApiError
from gcpsim.core.store import Store
from gcpsim.core.world import World
from gcpsim.dns import Dns
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ZONE = "projects/p/managedZones/z"
NAMES = ["example.com.", "a.example.com.", "b.example.com.", "*.example.com.", "x.example.org."]
DATA = {
    "A": ["192.0.2.1", "192.0.2.2", "bad"],
    "CNAME": ["t.example.org.", "u.example.org."],
    "NS": ["ns1.example.org."],
    "SOA": ["a.b. c.d. 1 2 3 4 5"],
    "TXT": ['"one"', "two"],
}


@st.composite
def rrset(draw: st.DrawFn) -> dict[str, Any]:
    type_ = draw(st.sampled_from(sorted(DATA)))
    return {
        "name": draw(st.sampled_from(NAMES)),
        "type": type_,
        "ttl": draw(st.sampled_from([60, 300, -1])),
        "rrdatas": draw(st.lists(st.sampled_from(DATA[type_]), max_size=2)),
    }


CHANGES = st.lists(
    st.tuples(
        st.lists(rrset(), max_size=2), st.lists(st.integers(0, 9), max_size=2), st.booleans()
    ),
    max_size=12,
)


def records(world: World) -> dict[tuple[str, str], dict[str, Any]]:
    listed = world.dns.call("GET", f"{ZONE}/rrsets", query={"maxResults": "1000"})["rrsets"]
    return {(one["name"], one["type"]): one for one in listed}


def applied(before: Any, change: dict[str, Any]) -> Any:
    after = dict(before)
    for one in change["deletions"]:
        del after[one["name"], one["type"]]
    for one in change["additions"]:
        assert (one["name"], one["type"]) not in after
        after[one["name"], one["type"]] = one
    return after


def check_zone(found: dict[tuple[str, str], dict[str, Any]]) -> None:
    apex = "example.com."
    assert ("example.com.", "SOA") in found
    assert ("example.com.", "NS") in found
    assert all(name == apex for name, type_ in found if type_ == "SOA")
    for name, type_ in found:
        assert name == apex or name.endswith("." + apex)
        if type_ == "CNAME":
            assert [other for other in found if other[0] == name] == [(name, "CNAME")]
            assert len(found[name, type_]["rrdatas"]) == 1


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(CHANGES)
def test_changes_are_atomic_and_keep_the_zone_valid(steps: Any) -> None:
    world = World(clock=Clock(paused=True, start=0.0), store=Store())
    world.dns = Dns(world)
    body = {"name": "z", "dnsName": "example.com.", "description": ""}
    world.dns.call("POST", "projects/p/managedZones", body)
    world.commit()
    done = 0
    for additions, picks, exact in steps:
        before = records(world)
        existing = list(before.values())
        deletions = [existing[pick % len(existing)] for pick in picks]
        if not exact:
            deletions = [one | {"ttl": one["ttl"] + 1} for one in deletions]
        wanted = {"additions": additions, "deletions": deletions}
        try:
            change = world.transact(lambda w=wanted: world.dns.call("POST", f"{ZONE}/changes", w))
        except ApiError as error:
            assert error.code in (400, 403, 404, 409, 412)
            assert records(world) == before
        else:
            done += 1
            assert change["id"] == str(done)
            assert records(world) == applied(before, change)
        check_zone(records(world))
    world.clock.advance(3600)
    lookup = world.dns.lookup
    final = records(world)
    for (name, type_), one in final.items():
        found = lookup.resolve(name, type_)
        delegated = name != "example.com." and (name, "NS") in final
        assert found.status == ("LAME" if delegated else "NOERROR")
        assert delegated or found.data(type_) == one["rrdatas"]
    statuses = {one["status"] for one in world.dns.call("GET", f"{ZONE}/changes")["changes"]}
    assert statuses == {"done"}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["192.0.2.1", "192.0.2.2", "192.0.2.3"]), max_size=8))
def test_what_is_served_is_the_last_change_that_is_done(datas: list[str]) -> None:
    """Also when changes pile up before the first is done, and after a restart in between."""
    world = World(clock=Clock(paused=True, start=0.0), store=Store())
    world.dns = Dns(world)
    body = {"name": "z", "dnsName": "example.com.", "description": ""}
    world.dns.call("POST", "projects/p/managedZones", body)
    record = {"name": "a.example.com.", "type": "A", "ttl": 60, "rrdatas": ["192.0.2.9"]}
    world.dns.call("POST", f"{ZONE}/rrsets", record)
    for data in datas:
        path = f"{ZONE}/rrsets/a.example.com./A"
        world.dns.call("PATCH", path, {"rrdatas": [data]})
        world.clock.advance(1)
    again = World(clock=Clock(paused=True, start=world.clock.now()), store=world.store)
    again.dns = Dns(again)
    again.dns.resume()
    again.clock.advance(5)
    expected = [datas[-1] if datas else "192.0.2.9"]
    assert again.dns.lookup.resolve("a.example.com", "A").data("A") == expected
