"""Counts, percentiles, gaps and verdicts from samples written down here."""

from collections.abc import Iterable

import pytest
from edgebook.traffic import TrafficLimits, VerdictState, judge
from edgebook.traffic.samples import Anchor, Mark, SampleLog
from edgebook.traffic.statistics import Span, Statistics, statistics, told
from edgebook.traffic.values import Blind, Client, Protocol, Sample, Series, Target

START = 1000.0
UTC = 1_795_000_000.0
BLUE = "blue/us-central1-a/web-1"


def series(number: int, frontend: str = "web", location: str = "us-central1") -> Series:
    target = Target(frontend, "shop.example.com", "203.0.113.1", 443, Protocol.HTTPS)
    return Series(number, target, Client.KEEP_ALIVE, location, "127.0.0.1", 443, 1.0)


def log_of(samples: Iterable[Sample], *known: Series) -> SampleLog:
    log = SampleLog(Anchor(START, UTC))
    log.add_series(known or (series(0),))
    log.extend(list(sample) for sample in samples)
    return log


def steady(number: int = 0, count: int = 10, who: str = BLUE) -> list[Sample]:
    """One good answer a second, 10 ms each."""
    return [Sample(START + second, number, 0.010, "", "", who) for second in range(count)]


def test_everything_sent_is_answered_or_failed() -> None:
    bad = [Sample(START + 4.5, 0, 0.2, "status", "HTTP 502", BLUE)]
    seen = statistics(log_of(steady() + bad), START, START + 10)
    assert (seen.sent, seen.answered, seen.failed) == (11, 10, 1)
    assert (seen.p50_ms, seen.p99_ms) == (10.0, 10.0)
    assert seen.clusters == {"blue": 10}
    (failure,) = seen.to_json()["failures"]
    assert failure == {
        "at": "2026-11-18T11:06:44.500Z",
        "frontend": "web",
        "hostname": "shop.example.com",
        "client": "http/1.1",
        "location": "us-central1",
        "kind": "status",
        "detail": "HTTP 502",
        "ms": 200.0,
        "during": "",
    }


def test_a_failure_names_the_change_under_way() -> None:
    bad = [Sample(START + at, 0, 0.1, "reset", "", "") for at in (1.5, 4.5, 8.5)]
    changes = [
        Span(START + 1, START + 2, "create neg"),
        Span(START + 4, START + 5, "update backends"),
    ]
    seen = statistics(log_of(steady() + bad), START, START + 10, changes=changes)
    assert [failure.during for failure in seen.failures] == [
        "create neg", "update backends", "update backends",
    ]  # fmt: skip


def test_the_longest_gap_is_looked_for_in_each_place() -> None:
    other = [Sample(START + at, 1, 0.010, "", "", BLUE) for at in (0, 1, 2, 8, 9)]
    log = log_of(steady() + other, series(0), series(1, location="europe-west1"))
    seen = statistics(log, START, START + 10)
    assert seen.longest_gap_s == pytest.approx(6.0)
    assert seen.gap_where == "web in europe-west1"


def test_clients_of_one_place_fill_each_other_s_gaps() -> None:
    log = log_of([s for s in steady() if s.at < START + 3] + steady(1, 10), series(0), series(1))
    assert statistics(log, START, START + 10).longest_gap_s == pytest.approx(1.0)


def test_a_gap_lasts_until_the_end_when_nothing_answers_any_more() -> None:
    seen = statistics(log_of(steady(count=4)), START, START + 10)
    assert seen.longest_gap_s == pytest.approx(10 - 3.010)


def test_blind_time_is_no_gap_and_is_counted_once() -> None:
    log = log_of([s for s in steady() if not START + 3 < s.at < START + 8])
    log.blind += [
        Blind(START + 3.2, START + 7.8, "late"),
        Blind(START + 5, START + 6, "late"),
        Blind(START + 9, START + 9, "asleep", asleep=60.0),
    ]
    seen = statistics(log, START, START + 10)
    assert seen.blind_s == pytest.approx(64.6)
    assert seen.longest_gap_s < 1.1


