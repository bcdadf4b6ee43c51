"""Which Services ask GKE for which NEGs, by their annotations, and who serves from them. Pure.

GKE gives a NEG name to one Service of a cluster only, and stops updating the NEG when its
annotation goes: whoever takes a name away has to know who lives on it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from edgebook.desired import Desired
from edgebook.model.marks import owner
from edgebook.model.paths import cluster_of, namespace_of
from edgebook.model.values import Live, ResourceKey
from edgebook.plan.holders import Holders


class Exposures:
    """The annotations of one reading."""

    def __init__(self, live: Live, holders: Holders) -> None:
        self._live = live
        self._holders = holders

    def of(self, name: str) -> Iterator[ResourceKey]:
        """The annotations that ask for a NEG of a name, in any cluster."""
        for key, names in self._all():
            if name in names:
                yield key

    def feeding_others(self, desired: Desired) -> set[str]:
        """In words: who serves from NEGs that the params say no more, and stays.

        A backend service of nobody's front door, or one of ours that others hold.
        """
        own = {name for names in desired.own_negs.values() for name in names}
        wanted = {resource.key for resource in desired.resources}
        return {
            f"backend service {user.name} serves from NEG {name}"
            for _, names in self._all()
            for name in names - own
            for user in self._holders.using_neg(name)
            if not (whose := owner(self._live[user].body))
            or (whose == desired.front_door and self._held(user, whose, wanted))
        }

    def _held(self, key: ResourceKey, ours: str, wanted: set[ResourceKey]) -> bool:
        """Whether others hold it in the end; what is wanted lets go by a change of its own."""
        return key not in wanted and any(
            owner(self._live[holder].body) != ours or self._held(holder, ours, wanted)
            for holder in self._holders.of(key) - wanted
        )

    def _all(self) -> Iterator[tuple[ResourceKey, set[str]]]:
        for key, found in sorted(self._live.items()):
            if key.kind == "serviceAnnotation":
                yield key, _names(found.body)


def words(annotation: ResourceKey) -> str:
    """The Service of an annotation, with its cluster."""
    scope = annotation.scope
    return f"Service {namespace_of(scope)}/{annotation.name} of {cluster_of(scope)}"


def _names(body: Mapping[str, Any]) -> set[str]:
    ports = body.get("exposed_ports")
    entries = ports.values() if isinstance(ports, Mapping) else ()
    return {str(entry["name"]) for entry in entries if entry and entry.get("name")}
