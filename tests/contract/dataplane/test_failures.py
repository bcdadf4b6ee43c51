"""What goes wrong in front of real clusters, staged in one step and seen by a client.

The world is the legacy one with a front door of the global load balancer before the storefront and
before ingress-nginx; clients talk to Envoy, Envoy to pods.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.dataplane.worlds import FrontStage, Theatre, ask, get

PATHS = {"requestPath": "/healthz", "portSpecification": "USE_SERVING_PORT"}


@pytest.fixture(scope="module")
def front() -> Iterator[Theatre]:
    made = Theatre(FrontStage)
    made.play(built)
    yield made
    made.close()


async def built(stage: Any) -> None:
    """Two HTTP fronts: `web` before the storefront, `nginx` before ingress-nginx's port 80."""
    await stage.neg("shop", "storefront", 80, "shop-web")
    await stage.neg("ingress-nginx", "ingress-nginx-controller", 80, "shop-nginx")
    for port in (8080, 80):
        await stage.open_firewall(port)
    await stage.http_front("web", "shop-web", timeoutSec=1)
    await stage.http_front("nginx", "shop-nginx")
    await stage.spread()


async def statuses(stage: Any, name: str, count: int, method: str = "GET") -> Counter[int]:
    """Statuses of so many requests, each on a connection of its own."""
    body = "\r\nContent-Length: 2\r\n\r\nhi" if method == "POST" else "\r\n\r\n"
    words = f"{method} / HTTP/1.1\r\nHost: shop.example.com{body}"

    async def one() -> int:
        return (await ask(stage.door(name), words))[0]

    return Counter(await asyncio.gather(*(one() for _ in range(count))))


async def mood(stage: Any, verb: str, pods: str = "storefront-*", **more: str) -> None:
    await stage.direct(f"pod-{verb}", cluster="blue", namespace="shop", pod=pods, **more)


def test_from_a_front_end_to_a_pod(front: Theatre) -> None:
    async def test(stage: Any) -> None:
        status, headers, said = await get(stage.door("web"), "/cart")
        assert (status, said["path"], headers["via"]) == (200, "/cart", "1.1 google")
        assert said["client"].startswith("35.191."), "pods see Google's ranges"
        found = {(await get(stage.door("web")))[2]["pod"] for _ in range(40)}
        assert len(found) == 6

    front.play(test)


def test_a_pod_that_hangs_is_a_504_and_one_that_drops_is_a_503(front: Theatre) -> None:
    """EXTERNAL_MANAGED answers 504 for the timeout and 503 for a closed connection."""

    async def test(stage: Any) -> None:
        await mood(stage, "hang")
        assert await statuses(stage, "web", 3) == {504: 3}
        await mood(stage, "heal")
        await mood(stage, "leak", share="100%")
        assert await statuses(stage, "web", 3) == {503: 3}
        await mood(stage, "heal")
        assert await statuses(stage, "web", 3) == {200: 3}

    front.play(test)


def test_an_answer_that_outlasts_the_timeout_is_cut(front: Theatre) -> None:
    """Headers were sent already: the body is cut, and the client sees an incomplete one."""

    async def test(stage: Any) -> None:
        reader, writer = await asyncio.open_connection(*stage.door("web"))
        path = "/?pod-bytes=1000&pod-drip=3"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200") and b"content-length: 1000" in head
        assert 0 < len(await reader.read()) < 1000
        writer.close()

    front.play(test)


def test_only_requests_without_a_body_are_tried_again(front: Theatre) -> None:
    """Requests without body that got 502/503/504 are tried once more; POST never."""

    async def test(stage: Any) -> None:
        pod = stage.one("storefront")["metadata"]["name"]
        await mood(stage, "leak", pod, share="100%")
        assert await statuses(stage, "web", 40) == {200: 40}
        posts = await statuses(stage, "web", 40, "POST")
        assert posts[503] > 0 and posts[200] > 0
        await mood(stage, "heal", pod)

    front.play(test)


