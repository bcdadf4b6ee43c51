"""Desired against live: one change per resource, with its sentence. Pure.

What is not ours is never changed: it is reported, and blocks its step when it stands in the way.
Records in DNS carry no mark: one that points at our address is ours, one that points elsewhere is
left alone unless the params take it over.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from edgebook import disruption
from edgebook.attachments import Attachments, attachments
from edgebook.compare import UNKNOWN, Comparison, at, immutable, lookup
from edgebook.desired import Desired
from edgebook.kinds import KINDS, kind_of, noun
from edgebook.links import canonical, link, plain
from edgebook.marks import owner
from edgebook.model import (
    Action,
    Change,
    Live,
    LiveResource,
    Ownership,
    Resource,
    ResourceKey,
    Step,
    each_negs,
    refs,
)
from edgebook.observed import Observed


def diff(desired: Desired, live: Live, observed: Observed) -> list[Change]:
    """Everything that has to change, and everything to know, unsorted."""
    return list(Diff(desired, live, observed).changes())


class Diff:
    """One comparison of everything."""

    def __init__(self, desired: Desired, live: Live, observed: Observed) -> None:
        self._desired = desired
        self._live = live
        self._observed = observed
        self._value_of = lookup(live)
        self._wanted = {resource.key for resource in desired.resources}
        self._records = _by_name(live)

    def changes(self) -> Iterator[Change]:
        yield from self._desired.reports
        for resource in self._desired.resources:
            if resource.kind == "dnsRecordSet":
                yield from self._record(resource)
            elif resource.kind == "backends":
                yield from self._backends(resource)
            else:
                yield from self._one(resource)
        yield from self._deletes()
        yield from self._stray_records()

    def _one(self, resource: Resource) -> Iterator[Change]:
        found = self._live.get(resource.key)
        if found is None:
            if resource.ownership is Ownership.REFERENCED:
                text = f"{noun(resource.key)} {resource.name} does not exist"
                yield _report(resource.key, resource.step, text, blocks=True)
            else:
                yield self._create(resource)
            return
        if resource.ownership is Ownership.REFERENCED:
            return
        kind = kind_of(resource.key)
        fields = self._compare(resource, found.body)
        if kind.marker and resource.ownership is Ownership.CREATED:
            whose = owner(found.body)
            if whose != self._desired.front_door:
                yield self._not_ours(resource, whose, fields)
                return
        if not fields:
            return
        if resource.kind == "serviceAnnotation" and not _exposes_any(resource, found.body):
            yield self._create(resource)
            return
        yield self._update(resource, found, fields)

    def _compare(self, resource: Resource, body: Mapping[str, Any]) -> tuple[str, ...]:
        kind = kind_of(resource.key)
        compare = Comparison(kind, self._value_of, self._observed.project_numbers)
        fields = compare.fields(resource.body, body)
        # GKE refuses a NEG name of ours beside `ingress: true`, so that has to go.
        if kind.name == "serviceAnnotation" and body.get("ingress") is True:
            fields = (*fields, "ingress")
        return fields

    def _create(self, resource: Resource) -> Change:
        return Change(
            Action.CREATE,
            resource.key,
            resource.step,
            resource.what,
            after=resource.body,
            unknown=self._unknown(resource),
            depends=resource.needs,
            waits=resource.waits,
        )

    def _unknown(self, resource: Resource) -> tuple[str, ...]:
        names = {
            f"{noun(ref.key)} {ref.key.name}"
            for ref in refs(resource.body)
            if self._value_of(ref) is UNKNOWN
        }
        return tuple(sorted(names))

    def _update(self, resource: Resource, found: LiveResource, fields: tuple[str, ...]) -> Change:
        fixed = immutable(kind_of(resource.key), fields)
        action = Action.REPLACE if fixed else Action.UPDATE
        before = {path: at(found.body, path) for path in fields}
        waits = resource.waits if fixed else (*resource.waits, *resource.update_waits)
        return Change(
            action,
            resource.key,
            resource.step,
            self._sentence(resource, before, fixed),
            disrupts=disruption.of(action, resource.key, before, resource.body, found.body),
            before=before,
            after=resource.body,
            fields=fields,
            unknown=self._unknown(resource),
            depends=resource.needs,
            waits=tuple(sorted(set(waits))),
        )

    def _sentence(
        self, resource: Resource, before: Mapping[str, Any], fixed: tuple[str, ...]
    ) -> str:
        parts = [
            f"{path}: {_shown(value)} -> {_shown(self._after(resource, path))}"
            for path, value in sorted(before.items())
        ]
        text = ", ".join(parts)
        return f"{text} ({', '.join(fixed)} can't be changed in place)" if fixed else text

    def _after(self, resource: Resource, path: str) -> Any:
        value: Any = resource.body
        for part in path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return plain(self._known(value))

    def _known(self, value: Any) -> Any:
        """A body for people: references by value, or by name while they are unknown."""
        if isinstance(value, Mapping):
            return {name: self._known(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._known(item) for item in value]
        if any(ref is value for ref in refs(value)):
            known = self._value_of(value)
            return f'(known after "{noun(value.key)} {value.name}")' if known is UNKNOWN else known
        return value

    def _not_ours(self, resource: Resource, whose: str, fields: tuple[str, ...]) -> Change:
        who = f"it belongs to front door {whose}" if whose else "edgebook did not create it"
        name = f"{noun(resource.key)} {resource.name}"
        if not fields:
            text = f"{name} exists as wanted; {who}: used, left as it is"
            return _report(resource.key, resource.step, text)
        adopt = f"adopt it with `adopt: [{resource.kind}/{resource.name}]`"
        text = f"{name} exists and differs in {', '.join(fields)}; {who}: {adopt}, or rename ours"
        return _report(resource.key, resource.step, text, blocks=True)

    # DNS

    def _record(self, resource: Resource) -> Iterator[Change]:
        name = self._value_of(resource.body["name"]) if _is_ref(resource) else resource.body["name"]
        if name is UNKNOWN:
            yield self._create(resource)
            return
        others = self._records.get((resource.scope, str(name).lower()), {})
        found = others.get(resource.body["type"])
        rival = _rival(resource.body["type"], others)
        taken = resource.ownership is Ownership.ADOPTED
        if found is None and rival is None:
            yield self._create(resource)
        elif found is None and rival is not None:
            yield from self._rival(resource, rival, taken)
        elif found is not None:
            fields = self._compare(resource, {**found.body, "name": name})
            points_elsewhere = "rrdatas" in fields
            if fields and (taken or not points_elsewhere):
                yield self._update(resource, found, fields)
            elif fields:
                yield self._left_alone(resource, found)

    def _rival(self, resource: Resource, rival: LiveResource, taken: bool) -> Iterator[Change]:
        """A CNAME beside anything else is refused by Cloud DNS, so one of them has to go."""
        if not taken:
            yield self._left_alone(resource, rival)
            return
        before = {name: rival.body.get(name) for name in ("name", "type", "ttl", "rrdatas")}
        yield Change(
            Action.REPLACE,
            resource.key,
            resource.step,
            f"{_shown_record(rival.body)} -> {resource.what}",
            disrupts=disruption.of_record(rival.body),
            before=before,
            after=resource.body,
            fields=("rrdatas", "type"),
            depends=resource.needs,
        )

    def _left_alone(self, resource: Resource, found: LiveResource) -> Change:
        challenge = resource.step is Step.CERTIFICATE
        text = f"is {_shown_record(found.body)}, not ours: left alone"
        if challenge:
            text += "; the certificate can't be issued while it is there"
            if found.body.get("type") == "TXT":
                text += " (cert-manager's DNS-01? use authorization: PER_PROJECT_RECORD)"
        else:
            text += "; the cut-over runbook moves it"
        return _report(resource.key, resource.step, text, blocks=challenge)

    def _stray_records(self) -> Iterator[Change]:
        """Records of other names that point at our addresses."""
        ours = {
            str(body.body["address"])
            for key in self._wanted
            if key.kind == "address" and (body := self._live.get(key)) and body.body.get("address")
        }
        scopes = {key.scope for key in self._wanted if key.kind == "dnsRecordSet"}
        for key, resource in sorted(self._live.items()):
            if key.kind != "dnsRecordSet" or key.scope not in scopes or key in self._wanted:
                continue
            if ours & set(resource.body.get("rrdatas") or ()):
                text = "points at this front door, but is not in hostnames: left alone"
                yield _report(key, Step.ADDRESS_AND_DNS, text)

    # Backends

    def _backends(self, resource: Resource) -> Iterator[Change]:
        service = self._live.get(ResourceKey("backendService", resource.scope, resource.name))
        entries = list((service.body.get("backends") if service else None) or ())
        own = self._desired.own_negs.get(resource.name, frozenset())
        seen = attachments(each_negs(resource.body), entries, own, self._observed)
        yield from _known_entries(resource, seen)
        if not (seen.missing or seen.changed or seen.stale or seen.waiting):
            return
        if not (seen.attached or seen.stale):
            yield self._create(resource)
            return
        touched = [*seen.changed, *seen.stale]
        yield Change(
            Action.UPDATE,
            resource.key,
            resource.step,
            _attach_sentence(resource, seen),
            disrupts=disruption.of_detaching(seen.serving),
            before={"backends": [dict(entry) for entry in touched]},
            after=resource.body,
            fields=("backends",),
            depends=resource.needs,
            waits=resource.waits,
        )

    # What is no longer wanted

    def _deletes(self) -> Iterator[Change]:
        for key, resource in sorted(self._live.items()):
            kind = KINDS[key.kind]
            if key in self._wanted or key in self._desired.kept:
                continue
            if not kind.deletable or not kind.marker:
                continue
            if owner(resource.body) != self._desired.front_door:
                continue
            yield Change(
                Action.DELETE,
                key,
                kind.step,
                "no longer in the params",
                disrupts=disruption.of(Action.DELETE, key, {}, {}, resource.body),
                depends=self._holders(key),
            )

    def _holders(self, key: ResourceKey) -> tuple[ResourceKey, ...]:
        """Our resources that refer to it now: they must let go first."""
        wanted = canonical(link(key))
        return tuple(
            sorted(
                other
                for other, resource in self._live.items()
                if other != key
                and owner(resource.body) == self._desired.front_door
                and _mentions(resource.body, wanted)
            )
        )


BACK_REFERENCES = frozenset({"gclbTargets", "name", "selfLink", "usedBy", "users"})


def _mentions(value: Any, wanted: str) -> bool:
    if isinstance(value, str):
        return canonical(value) == wanted
    if isinstance(value, Mapping):
        return any(_mentions(v, wanted) for k, v in value.items() if k not in BACK_REFERENCES)
    return isinstance(value, list | tuple) and any(_mentions(item, wanted) for item in value)


def _by_name(live: Live) -> dict[tuple[str, str], dict[str, LiveResource]]:
    """Record sets by zone and name, then by type."""
    found: dict[tuple[str, str], dict[str, LiveResource]] = {}
    for key, resource in live.items():
        if key.kind == "dnsRecordSet":
            name = str(resource.body.get("name", "")).lower()
            found.setdefault((key.scope, name), {})[str(resource.body.get("type"))] = resource
    return found


def _rival(kind: str, others: Mapping[str, LiveResource]) -> LiveResource | None:
    """A record set of the same name that forbids one of this type."""
    if kind != "CNAME":
        return others.get("CNAME")
    rivals = [resource for other, resource in sorted(others.items()) if other != "CNAME"]
    return rivals[0] if rivals else None


def _is_ref(resource: Resource) -> bool:
    return not isinstance(resource.body["name"], str)


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
            yield _report(resource.key, resource.step, f"backend {group}: {text}")


def _attach_sentence(resource: Resource, seen: Attachments) -> str:
    parts = []
    for cluster in sorted({seen.clusters[canonical(neg.link)] for neg in seen.missing}):
        zones = [n.zone for n in seen.missing if seen.clusters[canonical(n.link)] == cluster]
        parts.append(f"attach {', '.join(sorted(zones))} of {cluster}")
    parts += [f"attach the NEGs of {cluster} when GKE has made them" for cluster in seen.waiting]
    if seen.changed:
        count = len(seen.changed)
        parts.append(f"balancing of {count} NEG{'s' if count != 1 else ''}")
    if seen.stale:
        zones = sorted(str(entry.get("group", "")).split("/")[-3] for entry in seen.stale)
        of = f" of {', '.join(seen.serving)}" if seen.serving else ""
        parts.append(f"detach {', '.join(zones)}{of}")
    return "; ".join(parts) or resource.what


def _shown_record(body: Mapping[str, Any]) -> str:
    data = ", ".join(str(item) for item in body.get("rrdatas") or ()) or "a routing policy"
    return f"{body.get('type')} to {data}, TTL {body.get('ttl')}"


def _shown(value: Any) -> str:
    """A value in a sentence: links by their last part, long lists by their length."""
    if value is None or value == "" or value == []:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value.rsplit("/", 1)[-1] if value.startswith("projects/") else value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        if len(value) <= 4:
            return ", ".join(sorted(_shown(item) for item in value))
        return f"{len(value)} items"
    if isinstance(value, list):
        return f"{len(value)} item{'s' if len(value) != 1 else ''}"
    return (
        "a block"
        if isinstance(value, Mapping)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def _report(key: ResourceKey, step: Step, sentence: str, *, blocks: bool = False) -> Change:
    return Change(Action.REPORT, key, step, sentence, blocks=blocks)
