"""Whatever is edited on a live front door: what served before and is wanted after serves all along.

Every plan is carried out one change at a time, in a random order that its dependencies allow, and
after each change the client's side is looked at (`tests.unit.serving`): all at once as `apply`
does, and step by step as the notebooks do.
"""

import dataclasses
import random
from collections.abc import Iterable
from typing import Any

from edgebook.base.errors import ParamsError
from edgebook.model.kinds import kind_of
from edgebook.model.observed import Observed, ObservedService
from edgebook.model.values import Action, Change, Plan, ResourceKey, Step
from edgebook.params import Spec
from edgebook.plan import order
from edgebook.plan.lines import of_plan
from edgebook.plan.make import make, refusal
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.unit.ideal_cloud import IdealCloud, neg_of, observe
from tests.unit.params_edits import spec_of
from tests.unit.plan.edits import PARAMS, ROOM
from tests.unit.serving import Item, World

POLICY = ResourceKey("securityPolicy", "projects/shop-rehearsal/global", "shop-armor")
LISTENING = frozenset({9100})


def spec_or_none(edits: dict[str, Any]) -> Spec | None:
    try:
        return spec_of({**edits, **ROOM})
    except (ParamsError, IndexError, KeyError):
        return None


def _services(spec: Spec, cluster: str) -> tuple[ObservedService, ...]:
    found = observe(spec, negs=True).clusters.get(cluster)
    return found.services if found else ()


def seen_by(*specs: Spec) -> Observed:
    """The clusters with the NEGs of all these params: GKE keeps old ones while they are held."""
    found = observe(specs[-1], negs=True)
    clusters = {}
    for name, cluster in found.clusters.items():
        services = []
        of_all = [s for one in reversed(specs) for s in _services(one, name)]
        for service in {(s.namespace, s.name): s for s in reversed(of_all)}.values():
            negs, ports = list(service.negs), dict(service.target_ports)
            for spec in specs:
                for backend in spec.backends.values():
                    neg = backend.neg
                    if (neg.namespace, neg.service) != (service.namespace, service.name):
                        continue
                    ports.setdefault(neg.port, (8443 if neg.port == 443 else neg.port,))
                    if name in backend.active:
                        full = neg.name.replace("{cluster}", name)
                        negs += [neg_of(spec, full, z, port=neg.port) for z in cluster.zones]
            services.append(
                dataclasses.replace(service, negs=tuple(dict.fromkeys(negs)), target_ports=ports)
            )
        clusters[name] = dataclasses.replace(cluster, services=tuple(services))
    return dataclasses.replace(found, clusters=clusters)


class Watched:
    """An ideal cloud that is looked at after each change."""

    def __init__(self, cloud: IdealCloud, observed: Observed, spec: Spec) -> None:
        self.cloud = cloud
        self.observed = observed
        self.hostnames = spec.hostnames
        self.lost: dict[str, str] = {}  # what no longer serves -> after which change

    @property
    def world(self) -> World:
        return World(self.cloud.live, self.observed, LISTENING)

    def carry_out(self, plan: Plan, kept: set[Item], names: set[Any], rng: random.Random) -> None:
        waits = order.before(plan.changes, self.cloud.live)
        todo = {change.key: change for change in plan.to_do}
        while todo:
            ready = sorted(key for key in todo if not waits[key] & set(todo))
            assert ready, f"changes wait for each other: {sorted(map(str, todo))}"
            change = todo.pop(rng.choice(ready))
            self._pass_gates(change)
            self._do(change)
            served = self.world.served(self.hostnames)
            for item in kept - served:
                self.lost.setdefault(str(item), f"{change.action} {change.key}")
            for name in names - self.world.names():
                self.lost.setdefault(str(name), f"{change.action} {change.key}")

    def _do(self, change: Change) -> None:
        self.cloud.apply(Plan((change,)), self.observed)
        if change.key.kind == "certificate" and change.action is not Action.DELETE:
            body = self.cloud.live[change.key].body
            managed = {**body["managed"], "state": "PROVISIONING"}
            if change.action is Action.CREATE:
                self.cloud.put(change.key, {**body, "managed": managed})

    def _pass_gates(self, change: Change) -> None:
        """Time passes until the gates open; a gate that would never open is a run that fails."""
        for wait in change.waits:
            body = self.cloud.live[wait.key].body if wait.key in self.cloud.live else None
            if wait.key.kind == "certificate":
                assert body is not None, f"{change.key} waits for {wait.key}, which is not there"
                managed = {**body["managed"], "state": "ACTIVE"}
                self.cloud.put(wait.key, {**body, "managed": managed})
            elif wait.key.kind == "certificateMapEntry":
                assert body is not None, f"{change.key} waits for {wait.key}, which is not there"

    def settle(self) -> None:
        for key, item in list(self.cloud.live.items()):
            if key.kind == "certificate":
                managed = {**item.body["managed"], "state": "ACTIVE"}
                self.cloud.put(key, {**item.body, "managed": managed})


