"""The ladder of a failover: a cluster or region is left, with the fewest calls there can be. Pure.

One write a backend service when the other side is attached already, else one more to attach it.
Works while the Kubernetes API of what is left is gone. A drill is the same, with every gate.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from edgebook.desired import Desired
from edgebook.model.observed import Observed
from edgebook.model.values import Live, Resource
from edgebook.moves import mechanics
from edgebook.moves import wish as wishes
from edgebook.moves.stages import START, Gate, Ladder, Stage
from edgebook.moves.wish import SPREAD
from edgebook.params.names import Names
from edgebook.params.types import BackendSpec, Spec
from edgebook.plan import make as plans

ATTACH, LEAVE = "attach", "leave"


@dataclass(frozen=True)
class Failover:
    """`leave` and `to` are clusters; a drill waits for everything that a real one does not."""

    leave: tuple[str, ...]
    to: tuple[str, ...]
    drill: bool = False
    soak_s: int = 0


def ladder(spec: Spec, observed: Observed, live: Live, asked: Failover) -> Ladder:
    """Attach the others where they are not yet, then everything away from what is left."""
    maker = _Maker(spec, observed, live, asked)
    stages = [maker.first()]
    waits = SPREAD if asked.drill else 0
    if maker.arriving:
        gate = Gate(healthy=asked.to, spread_s=waits)
        text = f"attach {', '.join(asked.to)} at capacity 0"
        stages.append(Stage(ATTACH, text, maker.attached(), gate=gate, back=START))
    gate = Gate(healthy=asked.to, spread_s=waits, judged=asked.drill)
    text = f"{', '.join(asked.leave)} at capacity 0, {', '.join(asked.to)} takes everything"
    back = stages[-1].name
    stages.append(Stage(LEAVE, text, maker.away(), gate=gate, soak_s=asked.soak_s, back=back))
    places = ", ".join(wishes.place(spec, name) for name in asked.leave)
    return Ladder(
        "failover",
        f"{'drill: ' if asked.drill else ''}leave {places}",
        tuple(stages),
        (
            "by itself the load balancer stops sending to endpoints that fail their health check "
            "(interval times threshold, then up to a minute of spread), and gives their share to "
            "other regions that are attached; it never attaches any, and a cluster whose pods "
            "still answer is never left",
            "open connections to what is left stay until they end: capacity 0 cuts nothing",
            "to go back when it is there again: the same with --mode back",
        ),
        front_door=Names(spec).front_door,
        environment=spec.environment.value,
        to=asked.to,
    )


def start(
    spec: Spec,
    home: Desired,
    left: Mapping[str, BackendSpec],
    leave: tuple[str, ...],
    arriving: tuple[str, ...],
) -> Stage:
    """Where the way back of a failover ends: who was attached is drained before it is taken out."""
    stage = Stage(START, "as it was", home, gate=Gate(healthy=leave))
    if not arriving:
        return stage
    drain = mechanics.drain_seconds(spec, left)
    before = Gate(quiet=arriving, drain_s=drain, patience_s=drain)
    streams = mechanics.long_streams(spec, left, over_http=True)
    return replace(stage, before=before, cuts=streams)


class _Maker:
    """The backends that are served by what is left, at each moment."""

    def __init__(self, spec: Spec, observed: Observed, live: Live, asked: Failover) -> None:
        self._spec, self._observed, self._live, self._asked = spec, observed, live, asked
        self.left = {
            name: backend
            for name, backend in spec.backends.items()
            if set(backend.active) & set(asked.leave)
        }

    @property
    def arriving(self) -> tuple[str, ...]:
        """Clusters that are attached for it, and go again on the way back."""
        before = {c for b in self.left.values() for c in self._asked.to if c not in b.active}
        return tuple(sorted(before))

    def first(self) -> Stage:
        """Where the way back ends: who was attached is drained before it is taken out."""
        home = self._at({n: (b.active, b.active) for n, b in self.left.items()})
        return start(self._spec, home, self.left, self._asked.leave, self.arriving)

    def attached(self) -> Desired:
        return self._at({n: (self._both(b), b.active) for n, b in self.left.items()})

    def away(self) -> Desired:
        return self._at({n: (self._both(b), self._asked.to) for n, b in self.left.items()})

    def _both(self, backend: BackendSpec) -> tuple[str, ...]:
        return tuple(sorted({*backend.active, *self._asked.to}))

    def _at(self, sides: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]) -> Desired:
        """`sides`: who is attached, and who of them has capacity."""
        backends = dict(self._spec.backends)
        for name, (active, served) in sides.items():
            full = {c: mechanics.full(backends[name], c) for c in active}
            capacity = {c: full[c] if c in served else 0.0 for c in active}
            backends[name] = replace(backends[name], active=active, capacity=capacity)
        spec = replace(self._spec, backends=backends)
        desired = plans.wanted(spec, self._observed, self._live)
        resources = without_lost(desired, self._asked.leave)
        return replace(desired, resources=tuple(mechanics.worded(r) for r in resources))


def without_lost(desired: Desired, left: Iterable[str]) -> Iterator[Resource]:
    """Nothing that only clusters that are left could tell: annotations, and waits for NEGs."""
    lost = tuple(f"clusters/{name}/" for name in left)
    for resource in desired.resources:
        if resource.kind == "serviceAnnotation" and resource.scope.startswith(lost):
            continue
        waits = tuple(w for w in resource.waits if not w.key.scope.startswith(lost))
        depends = tuple(key for key in resource.depends if not key.scope.startswith(lost))
        yield replace(resource, waits=waits, depends=depends)
