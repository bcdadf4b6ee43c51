"""How clusters come into being: document, firewall rules, pod range, nodes.

Scenarios make them at once; the API lets them take their time.
"""

from gcpsim.core.errors import ApiError
from gcpsim.gke import documents, names
from gcpsim.gke.documents import ClusterSpec
from gcpsim.gke.estate import Estate
from gcpsim.gke.fleet import Fleet
from gcpsim.k8s.controllers.objects import Obj
from gcpsim.k8s.objects.cluster import Cluster


class Creation:
    def __init__(self, estate: Estate, fleet: Fleet) -> None:
        self.estate = estate
        self.fleet = fleet
        self.world = estate.world

    def create(self, spec: ClusterSpec) -> Cluster:
        """A new cluster with its nodes; they become Ready as time passes."""
        doc = self.begin(spec)
        cluster = self.start(spec.name)
        self.add_nodes(spec.name, doc["nodePools"])
        return cluster

    def begin(self, spec: ClusterSpec) -> Obj:
        """The document of a new cluster, which has no control plane yet."""
        if spec.name in self.estate.table:
            raise ApiError(409, f"Already exists: {documents.path_of(spec)}.", "alreadyExists")
        place = self.world.store.next_number("gke/ranges", 0)
        pods = f"10.{(4 + 4 * place) % 256}.0.0/14"
        doc = documents.cluster(spec, pods, self.world.clock.now())
        self.estate.table.put(spec.name, {**doc, "_project": spec.project})
        return doc

    def start(self, name: str) -> Cluster:
        """The control plane of a cluster, and what GKE makes in its network."""
        doc = self.estate.document(name)
        cluster = self.estate.start(name)
        self._make_firewalls(doc, cluster)
        self._add_pod_range(doc, cluster)
        self.estate.tell(name)
        return cluster

    def add_nodes(self, name: str, pools: list[Obj]) -> None:
        for pool in pools:
            for zone in pool["locations"]:
                for _ in range(pool.get("initialNodeCount", 0)):
                    self.fleet.add(name, pool, zone)

    def remove(self, name: str) -> None:
        """A cluster goes: nodes, firewall rules, objects. Its NEGs stay, as GKE leaves them."""
        doc, compute = self.estate.document(name), self.world.compute
        cluster = self.estate.clusters.get(name)
        for node in cluster.list("nodes") if cluster else ():
            self.fleet.remove(name, node)
        digest = doc["id"][:8]
        for rule in compute.list(doc["_project"], "firewalls"):
            if rule["name"].startswith(f"gke-{name}-{digest}-"):
                path = f"projects/{doc['_project']}/global/firewalls/{rule['name']}"
                compute.call("DELETE", path)
        self._drop_pod_range(doc)
        self.estate.forget(name)

    def _drop_pod_range(self, doc: Obj) -> None:
        path = self._subnetwork(doc)
        subnet = self.world.compute.get(path)
        mine = doc["ipAllocationPolicy"].get("clusterSecondaryRangeName")
        if subnet is not None and mine:
            left = [r for r in subnet.get("secondaryIpRanges") or () if r["rangeName"] != mine]
            self.world.compute.put(path, {**subnet, "secondaryIpRanges": left})

    @staticmethod
    def _subnetwork(doc: Obj) -> str:
        region = "-".join(doc["location"].split("-")[:2])
        return f"projects/{doc['_project']}/regions/{region}/subnetworks/{doc['subnetwork']}"

    def _add_pod_range(self, doc: Obj, cluster: Cluster) -> None:
        """The pods' secondary range in the cluster's subnetwork, where the nodes' aliases lie."""
        path = self._subnetwork(doc)
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
