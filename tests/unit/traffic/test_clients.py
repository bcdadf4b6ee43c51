"""Each client against a server that behaves and misbehaves: every failure has its kind."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from edgebook.traffic.clients.base import BaseClient
from edgebook.traffic.values import Client, Protocol, Sample, Series, Target
from edgebook.traffic.worker import CLIENTS, trusted

from tests.unit.traffic_servers import Authority, Server

HOST = "shop.example.com"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def server() -> Iterator[Server]:
    with contextlib.closing(Server()) as made:
        yield made


def ask(
    target: Target,
    client: Client,
    port: int,
    times: int = 1,
    between: Callable[[], object] = lambda: None,
) -> list[Sample]:
    """So many samples of one client, one request after the other, `between` them something else."""

    async def run() -> list[Sample]:
        samples: list[Sample] = []
        news = asyncio.Event()

        def record(*values: object) -> None:
            samples.append(Sample(*values))  # type: ignore[arg-type]
            news.set()

        secure = target.protocol in (Protocol.HTTPS, Protocol.SSL)
        series = Series(0, target, client, "", "127.0.0.1", port, 1.0)
        tls = trusted(target.ca_file, client) if secure else None
        made: BaseClient = CLIENTS[client](series, record, tls)
        for number in range(times):
            news.clear()
            if number:
                between()
            made.launch()
            while len(samples) <= number:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), 0.05)
                made.sweep(made.loop.time())
        made.close()
        while made.transports:
            await asyncio.sleep(0)
        return samples

    return asyncio.run(run())


def https(authority: Authority, port: int, **more: object) -> Target:
    options = {"patience": 1.0, "ca_file": str(authority.file), **more}
    return Target("web", HOST, "203.0.113.1", port, Protocol.HTTPS, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("client", [Client.KEEP_ALIVE, Client.FRESH])
def test_good_answers_say_who_answered(
    authority: Authority, server: Server, client: Client
) -> None:
    port = server.listen(server.http, authority.context(HOST))
    samples = ask(https(authority, port), client, port, times=3)
    assert [(item.kind, item.who) for item in samples] == [("", "blue/us-central1-a/web-1")] * 3
    assert all(item.seconds > 0 for item in samples)
    assert server.served[0].startswith(b"GET / HTTP/1.1\r\nHost: shop.example.com")


@pytest.mark.parametrize(
    ("behaviour", "kind", "detail"),
    [
        ("502", "status", "HTTP 502"),
        ("404", "", ""),
        ("reset", "reset", ""),
        ("stall", "timeout", ""),
        ("cut", "cut body", "HTTP 200, then cut"),
        ("chunked", "", ""),
        ("close", "", ""),
        ("bare", "", ""),
        ("nonsense", "answer", "not an HTTP answer"),
    ],
)
def test_what_the_other_side_does_has_a_kind(
    server: Server, behaviour: str, kind: str, detail: str
) -> None:
    port = server.listen(server.http)
    server.behaviour = behaviour
    target = Target("web", HOST, "203.0.113.1", port, Protocol.HTTP, patience=0.4)
    for client in (Client.KEEP_ALIVE, Client.FRESH):
        (sample,) = ask(target, client, port)
        assert sample.kind == kind
        assert not detail or sample.detail == detail


def test_a_failed_request_is_not_tried_again(server: Server) -> None:
    port = server.listen(server.http)
    server.behaviour = "reset"
    target = Target("web", HOST, "203.0.113.1", port, Protocol.HTTP)
    assert [s.kind for s in ask(target, Client.KEEP_ALIVE, port, times=3)] == ["reset"] * 3
    assert server.asked == 3


def test_a_certificate_for_another_name_is_a_tls_failure(
    authority: Authority, server: Server
) -> None:
    port = server.listen(server.http, authority.context("other.example.com"))
    (sample,) = ask(https(authority, port), Client.FRESH, port)
    assert sample.kind == "tls"
    assert "certificate not accepted" in sample.detail


def test_a_stranger_s_certificate_is_a_tls_failure(
    authority: Authority, server: Server, tmp_path: Path
) -> None:
    port = server.listen(server.http, Authority(tmp_path, "stranger").context(HOST))
    (sample,) = ask(https(authority, port), Client.KEEP_ALIVE, port)
    assert sample.kind == "tls"


def test_nobody_listens() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, not listening: refused
        port = held.getsockname()[1]
        target = Target("web", HOST, "203.0.113.1", port, Protocol.HTTP)
        (sample,) = ask(target, Client.KEEP_ALIVE, port)
    assert (sample.kind, sample.detail) == ("connect", "connection refused")


def test_expected_answers(server: Server) -> None:
    port = server.listen(server.http)
    wanted = Target(
        "web", HOST, "203.0.113.1", port, Protocol.HTTP, statuses=(200,), contains="blue"
    )
    assert ask(wanted, Client.KEEP_ALIVE, port)[0].kind == ""
    server.who = {"cluster": "green", "zone": "z", "pod": "p"}
    assert ask(wanted, Client.KEEP_ALIVE, port)[0].detail == "HTTP 200 without 'blue'"
    server.behaviour = "404"
    assert ask(wanted, Client.KEEP_ALIVE, port)[0].detail == "HTTP 404"


@pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.SSL])
def test_connections_of_other_protocols(
    authority: Authority, server: Server, protocol: Protocol
) -> None:
    tls = authority.context(HOST) if protocol is Protocol.SSL else None
    port = server.listen(server.echo, tls)
    said = Target(
        "mqtt", HOST, "203.0.113.1", port, protocol, send="ping", expect="ping",
        ca_file=str(authority.file), patience=1.0,
    )  # fmt: skip
    held = Target(
        "mqtt", HOST, "203.0.113.1", port, protocol, ca_file=str(authority.file), patience=2.0
    )
    assert ask(said, Client.HANDSHAKE, port)[0].kind == ""
    assert ask(held, Client.HANDSHAKE, port)[0].kind == ""
    server.behaviour = "close"
    for target in (said, held):
        assert ask(target, Client.HANDSHAKE, port)[0].kind == "reset"


@pytest.mark.parametrize(
    ("behaviour", "kind", "detail"),
    [
        ("ok", "", ""),
        ("503", "status", "HTTP 503"),
        ("reset", "reset", ""),
        ("stall", "timeout", ""),
        ("cut", "cut body", "HTTP 200, then stream reset"),
        ("going away", "reset", ""),
        ("finishing", "", ""),
    ],
)
def test_http2(
    authority: Authority, server: Server, behaviour: str, kind: str, detail: str
) -> None:
    port = server.listen(server.http2, authority.context(HOST, alpn=("h2",)))
    server.behaviour = behaviour
    samples = ask(https(authority, port, patience=0.4), Client.HTTP2, port, times=3)
    assert [sample.kind for sample in samples] == [kind] * 3
    assert all(detail in sample.detail for sample in samples)
    assert not kind or kind == "status" or server.asked == 3  # each was sent once
    if not kind:
        assert samples[0].who == "blue/us-central1-a/web-1"
        assert behaviour == "finishing" or len(server._writers) <= 1  # all on one connection


def test_a_server_without_http2_is_told_apart(authority: Authority, server: Server) -> None:
    port = server.listen(server.http, authority.context(HOST))
    (sample,) = ask(https(authority, port), Client.HTTP2, port)
    assert (sample.kind, sample.detail) == ("answer", "does not speak HTTP/2")


def test_a_stream_stays_open_and_its_cut_counts_when_it_happens(
    authority: Authority, server: Server
) -> None:
    port = server.listen(server.echo)
    target = Target(
        "mqtt", HOST, "203.0.113.1", port, Protocol.TCP, send="ping", expect="ping"
    )  # fmt: skip
    assert [s.kind for s in ask(target, Client.STREAM, port, times=5)] == [""] * 5
    assert server.connections == 1
    first, second = ask(target, Client.STREAM, port, times=2, between=server.cut_all)
    assert (first.kind, second.kind) == ("", "reset")
    assert second.detail.startswith("cut after ")


def test_a_websocket_stays_open_and_its_cut_counts(server: Server) -> None:
    port = server.websocket()
    target = Target(
        "web", HOST, "203.0.113.1", port, Protocol.HTTP, websocket="/ws", patience=5.0
    )  # fmt: skip
    assert [s.kind for s in ask(target, Client.WEBSOCKET, port, times=3)] == [""] * 3
    first, second = ask(target, Client.WEBSOCKET, port, times=2, between=server.cut_all)
    assert (first.kind, second.kind) == ("", "reset")


def test_who_waits_in_vain_on_a_websocket_connects_anew(server: Server) -> None:
    port = server.websocket()
    target = Target(
        "web", HOST, "203.0.113.1", port, Protocol.HTTP, websocket="/ws", patience=0.3
    )  # fmt: skip
    frozen = iter((server.freeze_websockets, lambda: None, lambda: None))
    found = ask(target, Client.WEBSOCKET, port, times=4, between=lambda: next(frozen)())
    assert [sample.kind for sample in found] == ["", "timeout", "", ""]


def test_a_websocket_that_is_refused_is_a_status(server: Server) -> None:
    port = server.listen(server.http)
    server.behaviour = "403"
    target = Target("web", HOST, "203.0.113.1", port, Protocol.HTTP, websocket="/ws")
    (sample,) = ask(target, Client.WEBSOCKET, port)
    assert (sample.kind, sample.detail) == ("status", "HTTP 403")


def test_a_post_carries_its_body(authority: Authority, server: Server) -> None:
    port = server.listen(server.http, authority.context(HOST))
    target = https(authority, port, method="POST", body='{"order": 1}')
    assert ask(target, Client.POST, port, times=2)[1].kind == ""
    assert server.served[0].startswith(b"POST / HTTP/1.1")
    assert server.served[0].endswith(b'{"order": 1}')


def test_names_are_asked_for(server: Server) -> None:
    port = server.names({HOST: "203.0.113.1"})
    known = Target("names", HOST, "127.0.0.1", port, Protocol.DNS, patience=0.4)
    (sample,) = ask(known, Client.DNS, port)
    assert (sample.kind, sample.who) == ("", "//203.0.113.1")
    unknown = Target("names", "gone.example.com", "127.0.0.1", port, Protocol.DNS)
    (sample,) = ask(unknown, Client.DNS, port)
    assert (sample.kind, sample.detail) == ("dns", "NXDOMAIN")
    server.behaviour = "stall"
    (sample,) = ask(known, Client.DNS, port)
    assert sample.kind == "dns"
    assert sample.detail.startswith("no answer for")


@pytest.mark.parametrize("client", [Client.KEEP_ALIVE, Client.HTTP2])
def test_where_a_page_was_a_404_is_a_failure(
    authority: Authority, server: Server, client: Client
) -> None:
    """A name that never had a page may answer 404; one that had may not lose it unseen."""
    alpn = ("h2",) if client is Client.HTTP2 else ()
    handler = server.http2 if client is Client.HTTP2 else server.http
    port = server.listen(handler, authority.context(HOST, alpn=alpn))
    server.behaviour = "404"
    assert [s.kind for s in ask(https(authority, port), client, port, times=2)] == ["", ""]
    server.behaviour = "ok"

    def lose() -> None:
        server.behaviour = "404"

    first, second = ask(https(authority, port), client, port, times=2, between=lose)
    assert (first.kind, second.kind, second.detail) == ("", "status", "HTTP 404")
