"""Long streams that end because a plan ends them."""

from edgebook.traffic.samples import Anchor, Mark, SampleLog
from edgebook.traffic.statistics import statistics
from edgebook.traffic.values import Client, Kind, Protocol, Series, Target


def log() -> SampleLog:
    made = SampleLog(Anchor(0.0, 0.0))
    target = Target("mqtt", "shop.example.com", "203.0.113.1", 8883, Protocol.SSL)
    made.add_series([Series(0, target, Client.STREAM, "", "127.0.0.1", 1, 1.0)])
    made.extend([[1.0, 0, 0.1, "", "", ""]])
    return made


def cut(made: SampleLog, at: float) -> None:
    made.extend([[at, 0, 0.1, Kind.RESET.value, "cut after 9.0 s: closed", ""]])


def test_a_cut_in_its_time_is_neither_failure_nor_success() -> None:
    made = log()
    made.marks = [Mark(10.0, "exchange", "cuts:mqtt"), Mark(20.0, "next", "cuts:")]
    cut(made, 12.0)
    seen = statistics(made, 0.0, 30.0)
    assert (seen.sent, seen.failed) == (1, 0)


def test_a_cut_before_or_after_it_or_of_another_frontend_is_a_failure() -> None:
    made = log()
    made.marks = [Mark(10.0, "exchange", "cuts:mqtt"), Mark(20.0, "next", "cuts:")]
    cut(made, 4.0)
    cut(made, 21.0)
    assert statistics(made, 0.0, 30.0).failed == 2
    made.marks = [Mark(1.0, "exchange", "cuts:postgres")]
    assert statistics(made, 0.0, 30.0).failed == 2


def test_another_failure_in_that_time_stays_one() -> None:
    made = log()
    made.marks = [Mark(10.0, "exchange", "cuts:mqtt")]
    made.extend([[12.0, 0, 0.1, Kind.CONNECT.value, "refused", ""]])
    assert statistics(made, 0.0, 30.0).failed == 1
