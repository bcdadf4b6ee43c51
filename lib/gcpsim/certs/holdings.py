"""What Certificate Manager holds: its resources by name, as the other parts read and write them."""

from collections.abc import Callable
from typing import Any

from gcpsim.certs import refusals
from gcpsim.certs.operations import timestamp
from gcpsim.core.paths import collection_of, words_of
from gcpsim.core.store import Table
from gcpsim.core.world import World

Doc = dict[str, Any]
SERVICE = "certificatemanager"
ENTRIES = "certificateMapEntries"


class Holdings:
    """The tables of the world that are Certificate Manager's."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._keys = world.store.table("certs/keys")
        self._entries_changed: list[Callable[[], None]] = []

    def on_entries(self, changed: Callable[[], None]) -> None:
        """Called when a map entry was written or deleted."""
        self._entries_changed.append(changed)

    def now_text(self) -> str:
        return timestamp(self.world.clock.now())

    def table(self, collection: str) -> Table:
        return self.world.store.table(f"certs/{collection}")

    def stored(self, name: str) -> Doc | None:
        return self.table(collection_of(name)).get(name)

    def require(self, name: str) -> Doc:
        """A resource that must exist; ApiError 404."""
        found = self.stored(name)
        if found is None:
            raise refusals.missing(name)
        return found

    def put(self, name: str, doc: Doc) -> None:
        collection = collection_of(name)
        self.table(collection).put(name, doc)
        self._told(collection)

    def delete(self, name: str) -> None:
        """Take it away, with the private key that was kept for it."""
        collection = collection_of(name)
        self.table(collection).delete(name)
        self._keys.delete(name)
        self._told(collection)

    def children(self, parent: str, collection: str) -> list[tuple[str, Doc]]:
        """(name, resource) of a collection under a parent, sorted; also under location `-`."""
        _, project, _, location, *rest = words_of(parent)
        prefix = f"projects/{project}/locations/"
        if location != "-":
            prefix += f"{location}/" + "".join(f"{part}/" for part in rest if part != "-")
        return sorted(
            (name, doc) for name, doc in self.table(collection).items() if name.startswith(prefix)
        )

    def keep_key(self, name: str, key_pem: str) -> None:
        """Hold the private key of a self-managed certificate; it is never answered."""
        self._keys.put(name, {"key": key_pem})

    def key(self, name: str) -> str:
        """The private key that was kept, as PEM; empty when the authority's own is used."""
        kept = self._keys.get(name)
        return kept["key"] if kept else ""

    def _told(self, collection: str) -> None:
        if collection == ENTRIES:
            for changed in self._entries_changed:
                changed()
