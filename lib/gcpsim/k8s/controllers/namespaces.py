"""The namespace controller: a terminating namespace loses its content, then its finalizer.

Content with finalizers keeps it terminating for as long as they stay, and its conditions say which:
that is what an operator sees when a NEG cannot be deleted.
"""

from collections import Counter

from gcpsim.k8s.controllers.objects import Obj, deleting, key_of, split, with_condition
from gcpsim.k8s.controllers.plane import Plane

REMAINING = ("NamespaceContentRemaining", "SomeResourcesRemain")
FINALIZERS = ("NamespaceFinalizersRemaining", "SomeFinalizersRemain")


class NamespaceController:
    """Empties namespaces that are being deleted."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.worker = plane.worker("kubernetes.controller.lag", self.reconcile)
        self._terminating: set[str] = set()
        self._followed: set[str] = set()
        self.cluster.subscribe("namespaces", self._follow)
        for namespace in self.cluster.list("namespaces"):
            self._follow("ADDED", namespace, None)

    def _follow(self, event: str, namespace: Obj, old: Obj | None) -> None:
        name = namespace["metadata"]["name"]
        if event == "DELETED":
            self._terminating.discard(name)
        elif deleting(namespace):
            self._terminating.add(name)
            self.worker.mark(name)

    def _watch_content(self) -> None:
        def gone(event: str, obj: Obj, old: Obj | None) -> None:
            namespace = obj["metadata"].get("namespace")
            if namespace in self._terminating:
                self.worker.mark(namespace)

        for resource in self.cluster.registry.all():
            if (
                resource.namespaced
                and "list" in resource.verbs
                and resource.key not in self._followed
            ):
                self._followed.add(resource.key)
                self.cluster.subscribe(resource.key, gone)

    def reconcile(self, name: str) -> None:
        namespace = self.cluster.get("namespaces", "", name)
        if namespace is None or not deleting(namespace):
            return
        self._watch_content()
        left, held = self._empty(name)
        if not left:
            bare = {**namespace, "spec": {**(namespace.get("spec") or {}), "finalizers": []}}
            self.cluster.update("namespaces", bare, subresource="finalize")
            return
        self._say(namespace, left, held)

    def _empty(self, name: str) -> tuple[Counter[str], Counter[str]]:
        """Delete what is there; count what remains by resource, and finalizers."""
        left, held = Counter[str](), Counter[str]()
        for resource in self.cluster.registry.all():
            if not resource.namespaced or "list" not in resource.verbs:
                continue
            for obj in self.cluster.list(resource, name):
                if not deleting(obj):
                    self.cluster.delete(resource, *split(key_of(obj)))
                found = self.cluster.get(resource, *split(key_of(obj)))
                if found is None or resource.key == "events":
                    continue
                left[f"{resource.plural}.{resource.group}".rstrip(".")] += 1
                held.update(found["metadata"].get("finalizers") or ())
        return left, held

    def _say(self, namespace: Obj, left: Counter[str], held: Counter[str]) -> None:
        now, status = self.plane.now(), namespace.get("status") or {}
        conditions = status.get("conditions") or []
        for kind, reason, text in (
            ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered",
             "All resources successfully discovered"),
            ("NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions",
             "All legacy kube types successfully parsed"),
            ("NamespaceDeletionContentFailure", "ContentDeleted",
             "All content successfully deleted, may be waiting on finalization"),
        ):  # fmt: skip
            conditions = with_condition(conditions, kind, "False", now, reason=reason, message=text)
        parts = ", ".join(
            f"{kind} has {count} resource instances" for kind, count in sorted(left.items())
        )
        conditions = with_condition(
            conditions, REMAINING[0], "True", now,
            reason=REMAINING[1], message=f"Some resources are remaining: {parts}",
        )  # fmt: skip
        parts = ", ".join(
            f"{name} in {count} resource instances" for name, count in sorted(held.items())
        )
        text = f"Some content in the namespace has finalizers remaining: {parts}"
        if held:
            conditions = with_condition(
                conditions, FINALIZERS[0], "True", now, reason=FINALIZERS[1], message=text
            )
        status = {**status, "phase": "Terminating", "conditions": conditions}
        self.plane.change("namespaces", namespace, status)
