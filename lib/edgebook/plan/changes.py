"""Makes changes of a desired and a live resource: compared, with sentence and disruption. Pure."""

from collections.abc import Mapping
from typing import Any

from edgebook.model import fields
from edgebook.model.kinds import kind_of, noun
from edgebook.model.links import plain
from edgebook.model.observed import Observed
from edgebook.model.values import (
    Action,
    Change,
    Live,
    LiveResource,
    Ownership,
    Resource,
    ResourceKey,
    Step,
    refs,
)
from edgebook.plan import disruption, sentences
from edgebook.plan.compare import UNKNOWN, Comparison, at, immutable, lookup


class ChangeMaker:
    """Knows how references are resolved now."""

    def __init__(self, live: Live, observed: Observed) -> None:
        self.value_of = lookup(live)
        self._numbers = observed.project_numbers

    def compare(self, resource: Resource, body: Mapping[str, Any]) -> tuple[str, ...]:
        kind = kind_of(resource.key)
        compare = Comparison(kind, self.value_of, self._numbers)
        fields = compare.fields(resource.body, body)
        # GKE refuses a NEG name of ours beside `ingress: true`, so that has to go.
        if kind.name == "serviceAnnotation" and body.get("ingress") is True:
            fields = (*fields, "ingress")
        return fields

    def create(self, resource: Resource) -> Change:
        return Change(
            Action.CREATE,
            resource.key,
            resource.step,
            resource.what,
            after=_without_none(resource.body),
            unknown=self._unknown(resource),
            depends=resource.needs,
            waits=resource.waits,
        )

    def _unknown(self, resource: Resource) -> tuple[str, ...]:
        names = {
            f"{noun(ref.key)} {ref.key.name}"
            for ref in refs(resource.body)
            if self.value_of(ref) is UNKNOWN
        }
        return tuple(sorted(names))

    def update(self, resource: Resource, found: LiveResource, fields: tuple[str, ...]) -> Change:
        kind = kind_of(resource.key)
        # The API itself brings one that is there already from the classic scheme to the managed.
        adopted = resource.ownership is Ownership.ADOPTED
        goes = kind.migrates if adopted else frozenset[str]()
        fixed = tuple(name for name in immutable(kind, fields) if name not in goes)
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
            moves=_leaves_classic(resource, found.body, fields),
        )

    def _sentence(
        self, resource: Resource, before: Mapping[str, Any], fixed: tuple[str, ...]
    ) -> str:
        parts = []
        for path, old in sorted(before.items()):
            new = self._after(resource, path)
            one, other = sentences.shown(old), sentences.shown(new)
            if any(word.endswith(("item", "items", "a block")) for word in (one, other)):
                parts.append(sentences.inside(path, old, new))
            else:
                parts.append(f"{path}: {one} -> {other}" if one != other else f"{path}: changed")
        text = ", ".join(parts)
        return f"{text} ({', '.join(fixed)} can't be changed in place)" if fixed else text

    def _after(self, resource: Resource, path: str) -> Any:
        return plain(self._known(fields.at(resource.body, path)))

    def _known(self, value: Any) -> Any:
        """A body for people: references by value, or by name while they are unknown."""
        if isinstance(value, Mapping):
            return {name: self._known(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._known(item) for item in value]
        if any(ref is value for ref in refs(value)):
            known = self.value_of(value)
            return f'(known after "{noun(value.key)} {value.name}")' if known is UNKNOWN else known
        return value


def _without_none(value: Any) -> Any:
    """A body for creating: a field that must not be set is not sent."""
    if isinstance(value, Mapping):
        return {k: _without_none(item) for k, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_none(item) for item in value]
    return value


def report(key: ResourceKey, step: Step, sentence: str, *, blocks: bool = False) -> Change:
    return Change(Action.REPORT, key, step, sentence, blocks=blocks)


def not_ours(resource: Resource, whose: str, fields: tuple[str, ...]) -> Change:
    """What has the name of ours and another owner stands in the way."""
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


def _leaves_classic(resource: Resource, live: Mapping[str, Any], fields: tuple[str, ...]) -> str:
    """A first map on a proxy with classic certificates: from then on only its names are served."""
    first = "certificateMap" in fields and not live.get("certificateMap")
    leaves = first and bool(live.get("sslCertificates"))
    return f"operate/certificates -p proxies {resource.name}" if leaves else ""
