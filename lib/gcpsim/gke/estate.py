"""The clusters of one simulator: their documents, their Kubernetes objects, their controllers.

What every part of `gcpsim.gke` stands on. It starts control planes and knows no request.
"""

import base64
from collections.abc import Callable
from typing import Any

from gcpsim.compute.engine.links import link as compute_link
from gcpsim.core.world import World
from gcpsim.gke import endpoints, names
from gcpsim.gke.autoneg import Autoneg
from gcpsim.gke.certmanager import CertManager
from gcpsim.gke.gateway.controller import GatewayController
from gcpsim.gke.gce_ingress import GceIngress
from gcpsim.gke.ingress import IngressStatus
from gcpsim.gke.load_balancer import ServiceController
from gcpsim.gke.managed_certificate import ManagedCertificates
from gcpsim.gke.neg.binding import Bindings
from gcpsim.gke.neg.controller import NegController
from gcpsim.k8s import controllers
from gcpsim.k8s.controllers.objects import Obj
from gcpsim.k8s.controllers.plane import Network, Plane, Resync
from gcpsim.k8s.objects.cluster import Cluster


class Estate:
    """Clusters by name. Names are unique in one simulator, whatever project and location.

    `started` is told each control plane that starts, also when one starts anew.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.table = world.store.table("gke/clusters")
        self.clusters: dict[str, Cluster] = {}
        self.planes: dict[str, Plane] = {}
        self.started: list[Callable[[Plane], None]] = []
        self._resyncs: dict[str, dict[str, Resync]] = {}
        # Told the name of a cluster whose control plane came or went.
        self.listeners: list[Callable[[str], None]] = []
        world.endpoint_answer = lambda ip, port, page: endpoints.answer(
            self.planes.values(), ip, port, page
        )

    def resume(self) -> None:
        """Control planes from documents: after a restart or reset."""
        for name in [name for name in self.clusters if name not in self.table]:
            self.forget(name)
        for name, doc in sorted(self.table.items()):
            if doc["status"] != "PROVISIONING":
                back = name not in self.clusters
                self.start(name)
                if back:  # deleted since: its API is served again
                    self.tell(name)

    @property
    def project(self) -> str:
        """The scenario's project; "" when there is none."""
        return str((self.world.store.table("meta").get("scenario") or {}).get("project", ""))

    def document(self, name: str) -> Obj:
        """The stored Cluster resource."""
        found = self.table.get(name)
        if found is None:
            raise KeyError(f"no cluster {name}")
        return found

    def change(self, name: str, **fields: Any) -> None:
        self.table.put(name, {**self.document(name), **fields})

    def change_pool(self, name: str, pool: str, **fields: Any) -> None:
        """Change fields of a node pool (None removes one), and what the cluster says of them."""
        doc = self.document(name)
        pools = [
            {k: v for k, v in {**p, **fields}.items() if v is not None} if p["name"] == pool else p
            for p in doc["nodePools"]
        ]
        self.set_pools(name, pools)

    def set_pools(self, name: str, pools: list[Obj]) -> None:
        """The node pools of a cluster, its status and its nodes' version that follow from them."""
        doc = self.document(name)
        busy = any(p["status"] != "RUNNING" for p in pools) or doc.get("_master")
        version = max((p["version"] for p in pools), default=doc["currentNodeVersion"])
        status = "RECONCILING" if busy else "RUNNING"
        groups = [link for p in pools for link in p.get("instanceGroupUrls") or ()]
        self.change(
            name,
            nodePools=pools,
            status=status,
            currentNodeVersion=version,
            instanceGroupUrls=groups,
        )

    def set_available(self, name: str, available: bool) -> None:
        """Whether a cluster's Kubernetes API answers; what runs on the nodes does in any case."""
        self.clusters[name].api_available = available
        outages = self.world.store.table("outages")
        if available:
            outages.delete(f"api/{name}")
        else:
            outages.put(f"api/{name}", {"since": self.world.clock.now()})

    def tell(self, name: str) -> None:
        for listener in self.listeners:
            listener(name)

    def forget(self, name: str) -> None:
        """A cluster is gone with all its objects."""
        cluster = self.clusters.pop(name, None)
        if cluster is not None:
            cluster.dismiss()
        self.planes.pop(name, None)
        for resync in self._resyncs.get(name, {}):
            self._resyncs[name][resync] = lambda: False
        for table in self.world.store.tables(f"k8s/{name}/"):
            for key in table.keys():  # noqa: SIM118
                table.delete(key)
        self.table.delete(name)
        self.tell(name)

    def set_endpoint(self, name: str, address: str, ca: str = "") -> None:
        """Where a cluster's Kubernetes API listens (host:port), and its CA as PEM."""
        auth = {"clusterCaCertificate": base64.b64encode(ca.encode()).decode()} if ca else {}
        self.change(name, endpoint=address, masterAuth=auth)

    def start(self, name: str) -> Cluster:
        """Start a cluster's control plane; an earlier one of it is dismissed."""
        doc, world = self.document(name), self.world
        cluster = self.clusters.get(name)
        if cluster is None:
            cluster = self.clusters[name] = Cluster(
                name,
                project=doc["_project"],
                location=doc["location"],
                zones=doc["locations"],
                store=world.store,
                clock=world.clock,
                version=doc["currentMasterVersion"],
            )
            cluster.failed = world.failed
        cluster.dismiss()
        cluster.recognize()
        cluster.zones[:] = doc["locations"]
        cluster.api_available = f"api/{name}" not in world.store.table("outages")
        plane = controllers.start(cluster, world, self._resyncs.setdefault(name, {}))
        region = "-".join(doc["location"].split("-")[:2])
        place = f"projects/{cluster.project}"
        plane.network = Network(
            network=compute_link(f"{place}/global/networks/{doc['network']}"),
            subnetwork=compute_link(f"{place}/regions/{region}/subnetworks/{doc['subnetwork']}"),
            tag=names.node_tag(doc["name"], doc["id"][:8]),
            native=doc["ipAllocationPolicy"].get("useIpAliases", False),
        )
        self.planes[name] = plane
        self._start_google_controllers(plane)
        for observer in self.started:
            observer(plane)
        return cluster

    def _start_google_controllers(self, plane: Plane) -> None:
        plane.add(NegController(plane))
        Bindings(plane)
        plane.add(ServiceController(plane))
        plane.add(IngressStatus(plane))
        plane.add(CertManager(plane))
        ManagedCertificates(plane)
        plane.add(GceIngress(plane))
        plane.add(GatewayController(plane))
        Autoneg(plane)
        endpoints.follow(plane)
