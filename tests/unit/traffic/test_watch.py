"""A watch as a whole: its process of clients, windows, marks, blindness, and how it ends."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from edgebook.cloud.reach import Way
from edgebook.traffic import (
    Client,
    Protocol,
    Target,
    TrafficLimits,
    VerdictState,
    Watch,
    archive,
    judge,
)
from edgebook.traffic.worker import next_turn
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.traffic_servers import Authority, Server

HOST = "shop.example.com"
LIMIT = 30.0


@pytest.fixture
def server() -> Iterator[Server]:
    with contextlib.closing(Server()) as made:
        yield made


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def watching(target: Target, port: int, rate: float = 200.0) -> Watch:
    return Watch(
        [target], rate=rate, reach=lambda ip, wanted: [Way("us-central1", "127.0.0.1", port)]
    )


def test_failures_are_found_with_their_kind_and_time(authority: Authority, server: Server) -> None:
    port = server.listen(server.http, authority.context(HOST))
    target = Target("web", HOST, "203.0.113.1", 443, Protocol.HTTPS, ca_file=str(authority.file))
    with watching(target, port) as watch:
        assert watch.wait_until(lambda: watch.window().answered >= 20, LIMIT)
        mark = watch.mark("502s begin")
        server.behaviour = "502"
        assert watch.wait_until(lambda: watch.window(mark.at).failed >= 10, LIMIT)
        server.behaviour = "ok"
        again = time.monotonic()
        assert watch.wait_until(lambda: watch.window(again + 0.1).answered >= 10, LIMIT)
    whole = watch.stop().statistics
    assert {failure.kind for failure in whole.failures} == {"status"}
    assert all(mark.at - 0.5 <= failure.monotonic <= again + 0.5 for failure in whole.failures)
    assert whole.sent == whole.answered + whole.failed
    assert whole.failed >= 10
    assert {share.client for share in whole.by} == {"http/1.1", "http/1.1 fresh"}
    assert not watch.trouble


STAGED = {
    "502": "status", "reset": "reset", "stall": "timeout", "cut": "cut body", "nonsense": "answer",
}  # fmt: skip


def test_each_kind_of_failure_is_staged_and_read_back_from_the_record(
    authority: Authority, server: Server
) -> None:
    """From the socket through process, statistics and archive to a record's samples."""
    tls, plain = authority.context(HOST), server.listen(server.http)
    wrong = server.listen(server.http, authority.context("other.example.com"))
    names = server.names({HOST: "203.0.113.1"})
    ways = {80: plain, 443: server.listen(server.http, tls), 444: wrong, 53: names, 1: 1}
    base = {"hostname": HOST, "ip": "203.0.113.1", "patience": 0.5, "ca_file": str(authority.file)}
    web = Target("web", port=80, protocol=Protocol.HTTP, **base)  # type: ignore[arg-type]
    with Watch(
        [web], rate=60.0, reach=lambda ip, port: [Way("", "127.0.0.1", ways[port])]
    ) as watch:
        assert watch.wait_until(lambda: watch.window().answered >= 5, LIMIT)
        for behaviour, kind in STAGED.items():
            since = time.monotonic()
            server.behaviour = behaviour
            assert watch.wait_until(
                lambda at=since, kind=kind: any(  # type: ignore[misc]
                    failure.kind == kind for failure in watch.window(at).failures
                ),
                LIMIT,
            )
        server.behaviour = "ok"
        tls_target = Target("tls", port=444, protocol=Protocol.HTTPS, **base)  # type: ignore[arg-type]
        closed = Target("closed", port=1, protocol=Protocol.TCP, **base)  # type: ignore[arg-type]
        gone = Target("names", "gone.example.com", "127.0.0.1", names, Protocol.DNS)
        watch.add([tls_target, closed, gone])
        assert watch.wait_until(lambda: len(watch.log.last_words) >= 5, LIMIT)
    header, samples = archive.read(archive.write(watch.stop().log))
    kinds = {sample.kind for sample in samples if sample.kind}
    assert kinds == {*STAGED.values(), "tls", "connect", "dns"}
    assert header["left_out"] == 0


def test_targets_come_and_go_while_it_watches(server: Server) -> None:
    port = server.listen(server.http)
    known: dict[str, list[Way]] = {}
    watch = Watch(rate=100.0, reach=lambda ip, wanted: list(known.get(ip, ())))
    old = Target("old", HOST, "203.0.113.1", 80, Protocol.HTTP)
    new = Target("new", HOST, "203.0.113.2", 80, Protocol.HTTP)
    known["203.0.113.1"] = [Way("", "127.0.0.1", port)]
    with watch:
        watch.add([old, new])
        assert watch.unreached == (new,)
        assert watch.wait_until(lambda: watch.window().answered >= 10, LIMIT)
        known["203.0.113.2"] = [Way("", "127.0.0.1", port)]
        watch.refresh()
        assert watch.wait_until(lambda: "new" in watch.window().frontends, LIMIT)
        watch.drop("old")
        server.behaviour = "ok"
        dropped = time.monotonic()
        assert watch.wait_until(lambda: watch.window(dropped + 0.2).frontends == ("new",), LIMIT)
    assert watch.stop().statistics.failed == 0


