"""Where a swap starts, when the params name its goal already and the traffic is half way."""

import dataclasses

from edgebook.model.values import ResourceKey
from edgebook.moves import position, swap, swaps
from edgebook.moves.wish import Wish
from edgebook.params import Spec
from edgebook.plan.make import make

from tests.unit.ideal_cloud import IdealCloud, observe
from tests.unit.moves.worlds import carried_out, everywhere
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


def test_a_swap_back_home_is_known_after_its_exchange_too_also_half_way_in_a_stage() -> None:
    """SSL and TCP backends look as if they had never moved; only their annotations are left."""
    away, cloud = served_by("green"), IdealCloud()
    seen = observe(everywhere(HOME), negs=True)
    cloud.apply(make(away, seen, cloud.live), seen)
    ladder = swaps.ladder(HOME, seen, cloud.live, WISH)
    for index in range(1, len(ladder.stages)):
        plan = ladder.plan_of(index, cloud.live, seen)
        if index > ladder.stage(swap.EXCHANGE):
            begun, half = IdealCloud(cloud.live), dataclasses.replace(plan, changes=plan.to_do[:1])
            carried_out(begun, half, seen)
            assert swaps.ladder(HOME, seen, begun.live, WISH).hash == ladder.hash, index
        carried_out(cloud, plan, seen)
        last = index == len(ladder.stages) - 1
        if not last:
            assert swaps.ladder(HOME, seen, cloud.live, WISH).hash == ladder.hash, index


def test_who_joins_is_known_at_every_stage_though_both_are_wanted_and_attached() -> None:
    cloud, both = IdealCloud(), served_by("blue", "green")
    seen = observe(everywhere(HOME), negs=True)
    cloud.apply(make(HOME, seen, cloud.live), seen)
    wish = Wish(to=("blue", "green"))
    ladder = swaps.ladder(both, seen, cloud.live, wish)
    for index in range(1, len(ladder.stages) - 1):
        carried_out(cloud, ladder.plan_of(index, cloud.live, seen), seen)
        assert swaps.ladder(both, seen, cloud.live, wish).hash == ladder.hash, index
        found = position.find(ladder, cloud.live, seen)
        assert (found.done, found.partly) == (index, False)
    carried_out(cloud, ladder.plan_of(len(ladder.stages) - 1, cloud.live, seen), seen)
    assert swaps.ladder(both, seen, cloud.live, wish).title.startswith("nothing to move")


def test_a_capacity_that_was_set_by_hand_begins_no_move() -> None:
    cloud, both = IdealCloud(), served_by("blue", "green")
    seen = observe(everywhere(HOME), negs=True)
    cloud.apply(make(both, seen, cloud.live), seen)
    key = ResourceKey("backendService", "projects/shop-rehearsal/global", "shop-web")
    entries = [{**e, "capacityScaler": 0.3} for e in cloud.live[key].body["backends"]]
    cloud.put(key, {**cloud.live[key].body, "backends": entries})
    wish = Wish(to=("blue", "green"))
    assert swaps.ladder(both, seen, cloud.live, wish).title.startswith("nothing to move")


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
