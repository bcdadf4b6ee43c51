"""What collections show without anybody having stored it: it follows from something else.

Whoever knows what it follows from enters a function here; it is asked each time.
"""

import hashlib
from collections.abc import Callable
from typing import Any

from gcpsim.compute.engine import links
from gcpsim.core.errors import ApiError
from gcpsim.core.paths import collection_of

Doc = dict[str, Any]
Rows = list[tuple[str, Doc]]  # paths and documents
Refusal = Callable[[str], ApiError]
Follows = Callable[[str, str], Rows]  # (project, scope or "" for all)


class Derived:
    """Functions by collection."""

    def __init__(self) -> None:
        self._by_collection: dict[str, Follows] = {}
        self._refusals: dict[str, Refusal] = {}

    def enter(self, collection: str, rows: Follows, refusal: Refusal | None) -> None:
        self._by_collection[collection] = rows
        if refusal is not None:
            self._refusals[collection] = refusal

    def rows(self, collection: str, project: str, scope: str = "") -> Rows:
        found = self._by_collection.get(collection)
        return found(project, scope) if found is not None else []

    def refusal(self, path: str) -> ApiError | None:
        """Why what is derived can't be changed; None for other paths."""
        if collection_of(path) not in self._refusals:
            return None
        project, scope, collection, name = links.split(path)
        there = self.find(collection, project, scope, name) is not None
        return self._refusals[collection](path) if there else None

    def find(self, collection: str, project: str, scope: str, name: str) -> tuple[str, Doc] | None:
        """One by its name or number."""
        for path, doc in self.rows(collection, project, scope):
            if name in (doc["name"], doc["id"]):
                return path, doc
        return None


def number_of(path: str) -> str:
    """The id of what is derived: the same each time it is asked for."""
    return str(int(hashlib.sha256(path.encode()).hexdigest()[:15], 16) + 10**18)
