"""What a case of tests/cases/moves is about: a front door on an ideal cloud, and its move.

`there` are resources that were there before anything was built, `built` edits of the rehearsal's
params before the move, `params` those of now (absent: the same), `clusters` what the clusters say
(see `case_worlds`), `wish` what the runbook is given, `history` Cloud DNS's list of changes.
A retirement has its `old` side, an upgrade GKE's Cluster as `body`. The folder of a case names its
move.
"""

import dataclasses
import functools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edgebook.base.errors import RefusedError
from edgebook.desired import Desired
from edgebook.model.observed import Observed
from edgebook.model.paths import namespace_scope, zone_scope
from edgebook.model.values import Live, LiveResource, Plan, ResourceKey
from edgebook.moves import (
    assume,
    classic_certificates,
    clusters,
    cut_over,
    cut_overs,
    failover,
    mechanics,
    ordinary,
    proxies,
    requirements,
    retire,
    scheme,
    schemes,
    swap,
    upgrade,
    zonal,
)
from edgebook.moves import wish as wishes
from edgebook.moves.classic_certificates import Proxy
from edgebook.moves.requirements import Pods
from edgebook.moves.retire import Old
from edgebook.moves.stages import Ladder
from edgebook.moves.upgrade import Upgrade
from edgebook.moves.wish import Wish
from edgebook.moves.zonal import ZoneFailover
from edgebook.params import Spec
from edgebook.plan.make import make, wanted

from tests import yamls
from tests.unit.case_worlds import observed_of
from tests.unit.ideal_cloud import IdealCloud, observe
from tests.unit.params_edits import spec_of

CASES = Path(__file__).parents[2] / "cases" / "moves"
COMPUTE = "projects/shop-rehearsal/global"
CERTIFICATES = "projects/shop-rehearsal/locations/global"
SCOPES = {
    "certificate": CERTIFICATES,
    "certificateMap": CERTIFICATES,
    "certificateMapEntry": f"{CERTIFICATES}/certificateMaps/shop",
    "dnsRecordSet": zone_scope("shop-rehearsal", "shop-example"),
}
CLUSTER = "projects/shop-rehearsal/locations/us-central1/clusters/blue"
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@dataclass
class World:
    """One case: `spec` is as the params are now, `seen` what the clusters say."""

    move: str
    case: dict[str, Any]
    spec: Spec
    cloud: IdealCloud
    seen: Observed
    history: list[dict[str, Any]] = field(default_factory=list)  # of Cloud DNS, newest first

    @property
    def live(self) -> Live:
        return self.cloud.live

    @property
    def wish(self) -> dict[str, Any]:
        return dict(self.case.get("wish") or {})

    def ladder(self) -> Ladder:
        """As the engine makes it, from what is live now."""
        seen = assume.with_attached(self.seen, self.cloud.live, self.spec, self.assumed())
        made = MAKERS[self.move](dataclasses.replace(self, seen=seen))
        return made.without(assume.lost(self.seen))

    def assumed(self) -> tuple[str, ...]:
        return ASSUMED[self.move](self, self.cloud.live) if self.move in ASSUMED else ()

    def attached(self) -> Observed:
        """What the engine takes for observed while it carries a ladder out."""
        return assume.with_attached(self.seen, self.cloud.live, self.spec, self.assumed())

    def plan(self, ladder: Ladder, index: int) -> Plan:
        return ladder.plan_of(index, self.cloud.live, self.attached())

    def carry_out(self, plan: Plan) -> None:
        """As the APIs would; Cloud DNS keeps what a record set was."""
        for change in plan.to_do:
            if change.key.kind == "dnsRecordSet" and change.key in self.live:
                self.history.insert(0, {"deletions": [dict(self.live[change.key].body)]})
        carried_out(self.cloud, plan, self.attached())

    @property
    def left_only(self) -> bool:
        """Whether the ladder is made of what an ordinary plan still has to do."""
        certificates = self.move == "certificates" and "proxies" not in self.wish
        return self.move == "zones" or certificates

    @property
    def wanted(self) -> Desired:
        return wanted(self.spec, self.seen, self.live)

    def problems(self) -> list[str]:
        """What the move's runbook would refuse to begin for, where that is a pure question."""
        return list(PROBLEMS[self.move](self)) if self.move in PROBLEMS else []


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
    case = yamls.read(path.read_text(encoding="utf-8")) or {}
    if whole:
        case = {name: case[name] for name in case if name not in ("at", "half", "live")}
    shown = {name: case.get(name) for name in ("built", "there", "body")}
    cloud = IdealCloud(_built(json.dumps(shown)))
    spec = _spec(json.dumps({**(case.get("built") or {}), **(case.get("params") or {})}))
    observed = observed_of(everywhere(spec), {**case, "negs": True})
    history = list(case.get("history") or ())
    return World(path.parent.name, case, spec, cloud, observed, history)


