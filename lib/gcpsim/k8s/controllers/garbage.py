"""The garbage collector: dependents go with their owner, by owner references.

Background deletion removes them after the owner, foreground before it, orphaning takes the
reference away. It follows every resource that the cluster serves, custom ones included.
"""

from collections import defaultdict

from gcpsim.k8s.controllers.objects import Obj, deleting, key_of, split, uid_of, with_meta
from gcpsim.k8s.controllers.plane import Plane
from gcpsim.k8s.types.names import group_of

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
SKIPPED = frozenset({"events", "leases"})
Dependent = tuple[str, str]


class GarbageCollector:
    """Knows who depends on which uid, and acts when an owner goes."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.worker = plane.worker("kubernetes.controller.lag", self.reconcile)
        self._dependents: defaultdict[str, dict[Dependent, None]] = defaultdict(dict)
        self._holders: dict[str, Dependent] = {}  # uids that wait for their dependents
        self._followed: set[str] = set()
        self._follow_all()
        self.cluster.subscribe("customresourcedefinitions", lambda *_: self._follow_all())

    def _follow_all(self) -> None:
        for resource in self.cluster.registry.all():
            if resource.key in self._followed or resource.key in SKIPPED:
                continue
            if "list" not in resource.verbs:
                continue
            self._followed.add(resource.key)
            self._follow(resource.key)

    def _follow(self, resource: str) -> None:
        def changed(event: str, obj: Obj, old: Obj | None) -> None:
            owners = obj["metadata"].get("ownerReferences") or ()
            before = ((old or obj)["metadata"].get("ownerReferences")) or ()
            me = (resource, key_of(obj))
            if event == "DELETED" or before != owners:
                for owner in before:
                    self._drop(owner["uid"], me)
            if event != "DELETED":
                for owner in owners:
                    self._dependents[owner["uid"]][me] = None
                held = set(obj["metadata"].get("finalizers") or ()) & {FOREGROUND, ORPHAN}
                if held and deleting(obj):
                    self.worker.mark(f"hold {resource} {key_of(obj)}")
            elif uid_of(obj) in self._dependents:
                self.worker.mark(f"gone {uid_of(obj)}")

        for obj in self.cluster.list(resource):
            changed("ADDED", obj, None)
        self.cluster.subscribe(resource, changed)

    def _drop(self, uid: str, dependent: Dependent) -> None:
        left = self._dependents.get(uid)
        if left is None:
            return
        left.pop(dependent, None)
        if not left:
            del self._dependents[uid]
            if uid in self._holders:
                self.worker.mark(f"freed {uid}")

    def reconcile(self, task: str) -> None:
        verb, _, rest = task.partition(" ")
        if verb == "gone":
            self._delete_dependents(rest)
        elif verb == "hold":
            self._release(*rest.split(" ", 1))
        elif verb == "freed":
            holder = self._holders.pop(rest, None)
            if holder is not None:
                self._release(*holder)

    def _delete_dependents(self, uid: str) -> None:
        for resource, key in list(self._dependents.get(uid, ())):
            obj = self.cluster.get(resource, *split(key))
            if obj is None:
                continue
            rest = [o for o in obj["metadata"].get("ownerReferences") or () if o["uid"] != uid]
            if any(self._exists(owner, split(key)[0]) for owner in rest):
                self.cluster.update(resource, with_meta(obj, ownerReferences=rest))
            elif not deleting(obj):
                self.cluster.delete(resource, *split(key))

    def _exists(self, owner: Obj, namespace: str) -> bool:
        group = group_of(owner["apiVersion"])
        resource = self.cluster.registry.by_kind(group, owner["kind"])
        if resource is None:
            return False
        found = self.cluster.get(resource, namespace, owner["name"])
        return found is not None and uid_of(found) == owner["uid"]

    def _release(self, resource: str, key: str) -> None:
        """Finish a foreground or orphaning deletion as far as its dependents allow."""
        obj = self.cluster.get(resource, *split(key))
        if obj is None or not deleting(obj):
            return
        held = obj["metadata"].get("finalizers") or []
        uid = uid_of(obj)
        if ORPHAN in held:
            for kind, other in list(self._dependents.get(uid, ())):
                child = self.cluster.get(kind, *split(other))
                if child is not None:
                    rest = [o for o in child["metadata"]["ownerReferences"] if o["uid"] != uid]
                    self.cluster.update(kind, with_meta(child, ownerReferences=rest))
        elif FOREGROUND in held:
            blocking = False
            for kind, other in list(self._dependents.get(uid, ())):
                child = self.cluster.get(kind, *split(other))
                if child is None:
                    continue
                if not deleting(child):
                    self.cluster.delete(kind, *split(other), propagation="Foreground")
                    child = self.cluster.get(kind, *split(other))
                blocking = blocking or child is not None
            if blocking:
                self._holders[uid] = (resource, key)
                return
        current = self.cluster.get(resource, *split(key))
        if current is not None:
            left = [f for f in held if f not in (FOREGROUND, ORPHAN)]
            self.cluster.update(resource, with_meta(current, finalizers=left))
