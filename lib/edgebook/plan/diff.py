"""Desired against live: one change per resource, with its sentence. Pure.

What is not ours is never changed: it is reported, and blocks its step when it stands in the way.
What clients use goes last: names are registered when everything behind them is HEALTHY, and what
nothing wants any more is deleted when nothing holds it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from edgebook.desired import Desired
from edgebook.model.kinds import KINDS, kind_of, noun
from edgebook.model.links import canonical, link
from edgebook.model.marks import owner
from edgebook.model.observed import Observed
from edgebook.model.paths import cluster_of
from edgebook.model.record_sets import answers
from edgebook.model.values import (
    Action,
    Change,
    Live,
    Ownership,
    Resource,
    ResourceKey,
    Step,
    Wait,
)
from edgebook.plan import disruption, sentences
from edgebook.plan.backend_changes import HEALTHY, BackendChanges
from edgebook.plan.changes import ChangeMaker, not_ours, report
from edgebook.plan.dns_records import Records
from edgebook.plan.firewall_changes import firewall_changes
from edgebook.plan.leading import LEADING
from edgebook.plan.live_index import holders_in, index_of
from edgebook.plan.proving import Proving, part_of
from edgebook.plan.rivals import Rivals
from edgebook.plan.shared import Shared
from edgebook.plan.strayed import held, without_address
from edgebook.plan.successors import Successors
from edgebook.plan.tenants import Tenants
from edgebook.plan.unmentioned import labels_left, unmentioned


def diff(desired: Desired, live: Live, observed: Observed) -> list[Change]:
    """Everything that has to change, and everything to know, unsorted."""
    return list(Diff(desired, live, observed).changes())


class Diff:
    """One comparison of everything."""

    def __init__(self, desired: Desired, live: Live, observed: Observed) -> None:
        self._desired = desired
        self._live = live
        self._observed = observed
        self._wanted = {resource.key for resource in desired.resources}
        self._impossible = {change.key for change in desired.reports if change.blocks}
        self._make = ChangeMaker(live, observed)
        self._index = index_of(live)
        self._holders = holders_in(live)
        self._proving = Proving(desired, live, self._holders, self._make)
        self._successors = Successors(desired, self._holders, self._make, self._proving)
        there = held(live, observed) if without_address(desired, live) else None
        self._records = Records(self._index, self._make, self._addresses(), there)
        self._backends = BackendChanges(
            desired, live, observed, holders=self._holders, maker=self._make
        )
        self._tenants = Tenants(desired, live, self._holders)
        self._rivals = Rivals(live, self._holders, self._make, desired.front_door)
        self._shared = Shared(desired, live, self._holders)
        self._deleted = tuple(self._unwanted())
        self._leaving = {canonical(link(key)) for key in self._deleted}

    def changes(self) -> Iterator[Change]:
        yield from self._desired.reports
        yield from labels_left(self._desired.resources, self._live)
        made = [change for resource in self._desired.resources for change in self._of(resource)]
        made += self._copies(made)
        made += self._proving.changes()
        deletes = list(self._deletes(made))
        made += self._backends.unexposed((*made, *deletes))
        yield from made
        yield from deletes
        named = self._of_kind("dnsRecordSet", Step.ADDRESS_AND_DNS)
        going = self._names_of_leaving()
        written = {change.key for change in made if change.action is not Action.REPORT}
        beside = self._records.beside(named, written)
        yield from (change for change in beside if change.key not in going)
        yield from self._records.stray(self._wanted)

    def _of_kind(self, kind: str, step: Step | None = None) -> list[Resource]:
        return [
            r
            for r in self._desired.resources
            if r.kind == kind and (step is None or r.step is step)
        ]

    def _addresses(self) -> frozenset[str]:
        """The IPs of this front door, as far as they are reserved."""
        keys = [r.key for r in self._desired.resources if r.kind == "address"]
        bodies = [self._live[key].body for key in keys if key in self._live]
        return frozenset(str(body["address"]) for body in bodies if body.get("address"))

    def _of(self, resource: Resource) -> Iterator[Change]:
        if resource.kind == "dnsRecordSet":
            for change in self._records.changes(resource):
                last = resource.step is Step.ADDRESS_AND_DNS and change.action is not Action.REPORT
                yield self._last_of_all(change) if last else change
        elif resource.kind == "backends":
            yield from self._backends.entries(resource)
        else:
            yield from self._one(resource)

    def _last_of_all(self, change: Change) -> Change:
        """A name is registered when everything behind it serves."""
        serving = [r.key for r in self._desired.resources
                   if r.kind in ("forwardingRule", "backends", "certificateMapEntry")]  # fmt: skip
        depends = tuple(sorted({*change.depends, *serving}))
        return replace(change, depends=depends, waits=(*change.waits, *self._proofs()))

    def _proofs(self) -> tuple[Wait, ...]:
        """All backend services are HEALTHY."""
        return tuple(Wait(r.key, HEALTHY) for r in self._of_kind("backendService"))

    def _moving_ports(self) -> Iterator[ResourceKey]:
        """All changes after which other ports of the pods are used."""
        yield from (
            resource.key for resource in self._desired.resources if resource.kind in LEADING
        )
        for resource in self._of_kind("backends"):
            for kind in ("backendService", "backends", "detachment"):
                yield ResourceKey(kind, resource.scope, resource.name)

    def _one(self, resource: Resource) -> Iterator[Change]:
        if unread := self._unread(resource.key):
            text = f"cluster {unread} cannot be read: its annotations are not known, and left alone"
            yield report(resource.key, resource.step, text)
            return
        found = self._live.get(resource.key)
        if found is None and resource.kind == "serviceAnnotation":
            if resource.key in self._impossible:
                return  # without the Service, which is reported
            yield from self._backends.annotation(resource, None)
            return
        if found is None:
            yield from self._missing(resource)
            return
        if resource.ownership is Ownership.REFERENCED:
            return
        kind = kind_of(resource.key)
        resource = self._letting_go(resource, found.body)
        fields = self._make.compare(resource, found.body)
        if kind.marker and resource.ownership is Ownership.CREATED:
            whose = owner(found.body)
            if whose != self._desired.front_door:
                yield not_ours(resource, whose, fields)
                return
        if resource.kind == "serviceAnnotation":
            yield from self._backends.annotation(resource, found)
        elif resource.kind == "firewall":
            yield from firewall_changes(
                resource,
                found,
                self._make,
                closes=resource.key not in self._desired.unsure,
                proofs=self._proofs(),
                after=self._moving_ports(),
                others=lambda loses: self._tenants.of(resource.key, loses).values(),
            )
        else:
            probes = resource.kind == "healthCheck" and self._proving.harder(resource, found)
            for change in self._successors.updates(resource, found, fields):
                yield self._shared.told(resource, change, probes=probes)
        yield from unmentioned(resource, found)

    def _missing(self, resource: Resource) -> Iterator[Change]:
        if resource.ownership is Ownership.REFERENCED:
            name = f"{noun(resource.key)} {resource.name}"
            text = f"{name} does not exist: make it, or take it out of the params"
            yield report(resource.key, resource.step, text, blocks=True)
            return
        yield self._rivals.settled(resource, self._make.create(resource))

    def _unread(self, key: ResourceKey) -> str:
        """The cluster of an object in a cluster that does not answer; "" for everything else."""
        cluster = self._observed.clusters.get(cluster_of(key.scope))
        return cluster.name if cluster and not cluster.reachable else ""

    def _letting_go(self, resource: Resource, body: Mapping[str, Any]) -> Resource:
        """Also clear a reference to one of our resources that is going to be deleted."""
        gone = {
            name: None
            for name in kind_of(resource.key).setters
            if name not in resource.body and canonical(str(body.get(name))) in self._leaving
        }
        return replace(resource, body={**resource.body, **gone}) if gone else resource

    def _copies(self, made: Iterable[Change]) -> list[Change]:
        """Written-out answers of wildcards that new validation records would hide."""
        created = {change.key: change for change in made if change.action is Action.CREATE}
        challenges = [
            r for r in self._of_kind("dnsRecordSet", Step.CERTIFICATE) if r.key in created
        ]
        return [c for c in self._records.copies(challenges) if c.key not in created]

    def _unwanted(self) -> Iterator[ResourceKey]:
        """What carries our mark and is not desired any more."""
        stays = self._wanted | self._desired.kept | self._proving.left
        for key in sorted(self._index.owned.get(self._desired.front_door, ())):
            if key not in stays and KINDS[key.kind].deletable:
                yield key

    def _deletes(self, made: Iterable[Change]) -> Iterator[Change]:
        steps = {c.key: c.step for c in made if c.action is not Action.REPORT}
        names = dict.fromkeys(self._names_of_leaving(), Step.ADDRESS_AND_DNS)
        steps |= {**names, **dict.fromkeys(self._proving.left, Step.BACKENDS)}
        for record in sorted(names):
            yield self._unnamed(record)
        for _ in self._deleted:  # as often as one may wait for another
            later = {key: self._last(key, steps) for key in self._deleted}
            if later.items() <= steps.items():
                break
            steps |= later
        held = self._held(steps)
        for key in self._deleted:
            yield self._kept(key, held[key]) if key in held else self._delete(key, steps)
            if key.kind == "dnsAuthorization" and key not in held:
                yield from self._challenge_of(key, steps)

    def _names_of_leaving(self) -> set[ResourceKey]:
        """Records that answer with nothing but addresses of ours that go."""
        going = {
            str(self._live[k].body.get("address")) for k in self._deleted if k.kind == "address"
        }
        return {
            record
            for ip in going
            for record in self._index.pointing.get(ip, ())
            if answers(self._live[record].body) <= going
        }

    def _unnamed(self, record: ResourceKey) -> Change:
        body = self._live[record].body
        text = f"answers {sentences.record(body)}, an address that goes"
        disrupts = f"who asks for {body.get('type')} gets no answer (TTL {body.get('ttl')} s)"
        return Change(Action.DELETE, record, Step.ADDRESS_AND_DNS, text, disrupts=disrupts)

    def _last(self, key: ResourceKey, steps: Mapping[ResourceKey, Step]) -> Step:
        """The step in which nothing holds it any more: that of the last of its holders."""
        found = [KINDS[key.kind].step, *(steps[h] for h in self._holders.of(key) if h in steps)]
        return max(found, key=lambda step: step.number)

    def _held(self, steps: Mapping[ResourceKey, Step]) -> dict[ResourceKey, set[ResourceKey]]:
        """What others use, and what that needs in turn, with who holds it."""
        going = {*self._deleted, *self._challenges, *steps}
        held: dict[ResourceKey, set[ResourceKey]] = {}
        while True:
            more = {
                key: found
                for key in self._deleted
                if key not in held
                and (
                    found := {
                        h
                        for h in self._needing(key)
                        if h in held or (h not in going and not self._is_ours(h))
                    }
                )
            }
            if not more:
                return held
            held |= more

    def _needing(self, key: ResourceKey) -> frozenset[ResourceKey]:
        """Who holds it, or lives on it."""
        return self._holders.of(key) | {*(self._tenants.of(key) if key.kind == "firewall" else ())}

    def _kept(self, key: ResourceKey, holders: set[ResourceKey]) -> Change:
        names = ", ".join(sorted(f"{noun(h)} {h.name}" for h in holders))
        unread = key.kind == "firewall" and not self._desired.behind.get(key)
        text = sentences.held(key, names, unread=unread)
        return report(key, KINDS[key.kind].step, text)

    def _delete(self, key: ResourceKey, steps: Mapping[ResourceKey, Step]) -> Change:
        holders = self._holders.of(key)
        if key.kind == "forwardingRule":  # names go before what they lead to
            holders |= self._holders.answering(str(self._live[key].body.get("IPAddress"))) & set(
                steps
            )
        return Change(
            Action.DELETE,
            key,
            steps[key],
            "no longer in the params",
            disrupts=disruption.of(Action.DELETE, key, {}, {}, self._live[key].body),
            depends=tuple(sorted({*holders, *map(part_of, holders & self._proving.left)})),
            waits=self._proven(key, holders, steps),
        )

    def _proven(
        self,
        key: ResourceKey,
        holders: frozenset[ResourceKey],
        steps: Mapping[ResourceKey, Step],
    ) -> tuple[Wait, ...]:
        """What was in use goes when whoever had it is well with another one."""
        states = {"certificate": "ACTIVE", "healthCheck": HEALTHY}
        if key.kind not in states:
            return ()
        staying = holders & set(steps) - set(self._deleted) - self._proving.left
        return tuple(Wait(holder, states[key.kind]) for holder in sorted(staying))

    def _is_ours(self, key: ResourceKey) -> bool:
        return owner(self._live[key].body) == self._desired.front_door

    @property
    def _challenges(self) -> set[ResourceKey]:
        return {
            record
            for key in self._deleted
            if key.kind == "dnsAuthorization"
            for record in self._holders.of(key)
            if record.kind == "dnsRecordSet"
        }

    def _challenge_of(
        self, key: ResourceKey, steps: Mapping[ResourceKey, Step]
    ) -> Iterator[Change]:
        """The CNAME of an authorization of ours, when it is exactly that record."""
        for record in sorted(self._holders.of(key)):
            if record.kind == "dnsRecordSet":
                text = f"belongs to DNS authorization {key.name}, which goes"
                depends = tuple(sorted(self._holders.of(record)))
                yield Change(Action.DELETE, record, steps[key], text, depends=depends)
