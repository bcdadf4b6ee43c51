"""Record sets in Cloud DNS, which carry no mark: whose they are is seen by where they point. Pure.

A record that points at our address is ours. One that points elsewhere is left alone, unless the
params take it over: that is the cut-over.
"""

from collections.abc import Iterable, Iterator, Mapping

from edgebook.model.values import (
    Action,
    Change,
    Live,
    LiveResource,
    Ownership,
    Resource,
    ResourceKey,
    Step,
)
from edgebook.plan import disruption, sentences
from edgebook.plan.changes import ChangeMaker, report
from edgebook.plan.compare import UNKNOWN
from edgebook.plan.live_index import Index


class Records:
    """All record sets of the zones that were read."""

    def __init__(self, live: Live, index: Index, maker: ChangeMaker) -> None:
        self._live = live
        self._index = index
        self._make = maker

    def changes(self, resource: Resource) -> Iterator[Change]:
        name = (
            self._make.value_of(resource.body["name"])
            if _is_ref(resource)
            else resource.body["name"]
        )
        if name is UNKNOWN:
            yield self._make.create(resource)
            return
        others = self._index.records.get((resource.scope, str(name).lower()), {})
        found = others.get(resource.body["type"])
        rival = _rival(resource.body["type"], others)
        taken = resource.ownership is Ownership.ADOPTED
        if found is None and rival is None:
            yield self._make.create(resource)
        elif found is None and rival is not None:
            yield from self._rival(resource, rival, taken)
        elif found is not None:
            fields = self._make.compare(resource, {**found.body, "name": name})
            points_elsewhere = "rrdatas" in fields
            if fields and (taken or not points_elsewhere):
                yield self._make.update(resource, found, fields)
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
            f"{sentences.record(rival.body)} -> {resource.what}",
            disrupts=disruption.of_record(rival.body),
            before=before,
            after=resource.body,
            fields=("rrdatas", "type"),
            depends=resource.needs,
        )

    def _left_alone(self, resource: Resource, found: LiveResource) -> Change:
        challenge = resource.step is Step.CERTIFICATE
        text = f"is {sentences.record(found.body)}, not ours: left alone"
        if challenge:
            text += "; the certificate can't be issued while it is there"
            if found.body.get("type") == "TXT":
                text += " (cert-manager's DNS-01? use authorization: PER_PROJECT_RECORD)"
        else:
            text += "; the cut-over runbook moves it"
        return report(resource.key, resource.step, text, blocks=challenge)

    def stray(self, wanted: Iterable[ResourceKey]) -> Iterator[Change]:
        """Records of other names that point at our addresses."""
        wanted = frozenset(wanted)
        ours = {
            str(body.body["address"])
            for key in wanted
            if key.kind == "address" and (body := self._live.get(key)) and body.body.get("address")
        }
        scopes = {key.scope for key in wanted if key.kind == "dnsRecordSet"}
        pointing = {key for address in ours for key in self._index.pointing.get(address, ())}
        for key in sorted(pointing - wanted):
            if key.scope in scopes:
                text = "points at this front door, but is not in hostnames: left alone"
                yield report(key, Step.ADDRESS_AND_DNS, text)


def _rival(kind: str, others: Mapping[str, LiveResource]) -> LiveResource | None:
    """A record set of the same name that forbids one of this type."""
    if kind != "CNAME":
        return others.get("CNAME")
    rivals = [resource for other, resource in sorted(others.items()) if other != "CNAME"]
    return rivals[0] if rivals else None


def _is_ref(resource: Resource) -> bool:
    return not isinstance(resource.body["name"], str)