@functools.cache
def _spec(edits: str) -> Spec:
    return spec_of(json.loads(edits))


@functools.cache
def _built(shown: str) -> dict[ResourceKey, LiveResource]:
    """What is live when the params before the move are applied; made once for equal cases."""
    case = json.loads(shown)
    spec, cloud = _spec(json.dumps(case["built"] or {})), IdealCloud()
    for key, body in upgrade.keys(CLUSTER, case["body"] or {}):
        cloud.put(key, body)
    for one in case["there"] or ():
        cloud.put(key_of(one), one["body"])
    seen = observe(spec, negs=True)
    cloud.apply(make(spec, seen, cloud.live), seen)
    return cloud.live


def key_of(one: dict[str, Any]) -> ResourceKey:
    """`kind` and `name`; `scope` where the kind does not say it, such as `blue/shop`."""
    kind, scope = one["kind"], one.get("scope", "")
    if "/" in scope and "projects/" not in scope:
        scope = namespace_scope(*scope.split("/"))
    return ResourceKey(kind, scope or SCOPES.get(kind, COMPUTE), one["name"])


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
        key = key_of(edit)
        if edit.get("gone"):
            del world.cloud.live[key]
            continue
        old = world.live[key].body if key in world.live else {}
        world.cloud.put(key, {**old, **edit["set"]})
    return world, ladder


# The moves


def _swap(world: World) -> Ladder:
    lists = ("to", "backends", "steps")
    wish = Wish(**{k: tuple(v) if k in lists else v for k, v in world.wish.items()})
    return swap.ladder(world.spec, world.seen, world.cloud.live, wish)


def _unequal(world: World) -> Iterator[str]:
    """`pods`: ready Pods by cluster, the same for every backend."""
    if "pods" not in world.case:
        return
    lists = ("to", "backends", "steps")
    wish = Wish(**{k: tuple(v) if k in lists else v for k, v in world.wish.items()})
    moving = mechanics.sides(world.spec, wish)
    pods = {(name, cluster): Pods({"": number})
            for name in moving for cluster, number in world.case["pods"].items()}  # fmt: skip
    try:
        requirements.check(world.spec, world.seen, moving, wish, pods)
    except RefusedError as error:
        yield from error.why.splitlines()


def _failover(world: World) -> Ladder:
    asked = clusters.asked_failover(world.spec, world.wish)
    make_ladder: Any = zonal.ladder if isinstance(asked, ZoneFailover) else failover.ladder
    made: Ladder = make_ladder(world.spec, world.seen, world.cloud.live, asked)
    return made


def _left_zone(world: World, live: Live) -> tuple[str, ...]:
    asked = clusters.asked_failover(world.spec, world.wish)
    return zonal.assumed(world.spec, live, asked) if isinstance(asked, ZoneFailover) else ()


def _zones(world: World) -> Ladder:
    plan = make(world.spec, world.seen, world.live)
    return ordinary.zones(world.spec, world.wanted, world.live, plan)