def test_clients_that_are_stopped_are_blind_and_a_blind_gate_does_not_pass(server: Server) -> None:
    port = server.listen(server.http)
    target = Target("web", HOST, "203.0.113.1", 80, Protocol.HTTP)
    with watching(target, port, rate=50.0) as watch:
        assert watch.wait_until(lambda: watch.window().answered >= 10, LIMIT)
        process = watch._process
        assert process is not None
        since = time.monotonic()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        seen = watch.window(since, since + 10)
    assert seen.blind_s > 9
    assert judge(watch.window(until=since), seen, TrafficLimits()).state is VerdictState.BLIND
    assert watch.stop().statistics.answered >= 10  # what was seen is kept


def test_clients_that_did_not_run_for_a_while_are_blind_and_accuse_nobody(server: Server) -> None:
    """Their own silence makes no timeouts: what was open then is neither answered nor failed."""
    port = server.listen(server.http)
    target = Target("web", HOST, "203.0.113.1", 80, Protocol.HTTP, patience=0.5)
    with watching(target, port, rate=100.0) as watch:
        assert watch.wait_until(lambda: watch.window().answered >= 20, LIMIT)
        process = watch._process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)
        since = time.monotonic()
        watch.wait_until(lambda: False, 1.5)
        assert watch.window(since).blind_s > 1.0  # told before they tell it themselves
        os.kill(process.pid, signal.SIGCONT)
        again = time.monotonic()
        assert watch.wait_until(lambda: watch.window(again + 0.2).answered >= 10, LIMIT)
    seen = watch.stop().statistics
    assert seen.failed == 0
    assert seen.blind_s > 1.0
    assert seen.longest_gap_s < 1.0


def test_a_watch_of_nothing_is_blind() -> None:
    with Watch() as watch:
        pass
    seen = watch.stop().statistics
    assert seen.sent == 0
    assert judge(seen, seen, TrafficLimits()).state is VerdictState.BLIND


def test_its_rate_is_shared_by_all_that_watch_a_frontend(server: Server) -> None:
    watch = Watch(
        [
            Target("web", host, "203.0.113.1", 80, Protocol.HTTP, clients=(Client.KEEP_ALIVE,))
            for host in ("a.example.com", "b.example.com")
        ],
        rate={"web": 4.0},
        reach=lambda ip, port: [Way("one", "127.0.0.1", 1), Way("two", "127.0.0.2", 1)],
    )
    with watch:
        series = list(watch.log.series.values())
    assert [item.interval for item in series] == [1.0] * 4
    assert sorted(item.first for item in series) == [0.0, 0.25, 0.5, 0.75]


def test_what_watches_one_port_through_one_location_takes_turns_evenly(server: Server) -> None:
    """A port that answers beside one that does not yet is seen as often as its pace allows."""
    ports = [(443, 1.0), (443, 1.0), (80, 0.25), (443, 1.0), (80, 0.25)]
    targets = [
        Target(
            "web", f"{number}.example.com", "203.0.113.1", port, Protocol.HTTP, weight=weight,
            clients=(Client.KEEP_ALIVE,),
        )
        for number, (port, weight) in enumerate(ports)
    ]  # fmt: skip
    ways = [Way("one", "127.0.0.1", 1), Way("two", "127.0.0.2", 1)]
    with Watch(targets, rate=1.0, reach=lambda ip, port: ways) as watch:
        series = list(watch.log.series.values())
    for port, share in ((80, 1 / 2), (443, 1 / 3)):
        for way in ways:
            turns = sorted(
                item.first
                for item in series
                if item.target.port == port and item.location == way.location
            )
            assert [b - a for a, b in pairwise(turns)] == [pytest.approx(share)] * (len(turns) - 1)
            assert turns[0] + 1 - turns[-1] == pytest.approx(share)


@given(now=st.floats(0, 1e6), interval=st.floats(0.001, 600), share=st.floats(0, 0.999))
def test_a_turn_is_where_it_would_be_whenever_one_asks(
    now: float, interval: float, share: float
) -> None:
    turn = next_turn(now, interval, share * interval)
    assert now - 1e-6 <= turn <= now + interval + 1e-6
    later = next_turn((now + turn) / 2, interval, share * interval)
    assert later == pytest.approx(turn, abs=1e-6) or turn - now < 1e-6


def test_a_target_keeps_its_settings_on_the_wire() -> None:
    target = Target(
        "web", HOST, "203.0.113.1", 443, Protocol.HTTPS, clients=(Client.FRESH,), statuses=(200,)
    )
    assert Target.from_json(target.to_json()) == target


def test_worker_is_light(tmp_path: Path) -> None:
    """The process of the clients loads neither Google's clients nor pandas."""
    import subprocess
    import sys

    said = subprocess.run(
        [sys.executable, "-c", "import edgebook.traffic.worker, sys; print(*sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = set(said.stdout.split())
    assert not loaded & {"google.auth", "requests", "pandas", "kubernetes", "jinja2"}