def test_before_its_first_answer_a_series_is_waiting_not_failing() -> None:
    early = [Sample(START + at, 0, 0.01, "connect", "connection refused", "") for at in (-2, -1)]
    never = [Sample(START + 1, 1, 0.01, "connect", "no route", "")]
    log = log_of(early + steady() + never, series(0), series(1, "mqtt"))
    seen = statistics(log, START - 5, START + 10)
    assert seen.failed == 0
    (waiting,) = seen.waiting
    assert (waiting["frontend"], waiting["last"]) == ("mqtt", "connect: no route")


def test_what_is_dropped_is_not_counted_any_more() -> None:
    late = [Sample(START + 6, 0, 0.01, "connect", "connection refused", "")]
    log = log_of([s for s in steady() if s.at < START + 5] + late)
    log.drop([0], START + 5.5)
    seen = statistics(log, START, START + 10)
    assert (seen.failed, seen.longest_gap_s) == (0, pytest.approx(1.49))


def test_windows_are_half_open() -> None:
    log = log_of(steady())
    first, second = (statistics(log, START + a, START + a + 5) for a in (0, 5))
    assert first.sent + second.sent == 10


def test_words_past_the_width_of_a_column_do_not_break_the_log() -> None:
    many = [Sample(START + n / 1e5, 0, 0.01, "", "", f"blue/z/{n}") for n in range(70_000)]
    seen = statistics(log_of(many), START, START + 10)
    assert seen.answered == 70_000


def stats(**more: float) -> Statistics:
    base = {"sent": 100, "answered": 100, "failed": 0, "p99_ms": 100.0, "seconds": 60.0}
    return Statistics(**{**base, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("during", "state", "words"),
    [
        (stats(), VerdictState.OK, ""),
        (stats(failed=1, answered=99), VerdictState.BREACH, "1 of 100 requests failed, 0 allowed"),
        (stats(longest_gap_s=6.0), VerdictState.BREACH, "6.0 s without a success, 5 s allowed"),
        (stats(p99_ms=149.0), VerdictState.OK, ""),
        (stats(p99_ms=151.0), VerdictState.BREACH, "p99 rose from 100 to 151 ms, 150 ms allowed"),
        (stats(blind_s=7.0), VerdictState.BLIND, "the meter was blind for 7.0 s of 60.0 s"),
        (stats(blind_s=5.5, longest_blind_s=5.5), VerdictState.BLIND, "blind for 5.5 s"),
        (stats(blind_s=5.5, longest_blind_s=0.5), VerdictState.OK, ""),
        (stats(sent=0, answered=0), VerdictState.BLIND, "the meter sent nothing"),
        (stats(failed=1, answered=99, blind_s=30.0), VerdictState.BREACH, "1 of 100 requests"),
    ],
)
def test_verdicts(during: Statistics, state: VerdictState, words: str) -> None:
    verdict = judge(stats(), during, TrafficLimits())
    assert verdict.state is state
    assert words in str(verdict)
    assert verdict.ok == (state is VerdictState.OK)


def test_a_small_rise_of_a_small_latency_is_noise() -> None:
    assert judge(stats(p99_ms=2.0), stats(p99_ms=40.0), TrafficLimits()).ok


def test_an_allowance_is_a_number() -> None:
    during = stats(failed=3, answered=97)
    assert judge(stats(), during, TrafficLimits(max_failed=3)).ok
    assert not judge(stats(), during, TrafficLimits(max_failed=2)).ok


def test_streams_that_a_plan_ends_are_no_failures_and_are_told() -> None:
    cut = [Sample(START + at, 0, 0.0, "reset", "cut after 9.0 s: closed", "") for at in (3.5, 7.5)]
    log = log_of([*steady(), *cut])
    log.marks += [Mark(START + 3, "drain", "cuts:web"), Mark(START + 5, "clean up", "cuts:")]
    seen = statistics(log, START, START + 10)
    assert (seen.failed, seen.cut_as_planned) == (1, 1)  # only in its stage
    assert "; 1 long stream cut as planned" in seen.sentence


def test_a_flood_of_one_kind_hides_no_other() -> None:
    flood = [Sample(START + n / 10, 0, 0.1, "reset", "connection reset") for n in range(40)]
    late = [Sample(START + 50 + n, 0, 0.1, "connect", "refused") for n in range(2)]
    found = told([*late, *flood], most=10)
    assert [sample.kind for sample in found] == ["reset"] * 8 + ["connect"] * 2
    assert found[:8] == flood[:8]
    assert told([*late, *flood], most=100) == [*flood, *late]
