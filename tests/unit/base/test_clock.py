"""Time: budgets, waits, backoff."""

import random

import pytest
from edgebook.base.clock import (
    Budget,
    Cancelled,
    Clock,
    FollowingClock,
    backoff,
    moment,
    rfc3339,
)


def test_a_budget_ends_also_where_time_stands_still():
    budget = Budget(Clock(rate=0), 5)
    count = 0
    while budget.pause(least=1, most=1):
        count += 1
    assert count == 5


def test_waiting_ends_when_the_run_is_cancelled():
    clock = Clock()
    clock.cancel()
    with pytest.raises(Cancelled):
        clock.wait(1000)
    clock.resume()
    clock.wait(0)


def test_backoff_grows_with_jitter_up_to_its_limit():
    random.seed(1)
    for attempt_number in range(10):
        ceiling = min(60.0, 2.0**attempt_number)
        assert ceiling / 2 <= backoff(attempt_number) <= ceiling


def test_a_wait_lasts_until_the_environment_s_clock_says_so():
    there = iter(range(0, 10_000, 30))  # it is slower than it promised
    asked = []

    def ask():
        asked.append(next(there))
        return float(asked[-1])

    FollowingClock(rate=1e6, ask=ask).wait(100)
    assert asked == [0, 30, 60, 90, 120]


def test_an_environment_whose_time_stands_still_or_that_is_gone_holds_nobody_up():
    asked = []

    def ask():
        asked.append(0)
        return 5.0

    FollowingClock(rate=1e6, ask=ask).wait(100)
    assert 2 <= len(asked) < 10
    FollowingClock(rate=1e6, ask=lambda: None).wait(100)


@pytest.mark.parametrize(("rate", "seconds"), [(0.0, 100), (60.0, 0.001), (1.0, 0.001)])
def test_a_clock_that_need_not_be_followed_is_not_asked(rate, seconds):
    def ask():
        raise AssertionError("asked")

    FollowingClock(rate=rate, ask=ask).wait(seconds)


def test_what_has_passed_is_the_environment_s_time():
    assert FollowingClock(rate=60, ask=lambda: 7.0).passed() == 7.0
    assert Clock(rate=60).passed() == pytest.approx(Clock().passed() * 60, rel=1e-3)


def test_a_clock_that_falls_silent_goes_on_as_its_rate_says():
    said = iter([1_790_000_000.0, None])
    clock = FollowingClock(rate=60, ask=lambda: next(said))
    began = clock.passed()
    assert clock.passed() - began < 60, "no jump to our own reckoning"


def test_a_budget_is_spent_by_the_environment_s_clock():
    there = [0.0]
    clock = FollowingClock(rate=1e9, ask=lambda: there[0])  # as slow as its machine is busy
    budget = Budget(clock, 100)
    assert budget.spent == 0
    there[0] = 40.0
    assert budget.spent == 40 and budget.pause(most=1.0)
    there[0] = 100.0
    assert not budget.pause()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-11-28T10:00:00Z", "2026-11-28T10:00:00.000Z"),
        ("2026-11-28T10:00:00.123456789+02:00", "2026-11-28T08:00:00.123Z"),
        ("2026-11-28T10:00:00", "2026-11-28T10:00:00.000Z"),
        ("2026-11-28T10:00:00Zevil", ""),
        ("tomorrow", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_what_an_api_says_of_a_time(text: str | None, said: str) -> None:
    found = moment(text)
    assert (rfc3339(found) if found else "") == said
