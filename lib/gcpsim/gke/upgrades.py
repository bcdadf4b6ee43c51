"""Work that goes through a node pool node by node: upgrades, resizes down, deletion.

One document per pool says what is under way, so that a restart goes on in the middle. How nodes are
exchanged is the strategy's business (lanes.py for surge and removal, bluegreen.py); this starts,
cancels, rolls back and ends it, and keeps the operation and the pool's document true.
"""

from collections.abc import Callable

from gcpsim.core.errors import ApiError
from gcpsim.core.paths import name_of, parent_of
from gcpsim.gke import bluegreen, lanes, versions
from gcpsim.gke.estate import Estate
from gcpsim.gke.fleet import Fleet
from gcpsim.gke.nodework import NodeWork
from gcpsim.gke.operations import Operations
from gcpsim.k8s.controllers.objects import Obj, labels_of
from gcpsim.k8s.controllers.worker import Worker

POOL = "cloud.google.com/gke-nodepool"
ZONE = "topology.kubernetes.io/zone"
CANCELLED = "Operation was cancelled by the user."
Ended = Callable[[str, str], None]


class Upgrades:
    """Work under way, by `cluster/pool`, over the table `gke/upgrades`."""

    def __init__(self, estate: Estate, fleet: Fleet, operations: Operations) -> None:
        self.estate = estate
        self.operations = operations
        self.world = estate.world
        self.table = self.world.store.table("gke/upgrades")
        self.pool_emptied: Ended = lambda cluster, pool: None
        self.worker = self._new_worker()
        self.work = NodeWork(estate, fleet, self.table, lambda key: self.worker.mark(key))
        self._followed: set[str] = set()

    def _new_worker(self) -> Worker:
        lag = self.world.duration("kubernetes.controller.lag")
        return Worker(self.world.clock, lag, self.step, self.world.attempt)

    # What is asked for

    def start(self, cluster: str, pool: str, version: str, config: Obj | None = None) -> Obj:
        """Upgrade a pool (or give its nodes another configuration); gives the operation."""
        spec = self._pool(cluster, pool)
        nodes = self._nodes(cluster, pool)
        todo = [name for name, at in nodes if at != f"v{version}" or config]
        changes: Obj = {"version": version, "_previous": spec["version"]}
        if config:
            changes["config"] = {**spec["config"], **config}
        settings = spec.get("upgradeSettings") or {}
        kind = "bluegreen" if settings.get("strategy") == "BLUE_GREEN" else "surge"
        doc = {"kind": kind, "version": version, "todo": todo, "total": len(todo)}
        return self._begin(cluster, pool, "UPGRADE_NODES", doc, changes)

    def rollback(self, cluster: str, pool: str) -> Obj:
        """Undo an upgrade that is not complete: nodes go back to the version before."""
        key, spec = f"{cluster}/{pool}", self._pool(cluster, pool)
        running, back = self.table.get(key), spec.get("_previous")
        mixed = [name for name, at in self._nodes(cluster, pool) if at == f"v{spec['version']}"]
        if back is None or (running is None and len(mixed) == len(self._nodes(cluster, pool))):
            raise ApiError(400, f'Node pool "{pool}" has no upgrade to roll back.', "badRequest")
        if running is not None and running["kind"] == "bluegreen":
            return self._roll_back_green(key, running)
        if running is not None:
            self._abort(key, running)
        doc = {"kind": "surge", "version": back, "todo": mixed, "total": len(mixed)}
        return self._begin(cluster, pool, "UPGRADE_NODES", doc, {"version": back})

    def complete(self, cluster: str, pool: str) -> None:
        """End the soak of a blue-green upgrade at once."""
        key = f"{cluster}/{pool}"
        doc = self.table.get(key)
        if doc is None or doc["kind"] != "bluegreen" or doc.get("phase") != bluegreen.SOAKING:
            why = f'Node pool "{pool}" has no blue-green upgrade that can be completed.'
            raise ApiError(400, why, "badRequest")
        self.table.put(key, {**doc, "due": self.world.clock.now()})
        self.worker.mark(key)

    def shrink(self, cluster: str, pool: str, kind: str, names: list[str]) -> Obj:
        """Drain and remove these nodes; gives the operation (SET_NODE_POOL_SIZE, ...)."""
        doc = {"kind": "remove", "version": "", "todo": names, "total": len(names)}
        doc["last"] = kind == "DELETE_NODE_POOL"
        return self._begin(cluster, pool, kind, doc, {})

    def cancel(self, operation: str) -> bool:
        """Pause what an operation does; mixed versions stay. False when it is not of a pool."""
        for key, doc in self.table.items():
            if doc["operation"] == operation:
                self._abort(key, doc)
                return True
        return False

    # How it goes on

    def resume(self) -> None:
        """Go on from the documents, with clusters whose subscribers were dismissed."""
        self.worker = self._new_worker()
        self._followed.clear()
        for key, doc in self.table.items():
            self._follow(parent_of(key))
            self.worker.mark(key)
            for part in (doc, *(doc.get("lanes") or ())):
                for date in ("due", "limit", "soaked"):
                    if date in part:
                        self.worker.mark_at(part[date], key)

    def step(self, key: str) -> None:
        """Take the next step that the state of nodes and pods allows."""
        doc = self.table.get(key)
        if doc is None:
            return
        strategy = bluegreen.step if doc["kind"] == "bluegreen" else lanes.step
        over = strategy(self.work, key, doc)
        doc = self.table.get(key)
        if doc is None:
            return
        self._report(key, doc)
        if over:
            self._end(key, doc)

    def _begin(self, cluster: str, pool: str, kind: str, doc: Obj, changes: Obj) -> Obj:
        key, document = f"{cluster}/{pool}", self.estate.document(cluster)
        busy = self.table.get(key)
        if busy is not None:
            raise busy_with(busy["operation"])
        home = f"projects/{document['_project']}/locations/{document['location']}"
        operation = self.operations.start(
            document["_project"],
            document["location"],
            kind,
            f"{home}/clusters/{cluster}/nodePools/{pool}",
        )
        self.table.put(key, {**doc, "operation": operation["name"]})
        status = "STOPPING" if doc.get("last") else "RECONCILING"
        self.estate.change_pool(cluster, pool, status=status, **changes)
        self._follow(cluster)
        self.worker.mark(key)
        return operation

    def _end(self, key: str, doc: Obj) -> None:
        cluster, pool = parent_of(key), name_of(key)
        self.table.delete(key)
        if doc.get("last"):
            self.pool_emptied(cluster, pool)
        else:
            self.estate.change_pool(cluster, pool, status="RUNNING", updateInfo=None)
        self.operations.complete(doc["operation"])

    def _abort(self, key: str, doc: Obj) -> None:
        cluster, pool = parent_of(key), name_of(key)
        self.table.delete(key)
        self.estate.change_pool(cluster, pool, status="RUNNING", updateInfo=None)
        self.operations.complete(doc["operation"], CANCELLED)

    def _roll_back_green(self, key: str, running: Obj) -> Obj:
        cluster, pool = parent_of(key), name_of(key)
        self._abort(key, running)
        bluegreen.uncordon(self.work, cluster, running["todo"])
        green = running.get("green") or []
        doc = {"kind": "remove", "version": "", "todo": green, "total": len(green)}
        spec = self._pool(cluster, pool)
        return self._begin(cluster, pool, "UPGRADE_NODES", doc, {"version": spec["_previous"]})

    def _report(self, key: str, doc: Obj) -> None:
        """What the operation says of how far it is, in GKE's words."""
        total, left = int(doc["total"]), len(doc["todo"]) + len(doc.get("lanes") or ())
        done, busy = total - left, len(doc.get("lanes") or ())
        if not total:
            return
        share = f"{100 * done / total:.1f}%"
        numbers = {"NODES_TOTAL": total, "NODES_COMPLETE": done, "NODES_FAILED": 0}
        metrics = [{"name": name, "intValue": str(value)} for name, value in numbers.items()]
        self.operations.report(
            doc["operation"],
            detail=f"Done with {done} out of {total} nodes ({share}): {busy} being processed, "
            f"{done} succeeded",
            progress={"name": doc["operation"], "status": "RUNNING", "metrics": metrics},
        )

    def _pool(self, cluster: str, pool: str) -> Obj:
        pools = {p["name"]: p for p in self.estate.document(cluster)["nodePools"]}
        if pool not in pools:
            why = f"Not found: node pool {pool} of cluster {cluster}; it has {sorted(pools)}."
            raise ApiError(404, why, "notFound")
        found: Obj = pools[pool]
        return found

    def _nodes(self, cluster: str, pool: str) -> list[tuple[str, str]]:
        """(name, kubelet version) of a pool's nodes, zone after zone."""
        found = self.estate.clusters[cluster].list("nodes", labels={POOL: pool})
        found.sort(key=lambda node: (labels_of(node).get(ZONE, ""), node["metadata"]["name"]))
        return [
            (node["metadata"]["name"], node["status"]["nodeInfo"]["kubeletVersion"])
            for node in found
        ]

    def _follow(self, cluster: str) -> None:
        if cluster in self._followed:
            return
        self._followed.add(cluster)

        def changed(event: str, obj: Obj, old: Obj | None) -> None:
            for key in list(self.table):
                if key.startswith(f"{cluster}/"):
                    self.worker.mark(key)

        for resource in ("nodes", "pods", "poddisruptionbudgets"):
            self.estate.clusters[cluster].subscribe(resource, changed)

    def forget(self, cluster: str) -> None:
        """A cluster is deleted, and with it what its pools were at."""
        self._followed.discard(cluster)
        for key, doc in self.table.items():
            if key.startswith(f"{cluster}/"):
                self.table.delete(key)
                self.operations.complete(doc["operation"], CANCELLED)


def busy_with(operation: str) -> ApiError:
    """400 while something else changes the cluster."""
    return ApiError(
        400,
        f"Cluster is running incompatible operation {operation}.",
        "failedPrecondition",
        status="FAILED_PRECONDITION",
    )


def target_version(estate: Estate, cluster: str, pool: Obj, asked: str) -> str:
    """The node version that a request means, checked against the control plane's."""
    master = str(estate.document(cluster)["currentMasterVersion"])
    return versions.for_nodes(asked, master, str(pool["version"]))
