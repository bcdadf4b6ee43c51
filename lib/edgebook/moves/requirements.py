"""What must be true of the new side before anything moves: all that is not, in one refusal. Pure.

The pods of both sides are counted by whoever reads; here the counts are only judged.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edgebook.base.errors import RefusedError
from edgebook.model.observed import Observed
from edgebook.model.paths import name_of
from edgebook.moves.mechanics import Sides, by_weights, twin
from edgebook.moves.wish import Wish, place
from edgebook.params.types import Spec


@dataclass(frozen=True)
class Pods:
    """Ready pods of one backend in one cluster, by zone, and how many wait for Google's verdict."""

    ready: Mapping[str, int]
    gated: int = 0  # pods with the readiness gate cloud.google.com/load-balancer-neg-ready

    @property
    def total(self) -> int:
        return sum(self.ready.values())


# (backend, cluster) -> its pods
Counted = Mapping[tuple[str, str], Pods]


def check(
    spec: Spec, observed: Observed, moving: Mapping[str, Sides], wish: Wish, counted: Counted
) -> None:
    """Raises RefusedError with everything that keeps the new side from taking over."""
    found = [
        problem
        for name, side in sorted(moving.items())
        for problem in (
            *_backend(spec, observed, name, side),
            *_pods(name, side, wish, counted),
            *_names(spec, name, side),
        )
    ]
    if wish.canary:
        found += _beyond_headers(spec)
    if found:
        raise RefusedError(
            f"{', '.join(wish.to)} cannot take over: {len(found)} "
            f"problem{'s' if len(found) > 1 else ''}",
            where=", ".join(place(spec, name) for name in wish.to),
            why="\n".join(dict.fromkeys(found)),
            next="mend them, then plan again; nothing was changed, traffic is where it was",
        )


def _backend(spec: Spec, observed: Observed, name: str, side: Sides) -> Iterator[str]:
    neg = spec.backends[name].neg
    for cluster in side.arriving:
        found = observed.clusters.get(cluster)
        if found is None or not found.reachable:
            yield f"{cluster}: its Kubernetes API does not answer"
            continue
        service = found.service(neg.namespace, neg.service)
        if service is None or not service.found:
            yield f"{cluster}: Service {neg.namespace}/{neg.service} does not exist"
        elif service.target_ports and neg.port not in service.target_ports:
            ports = ", ".join(str(port) for port in sorted(service.target_ports))
            yield (
                f"{cluster}: Service {neg.namespace}/{neg.service} has no port {neg.port}; "
                f"it has {ports}"
            )
        wanted = name_of(spec.network)
        if found.network and found.network != wanted:
            yield (
                f"{cluster}: is in VPC network {found.network}, the front door in {wanted}; a "
                "backend service takes NEGs of one network"
            )


def _pods(name: str, side: Sides, wish: Wish, counted: Counted) -> Iterator[str]:
    """As many ready pods as the old side has, unless that is allowed to differ."""
    new = sum(counted[name, c].total for c in side.to if (name, c) in counted)
    known = all((name, c) in counted for c in (*side.source, *side.to))
    old = sum(counted[name, c].total for c in side.source if (name, c) in counted)
    if all((name, c) in counted for c in side.to) and new == 0:
        yield f"{', '.join(side.to)}: no pod of {name} is Ready"
    elif known and side.arriving and new < old and not wish.allow_fewer:
        yield (
            f"{', '.join(side.to)}: {new} ready pods of {name}, "
            f"{', '.join(side.source)} has {old}; "
            "scale it first, or allow_fewer = True"
        )


def _beyond_headers(spec: Spec) -> Iterator[str]:
    """What rules by header would not keep: they send to one backend each, and do nothing else."""
    for index, route in enumerate(spec.routes):
        targets = {"default": route.default} | {f'paths."{p}"': t for p, t in route.paths.items()}
        for where, target in sorted(targets.items()):
            if not target.backend or target.redirect or target.rewrite or target.api:
                yield (
                    f"routes[{index}].{where} is more than one backend (weights, a redirect, a "
                    "rewrite or fields of api), which requests by header would lose while "
                    "they go first: leave out `first`"
                )


def _names(spec: Spec, name: str, side: Sides) -> Iterator[str]:
    if not by_weights(spec, name, side):
        return
    if twin(name) in spec.backends:
        yield f"backends.{twin(name)} has the name that the move needs for a second {name}"
    for index, route in enumerate(spec.routes):
        if name in str(route.api.get("routeRules") or ""):
            yield f"routes[{index}].api.routeRules names {name}: a move cannot split those"
