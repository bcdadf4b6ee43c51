"""What pods of the farm speak, and how they answer, seen through real sockets."""

import asyncio
import json
import socket
import ssl

import pytest
from gcpsim.core.behaviour import Behaviour
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset, TrailersReceived
from websockets.asyncio.client import connect

from tests.unit.dataplane.farms import KEY, Run, answer, ask, certificate, get, run

GET = "GET /cart?x=1 HTTP/1.1\r\nHost: shop.example.com\r\nX-Two: a\r\nX-Two: b\r\n\r\n"


def trusting(alpn: list[str] | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


def test_an_answer_names_the_pod_and_what_arrived() -> None:
    async def test(farm: Run) -> None:
        status, headers, body = await ask(farm.pod()[8080], GET)
        said = json.loads(body)
        assert status == 200
        assert headers["x-gcpsim-pod"] == "blue/us-central1-a/shop/web-1"
        assert {k: said[k] for k in ("cluster", "zone", "node", "namespace", "pod")} == {
            "cluster": "blue", "zone": "us-central1-a", "node": "node-1", "namespace": "shop",
            "pod": "web-1",
        }  # fmt: skip
        assert (said["method"], said["path"], said["query"]) == ("GET", "/cart", "x=1")
        assert said["headers"]["x-two"] == "a, b"
        assert said["client"].startswith("35.191."), "Google's front end is who connects"
        assert said["tls"] is None

    run(test)


def test_keep_alive_pipelining_and_bodies() -> None:
    async def test(farm: Run) -> None:
        reader, writer = await asyncio.open_connection(*farm.pod()[8080])
        post = "POST /?pod-echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
        chunks = (
            "POST /?pod-echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
        )
        writer.write((post + chunks + "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").encode())
        assert (await answer(reader))[2] == b"hello"
        assert (await answer(reader))[2] == b"abcdefg"
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200") and b"content-length: " in head
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert (await answer(reader))[0] == 200
        assert await reader.read() == b""
        writer.close()

    run(test)


@pytest.mark.parametrize(
    "bad",
    [
        "GET\r\n\r\n",
        "GET / HTTP/9\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nContent-Length: many\r\n\r\nhello",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
    ],
)
def test_what_is_no_http_is_a_400(bad: str) -> None:
    async def test(farm: Run) -> None:
        at = farm.pod(ports={8080: "http"})[8080]
        status, _, _ = await ask(at, bad)
        assert status == 400

    run(test)


def test_tls_with_the_secret_that_the_pod_mounts_else_a_self_signed_one() -> None:
    async def test(farm: Run) -> None:
        chain, private = certificate("shop.example.com")
        farm.farm.order(
            {"op": "certificate", "key": "blue/shop/tls", "chain": chain, "private": private}
        )
        mounted = farm.pod(ports={8443: ""}, certificates=["blue/shop/tls"])[8443]
        plain = farm.pod("blue/shop/web-2", ports={8443: ""})[8443]
        for at, wanted in ((mounted, chain), (plain, certificate("pod.invalid")[0])):
            _, writer = await asyncio.open_connection(
                *at, ssl=trusting(), server_hostname="shop.example.com"
            )
            der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            assert der == ssl.PEM_cert_to_DER_cert(wanted)
            writer.close()
        said = await ask(mounted, GET, ssl=trusting(), name="shop.example.com")
        tls = json.loads(said[2])["tls"]
        assert (tls["sni"], tls["version"]) == ("shop.example.com", "TLSv1.3")

    run(test)


def test_declared_ports_refuse_the_other_protocol() -> None:
    async def test(farm: Run) -> None:
        sockets = farm.pod(ports={8080: "http", 8443: "https"})
        status, _, body = await ask(sockets[8443], GET)
        assert status == 400 and b"speaks TLS" in body
        with pytest.raises(ssl.SSLError):
            await asyncio.open_connection(*sockets[8080], ssl=trusting(), server_hostname="a")

    run(test)


async def over_http2(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    fields: list[tuple[str, str]],
    body: bytes = b"",
) -> tuple[dict[str, str], bytes]:
    session = H2Connection(H2Configuration(header_encoding="utf-8"))
    session.initiate_connection()
    session.send_headers(1, fields, end_stream=not body)
    if body:
        session.send_data(1, body, end_stream=True)
    writer.write(session.data_to_send())
    headers: dict[str, str] = {}
    got = b""
    while True:
        for event in session.receive_data(await reader.read(65536)):
            if isinstance(event, ResponseReceived | TrailersReceived):
                headers |= {str(n): str(v) for n, v in event.headers or ()}
            elif isinstance(event, DataReceived):
                got += event.data or b""
                session.acknowledge_received_data(event.flow_controlled_length or 0, 1)
            elif isinstance(event, StreamReset):
                writer.close()
                return {"reset": str(int(event.error_code or 0))}, got
            elif isinstance(event, StreamEnded):
                writer.close()
                return headers, got
        writer.write(session.data_to_send())


ROOT = [(":method", "GET"), (":scheme", "http"), (":authority", "a.example"), (":path", "/x")]


def test_http2_by_alpn_and_by_prior_knowledge() -> None:
    async def test(farm: Run) -> None:
        at = farm.pod()[8080]
        clear = await asyncio.open_connection(*at)
        secret = await asyncio.open_connection(*at, ssl=trusting(["h2"]), server_hostname="a")
        for reader, writer in (clear, secret):
            headers, body = await over_http2(reader, writer, ROOT)
            said = json.loads(body)
            assert headers[":status"] == "200"
            assert (said["http"], said["path"], said["headers"]["host"]) == ("2", "/x", "a.example")

    run(test)


def test_bodies_that_drip() -> None:
    async def test(farm: Run) -> None:
        at = farm.pod()[8080]
        reader, writer = await asyncio.open_connection(*at)
        writer.write(b"GET /?pod-bytes=1000&pod-drip=0.2 HTTP/1.1\r\nHost: a\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"content-length: 1000" in head
        assert len(await reader.read(10_000)) < 1000, "the body comes in pieces"
        writer.close()
        wire = await asyncio.open_connection(*at)
        _, body = await over_http2(*wire, [*ROOT[:3], (":path", "/?pod-bytes=1000&pod-drip=0.1")])
        assert len(body) == 1000

    run(test)


def test_http2_obeys_flow_control() -> None:
    async def test(farm: Run) -> None:
        wire = await asyncio.open_connection(*farm.pod()[8080])
        big = [*ROOT[:3], (":path", "/?pod-bytes=500000")]
        _, body = await over_http2(*wire, big)
        assert len(body) == 500_000

    run(test)


@pytest.mark.parametrize(
    ("path", "behaviour", "status", "message"),
    [
        ("/grpc.health.v1.Health/Check", Behaviour(), "0", b"\x00\x00\x00\x00\x02\x08\x01"),
        ("/grpc.health.v1.Health/Check", Behaviour(fail=503), "0", b"\x00\x00\x00\x00\x02\x08\x02"),
        ("/shop.Cart/Add", Behaviour(), "0", b"\x00\x00\x00\x00\x03abc"),
        ("/shop.Cart/Add", Behaviour(fail=503), "14", b""),
    ],
)
def test_grpc(path: str, behaviour: Behaviour, status: str, message: bytes) -> None:
    async def test(farm: Run) -> None:
        wire = await asyncio.open_connection(*farm.pod(behaviour=behaviour)[8080])
        fields = [(":method", "POST"), *ROOT[1:3], (":path", path),
                  ("content-type", "application/grpc"), ("te", "trailers")]  # fmt: skip
        headers, body = await over_http2(*wire, fields, b"\x00\x00\x00\x00\x03abc")
        assert (headers["grpc-status"], body) == (status, message)

    run(test)


def test_slow_and_leaking_grpc() -> None:
    fields = [(":method", "POST"), *ROOT[1:3], (":path", "/shop.Cart/Add"),
              ("content-type", "application/grpc"), ("te", "trailers")]  # fmt: skip

    async def call(farm: Run, behaviour: Behaviour) -> dict[str, str]:
        wire = await asyncio.open_connection(*farm.pod(behaviour=behaviour)[8080])
        return (await over_http2(*wire, fields, b"\x00\x00\x00\x00\x00"))[0]

    async def test(farm: Run) -> None:
        assert (await call(farm, Behaviour(slow=0.05)))["grpc-status"] == "0"
        assert await call(farm, Behaviour(leak=1.0)) == {"reset": "2"}

    run(test)


def test_websocket_and_tcp_give_back_what_they_get_and_say_who_they_are() -> None:
    async def test(farm: Run) -> None:
        host, port = farm.pod()[8080]
        async with connect(f"ws://{host}:{port}/chat", proxy=None) as socket:
            await socket.send("hello")
            assert await socket.recv() == "hello"
            await socket.send(b"\x00\x01")
            assert await socket.recv() == b"\x00\x01"
            await socket.send("who")
            said = json.loads(await socket.recv())
            assert (said["pod"], said["path"]) == ("web-1", "/chat")
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"\x10\x00MQTT")
        assert await reader.readexactly(6) == b"\x10\x00MQTT"
        writer.write(b"who\n")
        assert json.loads(await reader.readline())["pod"] == "web-1"
        writer.close()

    run(test)


def test_proxy_protocol_is_an_error_unless_the_pod_expects_it() -> None:
    line = "PROXY TCP4 203.0.113.7 34.1.2.3 4711 443\r\n"

    async def test(farm: Run) -> None:
        at = farm.pod(behaviour=Behaviour(proxy_protocol="on"))[8080]
        _, _, body = await ask(at, line + GET)
        said = json.loads(body)
        assert (said["proxy"], said["client"]) == (line.strip(), "203.0.113.7:4711")
        for behaviour, words in (("on", GET), ("off", line + GET)):
            at = farm.pod(behaviour=Behaviour(proxy_protocol=behaviour))[8080]
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await ask(at, words)
        at = farm.pod(behaviour=Behaviour(proxy_protocol="optional"))[8080]
        assert (await ask(at, GET))[0] == (await ask(at, line + GET))[0] == 200

    run(test)


def test_moods() -> None:
    async def test(farm: Run) -> None:
        at = farm.pod(behaviour=Behaviour(fail=500))[8080]
        assert (await ask(at, GET))[0] == 500
        farm.pod(behaviour=Behaviour(slow=0.05))
        status, headers, _ = await ask(at, GET)
        assert (status, headers["x-gcpsim-slow"]) == (200, "0.05")
        farm.pod(behaviour=Behaviour(leak=0.5))
        leaked = 0
        for _ in range(10):
            try:
                await ask(at, GET)
            except (asyncio.IncompleteReadError, ConnectionError):
                leaked += 1
        assert leaked == 5
        farm.pod(behaviour=Behaviour(cut=True))
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await ask(at, GET)
        probe = GET.replace("X-Two: a", "User-Agent: GoogleHC/1.0")
        assert (await ask(at, probe))[0] == 200, "a probe does not notice"
        farm.pod(behaviour=Behaviour(refuse=True))
        with pytest.raises(ConnectionRefusedError):
            await ask(at, GET)
        at = farm.pod()[8080]
        assert (await ask(at, GET))[0] == 200

    run(test)


def test_a_pod_that_closes_keep_alive_early() -> None:
    async def test(farm: Run) -> None:
        at = farm.pod(behaviour=Behaviour(keepalive=0.05))[8080]
        reader, writer = await asyncio.open_connection(*at)
        writer.write(GET.encode())
        assert (await answer(reader))[0] == 200
        assert await reader.read() == b"", "closed by the pod, though the client wants more"
        writer.close()

    run(test)


def test_sigterm_finishes_what_is_asked_and_leaves_streams_to_the_kill() -> None:
    async def test(farm: Run) -> None:
        at = farm.pod()[8080]
        idle, asked, stream = [await asyncio.open_connection(*at) for _ in range(3)]
        idle[1].write(GET.encode())
        await answer(idle[0])
        stream[1].write(b"\x10hello")
        await stream[0].readexactly(6)
        asked[1].write(b"GET /?pod-delay=0.3 HTTP/1.1\r\nHost: a\r\n\r\n")
        while not any(c.busy and getattr(c.speaker, "name", "") == "http/1.1"
                      for c in farm.farm.pods[KEY].connections):  # fmt: skip
            await asyncio.sleep(0)
        farm.pod(phase="ending")
        assert await idle[0].read() == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*at)
        status, headers, _ = await answer(asked[0])
        assert (status, headers["connection"]) == (200, "close")
        stream[1].write(b"more")
        assert await stream[0].readexactly(4) == b"more"
        farm.farm.order({"op": "gone", "key": KEY})
        assert await stream[0].read() == b""
        for _, writer in (idle, asked, stream):
            writer.close()

    run(test)


