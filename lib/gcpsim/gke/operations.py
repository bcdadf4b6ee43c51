"""GKE operations: what long-running changes of clusters answer with, kept in the store.

They have their own shape (operationType in capitals, detail, clusterConditions), unlike Compute
Engine's.
"""

from collections.abc import Callable
from typing import Any

from gcpsim.core.clock import rfc3339
from gcpsim.core.operations import OperationStore
from gcpsim.core.projects import number
from gcpsim.core.world import World
from gcpsim.gke.documents import link
from gcpsim.k8s.controllers.objects import Obj, safe_hash

BY_USER = "by the user."
CANCELLED = 1
Next = tuple[Obj, float]  # an effect, and the seconds until it


class Operations(OperationStore):
    """Operations by name. `take_effect` is told the effect when its time is over; what it gives
    is the next effect of the same operation, None when that is done."""

    def __init__(self, world: World) -> None:
        super().__init__(world, "gke/operations", "gke/pending")
        self.take_effect: Callable[[Obj], Next | None] = lambda effect: None

    def start(
        self,
        project: str,
        location: str,
        kind: str,
        target: str,
        *,
        effect: Obj | None = None,
        seconds: float = 0.0,
    ) -> Obj:
        """A running operation on `target` (a path below the API). With an effect it ends by time;
        without one, whoever started it calls `complete`."""
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
        kept = {**doc, "_project": project, "_target": target}
        if effect is None:
            self.keep(name, kept)
        else:
            self.begin(name, kept, {"effect": effect}, seconds)
        return doc

    def end(self, name: str, effect: Obj) -> None:
        following = self.take_effect(effect["effect"])
        if following is None:
            self.complete(name)
        else:
            self.begin(name, self.docs.get(name) or {}, {"effect": following[0]}, following[1])

    def running_on(self, target: str) -> Obj | None:
        """The operation that changes what is at a path (a cluster, or anything in it) now."""
        for doc in self.docs.values():
            if doc["status"] != "DONE" and doc["_target"].startswith(target):
                return doc
        return None

    def complete(self, name: str, error: str = "") -> None:
        """Mark an operation DONE, with an error when it failed."""
        doc = self.docs.get(name)
        if doc is None or doc["status"] == "DONE":
            return
        done = {**doc, "status": "DONE", "endTime": rfc3339(self.world.clock.now())}
        if error:
            done["error"] = {"code": CANCELLED if error.endswith(BY_USER) else 3, "message": error}
            done["statusMessage"] = error
        self.docs.put(name, done)

    def report(self, name: str, **fields: Any) -> None:
        """What an operation says of how far it is."""
        doc = self.docs.get(name)
        if doc is not None and doc["status"] != "DONE":
            self.docs.put(name, {**doc, **fields})

    def find(self, name: str) -> Obj | None:
        doc = self.docs.get(name)
        return None if doc is None else shown(doc)

    def list(self, project: str, here: Callable[[str], bool]) -> list[Obj]:
        found = [d for d in self.docs.values() if d["_project"] == project and here(d["location"])]
        return [shown(doc) for doc in sorted(found, key=lambda d: d["name"])]


def shown(doc: Obj) -> Obj:
    return {key: value for key, value in doc.items() if not key.startswith("_")}
