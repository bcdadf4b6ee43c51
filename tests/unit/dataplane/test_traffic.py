"""Counts and rates of what flows."""

from typing import Any

from gcpsim.dataplane.traffic import PERIOD, Traffic


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def request(**changes: Any) -> Any:
    return {
        "project": "p",
        "forwarding_rule": "web",
        "location": "us-central1",
        "backend_service": "bs",
        "backend_group": "projects/p/zones/z/networkEndpointGroups/n",
        "status": 200,
        "status_details": "response_sent_by_backend",
        **changes,
    }


def test_counts_by_outcome() -> None:
    traffic = Traffic(Clock())
    for _ in range(3):
        traffic.request(request())
    traffic.request(request(status=503, status_details="failed_to_pick_backend", backend_group=""))
    traffic.request(request(status=301, status_details="direct_response"))
    rows = [(row["backend"], row["outcome"], row["count"]) for row in traffic.table()]
    assert rows == [
        ("", "503 failed_to_pick_backend", 1),
        ("z/n", "200", 3),
        ("z/n", "301", 1),
    ]


def test_an_open_connection_does_not_count_yet() -> None:
    traffic = Traffic(Clock())
    connection = {**request(), "proxy_status": ""}
    traffic.connection(connection)
    assert traffic.table() == []
    traffic.connection({**connection, "ended": 1.0})
    assert traffic.table()[0]["outcome"] == "connection"


def test_a_passthrough_connection_counts_once_and_when_it_is_over() -> None:
    traffic = Traffic(Clock())
    told: Any = {"project": "p", "forwarding_rule": "old", "location": "us-central1",
                 "backend": "pool", "node": "node-1", "ended": False}  # fmt: skip
    traffic.packets(told)
    assert traffic.table() == []
    traffic.packets({**told, "ended": True})
    (row,) = traffic.table()
    assert (row["rule"], row["service"], row["backend"]) == ("old", "pool", "node-1")
    assert (row["outcome"], row["count"]) == ("connection", 1)


def test_the_rate_is_of_now() -> None:
    clock = Clock()
    traffic = Traffic(clock)
    for _ in range(100):
        clock.time += 0.1
        traffic.request(request())
    (row,) = traffic.table()
    assert 8 <= row["rate"] <= 12
    clock.time += 3 * PERIOD
    (row,) = traffic.table()
    assert (row["rate"], row["count"]) == (0.0, 100)
