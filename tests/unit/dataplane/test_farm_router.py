"""What goes through an ingress controller: real connections to the pods behind, and their ends."""

import asyncio
import json
from typing import Any

import pytest
from gcpsim.core.behaviour import Behaviour
from gcpsim.dataplane import ingress
from websockets.asyncio.client import connect

from tests.unit.dataplane.farms import Run, answer, ask, run
from tests.unit.dataplane.test_ingress_nginx import made

NGINX = "blue/ingress-nginx/controller-1"
GET = "GET {} HTTP/1.1\r\nHost: shop.example.com\r\n\r\n"


def controller(farm: Run, *pods: str, **notes: str) -> tuple[str, int]:
    """A controller pod with one Ingress before these pods (which are made when they are not)."""
    found = []
    for key in pods:
        sockets = farm.farm.pods[key].sockets() if key in farm.farm.pods else farm.pod(key)
        host, port = sockets.get(8080, ("127.0.0.1", 9))
        found.append({"name": key.rpartition("/")[2], "host": host, "port": port})
    table = ingress.routes([made(**notes)], {}, lambda namespace, service: "shop/web:80")
    order = {
        "op": "routes",
        "key": "blue",
        "routes": {**table, "upstreams": {"shop/web:80": found}},
    }
    farm.farm.order(order)
    at = farm.pod(NGINX, ports={80: "http"}, ingress="blue", routed=[80], ip="10.4.9.9")
    return at[80]


def test_the_pod_behind_answers_and_sees_the_controller() -> None:
    async def test(farm: Run) -> None:
        at = controller(farm, "blue/shop/web-1")
        _, headers, body = await ask(at, GET.format("/cart"))
        said = json.loads(body)
        assert (said["pod"], said["path"]) == ("web-1", "/cart")
        assert said["client"].startswith("10.4.9.9:")
        assert headers["x-gcpsim-ingress"] == NGINX
        assert said["headers"]["x-forwarded-for"].startswith("35.191.")

    run(test)


def test_requests_go_round_and_a_cookie_keeps_them() -> None:
    async def test(farm: Run) -> None:
        at = controller(farm, "blue/shop/web-1", "blue/shop/web-2", affinity="cookie")
        seen = set()
        cookie = ""
        for _ in range(4):
            _, headers, body = await ask(at, GET.format("/"))
            seen.add(json.loads(body)["pod"])
            cookie, pod = headers["set-cookie"].partition(";")[0], json.loads(body)["pod"]
        assert seen == {"web-1", "web-2"}
        for _ in range(4):
            words = GET.format("/").replace("\r\n\r\n", f"\r\nCookie: {cookie}\r\n\r\n")
            _, headers, body = await ask(at, words)
            assert json.loads(body)["pod"] == pod
            assert "set-cookie" not in headers

    run(test)


