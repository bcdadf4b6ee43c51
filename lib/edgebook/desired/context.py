"""What all parts of `desired` share: the Spec, its names, what was observed, how bodies begin."""

from collections.abc import Mapping
from typing import Any

from edgebook.model.kinds import KINDS
from edgebook.model.marks import marked
from edgebook.model.observed import Observed
from edgebook.model.paths import certificate_scope, compute_scope
from edgebook.model.values import Action, Change, Ownership, Ref, Resource, ResourceKey, Step
from edgebook.params.names import Names
from edgebook.params.types import IpVersion, Spec


def merged(body: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """A body with the fields of an `api:` block laid over it, deeply."""
    result = dict(body)
    for name, value in more.items():
        mine = result.get(name)
        if isinstance(mine, Mapping) and isinstance(value, Mapping):
            result[name] = merged(mine, value)
        else:
            result[name] = value
    return result


class Context:
    """One front door on its way from Spec to resources."""

    def __init__(self, spec: Spec, observed: Observed) -> None:
        self.spec = spec
        self.observed = observed
        self.names = Names(spec)
        self.front_door = self.names.front_door
        self.compute = compute_scope(spec.project)
        self.certificates = certificate_scope(spec.project)
        self._adopted = frozenset(spec.adopt)

    @property
    def ip_versions(self) -> tuple[IpVersion, ...]:
        return tuple(sorted(set(self.spec.address.ip_versions)))

    def address(self, version: IpVersion) -> Ref:
        return Ref("address", self.names.address(version), self.compute, "address")

    def ref(self, kind: str, name: str) -> Ref:
        """A reference to another of our resources, in the scope of its API."""
        certificate = KINDS[kind].api == "certificatemanager"
        return Ref(kind, name, self.certificates if certificate else self.compute)

    def resource(
        self,
        kind: str,
        name: str,
        body: Mapping[str, Any],
        *,
        what: str,
        scope: str = "",
        step: Step | None = None,
        ownership: Ownership = Ownership.CREATED,
        **more: Any,
    ) -> Resource:
        """A resource of this front door, with our mark in its body."""
        entry = KINDS[kind]
        scope = scope or self.ref(kind, name).scope
        if f"{kind}/{name}" in self._adopted:
            ownership = Ownership.ADOPTED
        if ownership is not Ownership.REFERENCED:
            body = marked(entry, body, self.front_door, self.spec.labels)
        step = step or entry.step
        return Resource(kind, name, scope, body, step, ownership=ownership, what=what, **more)

    def existing(self, kind: str, name: str, step: Step | None = None) -> Resource:
        """A resource that must exist already and that is only referred to."""
        referenced = Ownership.REFERENCED
        return self.resource(kind, name, {}, what="must exist", step=step, ownership=referenced)


def report(key: ResourceKey, step: Step, sentence: str, *, blocks: bool = False) -> Change:
    """Something to know."""
    return Change(Action.REPORT, key, step, sentence, blocks=blocks)
