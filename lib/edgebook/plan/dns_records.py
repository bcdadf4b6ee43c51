"""Record sets in Cloud DNS, which carry no mark: whose they are is seen by where they point. Pure.

A record that points at our address is ours. A name that answers something else today, by a record
of its own, a wildcard, a CNAME or weights, is left alone; when the params take it over, that is
the cut-over, and a runbook of its own. What a wildcard answers keeps answering when our validation
records come to stand below it.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from edgebook.model.paths import name_of, project_of, record_name, record_of
from edgebook.model.record_sets import answers
from edgebook.model.values import (
    Action,
    Change,
    LiveResource,
    Ownership,
    Resource,
    ResourceKey,
    Step,
)
from edgebook.plan import disruption, sentences
from edgebook.plan.changes import ChangeMaker, report
from edgebook.plan.compare import UNKNOWN
from edgebook.plan.dns_answers import ADDRESS_TYPES, Answers, Sets, let_go
from edgebook.plan.live_index import Index
from edgebook.plan.strayed import lost

CUT_OVER = "80_cut_over"
STAYS, WRITTEN_BACK = "stays: whoever asks for", "writes it back"
MOVED = "; the cut-over runbook moves it"
STRAY = "points at this front door, but is not in hostnames"
COPIED = ("type", "ttl", "rrdatas", "routingPolicy")
LEFTOVERS = ("A", "AAAA", "HTTPS", "SVCB")


class Records:
    """All record sets of the zones that were read; `ours` are this front door's IP addresses.

    `held` are the project's, where the front door has lost its own.
    """

    def __init__(
        self,
        index: Index,
        maker: ChangeMaker,
        ours: frozenset[str],
        held: frozenset[str] | None = None,
    ) -> None:
        self._held = held
        self._index = index
        self._make = maker
        self._ours = ours

    def changes(self, resource: Resource) -> Iterator[Change]:
        answers = Answers(self._index, resource.scope)
        name = self._name(resource)
        bare = (name or record_of(resource.name)[0]).rstrip(".")
        if outside := self._outside(answers, resource, bare):
            yield outside
            return
        if not name:
            yield self._make.create(resource)
            return
        others = answers.sets(name)
        found = others.get(resource.body["type"])
        rival = _rival(resource.body["type"], others)
        if found is None and rival is None:
            yield from self._new(resource, answers, bare)
        elif found is None and rival is not None:
            yield from self._rival(resource, rival)
        elif found is not None:
            yield from self._known(resource, found, name)

    def _name(self, resource: Resource) -> str:
        """The record's name; empty while only an authorization that is not there knows it."""
        name = resource.body["name"]
        if isinstance(name, str):
            return name
        known = self._make.value_of(name)
        if known is not UNKNOWN:
            return str(known)
        planned, _ = record_of(resource.name)
        return "" if "*" in planned else planned

    def _outside(self, answers: Answers, resource: Resource, name: str) -> Change | None:
        """A record that nobody would ever ask this zone for."""
        text = ""
        if answers.apex and not name.endswith(f".{answers.apex}") and name != answers.apex:
            zone = name_of(resource.scope)
            text = (
                f"does not belong to DNS zone {zone} ({answers.apex}): name its own zone "
                "under dns.zones"
            )
        elif cut := answers.delegated(name.replace("_acme-challenge_*.", "")):
            text = f"{cut} is delegated to another zone: name that one under dns.zones"
        return report(resource.key, resource.step, text, blocks=True) if text else None

    def _known(self, resource: Resource, found: LiveResource, name: str) -> Iterator[Change]:
        fields = self._make.compare(resource, {**found.body, "name": name})
        points_elsewhere = "rrdatas" in fields
        if not fields:
            return
        if not points_elsewhere:
            yield self._make.update(resource, found, fields)
        elif _taken(resource):
            change = self._make.update(resource, found, fields)
            if found.body.get("routingPolicy"):
                was = sentences.policy(found.body)
                change = replace(change, sentence=f"{was} -> {resource.what}")
            yield self._moving(change)
        else:
            yield self._left_alone(resource, found)

    def _new(self, resource: Resource, answers: Answers, name: str) -> Iterator[Change]:
        """No record of this type: is the name answered all the same, and by whom?"""
        star = answers.wildcard(name) if resource.step is Step.ADDRESS_AND_DNS else ""
        serving = self._serving(answers.sets(star or name), resource)
        create = self._make.create(resource)
        if serving is None:
            yield create
        elif _taken(resource):
            disrupts = disruption.of_record(serving.body)
            yield self._moving(create, disrupts=disrupts)
        else:
            by = f"by {star}: " if star else ""
            yield self._left_alone(resource, serving, by)

    def _serving(self, sets: Sets, resource: Resource) -> LiveResource | None:
        """The record by which the name leads elsewhere today."""
        if resource.step is not Step.ADDRESS_AND_DNS:
            return None
        for kind in ADDRESS_TYPES:
            found = sets.get(kind)
            if found is not None and not self._is_ours(found):
                return found
        return None

    def _is_ours(self, record: LiveResource) -> bool:
        """Whether it points at nothing but our addresses."""
        values = {str(value) for value in record.body.get("rrdatas") or ()}
        return bool(values) and values <= self._ours

    def _rival(self, resource: Resource, rival: LiveResource) -> Iterator[Change]:
        """A CNAME beside anything else is refused by Cloud DNS, so one of them has to go."""
        if not _taken(resource):
            yield self._left_alone(resource, rival)
            return
        before = {name: rival.body.get(name) for name in ("name", "type", "ttl", "rrdatas")}
        change = Change(
            Action.REPLACE,
            resource.key,
            resource.step,
            f"{sentences.record(rival.body)} -> {resource.what}",
            disrupts=disruption.of_record(rival.body),
            before=before,
            after=resource.body,
            fields=("rrdatas", "type"),
            depends=resource.needs,
        )
        yield self._moving(change)

    def _moving(self, change: Change, *, disrupts: str = "") -> Change:
        return replace(change, moves=CUT_OVER, disrupts=disrupts or change.disrupts)

    def _left_alone(self, resource: Resource, found: LiveResource, by: str = "") -> Change:
        challenge = resource.step is Step.CERTIFICATE
        text = f"is {by}{sentences.record(found.body)}, not ours: left alone"
        if challenge:
            text += "; the certificate can't be issued while it is there"
            if found.body.get("type") == "TXT":
                text += " (cert-manager's DNS-01? use authorization: PER_PROJECT_RECORD)"
        else:
            gone = "" if self._held is None else lost(found.body, self._held)
            text += f"; {gone}" if gone else ""
            text += MOVED
        return report(resource.key, resource.step, text, blocks=challenge)

    def copies(self, challenges: Iterable[Resource]) -> Iterator[Change]:
        """What a wildcard answers today, written out before a validation record hides it."""
        made: set[ResourceKey] = set()
        for resource in challenges:
            answers = Answers(self._index, resource.scope)
            domain = record_of(resource.name)[0].rstrip(".").partition(".")[2]
            for name, star in answers.hidden_by(domain):
                for kind, record in sorted(answers.sets(star).items()):
                    key = ResourceKey("dnsRecordSet", resource.scope, record_name(f"{name}.", kind))
                    if key not in made:
                        made.add(key)
                        yield _copy(key, record, star)

    def beside(
        self, resources: Sequence[Resource], written: Container[ResourceKey]
    ) -> Iterator[Change]:
        """Records that stay beside ours and lead elsewhere, and who would write ours back.

        What somebody else keeps is not `written` by a plain plan, unless the params hand it over.
        """
        wanted = {(r.scope, str(r.body["name"])): r for r in resources}
        types = {(r.scope, str(r.body["name"]), r.body["type"]) for r in resources}
        for (scope, name), resource in sorted(wanted.items()):
            answers = Answers(self._index, scope)
            for kind, record in sorted(answers.sets(name).items()):
                if kind in LEFTOVERS and (scope, name, kind) not in types:
                    if self._is_ours(record):
                        continue
                    key = ResourceKey("dnsRecordSet", scope, record_name(name, kind))
                    text = (
                        f"{sentences.record(record.body)} {STAYS} {kind} does not "
                        "come to this front door; delete it, or serve it too"
                    )
                    yield report(key, Step.ADDRESS_AND_DNS, text)
            if owner := answers.owner(name):
                text = f"{owner} keeps this record and {WRITTEN_BACK} within a minute: "
                text += let_go(resource.key)
                blocks = resource.key in written and not _taken(resource)
                yield report(resource.key, Step.ADDRESS_AND_DNS, text, blocks=blocks)

    def stray(self, wanted: Iterable[ResourceKey]) -> Iterator[Change]:
        """Records of other names that point at our addresses."""
        pointing = {key for address in self._ours for key in self._index.pointing.get(address, ())}
        for key in sorted(pointing - set(wanted)):
            name, kind = record_of(key.name)
            body = Answers(self._index, key.scope).sets(name)[kind].body
            text = f"{STRAY}: left alone; {taking_away(key, body, self._ours)}"
            yield report(key, Step.ADDRESS_AND_DNS, text)


