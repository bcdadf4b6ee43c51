"""What a case of tests/cases/moves is about: a front door on an ideal cloud, and its move.

`built` are edits of the rehearsal's params before the move, `params` those of now (absent: the
same), `clusters` what the clusters say (see `case_worlds`), `wish` what the runbook is given.
The folder of a case names its move.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from edgebook.model.observed import Observed
from edgebook.model.values import Live, Plan, ResourceKey
from edgebook.moves import assume, clusters, failover, swap, zonal
from edgebook.moves.stages import Ladder
from edgebook.moves.wish import Wish
from edgebook.moves.zonal import ZoneFailover
from edgebook.params import Spec
from edgebook.plan.make import make

from tests.unit.case_worlds import observed_of
from tests.unit.ideal_cloud import IdealCloud, observe
from tests.unit.params_edits import spec_of

CASES = Path(__file__).parents[2] / "cases" / "moves"
COMPUTE = "projects/shop-rehearsal/global"


@dataclass
class World:
    """One case: `spec` is as the params are now, `seen` what the clusters say."""

    move: str
    case: dict[str, Any]
    spec: Spec
    cloud: IdealCloud
    seen: Observed

    @property
    def wish(self) -> dict[str, Any]:
        return dict(self.case.get("wish") or {})

    def ladder(self) -> Ladder:
        """As the engine makes it, from what is live now."""
        seen = assume.with_attached(self.seen, self.cloud.live, self.spec, self.assumed())
        made = MAKERS[self.move](dataclasses.replace(self, seen=seen))
        return dataclasses.replace(made, lost=assume.lost(self.seen))

    def assumed(self) -> tuple[str, ...]:
        return ASSUMED[self.move](self, self.cloud.live) if self.move in ASSUMED else ()

    def attached(self) -> Observed:
        """What the engine takes for observed while it carries a ladder out."""
        return assume.with_attached(self.seen, self.cloud.live, self.spec, self.assumed())

    def plan(self, ladder: Ladder, index: int) -> Plan:
        return ladder.plan_of(index, self.cloud.live, self.attached())

    def carry_out(self, plan: Plan) -> None:
        carried_out(self.cloud, plan, self.attached())


def carried_out(cloud: IdealCloud, plan: Plan, seen: Observed) -> None:
    """What the API would do; an annotation loses our ports."""
    gone = [c for c in plan.to_do if c.key.kind == "serviceAnnotation" and c.action == "delete"]
    rest = tuple(c for c in plan.to_do if c not in gone)
    cloud.apply(dataclasses.replace(plan, changes=rest), seen)
    for change in gone:
        body = dict(cloud.live[change.key].body)
        ports = {
            p: e
            for p, e in body["exposed_ports"].items()
            if p not in change.before["exposed_ports"]
        }
        cloud.put(change.key, {**body, "exposed_ports": ports})


def everywhere(spec: Spec) -> Spec:
    """All backends in all clusters: what GKE would have NEGs for."""
    active = tuple(sorted(spec.clusters))
    backends = {n: dataclasses.replace(b, active=active) for n, b in spec.backends.items()}
    return dataclasses.replace(spec, backends=backends)


def load(path: Path, *, whole: bool = False) -> World:
    """The world of a case before its move; `whole`: before anybody else touched it, too."""
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    if whole:
        case = {name: case[name] for name in case if name not in ("at", "half", "live")}
    before, cloud = spec_of(case.get("built")), IdealCloud()
    seen = observe(before, negs=True)
    cloud.apply(make(before, seen, cloud.live), seen)
    spec = spec_of({**(case.get("built") or {}), **(case.get("params") or {})})
    observed = observed_of(everywhere(spec), {**case, "negs": True})
    return World(path.parent.name, case, spec, cloud, observed)


def brought(path: Path) -> tuple[World, Ladder]:
    """The world as far as the case says that it had come: `at`, `half`, `live`."""
    world = load(path)
    case, ladder = world.case, world.ladder()
    for index in range(1, ladder.stage(case.get("at", "start")) + 1):
        world.carry_out(world.plan(ladder, index))
    if names := case.get("half"):
        plan = world.plan(ladder, ladder.stage(case["at"]) + 1)
        some = tuple(c for c in plan.to_do if c.key.kind in names)
        world.carry_out(dataclasses.replace(plan, changes=some))
    for edit in case.get("live", ()):
        key = ResourceKey(edit["kind"], COMPUTE, edit["name"])
        world.cloud.put(key, {**world.cloud.live[key].body, **edit["set"]})
    return world, ladder


# The moves


def _swap(world: World) -> Ladder:
    lists = ("to", "backends", "steps")
    wish = Wish(**{k: tuple(v) if k in lists else v for k, v in world.wish.items()})
    return swap.ladder(world.spec, world.seen, world.cloud.live, wish)


def _failover(world: World) -> Ladder:
    asked = clusters.asked_failover(world.spec, world.wish)
    make_ladder: Any = zonal.ladder if isinstance(asked, ZoneFailover) else failover.ladder
    made: Ladder = make_ladder(world.spec, world.seen, world.cloud.live, asked)
    return made


def _left_zone(world: World, live: Live) -> tuple[str, ...]:
    asked = clusters.asked_failover(world.spec, world.wish)
    return zonal.assumed(world.spec, live, asked) if isinstance(asked, ZoneFailover) else ()


MAKERS: dict[str, Callable[[World], Ladder]] = {"failover": _failover, "swap": _swap}
ASSUMED: dict[str, Callable[[World, Live], tuple[str, ...]]] = {"failover": _left_zone}
