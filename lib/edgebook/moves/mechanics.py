"""How each protocol is moved: which knobs a stage turns, as other params of that moment. Pure.

HTTP backends get a twin, a second backend service with the new side's NEGs, and exact weights in
the URL map. SSL and TCP proxies know one backend service and no weights, and both sides of an
overlap (`blue` to `blue, green`) must end in one: there the capacity of the entries is turned.
Decision 0045 says why, and what capacity really does at low load.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from edgebook.desired.frontends import STREAMS
from edgebook.model.paths import compute_scope
from edgebook.model.values import Ref, Resource, each_negs
from edgebook.moves import wish as wishes
from edgebook.moves.wish import MARGIN, Wish
from edgebook.params.fields import ApiFields
from edgebook.params.names import Names
from edgebook.params.types import BackendSpec, RouteSpec, Spec, TargetSpec

TWIN = "next"
LEAST = 0.1  # the smallest capacityScaler that is not 0


@dataclass(frozen=True)
class Sides:
    """Who serves a backend before and after."""

    source: tuple[str, ...]
    to: tuple[str, ...]

    @property
    def arriving(self) -> tuple[str, ...]:
        return tuple(name for name in self.to if name not in self.source)

    @property
    def leaving(self) -> tuple[str, ...]:
        return tuple(name for name in self.source if name not in self.to)

    @property
    def both(self) -> tuple[str, ...]:
        return tuple(sorted({*self.source, *self.to}))


@dataclass(frozen=True)
class Moment:
    """What one stage is about: how far each mechanic has been turned."""

    share: float = 0.0  # per cent of new requests for the new side
    twin: bool = True  # the second backend service is there
    exchanged: bool = False  # the first one holds the new side
    weighted: bool = True  # the URL map tells them apart
    canary: bool = False
    mirror: bool = False


def sides(spec: Spec, wish: Wish) -> dict[str, Sides]:
    """The backends that move, sorted."""
    found = {}
    for name in wishes.backends(wish.backends, spec):
        source = wish.source.get(name) or tuple(sorted(spec.backends[name].active))
        if source != wish.to:
            found[name] = Sides(source, wish.to)
    return found


def by_weights(spec: Spec, name: str, side: Sides) -> bool:
    """Whether exact percentages are possible for this backend's move."""
    http = spec.backends[name].protocol not in STREAMS
    return http and not set(side.source) & set(side.to) and any(_used(spec, name))


def _used(spec: Spec, name: str) -> Iterator[TargetSpec]:
    for route in spec.routes:
        for target in (route.default, *route.paths.values()):
            if target.backend == name or name in target.weights:
                yield target


def long_streams(spec: Spec, moving: Iterable[str], *, over_http: bool) -> tuple[str, ...]:
    """Frontends with connections that outlive a drain: SSL and TCP, WebSockets. Sorted names."""
    names = set(moving)
    return tuple(
        sorted(
            frontend.name
            for frontend in spec.frontends
            if frontend.backend in names or (not frontend.backend and over_http)
        )
    )


def drain_seconds(spec: Spec, moving: Iterable[str]) -> int:
    """How long the connections of some backends may need to end by themselves."""
    return max((int(spec.backends[name].draining) for name in moving), default=0) + MARGIN


def twin(name: str) -> str:
    return f"{name}-{TWIN}"


def at(spec: Spec, moving: Mapping[str, Sides], moment: Moment, wish: Wish) -> Spec:
    """The params of one moment of a move."""
    weighted = {n: s for n, s in moving.items() if by_weights(spec, n, s)}
    backends = dict(spec.backends)
    for name, side in moving.items():
        if name in weighted:
            served = side.to if moment.exchanged else side.source
            backends[name] = replace(spec.backends[name], active=served)
            if moment.twin:
                backends[twin(name)] = replace(spec.backends[name], active=side.to)
        else:
            backends[name] = _by_capacity(spec, spec.backends[name], side, moment)
    routes = spec.routes
    if moment.weighted and weighted:
        routes = tuple(_route(spec, route, weighted, moment, wish) for route in routes)
    return replace(spec, backends=backends, routes=routes)


def end(spec: Spec, name: str, side: Sides, active: tuple[str, ...]) -> BackendSpec:
    """A backend before or after its move; where capacity is turned, it is whole at both ends."""
    backend = spec.backends[name]
    if by_weights(spec, name, side):
        return replace(backend, active=active)
    whole = {cluster: full(backend, cluster) for cluster in active}
    return replace(backend, active=active, capacity=whole)


def _by_capacity(spec: Spec, backend: BackendSpec, side: Sides, moment: Moment) -> BackendSpec:
    whole = {name: full(backend, name) for name in side.both}
    if moment.exchanged:
        return replace(backend, active=side.to, capacity={n: whole[n] for n in side.to})
    capacity = dict(backend.capacity)
    for name in side.arriving:
        capacity[name] = _scaled(whole[name], _arriving(spec, side, moment.share))
    for name in side.leaving:
        capacity[name] = _scaled(whole[name], _leaving(side, moment.share))
    return replace(backend, active=side.both, capacity=capacity)


