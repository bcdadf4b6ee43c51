"""Nodes: Compute Engine instances with GKE's tags and labels, and the Nodes that they become.

An instance boots for a while before its node registers and is Ready. Removing a node removes
both. Whatever was under way when the simulator stopped goes on from the instances that exist.
"""

import hashlib
import ipaddress
import uuid
from collections.abc import Callable

from gcpsim.core import projects
from gcpsim.core.paths import name_of
from gcpsim.gke import names
from gcpsim.gke.estate import Estate
from gcpsim.k8s.controllers.nodes import node_conditions
from gcpsim.k8s.controllers.objects import Obj
from gcpsim.k8s.objects.cluster import Cluster

# machine type -> (CPUs, memory in GiB, allocatable CPU, allocatable memory), as GKE reserves
MACHINES = {
    "e2-medium": (2, 4, "940m", "2872068Ki"),
    "e2-standard-2": (2, 8, "1930m", "6350164Ki"),
    "e2-standard-4": (4, 16, "3920m", "13591892Ki"),
    "e2-standard-8": (8, 32, "7910m", "29207888Ki"),
    "e2-standard-16": (16, 64, "15890m", "60048920Ki"),
    "n2-standard-4": (4, 16, "3920m", "13591892Ki"),
    "n2-standard-8": (8, 32, "7910m", "29207888Ki"),
}
POD_RANGE = "pod-range"  # instance metadata: the node's podCIDR
Done = Callable[[str], None]


class Fleet:
    """The nodes of all clusters."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.world = estate.world

    def add(
        self, name: str, pool: Obj, zone: str, *, version: str = "", done: Done | None = None
    ) -> str:
        """Create an instance in a zone; `done` is called with the node's name when it is Ready."""
        doc, cluster = self.estate.document(name), self.estate.clusters[name]
        digest = doc["id"][:8]
        number = self.world.store.next_number(f"gke/{name}/nodes")
        node = names.node(name, pool["name"], digest, zone, number)
        body = self._instance(doc, pool, zone, node, self._pod_range(doc, number))
        body["labels"]["goog-gke-node-version"] = _label(version or pool["version"])
        path = f"projects/{cluster.project}/zones/{zone}/instances"
        operation = self.world.compute.call("POST", path, body)
        self.world.compute.when_done(operation, lambda _: self._boot(name, f"{path}/{node}", done))
        return node

    def remove(self, name: str, node: Obj, done: Done | None = None) -> None:
        """Delete the node, then its instance."""
        cluster, node_name = self.estate.clusters[name], node["metadata"]["name"]
        zone = node["metadata"]["labels"]["topology.kubernetes.io/zone"]
        path = f"projects/{cluster.project}/zones/{zone}/instances/{node_name}"
        cluster.delete("nodes", "", node_name)
        if self.world.compute.get(path) is None:
            if done:
                done(node_name)
            return
        operation = self.world.compute.call("DELETE", path)
        self.world.compute.when_done(operation, lambda _: done(node_name) if done else None)

    def resume(self) -> None:
        """Register the nodes whose instances were booting when the simulator stopped."""
        for name, cluster in self.estate.clusters.items():
            for instance in self.world.compute.list(cluster.project, "instances"):
                labels = instance.get("labels") or {}
                mine = (name, cluster.location)
                if (
                    labels.get("goog-k8s-cluster-name"),
                    labels.get("goog-k8s-cluster-location"),
                ) != mine:
                    continue
                if cluster.get("nodes", "", instance["name"]) is None:
                    self._boot(name, instance["selfLink"].split("/compute/v1/")[1], None)

    def _boot(self, name: str, path: str, done: Done | None) -> None:
        def register() -> None:
            instance = self.world.compute.get(path)
            if instance is None:
                return
            self._register(name, instance)
            if done:
                done(instance["name"])

        self.world.clock.after(self.world.duration("gke.node.create"), register)

    def _pod_range(self, doc: Obj, number: int) -> str:
        """The next /24 of the cluster's pod range."""
        network = ipaddress.ip_network(doc["clusterIpv4Cidr"])
        return f"{ipaddress.ip_address(int(network.network_address) + (number - 1) * 256)}/24"

    def _instance(self, doc: Obj, pool: Obj, zone: str, node: str, pods: str) -> Obj:
        machine, region = pool["config"]["machineType"], zone.rpartition("-")[0]
        native = doc["ipAllocationPolicy"].get("useIpAliases", False)
        facts = {**_metadata(doc, pool, zone), POD_RANGE: pods}
        return {
            "name": node,
            "machineType": f"zones/{zone}/machineTypes/{machine}",
            # GKE's own tag is on the machines only; a pool's configuration has the user's.
            "tags": {"items": [names.node_tag(doc["name"], doc["id"][:8])]},
            "labels": {
                "goog-gke-node": "",
                "goog-gke-cluster-id-base32": _label(doc["id"][:32]),
                "goog-k8s-cluster-name": doc["name"],
                "goog-k8s-cluster-location": doc["location"],
                "goog-k8s-node-pool-name": pool["name"],
            },
            "disks": [
                {
                    "boot": True,
                    "autoDelete": True,
                    "initializeParams": {"diskSizeGb": str(pool["config"]["diskSizeGb"])},
                }
            ],
            "networkInterfaces": [
                {
                    "network": f"global/networks/{doc['network']}",
                    "subnetwork": f"regions/{region}/subnetworks/{doc['subnetwork']}",
                    **({"aliasIpRanges": [_alias(doc, pods)]} if native else {}),
                    "accessConfigs": [{"type": "ONE_TO_ONE_NAT", "name": "external-nat"}],
                }
            ],
            "metadata": {"items": [{"key": k, "value": v} for k, v in facts.items()]},
            "serviceAccounts": [
                {
                    "email": pool["config"]["serviceAccount"],
                    "scopes": list(pool["config"]["oauthScopes"]),
                }
            ],
        }

    def _register(self, name: str, instance: Obj) -> None:
        cluster, doc = self.estate.clusters[name], self.estate.document(name)
        labels = instance.get("labels") or {}
        pool = next(p for p in doc["nodePools"] if p["name"] == labels["goog-k8s-node-pool-name"])
        version = labels.get("goog-gke-node-version", "").replace("_", ".") or pool["version"]
        cluster.create("nodes", node_object(cluster, pool, instance, version))


