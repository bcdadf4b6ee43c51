"""The GKE API (container v1) and the clusters behind it.

Clusters are made by scenarios. The API lists and gets clusters, node pools, operations and the
server configuration, by location (`-` for all) and in the older form by zone, and upgrades node
pools. Each cluster has its Kubernetes API (`clusters`) and its controllers (`planes`).
"""

import base64
import functools
import re
from collections.abc import Callable
from typing import Any

import orjson

from gcpsim.compute.engine.links import link as compute_link
from gcpsim.core import projects
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import ApiError
from gcpsim.core.world import World
from gcpsim.gke import documents, endpoints, names, stage
from gcpsim.gke.documents import ClusterSpec
from gcpsim.gke.fleet import Fleet
from gcpsim.gke.operations import Operations
from gcpsim.gke.upgrades import Upgrades
from gcpsim.k8s import controllers
from gcpsim.k8s.controllers.objects import Obj
from gcpsim.k8s.controllers.plane import Plane, Resync
from gcpsim.k8s.objects.cluster import Cluster

PLACE = r"projects/(?P<project>[^/]+)/(?:locations|zones)/(?P<location>[^/]+)"
LOCATION = re.compile(r"(?:-|[a-z]+-[a-z]+[0-9]+(?:-[a-z])?)$")
Handler = Callable[[Call, dict[str, str]], Any]


