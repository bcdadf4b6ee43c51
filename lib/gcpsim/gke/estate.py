"""The clusters of one simulator: their documents, their Kubernetes objects, their controllers.

What every part of `gcpsim.gke` stands on. It starts control planes and knows no request.
"""

import base64
from collections.abc import Callable
from typing import Any

from gcpsim.compute.engine.links import link as compute_link
from gcpsim.core.world import World
from gcpsim.gke import endpoints, names
from gcpsim.gke.certmanager import CertManager
from gcpsim.gke.ingress import IngressStatus
from gcpsim.gke.load_balancer import ServiceController
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
        world.endpoint_answer = lambda ip, port: endpoints.answer(self.planes.values(), ip, port)

    def resume(self) -> None:
        """Control planes from documents: after a restart or reset."""
        for name in sorted(self.table.keys()):
            self.start(name)

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
        cluster.dismiss()
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
        plane.add(ServiceController(plane))
        plane.add(IngressStatus(plane))
        plane.add(CertManager(plane))
        endpoints.follow(plane)
