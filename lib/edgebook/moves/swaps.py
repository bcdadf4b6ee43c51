"""A swap as a runbook asks for it: parameters to a wish, and where it starts, read from live."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edgebook.base.errors import OwnershipError, UsageError
from edgebook.front_door import Moment
from edgebook.model.links import canonical
from edgebook.model.observed import Observed
from edgebook.model.paths import compute_scope
from edgebook.model.values import Live, ResourceKey
from edgebook.moves import mechanics, pods, position, requirements, swap
from edgebook.moves import wish as wishes
from edgebook.moves.stages import Ladder
from edgebook.moves.wish import Wish
from edgebook.params.names import Names
from edgebook.params.types import Spec

TAKES = ("to", "backends", "steps", "soak", "spread", "patience", "first", "allow_fewer")
MIRROR = "mirror"


def wish(spec: Spec, options: Mapping[str, Any]) -> Wish:
    """A runbook's parameters, checked."""
    if stray := sorted(set(options) - set(TAKES)):
        why = f"it takes {', '.join(TAKES)}"
        raise UsageError(f"A swap takes no {', '.join(stray)}", where="book.move", why=why)
    first = str(options.get("first") or "")
    canary = "" if first == MIRROR else first
    if canary:
        wishes.header(canary)
    return Wish(
        to=wishes.clusters(options.get("to") or "", spec),
        backends=tuple(options.get("backends") or ()),
        steps=wishes.steps(options.get("steps") or ()),
        soak_s=wishes.seconds(options.get("soak") or wishes.SOAK, "soak"),
        spread_s=wishes.seconds(options.get("spread") or wishes.SPREAD, "spread"),
        patience_s=wishes.seconds(options.get("patience") or wishes.PATIENCE, "patience"),
        canary=canary,
        mirror=first == MIRROR,
        allow_fewer=bool(options.get("allow_fewer", False)),
    )


def ladder(spec: Spec, observed: Observed, live: Live, wanted: Wish) -> Ladder:
    """The ladder from where the params, or else what is live, say that traffic goes now."""
    if not wanted.source:
        wanted = replace(wanted, source=sources(spec, observed, live, wanted))
    return swap.ladder(spec, observed, live, wanted)


def sources(spec: Spec, observed: Observed, live: Live, wanted: Wish) -> dict[str, tuple[str, ...]]:
    """Where each backend of the wish is served now, or was when its move began.

    What is attached does not always say that: a guess holds when live is at a stage of its ladder.
    """
    plain = _sources(spec, observed, live, wanted)
    for guess in (
        _overlapping(spec, observed, live, wanted, plain),
        _released_late(spec, observed, wanted, plain),
    ):
        if guess != plain and _stands(spec, observed, live, replace(wanted, source=guess)):
            return guess
    return plain


def _stands(spec: Spec, observed: Observed, live: Live, wanted: Wish) -> bool:
    """Whether live is somewhere between the start and the end of this move."""
    made = swap.ladder(spec, observed, live, wanted)
    try:
        found = position.find(made, live, observed)
    except OwnershipError:
        return False
    return found.partly or 0 < found.done < len(made.stages) - 1


