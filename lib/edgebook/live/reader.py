"""One reading of the world: each list is read once, in parallel with others, and shared afterwards.

A Reader is a moment in time. Whoever wants to see what changed since takes a new one (`again`).
"""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from edgebook.cloud.calls import Threads
from edgebook.cloud.kubernetes import KubeCluster
from edgebook.cloud.wire import Wire
from edgebook.model.kinds import KINDS, Api

T = TypeVar("T")
THREADS = 16


class Reader:
    """Lists of Google's services and objects of clusters, each read at most once."""

    def __init__(
        self,
        wire: Wire,
        clusters: Mapping[str, Callable[[], KubeCluster]] | None = None,
        *,
        pool: Threads | None = None,
    ) -> None:
        self.wire = wire
        self.project = wire.connection.project
        self._open_clusters = dict(clusters or {})
        self._pool = pool or Threads(THREADS, "edgebook-read")
        self._known: dict[Any, Future[Any]] = {}
        self._clusters: dict[str, Future[KubeCluster]] = {}
        self._lock = threading.Lock()

    def again(self) -> "Reader":
        """A reader of now; cluster connections are kept."""
        fresh = Reader(self.wire, self._open_clusters, pool=self._pool)
        fresh._clusters = self._clusters
        return fresh

    def add_clusters(self, clusters: Mapping[str, Callable[[], KubeCluster]]) -> None:
        self._open_clusters.update(clusters)

    def start(self, key: Any, read: Callable[[], T]) -> "Future[T]":
        """Begin to read something once; whoever asks for the same key gets the same future."""
        with self._lock:
            if key not in self._known:
                self._known[key] = self._pool.submit(read)
            return self._known[key]

    def collection(self, kind: str, scope: str) -> "Future[list[dict[str, Any]]]":
        """All resources of a kind under a scope, raw."""
        table = KINDS[kind]
        if table.api is Api.COMPUTE:
            path, items = f"compute/v1/{scope}/{table.collection}", "items"
        elif table.api is Api.DNS:
            path, items = f"dns/v1/{scope}/rrsets", "rrsets"
        else:
            path, items = f"v1/{scope}/{table.collection}", table.collection
        service = table.api.value

        def read() -> list[dict[str, Any]]:
            pages = self.wire.pages(service, path, items=items)
            return [item for page in pages for item in page.get(items) or ()]

        return self.start(("collection", kind, scope), read)

    def aggregated(self, collection: str, items: str) -> "Future[list[dict[str, Any]]]":
        """All resources of a Compute Engine collection in every region and zone of the project."""
        path = f"compute/v1/projects/{self.project}/aggregated/{collection}"

        def read() -> list[dict[str, Any]]:
            pages = self.wire.pages("compute", path, returnPartialSuccess="true")
            return [
                item
                for page in pages
                for scoped in page.get("items", {}).values()
                for item in scoped.get(items, ())
            ]

        return self.start(("aggregated", collection), read)

    def managed_zones(self, project: str) -> "Future[list[dict[str, Any]]]":
        """All DNS zones of a project."""
        path = f"dns/v1/projects/{project}/managedZones"

        def read() -> list[dict[str, Any]]:
            pages = self.wire.pages("dns", path, items="managedZones")
            return [zone for page in pages for zone in page.get("managedZones") or ()]

        return self.start(("managedZones", project), read)

    def one(self, service: str, path: str) -> "Future[dict[str, Any] | None]":
        """One resource, or None when there is none."""
        return self.start(("one", service, path), lambda: self.wire.find(service, path))

    def answer(self, service: str, path: str, **params: str) -> "Future[dict[str, Any]]":
        """What a method answers that tells of a resource without being one."""
        key = ("answer", service, path, *sorted(params.items()))
        return self.start(key, lambda: self.wire.get(service, path, **params))

    def post(self, service: str, path: str, body: Mapping[str, Any]) -> "Future[dict[str, Any]]":
        """A read that the API wants as a POST (getHealth, testIamPermissions)."""
        key = ("post", service, path, repr(sorted(body.items())))
        return self.start(key, lambda: self.wire.request(service, "POST", path, body=body))

    def cluster(self, name: str) -> KubeCluster:
        """The connection to a cluster; ConnectError when there is none."""
        with self._lock:
            known = self._clusters.get(name)
            mine = known is None or (known.done() and known.exception() is not None)
            future: Future[KubeCluster] = Future() if mine or known is None else known
            self._clusters[name] = future
        if mine:
            try:
                future.set_result(self._open_clusters[name]())
            except BaseException as error:
                future.set_exception(error)
        return future.result()

    def objects(
        self, cluster: str, path: str, *, labels: str = "", missing_ok: bool = False
    ) -> "Future[list[dict[str, Any]]]":
        """All objects of a Kubernetes collection."""

        def read() -> list[dict[str, Any]]:
            return list(self.cluster(cluster).list(path, labels=labels, missing_ok=missing_ok))

        return self.start(("objects", cluster, path, labels), read)
