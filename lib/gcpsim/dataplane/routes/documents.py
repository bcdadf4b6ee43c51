"""The documents that a location knows, and the ways from one to the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gcpsim.core import paths

Doc = dict[str, Any]
ROOT = "https://www.googleapis.com/compute/v1/"
CERTIFICATES = "//certificatemanager.googleapis.com/"
ENTRIES = "certs/certificateMapEntries"


class NotCarried(Exception):
    """Something that Google accepts and the data plane cannot do yet; the text names it."""


@dataclass
class Documents:
    """Tables of documents by key, named as in the world's store.

    `pairs` has (chain, key) as PEM by the certificate's name or path, `projects` the ids of
    projects by number. Treat all of it as frozen.
    """

    tables: dict[str, dict[str, Doc]] = field(default_factory=dict)
    pairs: dict[str, tuple[str, str]] = field(default_factory=dict)
    projects: dict[str, str] = field(default_factory=dict)

    def get(self, reference: str) -> Doc | None:
        """A Compute Engine resource by path or link."""
        path = path_of(reference)
        if len(paths.words_of(path)) <= 3:
            return None
        return self.tables.get(f"compute/{paths.collection_of(path)}", {}).get(path)

    def all(self, collection: str) -> list[tuple[str, Doc]]:
        """(path, document) of a collection, sorted by path."""
        return sorted(self.tables.get(f"compute/{collection}", {}).items())

    def endpoints(self, group: str) -> list[Doc]:
        found = self.tables.get("compute/endpoints", {}).get(group)
        return list(found["endpoints"]) if found else []

    def entries(self, certificate_map: str) -> Iterator[tuple[str, Doc]]:
        """(name, document) of the ACTIVE entries of a certificate map, sorted."""
        prefix = self.name(certificate_map) + "/"
        for name, doc in sorted(self.tables.get(ENTRIES, {}).items()):
            if name.startswith(prefix) and doc.get("state") == "ACTIVE":
                yield name, doc

    def pair(self, certificate: str) -> tuple[str, str] | None:
        """(chain, key) of a certificate that can serve, by link, path or name."""
        return self.pairs.get(self.name(path_of(certificate)))

    def name(self, reference: str) -> str:
        """A Certificate Manager name with the project id, whatever was written."""
        name = reference.removeprefix(CERTIFICATES)
        project = paths.project_of(name)
        return paths.with_project(name, self.projects.get(project, project)) if project else name


def path_of(reference: str) -> str:
    return reference.removeprefix(ROOT)


def short(path: str) -> str:
    """`urlMaps/web` for a path: how a resource is called in texts."""
    return paths.short(path_of(path))


def port_of(rule: Doc) -> int:
    """The port of a proxy's forwarding rule."""
    return int(str(rule.get("portRange") or "0").partition("-")[0])


def region_of(group: str) -> str:
    """The region of a zonal group's path."""
    return paths.zone_of(group).rpartition("-")[0]
