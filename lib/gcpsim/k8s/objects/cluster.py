"""One GKE cluster's objects: the Kubernetes API as controllers use it, below the HTTP surface.

Reads return frozen documents: copy before changing. Every write is defaulted, validated, numbered
with the cluster's resource version, remembered for watches, and told to subscribers synchronously.
Which transaction a write belongs to is the caller's business: nothing here commits or rolls back.
"""

import uuid
from collections.abc import Callable, Iterable
from typing import Any

from gcpsim.core.clock import Clock
from gcpsim.core.store import Store, Table
from gcpsim.k8s.objects import bootstrap, deletion, events, strategy
from gcpsim.k8s.objects.history import Happened, History, object_key
from gcpsim.k8s.types import status
from gcpsim.k8s.types.documents import copy_of, merged, same
from gcpsim.k8s.types.registry import Registry, Resource, stored_as
from gcpsim.k8s.types.selectors import field_test, label_test
from gcpsim.k8s.types.stamps import stamp
from gcpsim.k8s.types.store import Reviewer

Doc = dict[str, Any]
Subscriber = Callable[[str, Doc, Doc | None], None]
Tracker = Callable[[Doc | None, Doc], None]
Admission = Callable[[Doc], Doc]


class Cluster:
    """A cluster by name and location, over tables `k8s/<name>/<resource>` of a store."""

    def __init__(
        self,
        name: str,
        *,
        project: str,
        location: str,
        zones: Iterable[str],
        store: Store,
        clock: Clock,
        version: str = "1.33.5-gke.1308000",
        token: str = "",
        ca: str = "",
    ) -> None:
        self.name = name
        self.project = project
        self.location = location
        self.zones = list(zones)
        self.store = store
        self.clock = clock
        self.version = version
        self.token = token
        self.ca = ca
        self.server = ""
        self.api_available = True
        self._tables: dict[str, Table] = {}
        self._counter = f"k8s/{name}/resourceVersion"
        self.failed: Callable[[str, Exception], None] = _raise
        self.history = History(self.resource_version)
        self._registry = Registry()
        self._subscribers: dict[str, tuple[Subscriber, ...]] = {}
        self._admissions: dict[str, list[Admission]] = {}
        bootstrap.install(self)
        self.recognize()

    def recognize(self) -> None:
        """Who it is by its documents: a reset may go back to another one of its name."""
        self.uid = str((self.get("namespaces", None, "kube-system") or {})["metadata"]["uid"])

    # Types

    @property
    def registry(self) -> Registry:
        self._registry.refresh(self.table("customresourcedefinitions").values())
        return self._registry

    def resource(self, key: str | Resource) -> Resource:
        """The stored resource by key or view; a KeyError is a mistake of the caller's."""
        if isinstance(key, Resource):
            return stored_as(key)
        found = self._registry.by_key(key) or self.registry.by_key(key)
        if found is None:
            raise KeyError(f"cluster {self.name} has no resource {key!r}")
        return found

    def table(self, key: str) -> Table:
        found = self._tables.get(key)
        if found is None:
            found = self._tables[key] = self.store.table(f"k8s/{self.name}/{key}")
        return found

    def resource_version(self) -> int:
        """The newest resource version; 1 on a cluster without objects."""
        return int((self.store.table("counters").get(self._counter) or {"next": 2})["next"]) - 1

    def now(self) -> str:
        """Simulated time as object metadata spells it."""
        return stamp(self.clock.now())

    # Reads

    def get(self, resource: str | Resource, namespace: str | None, name: str) -> Doc | None:
        found = self.resource(resource)
        key = f"{namespace}/{name}" if found.namespaced else name
        return self.table(found.key).get(key)

    def require(self, resource: str | Resource, namespace: str | None, name: str) -> Doc:
        """`get`, with the API's 404 when there is none."""
        found = self.resource(resource)
        obj = self.get(found, namespace, name)
        if obj is None:
            raise status.not_found(found.plural, found.group, name)
        return obj

    def list(
        self,
        resource: str | Resource,
        namespace: str | None = None,
        labels: str | dict[str, str] | None = None,
        fields: str | None = None,
    ) -> list[Doc]:
        """Objects sorted by namespace and name, filtered by label and field selectors."""
        found = self.resource(resource)
        tests = [
            test for test in (label_test(labels), field_test(fields, found.key)) if test is not None
        ]
        items = self.table(found.key).items()
        if namespace and found.namespaced:
            prefix = namespace + "/"
            items = [item for item in items if item[0].startswith(prefix)]
        for test in tests:
            items = [item for item in items if test(item[1])]
        items.sort(key=lambda item: item[0])
        return [obj for _, obj in items]

    # Writes

    def create(
        self,
        resource: str | Resource,
        obj: Doc,
        *,
        dry_run: bool = False,
        track: Tracker | None = None,
        frozen: bool = False,
        review: Reviewer | None = None,
    ) -> Doc:
        """Store a new object; `track` may write its managed fields, `review` change or refuse it.
        Raises StatusError.

        With `frozen` its parts may be shared with it: only where defaults change none of them.
        """
        found = self.resource(resource)
        new = {**obj, "metadata": dict(obj["metadata"])} if frozen else copy_of(obj)
        new["apiVersion"], new["kind"] = found.api_version, found.kind
        new.setdefault("metadata", {})
        # What has no spec is refused by validation, in its own words.
        if isinstance(new.get("spec"), dict):
            for admission in self._admissions.get(found.key, ()):
                new = admission(new)
        new = {**new, "metadata": {**new["metadata"]}}
        new["metadata"].pop("uid", None)
        if review is not None:
            strategy.complete(self, found, new, None)
            new = copy_of(review.mutated(found, "", new, None))
        new["metadata"]["uid"] = str(uuid.uuid4())
        strategy.prepare_create(self, found, new)
        metadata, key = new["metadata"], object_key(new)
        if key in self.table(found.key):
            raise status.already_exists(found.plural, found.group, metadata["name"])
        metadata["creationTimestamp"] = self.now()
        for absent in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"):
            metadata.pop(absent, None)
        metadata.pop("generation", None)
        if found.generation:
            metadata["generation"] = 1
        if track is not None:
            track(None, new)
        if review is not None:
            review.check(found, "", new, None)
        if dry_run:
            metadata.pop("resourceVersion", None)
            return new
        self._write(found, "ADDED", new, None)
        strategy.after_create(self, found, new)
        return new

    def update(
        self,
        resource: str | Resource,
        obj: Doc,
        subresource: str = "",
        *,
        dry_run: bool = False,
        track: Tracker | None = None,
        review: Reviewer | None = None,
    ) -> Doc:
        """Replace an object, or with `subresource` "status" only its status.

        With a resourceVersion in the metadata a newer object is a 409. Writing what is there
        changes nothing and tells nobody. The last finalizer's removal finishes a deletion.
        """
        found = self.resource(resource)
        metadata = obj.get("metadata") or {}
        old = self.require(found, metadata.get("namespace"), metadata.get("name", ""))
        self._check_preconditions(found, old, metadata)
        new = dict(obj) if subresource in strategy.BARE else copy_of(obj)
        new["apiVersion"], new["kind"] = found.api_version, found.kind
        strategy.keep(found, new, old, subresource)
        if review is not None:
            if subresource not in strategy.BARE:
                strategy.complete(self, found, new, old)
            new = copy_of(review.mutated(found, subresource, new, old))
            strategy.keep(found, new, old, subresource)
        strategy.prepare_update(self, found, new, old, subresource)
        if found.generation and strategy.spec_changed(found, new, old):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        if track is not None:
            track(old, new)
        if review is not None:
            review.check(found, subresource, new, old)
        if dry_run or same(new, old):
            return new if dry_run else old
        if deletion.is_over(found, new):
            return self._remove(found, new, old)
        self._write(found, "MODIFIED", new, old)
        return new

    def patch(
        self,
        resource: str | Resource,
        namespace: str | None,
        name: str,
        merge_patch: Doc,
        subresource: str = "",
    ) -> Doc:
        """Change an object by a JSON merge patch (RFC 7386)."""
        old = self.require(resource, namespace, name)
        new: Doc = merged(old, merge_patch)
        return self.update(resource, new, subresource)

    def delete(
        self,
        resource: str | Resource,
        namespace: str | None,
        name: str,
        *,
        grace_seconds: int | None = None,
        propagation: str = "Background",
        uid: str = "",
        version: str = "",
        dry_run: bool = False,
    ) -> Doc:
        """Delete an object, or mark it while a grace period or finalizers hold it."""
        found = self.resource(resource)
        old = self.require(found, namespace, name)
        self._check_preconditions(found, old, {"uid": uid, "resourceVersion": version})
        new = deletion.marked(self, found, old, grace_seconds, propagation)
        if dry_run:
            return new
        if deletion.is_over(found, new):
            deletion.before_removal(self, found, new)
            return self._remove(found, new, old)
        if same(new, old):
            return old
        self._write(found, "MODIFIED", new, old)
        return new

    def subscribe(self, resource: str | Resource, fn: Subscriber) -> None:
        """Call fn(ADDED | MODIFIED | DELETED, object, object before or None) on each write."""
        key = self.resource(resource).key
        self._subscribers[key] = (*self._subscribers.get(key, ()), fn)

    def dismiss(self) -> None:
        """Forget all subscribers and admissions: the controllers start anew, on other documents."""
        self._subscribers.clear()
        self._admissions.clear()

    def admit(self, resource: str | Resource, fn: Admission) -> None:
        """Let fn change each new object before it is defaulted, as mutating webhooks do."""
        self._admissions.setdefault(self.resource(resource).key, []).append(fn)

    def event(self, involved: Doc, type: str, reason: str, message: str, component: str) -> Doc:
        """Write an Event about an object; a repeated one only counts up."""
        return events.record(self, involved, type, reason, message, component)

    # Inside

    def _check_preconditions(self, resource: Resource, old: Doc, wanted: Doc) -> None:
        have = old["metadata"]
        name = have["name"]
        if wanted.get("uid") and wanted["uid"] != have["uid"]:
            raise status.conflict(
                resource.plural,
                resource.group,
                name,
                f"Precondition failed: UID in precondition: {wanted['uid']}, "
                f"UID in object meta: {have['uid']}",
            )
        version = str(wanted.get("resourceVersion") or "")
        if version not in ("", "0", have["resourceVersion"]):
            raise status.conflict(resource.plural, resource.group, name)

    def _write(self, resource: Resource, type: str, new: Doc, old: Doc | None) -> None:
        version = self.store.next_number(self._counter, 2)
        new["metadata"]["resourceVersion"] = str(version)
        table, key = self.table(resource.key), object_key(new)
        if type == "DELETED":
            table.delete(key)
        else:
            table.put(key, new)
        self.history.log(resource.key).append(Happened(version, type, new, old))
        for fn in self._subscribers.get(resource.key, ()):
            self._tell(fn, resource, type, new, old)

    def _tell(
        self, fn: Subscriber, resource: Resource, type: str, new: Doc, old: Doc | None
    ) -> None:
        """Tell a subscriber; when it fails, what it wrote is undone, and nobody else notices."""
        try:
            with self.store.savepoint():
                fn(type, new, old)
        except Exception as error:
            owner = getattr(fn, "__qualname__", "a controller")
            self.failed(f"{owner} on {resource.plural} {object_key(new)} of {self.name}", error)

    def _remove(self, resource: Resource, new: Doc, old: Doc) -> Doc:
        new = {**new, "metadata": dict(new["metadata"])}
        self._write(resource, "DELETED", new, old)
        return new


def _raise(what: str, error: Exception) -> None:
    raise error
