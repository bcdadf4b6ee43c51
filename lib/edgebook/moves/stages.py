"""The values of a move: stages, and the ladder that they make, with one hash over all of it.

A stage is the desired resources of one moment. What it changes is told against the stage before it,
so a ladder reads and hashes the same however far the traffic has come. Pure.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from edgebook.desired import Desired
from edgebook.model.kinds import kind_of
from edgebook.model.observed import Observed
from edgebook.model.paths import cluster_of
from edgebook.model.values import (
    Action,
    Change,
    Live,
    Plan,
    Resource,
    ResourceKey,
    to_json,
)
from edgebook.plan.approval import Asked
from edgebook.plan.diff import diff
from edgebook.plan.order import in_order

START = "start"


@dataclass(frozen=True)
class Gate:
    """What must hold before the next stage: all of it is looked at, in this order.

    `healthy` are clusters whose endpoints must all be HEALTHY in every zone, `quiet` those that
    must serve nothing any more; `spread_s` is how long the change may take to reach every location.
    """

    healthy: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ()
    drain_s: int = 0
    patience_s: int = 0  # how long the quiet ones are waited for, drain included
    spread_s: int = 0
    strict: bool = False  # who is not quiet in the end stops the move; else is cut, as it says
    judged: bool = False  # the meter decides
    collected: bool = False  # GKE has taken the NEGs away

    def __str__(self) -> str:
        parts = [f"{', '.join(self.healthy)} HEALTHY in every zone"] if self.healthy else []
        for_s = f" for {self.drain_s} s" if self.strict else ""
        parts += [f"{', '.join(self.quiet)} serves nothing{for_s}"] if self.quiet else []
        parts += [f"{self.drain_s} s waited out"] if self.drain_s and not self.quiet else []
        parts += ["the meter says ok"] if self.judged else []
        parts += ["GKE has collected the NEGs"] if self.collected else []
        return ", ".join(parts) or "-"

    def to_json(self) -> dict[str, Any]:
        return {
            "healthy": list(self.healthy),
            "quiet": list(self.quiet),
            "drain_s": self.drain_s,
            "patience_s": self.patience_s,
            "spread_s": self.spread_s,
            "strict": self.strict,
            "judged": self.judged,
            "collected": self.collected,
            "text": str(self),
        }


@dataclass(frozen=True)
class Stage:
    """One rung. `back` names the stage to which a breach goes back; empty: there is none.

    `before` must hold before anything of the stage is changed, `gate` afterwards. `extra` are
    changes that a comparison of resources does not tell (an annotation that is taken away).
    """

    name: str
    what: str
    desired: Desired
    share: Mapping[str, float] = field(default_factory=dict)
    before: Gate = field(default_factory=Gate)
    gate: Gate = field(default_factory=Gate)
    soak_s: int = 0
    back: str = ""
    extra: tuple[Change, ...] = ()
    disrupts: str = ""
    cuts: tuple[str, ...] = ()  # frontends whose long streams end here
    known: tuple[Change, ...] = ()  # what it changes now, where no stage before it tells that

    def goals(self, scope: frozenset[ResourceKey]) -> dict[str, Any]:
        """The bodies of the move's resources at this stage."""
        bodies = {r.key.id: to_json(r.body) for r in self.desired.resources if r.key in scope}
        return bodies | {f"{c.action} {c.key.id}": to_json(c.before) for c in self.extra}

    def resource(self, key: ResourceKey) -> Resource | None:
        return self._resources.get(key)

    @cached_property
    def _resources(self) -> dict[ResourceKey, Resource]:
        return {r.key: r for r in self.desired.resources}