def _overlapping(
    spec: Spec, observed: Observed, live: Live, wanted: Wish, plain: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Both sides are wanted and attached: the one that has no whole capacity yet is arriving."""
    found = dict(plain)
    for name, source in plain.items():
        if source != wanted.to or spec.backends[name].active != wanted.to or len(source) == 1:
            continue
        whole = {c: mechanics.full(spec.backends[name], c) for c in source}
        coming = {c for c in source if _capacity(spec, observed, live, name, c) < whole[c]}
        if coming and coming != set(source):
            found[name] = tuple(cluster for cluster in source if cluster not in coming)
    return found


def _released_late(
    spec: Spec, observed: Observed, wanted: Wish, plain: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """All of the new side is served there; of the old one only the annotations are left."""
    found, names = dict(plain), Names(spec)
    for name, source in plain.items():
        if source != wanted.to or spec.backends[name].active != wanted.to:
            continue
        neg = spec.backends[name].neg
        left = tuple(
            sorted(
                cluster
                for cluster, seen in observed.clusters.items()
                if cluster not in wanted.to
                and (service := seen.service(neg.namespace, neg.service))
                and any(n.name == names.neg(name, cluster) for n in service.negs if not n.leaving)
            )
        )
        found[name] = left or source
    return found


def _sources(
    spec: Spec, observed: Observed, live: Live, wanted: Wish
) -> dict[str, tuple[str, ...]]:
    """By what is attached.

    One that has both sides attached may be half moved by capacity, or have been served from both.
    It is half moved when the new side has no capacity yet, or when others of the wish are.
    """
    names = wishes.backends(wanted.backends, spec)
    found = {name: _source(spec, observed, live, name, wanted) for name in names}
    to = set(wanted.to)
    moving = any(not set(source) & to for source in found.values())
    for name, source in found.items():
        left = tuple(cluster for cluster in source if cluster not in to)
        there = to & set(source)
        if not left or not there or spec.backends[name].active != wanted.to:
            continue
        if moving or all(_capacity(spec, observed, live, name, c) == 0 for c in there):
            found[name] = left
    return found


def _capacity(spec: Spec, observed: Observed, live: Live, name: str, cluster: str) -> float:
    """The capacity of a backend's attached NEGs of one cluster, the largest; 1 without any."""
    groups = {
        canonical(neg.link)
        for service in observed.clusters[cluster].services
        for neg in service.negs
    }
    mine = [e for e in _entries(spec, live, name) if canonical(str(e.get("group"))) in groups]
    return max((float(entry.get("capacityScaler", 1)) for entry in mine), default=1.0)


def served(spec: Spec, observed: Observed, live: Live) -> Spec:
    """The params with each backend's clusters as they are attached now."""
    backends = {
        name: replace(backend, active=_attached(spec, observed, live, name) or backend.active)
        for name, backend in spec.backends.items()
    }
    return replace(spec, backends=backends)


def require(spec: Spec, moment: Moment, wanted: Wish) -> None:
    """Raises RefusedError unless the new side can take over."""
    found = ladder(spec, moment.observed, moment.live, wanted)
    if len(found.stages) == 1:
        return
    source = wanted.source or sources(spec, moment.observed, moment.live, wanted)
    moving = mechanics.sides(spec, replace(wanted, source=source))
    clusters = {cluster for side in moving.values() for cluster in side.both}
    counted = pods.count(moment.reader, spec, moving, clusters)
    requirements.check(spec, moment.observed, moving, wanted, counted)


def _source(spec: Spec, observed: Observed, live: Live, name: str, wanted: Wish) -> tuple[str, ...]:
    """The params' clusters; where they already say the goal, those that are attached now."""
    active = tuple(sorted(spec.backends[name].active))
    if active != wanted.to:
        return active
    attached = _attached(spec, observed, live, name)
    if attached and set(attached) != set(wanted.to):
        return attached
    twin = ResourceKey(
        "backendService",
        compute_scope(spec.project),
        Names(spec).backend_service(mechanics.twin(name)),
    )
    others = tuple(sorted(set(spec.clusters) - set(wanted.to)))
    return others if twin in live and others else active


def _entries(spec: Spec, live: Live, name: str) -> list[Mapping[str, Any]]:
    service = ResourceKey(
        "backendService", compute_scope(spec.project), Names(spec).backend_service(name)
    )
    found = live.get(service)
    return list(found.body.get("backends") or ()) if found else []


def _attached(spec: Spec, observed: Observed, live: Live, name: str) -> tuple[str, ...]:
    entries = _entries(spec, live, name)
    groups = {canonical(str(entry.get("group"))) for entry in entries}
    return tuple(
        sorted(
            cluster
            for cluster, seen in observed.clusters.items()
            if any(canonical(neg.link) in groups for s in seen.services for neg in s.negs)
        )
    )
