"""Simulated time: what ends at one moment ends in the order in which it began."""

import itertools

import pytest
from gcpsim.core.clock import Clock


class Wall:
    """Real time whose every reading takes a while, some readings longer than others."""

    def __init__(self) -> None:
        self.time = 1000.0
        self._steps = itertools.cycle([0.3, 0.001])

    def __call__(self) -> float:
        self.time += next(self._steps)
        return self.time


@pytest.mark.parametrize("scale", [0.0, 1.0, 60.0])
def test_what_ends_at_one_moment_runs_in_the_order_it_was_asked_for(scale: float) -> None:
    wall = Wall()
    clock = Clock(scale=scale, wall=wall)
    ran: list[int] = []
    due = clock.now() + 100
    for number in range(20):
        if number % 3 == 0:
            clock.now()  # others read the clock, too
        clock.by(due, lambda number=number: ran.append(number))  # type: ignore[misc]
    if scale:
        clock.settle()
        assert ran == []
    wall.time += 200
    clock.settle()
    assert ran == list(range(20))


def test_a_process_that_takes_no_time_is_over_at_the_next_settle() -> None:
    clock = Clock(scale=0.0, paused=True)
    ran: list[str] = []
    clock.by(clock.now() + 1e6, lambda: ran.append("by"))
    clock.at(clock.now() + 1e6, lambda: ran.append("at"))
    clock.settle()
    assert ran == ["by"]
