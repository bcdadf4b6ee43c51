"""What the controllers of one cluster share: the cluster, the world, and where each pod is.

The pod index holds keys only and reads the objects from the store, so it cannot disagree with it
about their content. It must not decide anything.
"""

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from gcpsim.k8s.controllers.objects import Obj, controller_of, deleting, key_of, uid_of
from gcpsim.k8s.controllers.worker import Worker

if TYPE_CHECKING:
    from gcpsim.k8s.cluster import Cluster
    from gcpsim.world import World

EVENT_BURST = 25
EVENT_REFILL = 300.0
Keys = dict[str, None]


class Pods:
    """Pods by controller, node, namespace and IP. Subscribe it before the controllers."""

    def __init__(self, cluster: "Cluster", world: "World") -> None:
        self._table = world.store.table(f"k8s/{cluster.name}/pods")
        self._owned: defaultdict[str, Keys] = defaultdict(dict)
        self._on_node: defaultdict[str, Keys] = defaultdict(dict)
        self._in_namespace: defaultdict[str, Keys] = defaultdict(dict)
        self._by_ip: dict[str, str] = {}
        for pod in self._table.values():
            self._enter(pod)
        cluster.subscribe("pods", self._follow)

    def owned(self, uid: str) -> list[Obj]:
        """Pods whose controller has this uid."""
        return self._read(self._owned.get(uid))

    def on_node(self, name: str) -> list[Obj]:
        return self._read(self._on_node.get(name))

    def count_on_node(self, name: str) -> int:
        return len(self._on_node.get(name, ()))

    def in_namespace(self, namespace: str) -> list[Obj]:
        return self._read(self._in_namespace.get(namespace))

    def with_ip(self, ip: str) -> Obj | None:
        key = self._by_ip.get(ip)
        pod = self._table.get(key) if key else None
        return pod if pod and (pod.get("status") or {}).get("podIP") == ip else None

    def get(self, key: str) -> Obj | None:
        return self._table.get(key)

    def all(self) -> list[Obj]:
        return self._table.values()

    def _read(self, keys: Keys | None) -> list[Obj]:
        found = (self._table.get(key) for key in keys or ())
        return [pod for pod in found if pod is not None]

    def _follow(self, event: str, pod: Obj, old: Obj | None) -> None:
        if event == "DELETED":
            self._leave(old or pod)
            return
        if old is not None and self._places(old) != self._places(pod):
            self._leave(old)
        self._enter(pod)

    @staticmethod
    def _places(pod: Obj) -> tuple[str, str, str]:
        owner = controller_of(pod)
        ip = (pod.get("status") or {}).get("podIP") or ""
        return (owner["uid"] if owner else "", pod["spec"].get("nodeName") or "", ip)

    def _enter(self, pod: Obj) -> None:
        key = key_of(pod)
        owner, node, ip = self._places(pod)
        self._owned[owner][key] = None
        self._on_node[node][key] = None
        self._in_namespace[pod["metadata"]["namespace"]][key] = None
        if ip and not pod["spec"].get("hostNetwork"):
            self._by_ip[ip] = key

    def _leave(self, pod: Obj) -> None:
        key = key_of(pod)
        owner, node, ip = self._places(pod)
        for index, place in (
            (self._owned, owner),
            (self._on_node, node),
            (self._in_namespace, pod["metadata"]["namespace"]),
        ):
            index[place].pop(key, None)
            if not index[place]:
                del index[place]
        if self._by_ip.get(ip) == key:
            del self._by_ip[ip]


class Plane:
    """One cluster's control plane as its controllers see it."""

    def __init__(self, cluster: "Cluster", world: "World") -> None:
        self.cluster = cluster
        self.world = world
        self.clock = world.clock
        self.pods = Pods(cluster, world)
        self.outages = world.store.table("outages")
        self.parts: dict[str, Any] = {}
        self._budget: dict[tuple[str, str], tuple[float, float]] = {}

    def worker(self, lag: str, reconcile: Any) -> Worker:
        return Worker(self.clock, self.world.duration(lag), reconcile)

    def wait(self, name: str) -> float:
        return self.world.duration(name)

    def now(self) -> float:
        return self.clock.now()

    def node_is_live(self, node: Obj | None) -> bool:
        """Whether the machine behind a Node object runs; unknown machines do not."""
        return node is not None and not self._outages_of(node)

    def down_since(self, node: Obj) -> float:
        """When the machine's outage began (POSIX seconds); now, if there is none."""
        found = [doc["since"] for doc in self._outages_of(node)]
        return float(min(found)) if found else self.now()

    def _outages_of(self, node: Obj) -> list[Obj]:
        zone = (node["metadata"].get("labels") or {}).get("topology.kubernetes.io/zone", "")
        keys = (f"zone/{zone}", f"node/{self.cluster.name}/{node['metadata']['name']}")
        found = (self.outages.get(key) for key in keys)
        return [doc for doc in found if doc is not None]

    def event(self, obj: Obj, kind: str, reason: str, message: str, component: str) -> None:
        """Record an Event, unless its object had too many: 25, then one per 5 minutes, as upstream."""
        key, now = (uid_of(obj), component), self.now()
        left, since = self._budget.get(key, (float(EVENT_BURST), now))
        left = min(float(EVENT_BURST), left + (now - since) / EVENT_REFILL)
        if left < 1:
            self._budget[key] = (left, now)
            return
        self._budget[key] = (left - 1, now)
        self.cluster.event(obj, kind, reason, message, component)

    def change(self, resource: str, obj: Obj, status: Obj) -> Obj:
        """Write a changed status; nothing happens when it is the same."""
        if obj.get("status") == status:
            return obj
        return self.cluster.update(resource, {**obj, "status": status}, subresource="status")

    def gone(self, resource: str, obj: Obj) -> bool:
        """Whether the object is deleted or on its way."""
        meta = obj["metadata"]
        found = self.cluster.get(resource, meta.get("namespace", ""), meta["name"])
        return found is None or uid_of(found) != uid_of(obj) or deleting(found)