@dataclass(frozen=True)
class Ladder:
    """The stages of a move, the first of which is the start: nothing is done for it."""

    move: str  # swap, cut-over, ...
    title: str
    stages: tuple[Stage, ...]
    notes: tuple[str, ...] = ()
    front_door: str = ""
    environment: str = ""
    besides: frozenset[ResourceKey] = frozenset()  # of other moves: must not be there
    to: tuple[str, ...] = ()
    allows: tuple[str, ...] = ()  # what it may cost users beyond the usual
    lost: tuple[str, ...] = ()  # clusters whose Kubernetes API does not answer now

    @cached_property
    def scope(self) -> frozenset[ResourceKey]:
        """The resources that differ between any two neighbouring stages."""
        found: set[ResourceKey] = set(self.besides)
        for one, other in zip(self.stages, self.stages[1:], strict=False):
            before = {r.key: r for r in one.desired.resources}
            after = {r.key: r for r in other.desired.resources}
            for key in before.keys() | after.keys():
                if not _same(before.get(key), after.get(key)):
                    found.add(key)
        return frozenset(found)

    def without(self, lost: tuple[str, ...]) -> "Ladder":
        """The same while the Kubernetes API of some clusters does not answer."""
        notes = tuple(
            f"the Kubernetes API of {name} does not answer: of {name} nothing is known but the "
            "NEGs that are attached"
            for name in lost
        )
        return replace(self, lost=lost, notes=(*self.notes, *notes))

    def stage(self, name: str) -> int:
        return next(i for i, stage in enumerate(self.stages) if stage.name == name)

    def told(self, index: int) -> tuple[Change, ...]:
        """What a stage changes against the one before it, symbolically and in order."""
        one, other = self.stages[index - 1], self.stages[index]
        if other.known:
            return tuple(in_order(other.known, {}))
        keys = {r.key for r in (*one.desired.resources, *other.desired.resources)} & self.scope
        users = _users(one.desired)
        found = [
            _told(one.resource(key), other.resource(key), users.get(key, ()))
            for key in sorted(keys)
        ]
        changes = [*(change for change in found if change is not None), *other.extra]
        return tuple(in_order(changes, {}))

    def progress(self, index: int) -> float | None:
        """The share of the side that the move goes to, in per cent, where shares are known."""
        stage = self.stages[index]
        shares = [stage.share[name] for name in self.to if name in stage.share]
        return max(shares) if shares else None

    @cached_property
    def _desired(self) -> tuple[Desired, ...]:
        """Each stage's resources of this move; all others are neither compared nor deleted."""
        return tuple(_only(stage.desired, self.scope) for stage in self.stages)

    def plan_of(self, index: int, live: Live, observed: Observed) -> Plan:
        """The ordinary plan that brings what is live to a stage; only the move's resources."""
        stage, scope = self.stages[index], self.scope
        found = [
            change
            for change in diff(self._desired[index], live, observed)
            if change.key in scope and not self._out_of_reach(change)
        ]
        left = [change for change in stage.extra if extra_left(change, live)]
        changes = tuple(in_order((*found, *left), live))
        return Plan(changes, self.front_door, self.environment, allows=self.allows)

    def _out_of_reach(self, change: Change) -> bool:
        """A Service of a cluster whose API does not answer: nobody knows its annotation."""
        of_service = change.key.kind in ("serviceAnnotation", "unexposure")
        return of_service and cluster_of(change.key.scope) in self.lost

    @cached_property
    def plan(self) -> Plan:
        """All changes of all stages, in their order, for approval.

        Its hash covers gates, soaks and ways back.
        """
        changes = [change for index in range(1, len(self.stages)) for change in self.told(index)]
        stages = tuple(self.stages_json())
        return Plan(tuple(changes), self.front_door, self.environment, stages, self.allows)

    @property
    def hash(self) -> str:
        return self.plan.hash

    @property
    def asked(self) -> Asked:
        """What an approval has to be for."""
        plan = self.plan
        size = len(plan.to_do)
        return Asked(plan.hash, size, self.environment, self.front_door, self.move, plan)

    def stages_json(self) -> list[dict[str, Any]]:
        """Every stage but the start, as `plan --json` prints it."""
        return [self._stage_json(index) for index in range(1, len(self.stages))]

    def _stage_json(self, index: int) -> dict[str, Any]:
        stage = self.stages[index]
        return {
            "name": stage.name,
            "what": stage.what,
            "changes": [change.to_json() for change in self.told(index)],
            "before": stage.before.to_json(),
            "gate": str(stage.gate),
            "gates": stage.gate.to_json(),
            "soak_s": stage.soak_s,
            "share": dict(sorted(stage.share.items())),
            "back": stage.back,
            "disrupts": stage.disrupts,
            "cuts": list(stage.cuts),
        }

    @property
    def seconds(self) -> int:
        """How long it takes at least, in the environment's seconds."""
        return sum(
            gate.drain_s + gate.spread_s
            for stage in self.stages
            for gate in (stage.before, stage.gate)
        ) + sum(stage.soak_s for stage in self.stages)


def extra_left(change: Change, live: Live) -> bool:
    """Whether a change that no comparison tells is still to be done."""
    found = live.get(change.key)
    if found is None:
        return False
    if change.key.kind != "serviceAnnotation":
        return change.action is Action.DELETE
    ours = change.before.get("exposed_ports") or {}
    there = found.body.get("exposed_ports") or {}
    return any((there.get(port) or {}).get("name") == e.get("name") for port, e in ours.items())


def _only(desired: Desired, scope: frozenset[ResourceKey]) -> Desired:
    mine = tuple(r for r in desired.resources if r.key in scope)
    others = {r.key for r in desired.resources} - scope
    return replace(desired, resources=mine, kept=desired.kept | others, at_once=True)


def _same(one: Resource | None, other: Resource | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.body == other.body or _json(one.body) == _json(other.body)


def _users(desired: Desired) -> dict[ResourceKey, list[ResourceKey]]:
    """Who needs what, of the resources of one stage."""
    found: dict[ResourceKey, list[ResourceKey]] = {}
    for resource in desired.resources:
        for key in resource.needs:
            found.setdefault(key, []).append(resource.key)
    return found


def _told(
    one: Resource | None, other: Resource | None, users: Iterable[ResourceKey]
) -> Change | None:
    if _same(one, other):
        return None
    if other is None:
        assert one is not None
        if not kind_of(one.key).deletable:
            return None  # an annotation goes by `extra`, entries with their backend service
        gone = Change(Action.DELETE, one.key, one.step, "not needed any more")
        return replace(gone, depends=tuple(sorted(users)))
    if one is None:
        made = Change(Action.CREATE, other.key, other.step, other.what, after=other.body)
        return replace(made, depends=other.needs)
    changed = [name for name in other.body if _json(other.body[name]) != _json(one.body.get(name))]
    before = {name: one.body.get(name) for name in changed}
    fields = tuple(sorted(changed))
    told = Change(Action.UPDATE, other.key, other.step, other.what, "", before, other.body, fields)
    return replace(told, depends=other.needs)


def _json(value: Any) -> str:
    return json.dumps(to_json(value), sort_keys=True)
