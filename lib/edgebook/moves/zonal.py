"""The ladder of leaving one zone: its NEGs get capacity 0, the other zones take over. Pure.

One write for each backend service that is served from there; one that is served from nowhere else
has another cluster attached first. Only what is attached counts, so the Kubernetes API of the
clusters there is not asked for. Decision 0046 says why by capacity, and not by detaching.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from edgebook.base.errors import RefusedError
from edgebook.desired import Desired
from edgebook.model.links import canonical
from edgebook.model.observed import Observed
from edgebook.model.paths import compute_scope, name_of, zone_of
from edgebook.model.values import Live, Resource, ResourceKey, each_negs
from edgebook.moves import mechanics
from edgebook.moves import wish as wishes
from edgebook.moves.failover import ATTACH, LEAVE, start, without_lost
from edgebook.moves.stages import START, Gate, Ladder, Stage
from edgebook.moves.wish import SPREAD
from edgebook.params.names import Names
from edgebook.params.types import BackendSpec, Spec
from edgebook.plan import make as plans

NOTES = (
    "by itself the load balancer stops sending to endpoints that fail their health check (interval "
    "times threshold, then up to a minute of spread), and gives their share to the region's other "
    "zones, then to other regions that are attached; a zone whose pods still answer, slowly or "
    "wrongly, is never left",
    "GKE goes on filling the zone's NEGs: whatever it puts there gets nothing while capacity is 0; "
    "the Pods that it starts elsewhere serve as soon as they are HEALTHY",
    "open connections to the zone stay until they end: capacity 0 cuts nothing",
    "to go back when it is there again: the same with --mode back",
)


@dataclass(frozen=True)
class ZoneFailover:
    """`to` are clusters that are attached too; empty: only where no other zone serves."""

    zone: str
    to: tuple[str, ...] = ()
    drill: bool = False
    soak_s: int = 0


def assumed(spec: Spec, live: Live, asked: ZoneFailover) -> tuple[str, ...]:
    """Clusters of which only what is attached counts, whatever their Kubernetes API says."""
    return tuple(sorted(set(spec.clusters) - set(_Maker(spec, live, asked).arriving)))


def ladder(spec: Spec, observed: Observed, live: Live, asked: ZoneFailover) -> Ladder:
    """Raises RefusedError when nothing is served from the zone, or something from there only."""
    maker = _Maker(spec, live, asked, observed)
    maker.check()
    stages = [maker.first()]
    waits = SPREAD if asked.drill else 0
    if maker.arriving:
        gate = Gate(healthy=maker.arriving, spread_s=waits)
        text = f"attach {', '.join(maker.arriving)} at capacity 0"
        stages.append(Stage(ATTACH, text, maker.attached(), gate=gate, back=START))
    takers = tuple(sorted({*maker.concerned, *maker.arriving})) if asked.drill else maker.arriving
    stages.append(
        Stage(
            LEAVE,
            f"{asked.zone} at capacity 0 for {', '.join(maker.left)}, taken over by {maker.takers}",
            maker.away(),
            gate=Gate(healthy=takers, spread_s=waits, judged=asked.drill),
            soak_s=asked.soak_s,
            back=stages[-1].name,
        )
    )
    return Ladder(
        "failover",
        f"{'drill: ' if asked.drill else ''}{maker.title}",
        tuple(stages),
        (*NOTES, *maker.half_swapped()),
        front_door=Names(spec).front_door,
        environment=spec.environment.value,
        to=maker.arriving,
    )


class _Maker:
    """The backends that are served from the zone, at each moment."""

    def __init__(
        self, spec: Spec, live: Live, asked: ZoneFailover, observed: Observed | None = None
    ) -> None:
        self._spec, self._live, self._asked = spec, live, asked
        self._observed = observed or Observed()
        self._names = Names(spec)
        self._served = {name: dict(self._serving(name)) for name in sorted(spec.backends)}
        self.left = {
            name: spec.backends[name]
            for name, served in self._served.items()
            if any(asked.zone in zones for zones in served.values())
        }

    @property
    def title(self) -> str:
        return f"leave zone {self._asked.zone} of {', '.join(self.concerned)}"

    @cached_property
    def concerned(self) -> tuple[str, ...]:
        """Clusters with a NEG in the zone."""
        return tuple(sorted({c for name in self.left for c in self._inside(name)}))

    def _inside(self, name: str) -> Iterator[str]:
        zone = self._asked.zone
        return (cluster for cluster, zones in self._served[name].items() if zone in zones)

    def _elsewhere(self, name: str) -> set[str]:
        """Zones of the backend's own clusters that go on serving it."""
        return {z for zones in self._served[name].values() for z in zones} - {self._asked.zone}

    def _serving(self, name: str) -> Iterator[tuple[str, set[str]]]:
        """The active clusters with the zones in which their NEGs are attached."""
        attached = self._attached(name)
        for cluster in sorted(self._spec.backends[name].active):
            neg, region = self._names.neg(name, cluster), wishes.region(self._spec, cluster)
            groups = [zone_of(group) for group in attached if name_of(group) == neg]
            yield cluster, {zone for zone in groups if zone.startswith(f"{region}-")}

    def _attached(self, backend: str) -> list[str]:
        scope = compute_scope(self._spec.project)
        key = ResourceKey("backendService", scope, self._names.backend_service(backend))
        found = self._live.get(key)
        entries = (found.body.get("backends") or ()) if found else ()
        return [canonical(str(entry.get("group", ""))) for entry in entries]

    def _to(self, name: str) -> tuple[str, ...]:
        """Clusters that are attached for a backend, and go again on the way back."""
        active = set(self._spec.backends[name].active)
        others = () if self._elsewhere(name) else set(self._spec.clusters) - set(self.concerned)
        return tuple(sorted(set(self._asked.to or others) - active))

    @cached_property
    def arriving(self) -> tuple[str, ...]:
        return tuple(sorted({cluster for name in self.left for cluster in self._to(name)}))

    @property
    def takers(self) -> str:
        zones = sorted({zone for name in self.left for zone in self._elsewhere(name)})
        return ", ".join([*zones, *self.arriving])

    def check(self) -> None:
        zone = self._asked.zone
        if not self.left:
            known = sorted({z for s in self._served.values() for zs in s.values() for z in zs})
            raise RefusedError(
                f"No backend is served from zone {zone}",
                where="leave",
                why=f"NEGs are attached in {', '.join(known) or 'no zone'}",
                next="leave one of these; a zone without attached NEGs gets no traffic anyway",
            )
        if stranded := [n for n in self.left if not self._elsewhere(n) and not self._to(n)]:
            raise RefusedError(
                f"Nowhere to go from zone {zone}",
                where="leave",
                why=f"{', '.join(stranded)}: served from no other zone, and the params have no "
                "other cluster",
                next="give the cluster nodes in a second zone, then attach it: operate/zones",
            )

    def half_swapped(self) -> Iterator[str]:
        """The second backend service of a swap that is half done is not the params' own."""
        for name in sorted(self._spec.backends):
            twin = mechanics.twin(name)
            if any(zone_of(group) == self._asked.zone for group in self._attached(twin)):
                yield (
                    f"{self._names.backend_service(twin)} is served from {self._asked.zone} too: a "
                    "swap is half done, and has its own way back: operate/swap --mode back"
                )

    def first(self) -> Stage:
        """Where the way back ends: who was attached is drained before it is taken out."""
        home = self._at(1.0, attach=False)
        return start(self._spec, home, self.left, self.concerned, self.arriving)

    def attached(self) -> Desired:
        return self._at(1.0, attach=True)

    def away(self) -> Desired:
        return self._at(0.0, attach=True)

    def _at(self, share: float, *, attach: bool) -> Desired:
        """`share` is how much of its capacity the zone has, 0 or 1; others have the rest."""
        backends: dict[str, BackendSpec] = {}
        for name, backend in self.left.items():
            more = self._to(name) if attach else ()
            coming = {c: 0.0 if share else mechanics.full(backend, c) for c in more}
            active = tuple(sorted({*backend.active, *more}))
            backends[name] = replace(
                backend, active=active, capacity={**backend.capacity, **coming}
            )
        spec = replace(self._spec, backends={**self._spec.backends, **backends})
        desired = plans.wanted(spec, self._observed, self._live)
        services = {self._names.backend_service(name): name for name in self.left}
        resources = (
            self._zoned(resource, services[resource.name], share)
            if resource.kind == "backends" and resource.name in services
            else resource
            for resource in without_lost(desired, self.concerned)
        )
        return replace(desired, resources=tuple(resources))

    def _zoned(self, resource: Resource, name: str, share: float) -> Resource:
        """Of what serves already only the zone's own capacity is compared and written."""
        backend, zone = self.left[name], self._asked.zone
        inside, said, found = set(self._inside(name)), [], []
        for each in each_negs(resource.body):
            if each.cluster in inside:
                scaler = mechanics.full(backend, each.cluster) * share
                if not (share and self.arriving):
                    said.append(f"{zone} of {each.cluster} at capacity {scaler:g}")
                each = replace(each, entry={}, capacities={zone: scaler})
            elif each.cluster not in self.arriving:
                each = replace(each, entry={})
            elif each.cluster not in backend.active:
                said.append(f"{each.cluster} at capacity {each.entry['capacityScaler']:g}")
            found.append(each)
        return replace(resource, body={**resource.body, "backends": found}, what="; ".join(said))
