"""The ladder of a retirement: what served a site before, let go piece by piece. Pure.

NGINX to zero, the Service's load balancer away with its IP kept, the records' TTL up: each of that
can be undone. Only the last stage cannot: it deletes Ingress objects and certificates that nobody
needs any more. What it deletes stands whole in the record.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from edgebook.desired import Desired
from edgebook.model.paths import name_of, namespace_scope, project_of
from edgebook.model.values import Action, Change, Live, Ownership, Resource, ResourceKey, Step
from edgebook.moves.stages import START, Gate, Ladder, Stage

REPLICAS = "edgebook/replicas-before"  # what a Deployment had, for the way back
NGINX, BALANCER, TTL, CLEAN_UP = "NGINX to zero", "load balancer away", "TTL up", "clean up"


@dataclass(frozen=True)
class Old:
    """What one cluster serves without the front door, as it was found.

    `deployments` are the controllers behind the Service with their replicas; empty when the front
    door itself is served by them. `records` are our hostnames' records with a lowered TTL.
    """

    cluster: str
    namespace: str
    service: str
    address: str
    kept: bool  # the address is reserved, so it stays when the Service lets it go
    deployments: Mapping[str, int] = field(default_factory=dict)
    ingresses: tuple[tuple[str, str], ...] = ()  # namespace, name
    certificates: tuple[tuple[str, str], ...] = ()
    records: Mapping[ResourceKey, Mapping[str, Any]] = field(default_factory=dict)
    region: str = ""  # projects/P/regions/R, where that is known
    in_use: bool = False  # the front door's own pods are behind this Service


def ladder(base: Desired, old: Old | None, *, ttl: int, quiet_s: int, soak_s: int) -> Ladder:
    """`quiet_s`: for so long nobody may have asked the old load balancer, before anything goes."""
    if old is None:
        start = Stage(START, "as it is", replace(base, resources=()))
        title = "nothing to retire: no passthrough load balancer"
        return Ladder("retire", title, (start,), front_door=base.front_door)
    maker = _Maker(base, old, ttl, quiet_s, soak_s)
    title = f"retire load balancer {old.namespace}/{old.service} of {old.cluster}, {old.address}"
    notes = tuple(maker.notes())
    return Ladder("retire", title, maker.stages(), notes, front_door=base.front_door)


class _Maker:
    def __init__(self, base: Desired, old: Old, ttl: int, quiet_s: int, soak_s: int) -> None:
        self._base, self._old, self._ttl = base, old, ttl
        self._quiet, self._soak = quiet_s, soak_s
        self._bodies = dict(self._before())

    def stages(self) -> tuple[Stage, ...]:
        """What there is nothing to do for is no stage."""
        first = Gate(
            quiet=("the old load balancer",),
            drain_s=self._quiet,
            patience_s=2 * self._quiet,
            strict=True,
        )
        found = [self._stage(START, "as it was", soak=0)]
        if self._old.deployments:
            for name, replicas in self._old.deployments.items():
                note = {"annotations": {REPLICAS: str(replicas)}}
                key = self._key("deployment", self._old.namespace, name)
                self._bodies[key] = {"metadata": note, "spec": {"replicas": 0}}
            names = ", ".join(sorted(self._old.deployments))
            found.append(self._stage(NGINX, f"{names} at 0 replicas", before=first))
        key = self._key("kubernetesService", self._old.namespace, self._old.service)
        self._bodies[key] = {"spec": {"type": "ClusterIP"}}
        kept = "its IP stays reserved" if self._old.kept else "its IP is given back"
        cut = f"whoever still uses {self._old.address} is cut off"
        text = f"Service {self._old.service} is ClusterIP; {kept}"
        before = Gate() if self._old.deployments else first
        found.append(self._stage(BALANCER, text, before=before, disrupts=cut))
        if self._old.records:
            for record, body in self._old.records.items():
                self._bodies[record] = {**body, "ttl": self._ttl}
            found.append(self._stage(TTL, f"TTL {self._ttl} s again"))
        if extra := tuple(self._deletes()):
            text = "no way back from here: " + ", ".join(change.sentence for change in extra)
            found.append(replace(self._stage(CLEAN_UP, text), extra=extra, back=""))
        return tuple(found)

    def _before(self) -> Iterator[tuple[ResourceKey, Mapping[str, Any]]]:
        old = self._old
        for name, replicas in sorted(old.deployments.items()):
            yield self._key("deployment", old.namespace, name), {"spec": {"replicas": replicas}}
        service = self._key("kubernetesService", old.namespace, old.service)
        yield service, {"spec": {"type": "LoadBalancer"}}
        yield from sorted(old.records.items())

    def _stage(
        self,
        name: str,
        what: str,
        *,
        before: Gate | None = None,
        soak: int = -1,
        disrupts: str = "",
    ) -> Stage:
        resources = tuple(
            Resource(
                key.kind,
                key.name,
                key.scope,
                body,
                Step.ADDRESS_AND_DNS if key.kind == "dnsRecordSet" else Step.BACKENDS,
                ownership=Ownership.ADOPTED,
                what=what,
            )
            for key, body in sorted(self._bodies.items())
        )
        others = tuple(r for r in self._base.resources if r.key not in self._bodies)
        return Stage(
            name,
            what,
            replace(self._base, resources=(*others, *resources)),
            before=before or Gate(),
            gate=Gate(judged=name != START),
            soak_s=self._soak if soak < 0 else soak,
            back=START,
            disrupts=disrupts,
        )

    def _deletes(self) -> Iterator[Change]:
        for kind, items, noun in (
            ("ingress", self._old.ingresses, "Ingress"),
            ("legacyCertificate", self._old.certificates, "Certificate"),
        ):
            for namespace, name in sorted(items):
                key = self._key(kind, namespace, name)
                yield Change(Action.DELETE, key, Step.BACKENDS, f"delete {noun} {namespace}/{name}")

    def _key(self, kind: str, namespace: str, name: str) -> ResourceKey:
        return ResourceKey(kind, namespace_scope(self._old.cluster, namespace), name)

    def _reserve(self) -> str:
        """How to keep the address: the gcloud line, whole, where its region is known."""
        if not (region := self._old.region):
            return "reserve it"
        name = f"{self._base.front_door}-old"
        command = f"gcloud compute addresses create {name} --addresses {self._old.address}"
        return f"`{command} --region {name_of(region)} --project {project_of(region)}`"

    def notes(self) -> Iterator[str]:
        if self._old.in_use:
            yield (
                f"{self._old.namespace}/{self._old.service} backs the front door itself: its pods "
                "stay, only the load balancer goes"
            )
        if not self._old.kept:
            yield (
                f"{self._old.address} is not reserved: to keep it, {self._reserve()} before this "
                "runs"
            )


def problems(live: Live, old: Old) -> Iterator[str]:
    """Names that lead to the old load balancer."""
    for name in leading_to(live, old.address):
        yield f"{name} still points at {old.address}: run 80_cut_over first"


def leading_to(live: Live, address: str) -> list[str]:
    """The names that lead to an address, wholly or by weight."""
    return [
        key.name.rpartition("./")[0]
        for key, item in sorted(live.items())
        if key.kind == "dnsRecordSet" and address in _data(item.body)
    ]


def _data(body: Mapping[str, Any]) -> set[str]:
    items = ((body.get("routingPolicy") or {}).get("wrr") or {}).get("items") or ()
    weighted = {str(data) for item in items for data in item.get("rrdatas") or ()}
    return {str(data) for data in body.get("rrdatas") or ()} | weighted
