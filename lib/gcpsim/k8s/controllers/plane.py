"""What the controllers of one cluster share: the cluster, the world, and where each pod is.

The pod index holds keys only and reads the objects from the store, so it cannot disagree with it
about their content. It must not decide anything.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from gcpsim.core.world import World
from gcpsim.k8s.controllers.objects import Obj, controller_of, deleting, key_of, split, uid_of
from gcpsim.k8s.controllers.worker import Worker
from gcpsim.k8s.objects.cluster import Cluster

P = TypeVar("P")

EVENT_BURST = 25
EVENT_REFILL = 300.0
Keys = dict[str, None]
Resync = Callable[[], bool]


class Pods:
    """Pods by controller, node, namespace and IP. Subscribe it before the controllers."""

    def __init__(self, cluster: Cluster, world: World) -> None:
        self._table = world.store.table(f"k8s/{cluster.name}/pods")
        self._owned: defaultdict[str, Keys] = defaultdict(dict)
        self._on_node: defaultdict[str, Keys] = defaultdict(dict)
        self._in_namespace: defaultdict[str, Keys] = defaultdict(dict)
        self._by_ip: dict[str, str] = {}
        self._places: dict[str, tuple[str, str, str]] = {}  # key -> owner, node, IP
        for key in list(self._table):
            self._refresh(key)
        cluster.subscribe("pods", lambda event, pod, old: self._refresh(key_of(pod)))
        world.store.rolled_back.append(self._rolled_back)

    def owned(self, uid: str) -> list[Obj]:
        """Pods whose controller has this uid."""
        return self._read(self._owned.get(uid))

    def on_node(self, name: str) -> list[Obj]:
        return self._read(self._on_node.get(name))

    def in_namespace(self, namespace: str) -> list[Obj]:
        return self._read(self._in_namespace.get(namespace))

    def with_ip(self, ip: str) -> Obj | None:
        key = self._by_ip.get(ip)
        return self._table.get(key) if key else None

    def get(self, key: str) -> Obj | None:
        return self._table.get(key)

    def all(self) -> list[Obj]:
        return self._table.values()

    def _read(self, keys: Keys | None) -> list[Obj]:
        found = (self._table.get(key) for key in keys or ())
        return [pod for pod in found if pod is not None]

    def _rolled_back(self, touched: list[tuple[str, str]]) -> None:
        for table, key in touched:
            if table == self._table.name:
                self._refresh(key)

    def _refresh(self, key: str) -> None:
        """Bring the index in line with the store for one pod."""
        pod = self._table.get(key)
        before, now = self._places.get(key), _places(pod) if pod else None
        if before == now:
            return
        if before is not None:
            self._leave(key, *before)
        if now is not None:
            self._enter(key, *now)

    def _enter(self, key: str, owner: str, node: str, ip: str) -> None:
        self._places[key] = (owner, node, ip)
        self._owned[owner][key] = None
        self._on_node[node][key] = None
        self._in_namespace[split(key)[0]][key] = None
        if ip:
            self._by_ip[ip] = key

    def _leave(self, key: str, owner: str, node: str, ip: str) -> None:
        del self._places[key]
        for index, place in (
            (self._owned, owner),
            (self._on_node, node),
            (self._in_namespace, split(key)[0]),
        ):
            index[place].pop(key, None)
            if not index[place]:
                del index[place]
        if self._by_ip.get(ip) == key:
            del self._by_ip[ip]


def _places(pod: Obj) -> tuple[str, str, str]:
    """(uid of the controller, node, IP of its own); "" for what it has not."""
    owner, spec = controller_of(pod), pod["spec"]
    ip = "" if spec.get("hostNetwork") else (pod.get("status") or {}).get("podIP") or ""
    return (owner["uid"] if owner else "", spec.get("nodeName") or "", ip)


@dataclass
class Network:
    """Where a cluster's machines are in the VPC. `native`: pods have alias IPs."""

    network: str = ""
    subnetwork: str = ""
    tag: str = ""
    native: bool = True


class Plane:
    """One cluster's control plane as its controllers see it."""

    def __init__(
        self, cluster: Cluster, world: World, resyncs: dict[str, Resync] | None = None
    ) -> None:
        self.cluster = cluster
        self.world = world
        self.clock = world.clock
        self._resyncs = {} if resyncs is None else resyncs
        self.pods = Pods(cluster, world)
        self.outages = world.store.table("outages")
        self.network = Network()
        self.machine_observers: list[Callable[[str], None]] = []  # told nodes that went or came
        self._parts: list[object] = []
        self._budget: dict[tuple[str, str], tuple[float, float]] = {}

    def add(self, part: object) -> None:
        """Enter a controller that others ask for; a later one of its class replaces it."""
        self._parts.insert(0, part)

    def part(self, kind: type[P]) -> P:
        """The controller of a class; a LookupError when this cluster has none."""
        found = self.find(kind)
        if found is None:
            raise LookupError(f"cluster {self.cluster.name} has no {kind.__name__}")
        return found

    def find(self, kind: type[P]) -> P | None:
        """The same, or None: controllers start one after the other."""
        return next((part for part in self._parts if isinstance(part, kind)), None)

    def worker(self, lag: str, reconcile: Callable[[str], None]) -> Worker:
        return Worker(self.clock, self.world.duration(lag), reconcile, self.world.attempt)

    def every(self, wait: str, resync: Resync) -> None:
        """Repeat a resync (True: it changed something); a later plane's replaces it."""
        known, resyncs = wait in self._resyncs, self._resyncs
        resyncs[wait] = resync
        if not known:
            self.clock.every(self.wait(wait), lambda: resyncs[wait]())

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

    def stands_still(self, part: str) -> bool:
        """Whether a controller of this cluster does nothing at the moment."""
        return f"{part}/{self.cluster.name}" in self.outages

    def _outages_of(self, node: Obj) -> list[Obj]:
        zone = (node["metadata"].get("labels") or {}).get("topology.kubernetes.io/zone", "")
        keys = (f"zone/{zone}", f"node/{self.cluster.name}/{node['metadata']['name']}")
        found = (self.outages.get(key) for key in keys)
        return [doc for doc in found if doc is not None]

    def event(self, obj: Obj, kind: str, reason: str, message: str, component: str) -> None:
        """Record an Event, unless its object had too many: 25, then one in 5 minutes."""
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