def test_answers_pass_as_they_come() -> None:
    async def test(farm: Run) -> None:
        reader, writer = await asyncio.open_connection(*controller(farm, "blue/shop/web-1"))
        writer.write(GET.format("/?pod-bytes=1000&pod-drip=0.2").encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"content-length: 1000" in head
        assert len(await reader.read(10_000)) < 1000
        rest = b""
        while len(rest) < 500:
            rest += await reader.read(10_000)
        writer.close()
        big = await ask(controller(farm, "blue/shop/web-1"), GET.format("/?pod-bytes=300000"))
        assert len(big[2]) == 300_000

    run(test)


def test_connections_to_pods_are_kept_and_the_next_request_uses_them() -> None:
    async def test(farm: Run) -> None:
        at = controller(farm, "blue/shop/web-1")
        reader, writer = await asyncio.open_connection(*at)
        clients = set()
        for _ in range(3):
            writer.write(GET.format("/").encode())
            await answer(reader)
            clients |= {id(c) for c in farm.farm.pods["blue/shop/web-1"].connections}
        assert len(clients) == 1
        writer.close()

    run(test)


MOODS: list[tuple[Behaviour, str, int]] = [
    (Behaviour(leak=1.0), "GET", 502),
    (Behaviour(refuse=True), "GET", 502),
    (Behaviour(refuse=True), "POST", 502),
    (Behaviour(fail=500), "GET", 500),
]


@pytest.mark.parametrize(("mood", "method", "status"), MOODS, ids=str)
def test_pods_that_misbehave(mood: Behaviour, method: str, status: int) -> None:
    async def test(farm: Run) -> None:
        farm.pod("blue/shop/web-1", behaviour=mood)
        at = controller(farm, "blue/shop/web-1")
        length = "Content-Length: 0\r\n" if method == "POST" else ""
        words = f"{method} / HTTP/1.1\r\nHost: shop.example.com\r\n{length}\r\n"
        assert (await ask(at, words))[0] == status

    run(test)


def test_the_next_pod_is_tried_unless_a_post_was_sent() -> None:
    async def test(farm: Run) -> None:
        farm.pod("blue/shop/web-1", behaviour=Behaviour(leak=1.0))
        at = controller(farm, "blue/shop/web-1", "blue/shop/web-2")
        gets = [(await ask(at, GET.format("/")))[0] for _ in range(4)]
        assert gets == [200] * 4
        post = "POST / HTTP/1.1\r\nHost: shop.example.com\r\nContent-Length: 2\r\n\r\nhi"
        posts = sorted([(await ask(at, post))[0] for _ in range(4)])
        assert posts == [200, 200, 502, 502]

    run(test)


def test_nobody_behind_and_nobody_in_time() -> None:
    async def test(farm: Run) -> None:
        assert (await ask(controller(farm), GET.format("/")))[0] == 503
        farm.pod("blue/shop/web-1", behaviour=Behaviour(hang=True))
        at = controller(farm, "blue/shop/web-1", proxy_read_timeout="50ms")
        assert (await ask(at, GET.format("/")))[0] == 504

    run(test)


def test_a_websocket_goes_through() -> None:
    async def test(farm: Run) -> None:
        host, port = controller(farm, "blue/shop/web-1")
        name = "ws://shop.example.com/chat"
        async with connect(name, host=host, port=port, proxy=None) as socket:
            await socket.send("hello")
            assert await socket.recv() == "hello"
            await socket.send("who")
            said: Any = json.loads(await socket.recv())
            assert (said["pod"], said["headers"]["x-forwarded-host"]) == (
                "web-1", "shop.example.com",
            )  # fmt: skip

    run(test)


@pytest.mark.parametrize(("decode", "encode"), [(False, False), (True, False), (True, True)])
def test_tcp_services_pass_bytes_on_with_and_without_a_proxy_line(
    decode: bool, encode: bool
) -> None:
    line = b"PROXY TCP4 203.0.113.7 34.1.2.3 4711 9000\r\n" if decode else b""

    async def test(farm: Run) -> None:
        mood = Behaviour(proxy_protocol="on" if encode else "off")
        host, port = farm.pod("blue/shop/db-1", behaviour=mood)[8080]
        service = {"upstream": "shop/db:5432", "decode": decode, "encode": encode}
        table = {
            **ingress.routes([], {}, lambda namespace, service: ""),
            "upstreams": {"shop/db:5432": [{"name": "db-1", "host": host, "port": port}]},
            "streams": {"9000": service},
        }
        farm.farm.order({"op": "routes", "key": "blue", "routes": table})
        at = farm.pod(NGINX, ports={9000: ""}, ingress="blue", routed=[80], ip="10.4.9.9")[9000]
        reader, writer = await asyncio.open_connection(*at)
        writer.write(line + b"who\n")
        said = json.loads(await reader.readline())
        assert said["pod"] == "db-1"
        seen = "203.0.113.7" if encode else "10.4.9.9"
        assert said["client"].partition(":")[0] == seen
        writer.close()

    run(test)