def full(backend: BackendSpec, cluster: str) -> float:
    """The capacityScaler of a cluster that takes its whole share, 0 to 1."""
    common = backend.balancing.capacity
    return backend.capacity.get(cluster, 1.0 if common is None else common)


def _arriving(spec: Spec, side: Sides, share: float) -> float:
    if share in (0.0, 100.0):
        return share / 100
    # In another region a little capacity moves everybody who is near it, so it comes at the end.
    near = {wishes.region(spec, name) for name in side.source}
    apart = all(wishes.region(spec, name) not in near for name in side.arriving)
    return 0.0 if side.leaving and apart else share / 100


def _leaving(side: Sides, share: float) -> float:
    if share == 100:
        return 0.0
    return 1.0 if side.arriving else 1 - share / 100


def _scaled(full: float, share: float) -> float:
    """A capacityScaler: 0, or at least 0.1, in tenths."""
    return 0.0 if share == 0 else max(LEAST, round(full * share, 1))


def worded(resource: Resource) -> Resource:
    """Entries of a backend service with a sentence of who serves, and how much."""
    if resource.kind != "backends":
        return resource
    parts = []
    for each in each_negs(resource.body):
        capacity = each.entry.get("capacityScaler")
        at = "" if capacity is None else f" at capacity {capacity:g}"
        parts.append(f"{each.cluster}{at}")
    return replace(resource, what=f"served by {', '.join(parts)}")


# Routes


def _route(
    spec: Spec, route: RouteSpec, moving: Mapping[str, Sides], moment: Moment, wish: Wish
) -> RouteSpec:
    def turned(target: TargetSpec) -> TargetSpec:
        return _target(spec, target, moving, moment, wish)

    default = turned(route.default)
    paths = {path: turned(target) for path, target in route.paths.items()}
    if not wish.canary:
        return replace(route, default=default, paths=paths)
    if not moment.canary:
        api = ApiFields({**route.api, "routeRules": None})
        return replace(route, default=default, paths=paths, api=api)
    rules = list(_canary_rules(spec, route, moving, wish))
    api = ApiFields({**route.api, "routeRules": rules, "pathRules": None})
    return replace(route, default=default, paths={}, api=api)


def _target(
    spec: Spec, target: TargetSpec, moving: Mapping[str, Sides], moment: Moment, wish: Wish
) -> TargetSpec:
    """The target with each moving backend split in two."""
    mine = {target.backend: 1} if target.backend else dict(target.weights)
    if not set(mine) & set(moving):
        return target
    weights = _split(mine, moving, moment.share)
    api = dict(target.api)
    if wish.mirror:
        first = next(name for name in sorted(mine) if name in moving)
        policy = {"backendService": _ref(spec, twin(first))} if moment.mirror else None
        api["requestMirrorPolicy"] = policy
    return replace(target, backend="", weights=weights, api=ApiFields(api))


def _split(weights: Mapping[str, int], moving: Mapping[str, Sides], share: float) -> dict[str, int]:
    """Whole weights of at most 1000 in which each moving backend gives `share` per cent away."""
    alone = sum(weights.values()) == 1 and share % 1 == 0
    scale = 100 if alone else 1000 // max(1, *weights.values())
    found = {}
    for name, weight in weights.items():
        whole = weight * scale
        given = round(whole * share / 100) if name in moving else 0
        found[name] = whole - given
        if name in moving:
            found[twin(name)] = given
    return found


def _ref(spec: Spec, backend: str) -> Ref:
    return Ref("backendService", Names(spec).backend_service(backend), compute_scope(spec.project))


def _canary_rules(
    spec: Spec, route: RouteSpec, moving: Mapping[str, Sides], wish: Wish
) -> Iterator[dict[str, Any]]:
    """Requests with the header go to the new side; after them everything as it was, by length."""
    name, value = wishes.header(wish.canary)
    match = [{"headerName": name, "exactMatch": value}]
    targets = sorted(route.paths.items(), key=lambda item: (-len(item[0]), item[0]))
    everything = [*targets, ("/*", route.default)]
    priority = 0
    for canary in (True, False):
        for path, target in everything:
            backend = target.backend
            if not backend or (canary and backend not in moving):
                continue
            priority += 1
            rule = {"prefixMatch": path[:-1]} if path.endswith("*") else {"fullPathMatch": path}
            to = twin(backend) if canary else backend
            yield {
                "priority": priority,
                "matchRules": [rule | ({"headerMatches": match} if canary else {})],
                "service": _ref(spec, to),
            }