def _certificates(world: World) -> Ladder:
    if "proxies" in world.wish:
        soak = wishes.seconds(world.wish.get("soak", wishes.SOAK), "soak")
        return classic_certificates.ladder(world.spec, world.wanted, _leaving(world), soak)
    plan = make(world.spec, world.seen, world.live)
    return ordinary.certificates(world.spec, world.wanted, world.live, plan)


def _leaving(world: World) -> tuple[Proxy, ...]:
    named, back = (proxies.words(world.wish.get(name)) for name in ("proxies", "classic"))
    return proxies.proxies(world.spec, world.live, named, back)


def _unserved(world: World) -> Iterator[str]:
    """`classic`: the SslCertificates by name."""
    if "proxies" not in world.wish:
        return
    known = {f"{COMPUTE}/sslCertificates/{n}": b for n, b in world.case["classic"].items()}
    found = _leaving(world)
    yield from classic_certificates.problems(world.spec, world.live, found, known, NOW)


def _cut_over(world: World) -> Ladder:
    asked = cut_overs.asked(world.spec, world.wish)
    return cut_over.ladder(world.spec, world.wanted, world.live, world.history, asked)


def _obstacles(world: World) -> list[str]:
    asked = cut_overs.asked(world.spec, world.wish)
    found = cut_over.origins(world.spec, world.live, world.history, asked)
    return cut_over.obstacles(world.spec, world.live, found)


def _old(world: World) -> Old | None:
    old = world.case["old"]
    if old is None:
        return None
    pairs = {name: tuple(tuple(one.split("/")) for one in old.get(name, ()))
             for name in ("ingresses", "certificates")}  # fmt: skip
    records = {
        ResourceKey("dnsRecordSet", SCOPES["dnsRecordSet"], name): body
        for name, body in old.get("records", {}).items()
    }
    return Old(**{**old, **pairs, "records": records})


def _retire(world: World) -> Ladder:
    times = {f"{name}_s": wishes.seconds(world.wish[name], name) for name in ("quiet", "soak")}
    return retire.ladder(world.wanted, _old(world), ttl=300, **times)


def _still_used(world: World) -> Iterator[str]:
    if old := _old(world):
        yield from retire.problems(world.live, old)


def _scheme(world: World) -> Ladder:
    found = schemes.classic(world.live, proxies.words(world.wish["rules"]))
    steps = scheme.steps(world.wish.get("steps"))
    return scheme.ladder(world.spec, world.wanted, found, steps, 600)


def _upgrade(world: World) -> Ladder:
    return upgrade.ladder(world.spec, world.wanted, world.case["body"], _asked_upgrade(world))


def _asked_upgrade(world: World) -> Upgrade:
    pools = tuple(world.wish.get("pools", ()))
    return Upgrade(world.wish["cluster"], CLUSTER, world.wish["version"], pools, 600)


def _losing(world: World) -> Iterator[str]:
    """`services`: a Service's pods, budgets and ready pods by zone."""
    body, version = world.case["body"], world.wish["version"]
    yield from upgrade.excluded(body, version, NOW)
    yield from upgrade.goes_back(body, version)
    for name, has in world.case.get("services", {}).items():
        yield from upgrade.problems(name, has["pods"], has.get("budgets", ()), has.get("ready"))


MAKERS: dict[str, Callable[[World], Ladder]] = {
    "certificates": _certificates,
    "cut_over": _cut_over,
    "failover": _failover,
    "retire": _retire,
    "scheme": _scheme,
    "swap": _swap,
    "upgrade": _upgrade,
    "zones": _zones,
}
PROBLEMS: dict[str, Callable[[World], Iterable[str]]] = {
    "certificates": _unserved,
    "cut_over": _obstacles,
    "retire": _still_used,
    "swap": _unequal,
    "upgrade": _losing,
}
ASSUMED: dict[str, Callable[[World, Live], tuple[str, ...]]] = {"failover": _left_zone}
