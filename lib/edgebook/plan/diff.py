"""Desired against live: one change per resource, with its sentence. Pure.

What is not ours is never changed: it is reported, and blocks its step when it stands in the way.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from edgebook.desired import Desired
from edgebook.model.kinds import KINDS, kind_of, noun
from edgebook.model.links import canonical, link
from edgebook.model.marks import owner
from edgebook.model.observed import Observed
from edgebook.model.values import (
    Action,
    Change,
    Live,
    Ownership,
    Resource,
    ResourceKey,
    Step,
    each_negs,
)
from edgebook.plan import disruption, sentences
from edgebook.plan.attachments import Attachments, attachments
from edgebook.plan.changes import ChangeMaker, report
from edgebook.plan.dns_records import Records
from edgebook.plan.live_index import holders_in, index_of


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
        self._make = ChangeMaker(live, observed)
        self._index = index_of(live)
        self._holders = holders_in(live)
        self._records = Records(live, self._index, self._make)
        self._deleted = tuple(self._unwanted())
        self._leaving = {canonical(link(key)) for key in self._deleted}

    def changes(self) -> Iterator[Change]:
        yield from self._desired.reports
        for resource in self._desired.resources:
            if resource.kind == "dnsRecordSet":
                yield from self._records.changes(resource)
            elif resource.kind == "backends":
                yield from self._backends(resource)
            else:
                yield from self._one(resource)
        yield from self._deletes()
        yield from self._records.stray(self._wanted)

    def _one(self, resource: Resource) -> Iterator[Change]:
        if unread := self._unread(resource.key):
            text = f"cluster {unread} cannot be read: its annotations are not known, and left alone"
            yield report(resource.key, resource.step, text)
            return
        found = self._live.get(resource.key)
        if found is None:
            if resource.ownership is Ownership.REFERENCED:
                text = f"{noun(resource.key)} {resource.name} does not exist"
                yield report(resource.key, resource.step, text, blocks=True)
            else:
                yield self._make.create(resource)
            return
        if resource.ownership is Ownership.REFERENCED:
            return
        kind = kind_of(resource.key)
        resource = self._letting_go(resource, found.body)
        fields = self._make.compare(resource, found.body)
        if kind.marker and resource.ownership is Ownership.CREATED:
            whose = owner(found.body)
            if whose != self._desired.front_door:
                yield self._not_ours(resource, whose, fields)
                return
        if not fields:
            return
        if resource.kind == "serviceAnnotation" and not _exposes_any(resource, found.body):
            yield self._make.create(resource)
            return
        yield self._make.update(resource, found, fields)

    def _unread(self, key: ResourceKey) -> str:
        """The cluster of an object in a cluster that does not answer; "" for everything else."""
        parts = key.scope.split("/")
        cluster = self._observed.clusters.get(parts[1]) if parts[0] == "clusters" else None
        return cluster.name if cluster and not cluster.reachable else ""

    def _letting_go(self, resource: Resource, body: Mapping[str, Any]) -> Resource:
        """Also clear a reference to one of our resources that is going to be deleted."""
        gone = {
            name: None
            for name in kind_of(resource.key).setters
            if name not in resource.body and self._is_leaving(body.get(name))
        }
        return replace(resource, body={**resource.body, **gone}) if gone else resource

    def _is_leaving(self, value: Any) -> bool:
        return isinstance(value, str) and canonical(value) in self._leaving

    def _not_ours(self, resource: Resource, whose: str, fields: tuple[str, ...]) -> Change:
        who = f"belongs to front door {whose}" if whose else "was not created by edgebook"
        fields = tuple(path for path in fields if not path.startswith("labels."))
        # An authorization is about a domain, and there can be one of a type only.
        if not fields and resource.kind == "dnsAuthorization":
            text = f"exists as wanted and {who}: used, left as it is"
            return report(resource.key, resource.step, text)
        differs = f" (differs in {', '.join(fields)})" if fields else ""
        adopt = f"adopt it with `adopt: [{resource.kind}/{resource.name}]`"
        text = f"exists and {who}{differs}: {adopt}, or rename ours"
        return report(resource.key, resource.step, text, blocks=True)

    # Backends

    def _backends(self, resource: Resource) -> Iterator[Change]:
        service = self._live.get(ResourceKey("backendService", resource.scope, resource.name))
        entries = list((service.body.get("backends") if service else None) or ())
        own = self._desired.own_negs.get(resource.name, frozenset())
        seen = attachments(each_negs(resource.body), entries, own, self._observed)
        yield from _known_entries(resource, seen)
        for cluster in seen.unread:
            text = f"cluster {cluster} cannot be read: its NEGs stay as they are"
            yield report(resource.key, resource.step, text)
        if not (seen.missing or seen.changed or seen.stale or seen.waiting):
            return
        if not (seen.attached or seen.stale):
            yield self._make.create(resource)
            return
        touched = [*seen.changed, *seen.stale]
        yield Change(
            Action.UPDATE,
            resource.key,
            resource.step,
            sentences.attaching(seen) or resource.what,
            disrupts=disruption.of_detaching(seen.serving),
            before={"backends": [dict(entry) for entry in touched]},
            after=resource.body,
            fields=("backends",),
            depends=resource.needs,
            waits=resource.waits,
        )

    # What is no longer wanted

    def _unwanted(self) -> Iterator[ResourceKey]:
        """What carries our mark and is not desired any more."""
        for key in sorted(self._index.owned.get(self._desired.front_door, ())):
            if key in self._wanted or key in self._desired.kept:
                continue
            if KINDS[key.kind].deletable:
                yield key

    def _deletes(self) -> Iterator[Change]:
        for key in self._deleted:
            body = self._live[key].body
            yield Change(
                Action.DELETE,
                key,
                KINDS[key.kind].step,
                "no longer in the params",
                disrupts=disruption.of(Action.DELETE, key, {}, {}, body),
                depends=tuple(sorted(self._holders.of(key))),
            )
            if key.kind == "dnsAuthorization":
                yield from self._challenge_of(key)

    def _challenge_of(self, key: ResourceKey) -> Iterator[Change]:
        """The CNAME of an authorization of ours, when it is exactly that record."""
        for record in sorted(self._holders.of(key)):
            if record.kind == "dnsRecordSet":
                text = f"belongs to DNS authorization {key.name}, which goes"
                depends = tuple(sorted(self._holders.of(record)))
                yield Change(Action.DELETE, record, Step.CERTIFICATE, text, depends=depends)


def _exposes_any(resource: Resource, body: Mapping[str, Any]) -> bool:
    """Whether the annotation has one of our ports already."""
    ports = body.get("exposed_ports")
    return isinstance(ports, Mapping) and bool(set(ports) & set(resource.body["exposed_ports"]))


def _known_entries(resource: Resource, seen: Attachments) -> Iterator[Change]:
    for entries, text in (
        (seen.foreign, "not ours: left alone"),
        (
            seen.unclaimed,
            "named by no cluster: left alone; see `edgebook status` for its endpoints",
        ),
    ):
        for entry in entries:
            group = canonical(str(entry.get("group", "")))
            yield report(resource.key, resource.step, f"backend {group}: {text}")
