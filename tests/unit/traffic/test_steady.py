"""Answers in a row: what is well, what is changing, what is broken."""

import contextlib
from collections.abc import Iterator

import pytest
from edgebook.cloud.reach import Way
from edgebook.traffic import Client, Protocol, Target
from edgebook.traffic.steady import IN_A_ROW, steady

from tests.unit.traffic_servers import Server

TARGET = Target(
    "web", "shop.example.com", "203.0.113.1", 80, Protocol.HTTP, clients=(Client.FRESH,),
    patience=1.0,
)  # fmt: skip


@pytest.fixture
def server() -> Iterator[Server]:
    with contextlib.closing(Server()) as made:
        yield made


def test_it_ends_as_soon_as_everything_answers_in_a_row(server: Server) -> None:
    ports = {"us-central1": server.listen(server.http), "europe-west1": server.listen(server.http)}
    ways = [Way(name, "127.0.0.1", port) for name, port in ports.items()]
    found = steady([TARGET], lambda ip, port: ways, rate=100, patience=30)
    assert [streak.series.location for streak in found] == ["us-central1", "europe-west1"]
    assert all(streak.in_a_row >= IN_A_ROW for streak in found)
    assert found[0].clusters == {"blue"} and found[0].zones == {"us-central1-a"}


def test_what_never_answers_is_told_with_its_reason(server: Server) -> None:
    ways = [Way("", "127.0.0.1", server.listen(server.http))]
    server.behaviour = "503"
    (streak,) = steady([TARGET], lambda ip, port: ways, rate=100, patience=1.5)
    assert (streak.answered, streak.in_a_row, streak.failure) == (0, 0, "HTTP 503")
    assert streak.sent > IN_A_ROW


def test_more_can_be_wanted_than_answers(server: Server) -> None:
    ways = [Way("", "127.0.0.1", server.listen(server.http))]

    def both_zones(found: object) -> bool:
        zones = {zone for streak in found.values() for zone in streak.zones}  # type: ignore[attr-defined]
        if zones:
            server.who = {**server.who, "zone": "us-central1-b"}
        return len(zones) == 2

    (streak,) = steady([TARGET], lambda ip, port: ways, rate=50, patience=30, enough=both_zones)
    assert streak.zones == {"us-central1-a", "us-central1-b"}


def test_without_a_way_there_is_nothing_to_say() -> None:
    assert steady([TARGET], lambda ip, port: [], rate=100, patience=30) == []
