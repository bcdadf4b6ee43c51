"""The meter's own requests, counted as Google's metrics count them."""

from edgebook.traffic.own import own_requests
from edgebook.traffic.samples import Anchor, SampleLog
from edgebook.traffic.values import Client, Protocol, Series, Target

ROWS = (
    (0, "web", Protocol.HTTPS, Client.KEEP_ALIVE),
    (1, "web", Protocol.HTTPS, Client.WEBSOCKET),
    (2, "web", Protocol.HTTP, Client.FRESH),
    (3, "mqtt", Protocol.SSL, Client.HANDSHAKE),
    (4, "mqtt", Protocol.SSL, Client.STREAM),
    (5, "names", Protocol.DNS, Client.DNS),
)


def log_of(*samples: tuple[float, int, str]) -> SampleLog:
    log = SampleLog(Anchor(0.0, 0.0))
    log.add_series(
        Series(number, Target(name, "", "203.0.113.1", 443, protocol), client, "", "", 0, 1.0)
        for number, name, protocol, client in ROWS
    )
    log.extend([[at, series, 0.01, kind, "", ""] for at, series, kind in samples], heard=100.0)
    return log


def test_what_is_said_on_an_open_stream_is_one_connection() -> None:
    log = log_of(*((float(n), series, "") for n in range(10) for series in (0, 1, 3, 4)))
    assert own_requests(log, 0.0, 50.0) == {"mqtt": 11, "web": 11}


def test_a_stream_that_was_cut_is_opened_again() -> None:
    log = log_of((1.0, 4, ""), (2.0, 4, "reset"), (3.0, 4, ""), (4.0, 4, ""))
    assert own_requests(log, 0.0, 50.0) == {"mqtt": 2}


def test_what_never_arrived_or_belongs_to_another_rule_is_not_counted() -> None:
    log = log_of((1.0, 0, "connect"), (2.0, 0, "dns"), (3.0, 2, ""), (4.0, 5, ""), (60.0, 0, ""))
    assert own_requests(log, 0.0, 50.0) == {}
    assert own_requests(log, 0.0, 70.0) == {"web": 1}