def built(spec: Spec, observed: Observed) -> IdealCloud:
    cloud = IdealCloud()
    cloud.put(POLICY, {"name": "shop-armor"})
    cloud.apply(make(spec, observed, cloud.live), observed)
    return cloud


def said(plan: Plan) -> set[ResourceKey]:
    """The objects of which the plan says that changing them disrupts."""
    return {
        ResourceKey(kind_of(c.key).object_kind or c.key.kind, c.key.scope, c.key.name)
        for c in plan.to_do
        if c.disrupts
    }


def announced(items: Iterable[Item], chains: dict[Item, set[ResourceKey]], plan: Plan) -> set[Item]:
    disrupting = said(plan)
    return {item for item in items if chains[item] & disrupting}


def ready(before: dict[str, Any], after: dict[str, Any]) -> tuple[Spec, Spec, Observed, IdealCloud]:
    one, other = spec_or_none(before), spec_or_none(after)
    assume(one is not None and other is not None)
    assert one is not None and other is not None
    observed = seen_by(one, other)
    return one, other, observed, built(one, seen_by(one))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(PARAMS, PARAMS, st.integers(0, 9))
def test_what_serves_and_is_wanted_serves_all_along(
    before: dict[str, Any], after: dict[str, Any], seed: int
) -> None:
    _, spec, observed, cloud = ready(before, after)
    plan = make(spec, observed, cloud.live)
    assume(refusal(plan, spec.safety, made=of_plan("FILE")) is None)
    check(cloud, spec, observed, [plan.only(tuple(Step))], random.Random(seed))
    assert make(spec, observed, cloud.live).to_do == ()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(PARAMS, PARAMS, st.integers(0, 9))
def test_it_does_also_when_the_notebooks_do_it_step_by_step(
    before: dict[str, Any], after: dict[str, Any], seed: int
) -> None:
    _, spec, observed, cloud = ready(before, after)
    assume(refusal(make(spec, observed, cloud.live), spec.safety, made=of_plan("FILE")) is None)
    check(cloud, spec, observed, list(Step), random.Random(seed))
    assert make(spec, observed, cloud.live).to_do == ()


def check(
    cloud: IdealCloud, spec: Spec, observed: Observed, parts: list[Any], rng: random.Random
) -> None:
    """Carry the parts out (plans, or steps planned anew) and look after each change."""
    whole = make(spec, observed, cloud.live)
    watched = Watched(cloud, observed, spec)
    world = watched.world
    serving, names = world.served(spec.hostnames), world.names()
    final = IdealCloud(cloud.live)
    final.apply(whole, observed)
    after = World(final.live, observed, LISTENING)
    wanted = serving & after.served(spec.hostnames)
    told = announced(wanted, world.chains, whole)
    kept_names = {name for name in names & after.names() if name[1] != "CNAME"}
    for part in parts:
        plan = part if isinstance(part, Plan) else make(spec, observed, cloud.live).only(part)
        watched.carry_out(plan, wanted - told, kept_names, rng)
    watched.settle()
    assert watched.lost == {}
