"""Session affinity (facts: traffic.md 2)."""

from typing import Any

import pytest


@pytest.fixture
def three(door: Any) -> Any:
    """Three pods in one group; `door.affinity(...)` makes the service and its front end."""
    door.neg()
    for name in ("one", "two", "three"):
        door.pod(name)
    return door


def affinity(door: Any, kind: str, **more: Any) -> None:
    door.service("bs", "neg", sessionAffinity=kind, **more)
    door.http_door()


def pods(door: Any, count: int = 8, **more: Any) -> set[str]:
    return {door.fetch(**more).pod for _ in range(count)}


def test_none_uses_all(three: Any) -> None:
    affinity(three, "NONE")
    assert pods(three) == {"one", "two", "three"}


def test_by_client_address(three: Any) -> None:
    affinity(three, "CLIENT_IP")
    chosen = {client: {three.by_proxy(client).pod for _ in range(4)} for client in CLIENTS}
    assert all(len(found) == 1 for found in chosen.values())
    assert len(set.union(*chosen.values())) > 1


CLIENTS = [f"203.0.113.{number}" for number in range(1, 9)]


def test_a_generated_cookie(three: Any) -> None:
    affinity(three, "GENERATED_COOKIE", affinityCookieTtlSec=60)
    first = three.fetch()
    cookie = first.headers["set-cookie"]
    assert cookie.startswith("GCLB=")
    assert "Max-Age=60" in cookie
    assert "Path=/" in cookie
    held = {"Cookie": cookie.split(";")[0]}
    assert pods(three, headers=held) == {first.pod}


def test_a_session_cookie_has_no_age(three: Any) -> None:
    affinity(three, "GENERATED_COOKIE", affinityCookieTtlSec=0)
    cookie = three.fetch().headers["set-cookie"]
    assert cookie.startswith("GCLB=")
    assert "Max-Age" not in cookie


def test_by_a_header(three: Any) -> None:
    affinity(
        three,
        "HEADER_FIELD",
        localityLbPolicy="RING_HASH",
        consistentHash={"httpHeaderName": "x-user"},
    )
    users = {user: pods(three, 3, headers={"X-User": user}) for user in "abcdefgh"}
    assert all(len(found) == 1 for found in users.values())
    assert len(set.union(*users.values())) > 1


def test_a_strong_cookie_names_its_endpoint(three: Any) -> None:
    affinity(
        three,
        "STRONG_COOKIE_AFFINITY",
        strongSessionAffinityCookie={"name": "STICKY", "path": "/", "ttl": {"seconds": 60}},
    )
    first = three.fetch()
    cookie = first.headers["set-cookie"].split(";")[0]
    assert cookie.startswith("STICKY=")
    assert pods(three, headers={"Cookie": cookie}) == {first.pod}
    three.pod("four")
    assert pods(three, headers={"Cookie": cookie}) == {first.pod}


def test_by_a_cookie_of_the_application(three: Any) -> None:
    cookie = {"name": "SESSION", "path": "/", "ttl": {"seconds": 60}}
    hashed = {"localityLbPolicy": "MAGLEV", "consistentHash": {"httpCookie": cookie}}
    affinity(three, "HTTP_COOKIE", **hashed)
    users = {user: pods(three, 3, headers={"Cookie": f"SESSION={user}"}) for user in "abcdefgh"}
    assert all(len(found) == 1 for found in users.values())
    assert len(set.union(*users.values())) > 1
    assert three.fetch().headers["set-cookie"].startswith("SESSION=")


def test_hashed_affinity_breaks_when_an_endpoint_turns_unhealthy(three: Any) -> None:
    affinity(three, "CLIENT_IP")
    before = {client: three.by_proxy(client).pod for client in CLIENTS}
    ill = before[CLIENTS[0]]
    three.sim.admin("POST", "stage/endpoint", {"ip": three.ips[ill], "answer": "refused"})
    three.health("us-central1-a", "neg")
    three.reach()
    after = {client: three.by_proxy(client).pod for client in CLIENTS}
    assert ill not in after.values()
    assert all(after[client] in ("one", "two", "three") for client in CLIENTS)


def test_a_strong_cookie_ends_with_its_endpoint(three: Any) -> None:
    strong = {"name": "STICKY", "path": "/", "ttl": {"seconds": 60}}
    affinity(three, "STRONG_COOKIE_AFFINITY", strongSessionAffinityCookie=strong)
    first = three.fetch()
    cookie = first.headers["set-cookie"].split(";")[0]
    three.sim.admin("POST", "stage/endpoint", {"ip": three.ips[first.pod], "answer": "refused"})
    three.health("us-central1-a", "neg")
    three.reach()
    moved = three.fetch(headers={"Cookie": cookie})
    assert moved.pod != first.pod
    assert moved.headers["set-cookie"].split(";")[0] != cookie
