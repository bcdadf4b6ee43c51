"""Node upgrades with surge: one new node, then cordon, drain and removal of an old one.

Evictions respect PodDisruptionBudgets; what they block is tried again, and after an hour the node
goes anyway, as on GKE. The state is a document per node pool, so that a restart goes on in the
middle.
"""

from gcpsim.core.errors import ApiError
from gcpsim.gke.estate import Estate
from gcpsim.gke.eviction import evict
from gcpsim.gke.fleet import Fleet
from gcpsim.gke.operations import Operations
from gcpsim.k8s.controllers.objects import Obj, is_true, labels_of
from gcpsim.k8s.controllers.worker import Worker
from gcpsim.k8s.objects.cluster import Cluster

POOL = "cloud.google.com/gke-nodepool"
ZONE = "topology.kubernetes.io/zone"
CORDON = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


class Upgrades:
    """Upgrades under way, by `cluster/pool`, over the table `gke/upgrades`."""

    def __init__(self, estate: Estate, fleet: Fleet, operations: Operations) -> None:
        self.estate = estate
        self.fleet = fleet
        self.operations = operations
        self.world = estate.world
        self.table = self.world.store.table("gke/upgrades")
        self.worker = self._new_worker()
        self._followed: set[str] = set()

    def _new_worker(self) -> Worker:
        return Worker(self.world.clock, self.world.duration("kubernetes.controller.lag"), self.step)

    def start(self, cluster: str, pool: str, version: str) -> Obj:
        """Begin; gives the operation. ApiError 400 while another upgrade of the pool runs."""
        key, doc = f"{cluster}/{pool}", self.estate.document(cluster)
        if key in self.table:
            raise ApiError(400, f"Cluster is running incompatible operation on node pool {pool}.")
        pools = [p["name"] for p in doc["nodePools"]]
        if pool not in pools:
            raise ApiError(
                404, f"Not found: node pool {pool} of cluster {cluster}; it has {pools}."
            )
        target = f"projects/{doc['_project']}/locations/{doc['location']}/clusters/{cluster}"
        operation = self.operations.start(
            doc["_project"], doc["location"], "UPGRADE_NODES", f"{target}/nodePools/{pool}"
        )
        self.table.put(
            key,
            {
                "version": version,
                "phase": "next",
                "old": "",
                "new": "",
                "operation": operation["name"],
            },
        )
        self._set_pool(cluster, pool, version=version, status="RECONCILING")
        self._follow(cluster)
        self.worker.mark(key)
        return operation

    def resume(self) -> None:
        """Go on from the documents, with clusters whose subscribers were dismissed."""
        self.worker = self._new_worker()
        self._followed.clear()
        for key in list(self.table):
            self._follow(key.partition("/")[0])
            self.worker.mark(key)

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

    def step(self, key: str) -> None:
        """Take the next step that the state of nodes and pods allows."""
        doc = self.table.get(key)
        if doc is None:
            return
        {"next": self._next, "surge": self._surge, "drain": self._drain, "remove": self._removed}[
            doc["phase"]
        ](key, doc)

    def _next(self, key: str, doc: Obj) -> None:
        name, pool = key.split("/")
        cluster = self.estate.clusters[name]
        old = [
            node
            for node in cluster.list("nodes", labels={POOL: pool})
            if node["status"]["nodeInfo"]["kubeletVersion"] != f"v{doc['version']}"
        ]
        if not old:
            self.table.delete(key)
            self._set_pool(name, pool, status="RUNNING")
            self.operations.complete(doc["operation"])
            return
        zone = labels_of(old[0])[ZONE]
        spec = next(p for p in self.estate.document(name)["nodePools"] if p["name"] == pool)
        new = self.fleet.add(name, spec, zone, version=doc["version"])
        old_name = old[0]["metadata"]["name"]
        self.table.put(key, {**doc, "phase": "surge", "old": old_name, "new": new})

    def _surge(self, key: str, doc: Obj) -> None:
        cluster = self.estate.clusters[key.partition("/")[0]]
        new = cluster.get("nodes", "", doc["new"])
        if new is None or not is_true(new, "Ready"):
            return
        old = cluster.get("nodes", "", doc["old"])
        if old is not None:
            cordon(cluster, old)
        due = self.world.clock.now() + self.world.duration("gke.node.drain.timeout")
        self.table.put(key, {**doc, "phase": "drain", "due": due})
        self.worker.mark_at(due, key)
        self.worker.mark(key)

    def _drain(self, key: str, doc: Obj) -> None:
        name = key.partition("/")[0]
        cluster, plane = self.estate.clusters[name], self.estate.planes[name]
        pods = plane.pods.on_node(doc["old"])
        if pods and self.world.clock.now() < doc["due"]:
            for pod in pods:
                evict(cluster, pod)
            return
        node = cluster.get("nodes", "", doc["old"])
        self.table.put(key, {**doc, "phase": "remove"})
        if node is None:
            self.worker.mark(key)
        else:
            self.fleet.remove(name, node, lambda _: self.worker.mark(key))

    def _removed(self, key: str, doc: Obj) -> None:
        cluster = self.estate.clusters[key.partition("/")[0]]
        if cluster.get("nodes", "", doc["old"]) is None:
            self.table.put(key, {**doc, "phase": "next", "old": "", "new": ""})
            self.worker.mark(key)

    def _set_pool(self, cluster: str, pool: str, **fields: str) -> None:
        doc = self.estate.document(cluster)
        pools = [{**p, **fields} if p["name"] == pool else p for p in doc["nodePools"]]
        status = "RECONCILING" if any(p["status"] != "RUNNING" for p in pools) else "RUNNING"
        version = max((p["version"] for p in pools), default=doc["currentNodeVersion"])
        self.estate.change(cluster, nodePools=pools, status=status, currentNodeVersion=version)


def cordon(cluster: Cluster, node: Obj) -> None:
    """Mark a node unschedulable, with the taint that the node controller adds."""
    taints = [t for t in node["spec"].get("taints") or () if t["key"] != CORDON["key"]]
    spec = {**node["spec"], "unschedulable": True, "taints": [*taints, CORDON]}
    cluster.update("nodes", {**node, "spec": spec})
