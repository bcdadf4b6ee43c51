"""What a request that fails takes back: its own writes, and nobody else's."""

import pytest
from gcpsim.core.clock import Clock
from gcpsim.core.errors import ApiError
from gcpsim.core.world import World


def refused(world: World) -> None:
    world.store.table("t").put("its own", {})
    raise ApiError(404, "not here", "notFound")


def test_a_refused_request_takes_back_only_what_it_wrote() -> None:
    world = World(clock=Clock(paused=True))
    world.store.table("t").put("a verdict found between requests", {})
    with pytest.raises(ApiError):
        world.transact(lambda: refused(world))
    assert list(world.store.table("t").keys()) == ["a verdict found between requests"]


def test_a_timer_that_fails_takes_back_only_what_it_wrote() -> None:
    world = World(clock=Clock(paused=True))
    world.store.table("t").put("a verdict found between requests", {})
    with pytest.raises(ApiError):
        world.timer(lambda: refused(world))
    assert list(world.store.table("t").keys()) == ["a verdict found between requests"]
