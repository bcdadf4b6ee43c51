"""Every pod of the simulated clusters as sockets of the farm, kept in step with the clusters.

Follows pods, Services, Secrets and nodes; what changed is looked at again after the transaction,
and only differences are ordered. `at` says where a pod's port is served. It must not write.
"""

import asyncio
import base64
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from gcpsim.core.behaviour import HEALTHY
from gcpsim.dataplane import entries
from gcpsim.dataplane.block import Block
from gcpsim.dataplane.link import Event, FarmLink
from gcpsim.k8s.controllers.objects import Obj, is_true, key_of, labels_of, split
from gcpsim.k8s.controllers.plane import Plane

if TYPE_CHECKING:
    from gcpsim.core.world import World

ZONE = "topology.kubernetes.io/zone"
RESTING = 4096  # addresses of pods that are gone, before the first of them is given again
Socket = tuple[str, int]


class Pods:
    """`observers` are called when sockets came, moved or went. Keys are cluster/namespace/name."""

    def __init__(self, world: "World", link: FarmLink, block: Block) -> None:
        self.world, self.link, self.block = world, link, block
        self.observers: list[Callable[[], None]] = []
        self.touched: list[Callable[[str], None]] = []  # told IPs whose sockets or moods changed
        self.extra_certificates: Callable[[str], list[str]] = lambda cluster: []
        self.manners: Callable[[str], dict[str, Any]] = lambda cluster: {}
        self._planes: dict[str, Plane] = {}
        self._orders: dict[str, dict[str, Any]] = {}
        self._ips: dict[str, str] = {}
        self._sockets: dict[str, dict[int, Socket]] = {}
        self._up: dict[str, tuple[str, ...]] = {}
        self._certificates: dict[str, tuple[Any, ...]] = {}
        self._free: deque[str] = deque()
        self._dirty: dict[str, None] = {}
        self._armed = self._telling = False
        link.on("listening", self._listening)
        link.restarted.append(self._order_everything)
        world.store.rolled_back.append(self._rolled_back)

    def at(self, pod_ip: str, port: int) -> Socket | None:
        """The loopback socket that serves a pod's port; None when nobody does."""
        return self._sockets.get(self._ips.get(pod_ip, ""), {}).get(port)

    def closed(self, pod_ip: str) -> Socket | None:
        """Where connections are refused, as by a pod that does not listen; None without a pod."""
        # Not at the pod's own address: a server of this machine may listen on all of them.
        return (self.block.nobody, 1) if pod_ip in self._ips else None

    def about(self, pod_ip: str) -> dict[str, Any]:
        """Cluster, zone, node, namespace and name of the pod with an address; {} for none."""
        order = self._orders.get(self._ips.get(pod_ip, ""))
        return dict(order["about"]) if order else {}

    def key_of_ip(self, pod_ip: str) -> str:
        """The pod that has an address, as the farm calls it; "" for none."""
        return self._ips.get(pod_ip, "")

    def table(self) -> list[dict[str, Any]]:
        """Where each pod listens and how it behaves, sorted."""
        rows = []
        for key, order in sorted(self._orders.items()):
            moods = {
                name: value
                for name, value in order["behaviour"].items()
                if value != getattr(HEALTHY, name)
            }
            rows.append(
                {
                    **order["about"],
                    "phase": order["phase"],
                    "behaviour": moods,
                    "sockets": {
                        str(port): f"{host}:{number}"
                        for port, (host, number) in sorted(self._sockets.get(key, {}).items())
                    },
                }
            )
        return rows

    # Following the clusters

    def follow(self, plane: Plane) -> None:
        """Follow a cluster, also when its control plane was started anew."""
        name, cluster = plane.cluster.name, plane.cluster
        self._planes[name] = plane
        for key in [key for key in self._orders if key.startswith(f"{name}/")]:
            self.mark(key)
        for pod in plane.pods.all():
            self.mark(f"{name}/{key_of(pod)}")
        cluster.subscribe("pods", lambda event, pod, old: self.mark(f"{name}/{key_of(pod)}"))
        cluster.subscribe("services", partial(self._follow_service, plane))
        cluster.subscribe("secrets", lambda event, one, old: self._follow_secret(plane, one))
        cluster.subscribe("nodes", lambda event, one, old: self._follow_machine(plane, key_of(one)))
        plane.machine_observers.append(lambda node: self._follow_machine(plane, node))

    def _follow_service(self, plane: Plane, event: str, service: Obj, old: Obj | None) -> None:
        if event == "MODIFIED" and old is not None and old["spec"] == service["spec"]:
            return
        for pod in plane.pods.in_namespace(service["metadata"]["namespace"]):
            if entries.selected(service, pod) or (old and entries.selected(old, pod)):
                self.mark(f"{plane.cluster.name}/{key_of(pod)}")

    def _follow_secret(self, plane: Plane, secret: Obj) -> None:
        name = secret["metadata"]["name"]
        for pod in plane.pods.in_namespace(secret["metadata"]["namespace"]):
            if name in entries.mounted(pod):
                self.mark(f"{plane.cluster.name}/{key_of(pod)}")

    def _follow_machine(self, plane: Plane, node: str) -> None:
        for pod in plane.pods.on_node(node):
            self.mark(f"{plane.cluster.name}/{key_of(pod)}")

    def mark(self, key: str) -> None:
        """Look at a pod again once the transaction is over."""
        self._dirty[key] = None
        if not self._armed:
            self._armed = True
            asyncio.get_running_loop().call_soon(self.flush)

    def mark_controllers(self, cluster: str) -> None:
        """Look at the ingress controllers of a cluster again."""
        for key, order in self._orders.items():
            if order["ingress"] == cluster:
                self.mark(key)

    def _rolled_back(self, touched: list[tuple[str, str]]) -> None:
        for table, key in touched:
            cluster, _, resource = table.removeprefix("k8s/").rpartition("/")
            if table.startswith("k8s/") and resource == "pods":
                self.mark(f"{cluster}/{key}")

    def flush(self) -> None:
        """Order what has changed."""
        self._armed = False
        dirty, self._dirty = self._dirty, {}
        orders: list[dict[str, Any]] = []
        for key in dirty:
            orders += self._changed(key)
        if orders:
            self.link.send(*orders)
            self._tell()

    # Orders

    def _changed(self, key: str) -> list[dict[str, Any]]:
        cluster, _, name = key.partition("/")
        plane = self._planes.get(cluster)
        pod = plane.pods.get(name) if plane else None
        wanted = self._entry(plane, key, pod) if plane and pod else None
        known = self._orders.get(key)
        if wanted is None:
            return self._gone(key, known) if known else []
        if wanted == known:
            return []
        certificates = [
            order
            for secret in wanted["certificates"]
            if not wanted["ingress"]  # theirs are ordered with their routes
            and (order := self._certificate(secret)) is not None
        ]
        self._orders[key] = wanted
        self._ips[wanted["about"]["ip"]] = key
        return [*certificates, wanted]

    def _gone(self, key: str, known: dict[str, Any]) -> list[dict[str, Any]]:
        del self._orders[key]
        self._up.pop(key, None)
        self._sockets.pop(key, None)
        if self._ips.get(known["about"]["ip"]) == key:
            del self._ips[known["about"]["ip"]]
        self._touch(known["about"]["ip"])
        silent = known["phase"] == "lost"
        if not silent and not self.block.shared:
            self._free.append(known["address"])
        return [{"op": "gone", "key": key, "silent": silent}]

    def _entry(self, plane: Plane, key: str, pod: Obj) -> dict[str, Any] | None:
        """The order for a pod; None when its processes do not listen."""
        status, spec = pod.get("status") or {}, pod["spec"]
        ids = entries.containers_running(pod)
        if status.get("phase") != "Running" or not status.get("podIP") or spec.get("hostNetwork"):
            return None
        if is_true(pod, "ContainersReady"):
            self._up[key] = ids
        elif not set(self._up.get(key, ())) & set(ids):
            return None  # still starting, or all its containers have ended
        name, cluster = plane.cluster.name, plane.cluster
        namespace = pod["metadata"]["namespace"]
        services = [
            one for one in cluster.list("services", namespace) if entries.selected(one, pod)
        ]
        node = cluster.get("nodes", "", spec.get("nodeName", ""))
        ingress = name if entries.is_ingress_nginx(pod) else ""
        known = self._orders.get(key)
        return entries.entry(
            key,
            known["address"] if known else self._address(),
            pod,
            about={
                "cluster": name,
                "location": cluster.location,
                "zone": labels_of(node).get(ZONE, "") if node else "",
                "node": spec.get("nodeName", ""),
                "namespace": namespace,
                "pod": pod["metadata"]["name"],
                "ip": status["podIP"],
            },
            listening=entries.ports(pod, services),
            live=plane.node_is_live(node),
            certificates=self.extra_certificates(name)
            if ingress
            else [f"{name}/{namespace}/{secret}" for secret in entries.mounted(pod)],
            ingress=ingress,
            manners=self.manners(name) if ingress else {},
        )

    def _address(self) -> str:
        """A loopback address that nobody may still have in mind as another pod's."""
        return self._free.popleft() if len(self._free) > RESTING else self.block.pod()

    def _certificate(self, name: str) -> dict[str, Any] | None:
        """The order for a TLS Secret (cluster/namespace/name) that the farm has not like this."""
        cluster, _, rest = name.partition("/")
        plane = self._planes[cluster]
        secret = plane.cluster.get("secrets", *split(rest))
        data = (secret or {}).get("data") or {}
        pair = (data.get("tls.crt", ""), data.get("tls.key", ""))
        if self._certificates.get(name) == pair:
            return None
        self._certificates[name] = pair
        chain, private = (base64.b64decode(text).decode("ascii", "replace") for text in pair)
        return {"op": "certificate", "key": name, "chain": chain, "private": private}

    # What the farm says

    def _listening(self, event: Event) -> None:
        key = event["key"]
        if key in self._orders:
            ip = self._orders[key]["about"]["ip"]
            asyncio.get_running_loop().call_soon(self._touch, ip)
            self._sockets[key] = {
                int(port): (at[0], at[1]) for port, at in event["sockets"].items()
            }
            self._tell()

    def _tell(self) -> None:
        """Tell the observers once for all that happened in this turn of the loop."""
        if not self._telling:
            self._telling = True
            asyncio.get_running_loop().call_soon(self._told)

    def _touch(self, ip: str) -> None:
        for follower in self.touched:
            follower(ip)

    def _told(self) -> None:
        self._telling = False
        for observer in self.observers:
            observer()

    def _order_everything(self) -> None:
        """The farm is a new one and knows nothing."""
        keys = list(self._orders)
        self._orders.clear()
        self._sockets.clear()
        self._certificates.clear()
        for key in keys:
            self.mark(key)