def taking_away(record: ResourceKey, body: Mapping[str, Any], ours: frozenset[str]) -> str:
    """How somebody comes to free an address of ours from a record set."""
    name, kind = record_of(record.name)
    if answers(body) - ours:
        mine = ", ".join(sorted(answers(body) & ours))
        return f"it answers other addresses, too: take {mine} out of it before that goes"
    line = f"gcloud dns record-sets delete {name} --type {kind} --zone {name_of(record.scope)}"
    return f"when nobody asks for it: `{line} --project {project_of(record.scope)}`"


def _taken(resource: Resource) -> bool:
    return resource.ownership is Ownership.ADOPTED


def _copy(key: ResourceKey, record: LiveResource, star: str) -> Change:
    name, _ = record_of(key.name)
    body = {"name": name, **{k: record.body[k] for k in COPIED if k in record.body}}
    return Change(
        Action.CREATE,
        key,
        Step.CERTIFICATE,
        f"copy of {star}: {sentences.record(record.body)}; a record below the name would hide it",
        disrupts=f"it answers the same as before, but no longer follows changes of {star}",
        after=body,
    )


def _rival(kind: str, others: Sets) -> LiveResource | None:
    """A record set of the same name that forbids one of this type."""
    if kind != "CNAME":
        return others.get("CNAME")
    rivals = [resource for other, resource in sorted(others.items()) if other != "CNAME"]
    return rivals[0] if rivals else None