def test_pods_that_end_before_the_front_ends_know_lose_requests(front: Theatre) -> None:
    """Failure 29: a missing preStop is seen as 503 during a rollout; a long enough one is not."""

    async def test(stage: Any) -> None:
        pod = stage.one("storefront")  # no preStop
        await stage.delete(pod)
        await stage.pass_time(1)
        assert (await statuses(stage, "web", 40, "POST"))[503] > 0
        await stage.spread()
        assert (await statuses(stage, "web", 40, "POST"))[503] == 0

    front.play(test)


def test_a_lost_machine_loses_requests_until_its_pods_are_unhealthy(front: Theatre) -> None:
    async def test(stage: Any) -> None:
        pod = stage.one("storefront")
        node = pod["spec"]["nodeName"]
        await stage.direct("node-down", cluster="blue", node=node)
        hurt = await statuses(stage, "web", 24, "POST")
        assert hurt[503] + hurt[504] > 0
        await stage.backends.probers.settled()
        await stage.pass_time(30, step=5)
        assert (await statuses(stage, "web", 24, "POST")) == {200: 24}
        await stage.direct("node-up", cluster="blue", node=node)
        await stage.backends.probers.settled()
        await stage.pass_time(60, step=5)

    front.play(test)


@pytest.mark.parametrize(("path", "works"), [("/healthz", True), ("/", False), ("/nothing", False)])
def test_a_wrong_health_check_path_takes_nginx_out(front: Theatre, path: str, works: bool) -> None:
    """Failure 3: NGINX answers 404 for a host that no Ingress has; only 200 passes."""

    async def test(stage: Any) -> None:
        block = {"httpHealthCheck": {**PATHS, "requestPath": path}}
        stage.call("PATCH", "global/healthChecks/nginx", block)
        await stage.pass_time(20)
        await stage.backends.probers.settled()
        await stage.pass_time(60, step=10)
        await stage.settled()
        status, _, _ = await get(stage.door("nginx"), "/healthz", "nobody.example")
        assert status == (200 if works else 503)
        stage.call("PATCH", "global/healthChecks/nginx", {"httpHealthCheck": PATHS})
        await stage.pass_time(20)
        await stage.backends.probers.settled()
        await stage.pass_time(60, step=10)

    front.play(test)


def test_nginx_behind_http_redirects_for_ever_and_forbids_by_allow_list(front: Theatre) -> None:
    """use-forwarded-headers off: NGINX takes the front end for the client, and http for http."""

    async def test(stage: Any) -> None:
        await stage.settled()
        status, headers, _ = await get(stage.door("nginx"), "/cart", "shop.example.com")
        assert (status, headers["location"]) == (308, "https://shop.example.com/cart")
        cluster = stage.plane().cluster

        def trust(value: str) -> None:
            data = {"data": {"use-forwarded-headers": value}}
            stage.do(
                lambda: cluster.patch(
                    "configmaps", "ingress-nginx", "ingress-nginx-controller", data
                )
            )

        trust("true")
        await stage.settled()
        words = "GET /cart HTTP/1.1\r\nHost: {}\r\nX-Forwarded-Proto: https\r\n\r\n"
        status, _, _ = await ask(stage.door("nginx"), words.format("shop.example.com"))
        assert status == 308, "the front end says http itself: its own listener is plain"
        status, _, _ = await ask(stage.door("nginx"), words.format("admin.shop.example.com"))
        assert status in (308, 403)
        trust("false")
        await stage.settled()

    front.play(test)


async def health_learned(stage: Any) -> None:
    """A changed health check is in force everywhere."""
    await stage.pass_time(20)
    await stage.backends.probers.settled()
    await stage.pass_time(60, step=10)
    await stage.settled()


