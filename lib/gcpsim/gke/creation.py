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
        if spec.name in self.estate.clusters:
            raise ApiError(409, f"Already exists: {documents.path_of(spec)}.")
        world = self.world
        place = world.store.next_number("gke/ranges", 0)
        pods = f"10.{4 + 4 * place}.0.0/14"
        doc = documents.cluster(spec, pods, world.clock.now())
        self.estate.table.put(spec.name, {**doc, "_project": spec.project})
        cluster = self.estate.start(spec.name)
        self._make_firewalls(doc, cluster)
        self._add_pod_range(doc, cluster)
        for pool in doc["nodePools"]:
            for zone in pool["locations"]:
                for _ in range(pool["initialNodeCount"]):
                    self.fleet.add(spec.name, pool, zone)
        return cluster

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
