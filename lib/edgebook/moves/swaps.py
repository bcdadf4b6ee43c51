"""A swap as a runbook asks for it: parameters to a wish, and where it starts, read from live."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edgebook.base.errors import UsageError
from edgebook.front_door import Moment
from edgebook.model.links import canonical
from edgebook.model.observed import Observed
from edgebook.model.paths import compute_scope
from edgebook.model.values import Live, ResourceKey
from edgebook.moves import mechanics, pods, requirements, swap
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
    """Where each backend of the wish is served now.

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
        if moving or _idle(spec, observed, live, name, there):
            found[name] = left
    return found


def _idle(spec: Spec, observed: Observed, live: Live, name: str, clusters: set[str]) -> bool:
    """Whether all attached NEGs of these clusters have capacity 0."""
    groups = {
        canonical(neg.link)
        for cluster in clusters
        for service in observed.clusters[cluster].services
        for neg in service.negs
    }
    mine = [e for e in _entries(spec, live, name) if canonical(str(e.get("group"))) in groups]
    return bool(mine) and all(entry.get("capacityScaler", 1) == 0 for entry in mine)


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