@pytest.mark.parametrize(
    ("check", "why"),
    [
        ({"type": "HTTP", "httpHealthCheck": {"portSpecification": "USE_FIXED_PORT", "port": 9}},
         "tcp:9"),
        ({"type": "SSL", "sslHealthCheck": {"portSpecification": "USE_SERVING_PORT"}},
         "TLS handshake failed"),
    ],
    ids=["port", "protocol"],
)  # fmt: skip
def test_a_health_check_on_another_port_or_protocol_takes_all_out(
    front: Theatre, check: dict[str, Any], why: str
) -> None:
    """Failures 4 and 5: the pods listen on 8080 and speak no TLS there."""

    async def test(stage: Any) -> None:
        async def checked_by(name: str) -> None:
            links = [f"projects/shop-rehearsal/global/healthChecks/{name}"]
            stage.call("PATCH", "global/backendServices/web", {"healthChecks": links})
            await health_learned(stage)

        stage.call("POST", "global/healthChecks", {"name": check["type"].lower(), **check})
        await stage.pass_time(20)
        await checked_by(check["type"].lower())
        rows = [row for row in stage.backends.probers.table() if row["service"] == "web"]
        assert {row["state"] for row in rows} == {"UNHEALTHY"}
        assert all(why in row["why"] for row in rows), rows[0]["why"]
        assert await statuses(stage, "web", 3) == {503: 3}
        await checked_by("web")
        assert await statuses(stage, "web", 3) == {200: 3}

    front.play(test)


def test_a_selector_that_matches_nothing_empties_the_group(front: Theatre) -> None:
    """Failure 7: the svcneg says all is well, the group has no endpoint."""

    async def test(stage: Any) -> None:
        cluster = stage.plane().cluster
        before = cluster.get("services", "shop", "storefront")["spec"]["selector"]

        async def select(labels: dict[str, str | None]) -> None:
            patch = {"spec": {"selector": labels}}
            stage.do(lambda: cluster.patch("services", "shop", "storefront", patch))
            await stage.spread()

        await select({"app": "nobody"})
        assert stage.health("web", "shop-web") == {}
        assert await statuses(stage, "web", 3) == {503: 3}
        await select({"app": None, **before})
        assert await statuses(stage, "web", 3) == {200: 3}

    front.play(test)


def test_pods_of_a_zone_whose_group_is_not_attached_get_nothing(front: Theatre) -> None:
    """Failure 12: part of the pods get no traffic, and nothing says so but the list of backends."""

    async def test(stage: Any) -> None:
        service = "global/backendServices/web"
        doc = stage.world.compute.get(f"projects/shop-rehearsal/{service}")
        left_out = doc["backends"][0]["group"].split("/")[-3]
        stage.call("PATCH", service, {"backends": doc["backends"][1:]})
        await stage.pass_time(20)
        await stage.spread()
        zones = {(await get(stage.door("web")))[2]["zone"] for _ in range(24)}
        assert len(zones) == 2 and left_out not in zones
        stage.call("PATCH", service, {"backends": doc["backends"]})
        await stage.pass_time(20)
        await stage.spread()

    front.play(test)


def test_without_a_forwarding_rule_nobody_answers(front: Theatre) -> None:
    """Failure 6: no health is known, and clients are refused."""

    async def test(stage: Any) -> None:
        at = stage.door("nginx")
        stage.call("DELETE", "global/forwardingRules/nginx")
        await stage.pass_time(60)
        await stage.spread()
        assert stage.health("nginx", "shop-nginx") == {}, "empty, which is not unhealthy"
        with pytest.raises(ConnectionRefusedError):
            await get(at)

    front.play(test)


def test_without_a_firewall_rule_nothing_is_served(front: Theatre) -> None:
    """Failures 1 and 2: all UNHEALTHY, 503; the rule must open the pods' port."""

    async def test(stage: Any) -> None:
        stage.call("DELETE", "global/firewalls/allow-8080")
        await stage.pass_time(60, step=5)
        assert set(stage.health("web", "shop-web").values()) == {"UNHEALTHY"}
        await stage.settled()
        assert await statuses(stage, "web", 3) == {503: 3}

    front.play(test)
