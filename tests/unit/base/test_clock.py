"""Time: budgets, waits, backoff."""

import random

import pytest
from edgebook.base.clock import Budget, Cancelled, Clock, backoff


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
