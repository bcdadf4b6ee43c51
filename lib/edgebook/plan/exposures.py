"""Which Services ask GKE for which NEGs, by their annotations. Pure.

GKE gives a NEG name to one Service of a cluster only, and stops updating the NEG when its
annotation goes: whoever takes a name away has to know who lives on it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from edgebook.model.paths import cluster_of, namespace_of
from edgebook.model.values import Live, ResourceKey


class Exposures:
    """The annotations of one reading."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def of(self, name: str) -> Iterator[ResourceKey]:
        """The annotations that ask for a NEG of a name, in any cluster."""
        for key, names in self._all():
            if name in names:
                yield key

    @property
    def names(self) -> frozenset[str]:
        """All NEG names that they ask for."""
        return frozenset(name for _, names in self._all() for name in names)

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