class Gke:
    """Clusters by name. Names are unique in one simulator, whatever project and location."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.table = world.store.table("gke/clusters")
        self.clusters: dict[str, Cluster] = world.clusters
        self.planes: dict[str, Plane] = {}
        self._resyncs: dict[str, dict[str, Resync]] = {}
        self.operations = Operations(world)
        self.fleet = Fleet(self)
        self.upgrades = Upgrades(self)
        world.gke = self
        world.services["container"] = self
        world.endpoint_answer = functools.partial(endpoints.answer, world)
        stage.register(world)
        self.routes: list[tuple[str, re.Pattern[str], Handler]] = [
            (verb, re.compile(f"{PLACE}/{pattern}$"), handler)
            for verb, pattern, handler in (
                ("GET", "serverConfig", self._server_config),
                ("GET", "serverconfig", self._server_config),
                ("GET", "clusters", self._list),
                ("GET", "clusters/(?P<cluster>[^/]+)", self._get),
                ("GET", "clusters/(?P<cluster>[^/]+)/nodePools", self._pools),
                ("GET", "clusters/(?P<cluster>[^/]+)/nodePools/(?P<pool>[^/]+)", self._pool),
                ("PUT", "clusters/(?P<cluster>[^/]+)/nodePools/(?P<pool>[^/]+)", self._upgrade),
                ("GET", "operations", self._operations),
                ("GET", "operations/(?P<operation>[^/:]+)", self._operation),
            )
        ]

    # What other parts of the simulator use

    def create(self, spec: ClusterSpec) -> Cluster:
        """A new cluster with its nodes; they become Ready as time passes."""
        if spec.name in self.clusters:
            raise ApiError(409, f"Already exists: {documents.path_of(spec)}.")
        world = self.world
        place = world.store.next_number("gke/ranges", 0)
        pods = f"10.{4 + 4 * place}.0.0/14"
        doc = documents.cluster(spec, pods, world.clock.now())
        self.table.put(spec.name, {**doc, "_project": spec.project})
        cluster = self._start(spec.name)
        self._make_firewalls(doc, cluster)
        self._add_pod_range(doc, cluster)
        for pool in doc["nodePools"]:
            for zone in pool["locations"]:
                for _ in range(pool["initialNodeCount"]):
                    self.fleet.add(spec.name, pool, zone)
        return cluster

    def resume(self) -> None:
        """Clusters, controllers and unfinished work from documents: after a restart or reset."""
        for name in sorted(self.table.keys()):
            self._start(name)
        self.fleet.resume()
        self.upgrades.resume()

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

    def knows_operation(self, name: str) -> bool:
        """Whether an operation's name is GKE's (Certificate Manager shares the path)."""
        return name.partition(":")[0] in self.operations.table

    def call(
        self,
        verb: str,
        path: str,
        body: Obj | None = None,
        query: dict[str, str] | None = None,
        *,
        user: str = "service-agent@gcpsim.example.com",
    ) -> Obj:
        """A request in process; raises ApiError."""
        raw = orjson.dumps(body) if body is not None else b""
        answer = self.handle(Call("container", verb, path, query or {}, {}, raw, user=user))
        return dict(answer.body or {})

    # Requests

    def handle(self, call: Call) -> Answer:
        for verb, pattern, handler in self.routes:
            found = pattern.match(call.path)
            if found and verb == call.verb:
                params = found.groupdict()
                params["project"] = projects.project_id(self.world.store, params["project"])
                if not LOCATION.match(params["location"]):
                    where = params["location"]
                    raise ApiError(400, f'Location "{where}" does not exist.', "badRequest")
                return Answer(body=handler(call, params))
        raise ApiError(
            501,
            f"gcpsim does not implement {call.verb} {call.path} of the Kubernetes Engine API; "
            "clusters come from scenarios, stage directions change them",
            "notImplemented",
        )

    def _server_config(self, call: Call, at: dict[str, str]) -> Obj:
        return documents.server_config()

    def _list(self, call: Call, at: dict[str, str]) -> Obj:
        found = [
            self._shown(doc)
            for _, doc in sorted(self.table.items())
            if doc["_project"] == at["project"] and at["location"] in ("-", doc["location"])
        ]
        return {"clusters": found} if found else {}

    def _get(self, call: Call, at: dict[str, str]) -> Obj:
        return self._shown(self._find(at))

    def _find(self, at: dict[str, str]) -> Obj:
        doc = self.table.get(at["cluster"])
        if doc is None or (doc["_project"], doc["location"]) != (at["project"], at["location"]):
            path = f"projects/{at['project']}/locations/{at['location']}/clusters/{at['cluster']}"
            raise ApiError(404, f"Not found: {path}.", "notFound")
        return doc

    def _shown(self, doc: Obj) -> Obj:
        cluster = self.clusters[doc["name"]]
        count = len(cluster.table("nodes"))
        return {k: v for k, v in doc.items() if not k.startswith("_")} | {"currentNodeCount": count}

    def _pools(self, call: Call, at: dict[str, str]) -> Obj:
        return {"nodePools": self._find(at)["nodePools"]}

    def _pool(self, call: Call, at: dict[str, str]) -> Obj:
        for pool in self._find(at)["nodePools"]:
            if pool["name"] == at["pool"]:
                return dict(pool)
        path = f"projects/{at['project']}/locations/{at['location']}/clusters/{at['cluster']}"
        raise ApiError(404, f"Not found: {path}/nodePools/{at['pool']}.", "notFound")

    def _upgrade(self, call: Call, at: dict[str, str]) -> Obj:
        self._pool(call, at)
        version = str(call.json().get("nodeVersion") or documents.DEFAULT_VERSION)
        return self.upgrades.start(at["cluster"], at["pool"], version)

    def _operations(self, call: Call, at: dict[str, str]) -> Obj:
        here = at["location"]
        found = self.operations.list(at["project"], lambda place: here in ("-", place))
        return {"operations": found} if found else {}

    def _operation(self, call: Call, at: dict[str, str]) -> Obj:
        found = self.operations.find(at["operation"])
        if found is None:
            path = f"projects/{at['project']}/locations/{at['location']}/operations"
            raise ApiError(404, f"Not found: {path}/{at['operation']}.", "notFound")
        return found

    # Inside

    def _start(self, name: str) -> Cluster:
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
        plane.parts["network"] = {
            "network": compute_link(f"{place}/global/networks/{doc['network']}"),
            "subnetwork": compute_link(f"{place}/regions/{region}/subnetworks/{doc['subnetwork']}"),
            "tag": names.node_tag(doc["name"], doc["id"][:8]),
            "native": doc["ipAllocationPolicy"].get("useIpAliases", False),
        }
        self.planes[name] = plane
        self._start_google_controllers(plane)
        return cluster

    def _start_google_controllers(self, plane: Plane) -> None:
        from gcpsim.gke.certmanager import CertManager
        from gcpsim.gke.ingress import IngressStatus
        from gcpsim.gke.load_balancer import ServiceController
        from gcpsim.gke.neg.controller import NegController

        plane.parts["neg"] = NegController(plane)
        plane.parts["service"] = ServiceController(plane)
        plane.parts["ingress"] = IngressStatus(plane)
        plane.parts["cert-manager"] = CertManager(plane)
        endpoints.follow(plane)

    def _add_pod_range(self, doc: Obj, cluster: Cluster) -> None:
        """The pods' secondary range in the cluster's subnetwork, where the nodes' aliases lie."""
        region = "-".join(doc["location"].split("-")[:2])
        path = f"projects/{cluster.project}/regions/{region}/subnetworks/{doc['subnetwork']}"
        subnet = self.world.compute.get(path)
        policy = doc["ipAllocationPolicy"]
        if subnet is None or "clusterSecondaryRangeName" not in policy:
            return
        mine = {
            "rangeName": policy["clusterSecondaryRangeName"],
            "ipCidrRange": policy["clusterIpv4CidrBlock"],
        }
        ranges = [*(subnet.get("secondaryIpRanges") or ()), mine]
        self.world.compute.put(path, {**subnet, "secondaryIpRanges": ranges})

    def _make_firewalls(self, doc: Obj, cluster: Cluster) -> None:
        """The rules that GKE makes for every cluster."""
        digest = doc["id"][:8]
        tag = [names.node_tag(doc["name"], digest)]
        network = f"projects/{cluster.project}/global/networks/{doc['network']}"
        every = [{"IPProtocol": p} for p in ("tcp", "udp", "icmp", "esp", "ah", "sctp")]
        inside = [
            {"IPProtocol": "icmp"},
            {"IPProtocol": "tcp", "ports": ["1-65535"]},
            {"IPProtocol": "udp", "ports": ["1-65535"]},
        ]
        for kind, sources, allowed in (
            ("all", doc["clusterIpv4Cidr"], every),
            ("vms", "10.128.0.0/9", inside),
        ):
            body = {
                "name": f"gke-{doc['name']}-{digest}-{kind}",
                "network": network,
                "sourceRanges": [sources],
                "targetTags": tag,
                "allowed": allowed,
            }
            path = f"projects/{cluster.project}/global/firewalls"
            self.world.compute.call("POST", path, body)
