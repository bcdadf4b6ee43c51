"""Simulated time: what ends at one moment ends in the order in which it began; and stalls."""

import asyncio
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


def still() -> tuple[Clock, list[float]]:
    """A fast clock that nobody serves, and the wall that it looks at."""
    wall = [1000.0]
    return Clock(scale=60.0, start=0.0, wall=lambda: wall[0], stall=0.15), wall


def test_a_machine_that_is_busy_makes_fast_time_slower() -> None:
    clock, wall = still()
    wall[0] += 0.1
    assert clock.now() == pytest.approx(6.0)
    wall[0] += 10.0  # nobody had a turn for that long
    assert clock.now() == pytest.approx(9.0)
    clock.beat()
    wall[0] += 0.1
    assert clock.now() == pytest.approx(15.0)


def test_what_is_a_minute_apart_does_not_come_together_in_a_stall() -> None:
    clock, wall = still()
    rang: list[str] = []
    clock.at(5.0, lambda: rang.append("endpoint detached"))
    clock.at(45.0, lambda: rang.append("pod ends"))
    wall[0] += 3.0
    clock.beat()
    clock.settle()
    assert rang == ["endpoint detached"]
    for _ in range(5):
        wall[0] += 0.14
        clock.beat()
    clock.settle()
    assert rang == ["endpoint detached", "pod ends"]


@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_time_that_is_not_faster_than_ours_goes_on_as_the_wall_says(scale: float) -> None:
    wall = [0.0]
    clock = Clock(scale=scale, start=0.0, wall=lambda: wall[0], stall=0.15)
    wall[0] += 10.0
    assert clock.now() == pytest.approx(10.0)


def test_whoever_serves_the_timers_lets_time_go_on() -> None:
    clock, wall = still()

    async def served() -> None:
        serving = asyncio.create_task(clock.run())
        for _ in range(4):
            wall[0] += 0.1
            clock.at(clock.now(), lambda: None)  # wakes it, as a request does
            for _ in range(5):
                await asyncio.sleep(0)
        serving.cancel()

    asyncio.run(served())
    assert clock.now() == pytest.approx(24.0)
