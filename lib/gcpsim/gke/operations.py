"""GKE operations: what long-running changes of clusters answer with, kept in the store.

They have their own shape (operationType in capitals, detail, clusterConditions), unlike Compute
Engine's.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from gcpsim.core.clock import rfc3339
from gcpsim.core.projects import number
from gcpsim.gke.documents import link
from gcpsim.k8s.controllers.objects import Obj, safe_hash

if TYPE_CHECKING:
    from gcpsim.core.world import World


class Operations:
    """Operations by name, over the table `gke/operations`."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.table = world.store.table("gke/operations")

    def start(self, project: str, location: str, kind: str, target: str) -> Obj:
        """A running operation on `target` (a path below the API)."""
        now = self.world.clock.now()
        serial = self.world.store.next_number("gke/operations")
        name = f"operation-{int(now * 1000)}-{safe_hash(f'{project}/{serial}', 8)}"
        path = f"projects/{number(project)}/locations/{location}/operations/{name}"
        doc = {
            "name": name,
            "zone": location,
            "location": location,
            "operationType": kind,
            "status": "RUNNING",
            "selfLink": link(path),
            "targetLink": link(
                target.replace(f"projects/{project}/", f"projects/{number(project)}/")
            ),
            "startTime": rfc3339(now),
        }
        self.table.put(name, {**doc, "_project": project})
        return doc

    def finish(self, name: str, error: str = "") -> None:
        doc = self.table.get(name)
        if doc is None or doc["status"] == "DONE":
            return
        done = {**doc, "status": "DONE", "endTime": rfc3339(self.world.clock.now())}
        if error:
            done["error"] = {"code": 3, "message": error}
            done["statusMessage"] = error
        self.table.put(name, done)

    def find(self, name: str) -> Obj | None:
        doc = self.table.get(name)
        return None if doc is None else shown(doc)

    def list(self, project: str, here: Callable[[str], bool]) -> list[Obj]:
        found = [d for d in self.table.values() if d["_project"] == project and here(d["location"])]
        return [shown(doc) for doc in sorted(found, key=lambda d: d["name"])]


def shown(doc: Obj) -> Obj:
    return {key: value for key, value in doc.items() if not key.startswith("_")}