def _metadata(doc: Obj, pool: Obj, zone: str) -> dict[str, str]:
    """Which group and cluster a node's instance belongs to, as GKE notes it."""
    project = f"projects/{projects.number(doc['_project'])}"
    group = names.group(doc["name"], pool["name"], doc["id"][:8], zone)
    return {
        "instance-template": f"{project}/global/instanceTemplates/{group.removesuffix('-grp')}",
        "created-by": f"{project}/zones/{zone}/instanceGroupManagers/{group}",
        "disable-legacy-endpoints": "true",
        "cluster-name": doc["name"],
        "cluster-uid": doc["id"],
        "cluster-location": doc["location"],
    }


def _alias(doc: Obj, pods: str) -> Obj:
    """The pods of a node: a part of the cluster's secondary range."""
    name = doc["ipAllocationPolicy"]["clusterSecondaryRangeName"]
    return {"ipCidrRange": pods, "subnetworkRangeName": name}


def node_object(cluster: Cluster, pool: Obj, instance: Obj, version: str) -> Obj:
    """The Node that a GKE instance registers."""
    zone, node = name_of(str(instance["zone"])), instance["name"]
    machine = pool["config"]["machineType"]
    cpus, gigabytes, cpu, memory = MACHINES.get(machine, MACHINES["e2-standard-4"])
    interface = instance["networkInterfaces"][0]
    facts = {item["key"]: item["value"] for item in instance["metadata"]["items"]}
    pods = facts[POD_RANGE]
    region = zone.rpartition("-")[0]
    addresses = [{"type": "InternalIP", "address": interface["networkIP"]}]
    external = [c["natIP"] for c in interface.get("accessConfigs") or () if c.get("natIP")]
    addresses += [{"type": "ExternalIP", "address": address} for address in external]
    addresses.append({"type": "Hostname", "address": node})
    sizes = {"cpu": str(cpus), "memory": f"{gigabytes * 1024 * 1024}Ki", "pods": "110"}
    return {
        "metadata": {
            "name": node,
            "labels": {
                "beta.kubernetes.io/arch": "amd64",
                "beta.kubernetes.io/instance-type": machine,
                "beta.kubernetes.io/os": "linux",
                **(pool["config"].get("labels") or {}),
                "cloud.google.com/gke-boot-disk": pool["config"]["diskType"],
                "cloud.google.com/gke-nodepool": pool["name"],
                "cloud.google.com/gke-os-distribution": "cos",
                "cloud.google.com/machine-family": machine.partition("-")[0],
                "failure-domain.beta.kubernetes.io/region": region,
                "failure-domain.beta.kubernetes.io/zone": zone,
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": node,
                "kubernetes.io/os": "linux",
                "node.kubernetes.io/instance-type": machine,
                "topology.kubernetes.io/region": region,
                "topology.kubernetes.io/zone": zone,
            },
            "annotations": {"container.googleapis.com/instance_id": str(instance["id"])},
        },
        "spec": {
            **_taints(pool),
            "podCIDR": pods,
            "podCIDRs": [pods],
            "providerID": f"gce://{cluster.project}/{zone}/{node}",
        },
        "status": {
            "addresses": addresses,
            "allocatable": {"cpu": cpu, "memory": memory, "pods": "110"},
            "capacity": sizes,
            "conditions": node_conditions(cluster.clock.now()),
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": _uuid_like(instance["id"], "boot"),
                "containerRuntimeVersion": "containerd://2.0.6",
                "kernelVersion": "6.6.93+",
                "kubeProxyVersion": f"v{version}",
                "kubeletVersion": f"v{version}",
                "machineID": _uuid_like(instance["id"], "machine").replace("-", ""),
                "operatingSystem": "linux",
                "osImage": "Container-Optimized OS from Google",
                "systemUUID": _uuid_like(instance["id"], "system"),
            },
        },
    }


def _taints(pool: Obj) -> Obj:
    """A pool's taints, in Kubernetes' spelling of the effects."""
    found = [
        {
            "key": taint.get("key", ""),
            "value": taint.get("value", ""),
            "effect": "".join(word.title() for word in taint.get("effect", "").split("_")),
        }
        for taint in pool["config"].get("taints") or ()
    ]
    return {"taints": found} if found else {}


def _uuid_like(*parts: str) -> str:
    return str(uuid.UUID(hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:32]))


def _label(text: str) -> str:
    """A label value: dots are not allowed in them."""
    return text.replace(".", "_").lower()