def test_a_lost_machine_answers_nothing_and_comes_back() -> None:
    async def test(farm: Run) -> None:
        at = farm.pod()[8080]
        reader, writer = await asyncio.open_connection(*at)
        writer.write(GET.encode())
        await answer(reader)
        farm.pod(phase="lost")
        for attempt in (asyncio.open_connection(*at), reader.read(1)):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(attempt, 0.1)
        farm.pod(phase="serving")
        writer.write(GET.encode())
        assert (await answer(reader))[0] == 200
        assert (await get(at))["pod"] == "web-1"
        writer.close()

    run(test)


def test_a_port_that_is_taken_on_all_addresses_is_served_elsewhere() -> None:
    async def test(farm: Run) -> None:
        with socket.socket() as other:
            other.bind(("0.0.0.0", 0))
            other.listen(1)
            port = other.getsockname()[1]
            at = farm.pod(ports={port: ""})[port]
            assert at[1] != port
            said = await get(at)
            assert (said["pod"], said["port"]) == ("web-1", port)

    run(test)


def test_a_pod_that_is_deleted_while_its_machine_is_lost_says_no_goodbye() -> None:
    async def test(farm: Run) -> None:
        at = farm.pod()[8080]
        reader, writer = await asyncio.open_connection(*at)
        writer.write(b"\x10x")
        await reader.readexactly(2)
        farm.pod(phase="lost")
        farm.farm.order({"op": "gone", "key": KEY, "silent": True})
        for attempt in (asyncio.open_connection(*at), reader.read(1)):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(attempt, 0.1)
        writer.close()

    run(test)


