"""Where a swap starts, when the params name its goal already and the traffic is half way."""

import dataclasses

from edgebook.moves import swap, swaps
from edgebook.moves.wish import Wish
from edgebook.params import Spec
from edgebook.plan.make import make

from tests.unit.ideal_cloud import IdealCloud, observe
from tests.unit.moves.test_cases import carried_out, everywhere
from tests.unit.params_edits import spec_of

HOME = spec_of({})  # every backend in blue
WISH = Wish(to=("blue",))


def served_by(*clusters: str) -> Spec:
    backends = {n: dataclasses.replace(b, active=clusters) for n, b in HOME.backends.items()}
    return dataclasses.replace(HOME, backends=backends)


def test_a_swap_back_home_starts_at_green_at_every_stage_until_the_exchange() -> None:
    away, cloud = served_by("green"), IdealCloud()
    seen = observe(everywhere(HOME), negs=True)
    cloud.apply(make(away, seen, cloud.live), seen)
    wish = dataclasses.replace(WISH, source=swaps.sources(HOME, seen, cloud.live, WISH))
    ladder = swap.ladder(HOME, seen, cloud.live, wish)
    assert ladder.title.endswith("from green (europe-west1) to blue (us-central1)")
    for index in range(1, ladder.stage(swap.EXCHANGE)):
        carried_out(cloud, ladder.plan_of(index, cloud.live, seen), seen)
        assert set(swaps.sources(HOME, seen, cloud.live, WISH).values()) == {("green",)}
        assert swaps.ladder(HOME, seen, cloud.live, WISH).hash == ladder.hash


def test_params_that_say_both_already_start_where_it_is_attached() -> None:
    cloud, both = IdealCloud(), served_by("blue", "green")
    seen = observe(everywhere(HOME), negs=True)
    cloud.apply(make(HOME, seen, cloud.live), seen)
    wish = Wish(to=("blue", "green"))
    assert set(swaps.sources(both, seen, cloud.live, wish).values()) == {("blue",)}
    assert swaps.ladder(both, seen, cloud.live, wish).stages[1].name == swap.ATTACH
    assert set(swaps.sources(both, seen, IdealCloud().live, wish).values()) == {wish.to}


def test_who_serves_from_both_starts_at_both() -> None:
    both, cloud = served_by("blue", "green"), IdealCloud()
    seen = observe(everywhere(HOME), negs=True)
    cloud.apply(make(both, seen, cloud.live), seen)
    assert set(swaps.sources(HOME, seen, cloud.live, WISH).values()) == {("blue", "green")}
