"""What strategies do with one node: add, cordon, drain within the limit, remove."""

from collections.abc import Callable

from gcpsim.core.paths import name_of, parent_of
from gcpsim.core.store import Table
from gcpsim.gke.estate import Estate
from gcpsim.gke.eviction import evict
from gcpsim.gke.fleet import Fleet
from gcpsim.k8s.controllers.objects import Obj, is_true, labels_of
from gcpsim.k8s.objects.cluster import Cluster

ZONE = "topology.kubernetes.io/zone"
CORDON = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


class NodeWork:
    """`table` holds what is under way, by `cluster/pool`; `mark` has a key looked at again."""

    def __init__(
        self, estate: Estate, fleet: Fleet, table: Table, mark: Callable[[str], None]
    ) -> None:
        self.estate = estate
        self.fleet = fleet
        self.table = table
        self.mark = mark
        self.clock = estate.world.clock

    def put(self, key: str, doc: Obj, **changes: object) -> Obj:
        changed = {**doc, **changes}
        self.table.put(key, changed)
        return changed

    def node(self, key: str, name: str) -> Obj | None:
        return self.cluster(key).get("nodes", "", name)

    def cluster(self, key: str) -> Cluster:
        return self.estate.clusters[parent_of(key)]

    def pool(self, key: str) -> Obj:
        name, pool = parent_of(key), name_of(key)
        found: Obj = next(p for p in self.estate.document(name)["nodePools"] if p["name"] == pool)
        return found

    def add(self, key: str, zone: str, version: str) -> str:
        """A new node of the pool in a zone; gives its name."""
        return self.fleet.add(parent_of(key), self.pool(key), zone, version=version)

    def is_ready(self, key: str, name: str) -> bool:
        node = self.node(key, name)
        return node is not None and is_true(node, "Ready")

    def zone(self, key: str, name: str) -> str:
        node = self.node(key, name)
        return labels_of(node).get(ZONE, "") if node else ""

    def cordon(self, key: str, name: str) -> None:
        node = self.node(key, name)
        if node is not None:
            cordon(self.cluster(key), node)

    def drain_limit(self, key: str) -> float:
        """When a drain that begins now is over, whatever budgets say: POSIX seconds."""
        custom = (self.pool(key).get("nodeDrainConfig") or {}).get("pdbTimeoutDuration", "")
        default = self.estate.world.duration("gke.node.drain.timeout")
        seconds = float(custom.removesuffix("s")) if custom.removesuffix("s") else default
        return self.clock.now() + seconds

    def drained(self, key: str, name: str, due: float) -> bool:
        """Evict what is on a node; True when it is empty, or when its time is over."""
        plane = self.estate.planes[parent_of(key)]
        pods = [pod for pod in plane.pods.on_node(name) if not _is_of_daemon_set(pod)]
        if not pods or self.clock.now() >= due:
            return True
        for pod in pods:
            evict(plane.cluster, pod)
        return False

    def remove(self, key: str, name: str) -> None:
        node = self.node(key, name)
        if node is None:
            self.mark(key)
        else:
            self.fleet.remove(parent_of(key), node, lambda _: self.mark(key))


def _is_of_daemon_set(pod: Obj) -> bool:
    owners = pod["metadata"].get("ownerReferences") or ()
    return any(owner.get("kind") in ("DaemonSet", "Node") for owner in owners)


def cordon(cluster: Cluster, node: Obj) -> None:
    """Mark a node unschedulable, with the taint that the node controller adds."""
    taints = [t for t in node["spec"].get("taints") or () if t["key"] != CORDON["key"]]
    spec = {**node["spec"], "unschedulable": True, "taints": [*taints, CORDON]}
    cluster.update("nodes", {**node, "spec": spec})


def uncordon(cluster: Cluster, node: Obj) -> None:
    taints = [t for t in node["spec"].get("taints") or () if t["key"] != CORDON["key"]]
    spec = {k: v for k, v in node["spec"].items() if k not in ("unschedulable", "taints")}
    cluster.update("nodes", {**node, "spec": {**spec, **({"taints": taints} if taints else {})}})