def test_wishes_that_nobody_can_fulfil_are_ignored() -> None:
    async def test(farm: Run) -> None:
        at = farm.pod()[8080]
        for wish in ("pod-delay=nan", "pod-delay=inf", "pod-bytes=-1", "pod-status=7", "pod-x=y"):
            assert (await ask(at, f"GET /?{wish} HTTP/1.1\r\nHost: a\r\n\r\n"))[0] == 200

    run(test)


def test_cutting_a_port_leaves_the_others() -> None:
    async def test(farm: Run) -> None:
        sockets = farm.pod(ports={8080: "", 8081: ""})
        one, two = [await asyncio.open_connection(*sockets[port]) for port in (8080, 8081)]
        for reader, writer in (one, two):
            writer.write(b"\x10x")
            await reader.readexactly(2)
        farm.farm.order({"op": "cut", "key": KEY, "port": 8080})
        assert await one[0].read() == b""
        two[1].write(b"still")
        assert await two[0].readexactly(5) == b"still"
        assert farm.events[-1] == {"event": "cut", "key": KEY, "connections": 1}
        for _, writer in (one, two):
            writer.close()

    run(test)


def test_an_order_that_cannot_be_carried_out_is_trouble_and_nothing_else() -> None:
    async def test(farm: Run) -> None:
        at = farm.pod()[8080]
        farm.farm.order({"op": "certificate", "key": "blue/shop/tls", "chain": "x", "private": "y"})
        farm.farm.order({"op": "pod", "key": "blue/shop/odd"})
        farm.farm.order({"op": "dance"})
        trouble = [e["text"] for e in farm.events if e["event"] == "trouble"]
        assert [text.split(":")[0] for text in trouble] == [
            "certificate blue/shop/tls", "pod blue/shop/odd", "dance ",
        ]  # fmt: skip
        assert (await get(at))["pod"] == "web-1"

    run(test)


def test_a_proxy_line_may_come_in_pieces() -> None:
    async def test(farm: Run) -> None:
        at = farm.pod(behaviour=Behaviour(proxy_protocol="on"))[8080]
        reader, writer = await asyncio.open_connection(*at)
        writer.write(b"PROXY TCP4 203.0.1")
        await writer.drain()
        for _ in range(5):
            await asyncio.sleep(0)
        writer.write(b"13.7 34.1.2.3 4711 443\r\n" + GET.encode())
        _, _, body = await answer(reader)
        assert json.loads(body)["client"] == "203.0.113.7:4711"
        writer.close()

    run(test)
