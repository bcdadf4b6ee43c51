"""Clusters, node pools and server configuration as the GKE API spells them. Pure."""

import re
import uuid
from dataclasses import dataclass, field

from gcpsim.core.clock import rfc3339
from gcpsim.core.projects import number
from gcpsim.gke import names
from gcpsim.k8s.controllers.objects import Obj

VERSIONS = ("1.34.2-gke.1154000", "1.33.5-gke.1308000", "1.32.9-gke.1239000", "1.31.13-gke.1008000")
DEFAULT_VERSION = VERSIONS[1]
SERVICES_RANGE = "34.118.224.0/20"
# What a new cluster or pool gets from its spec, not from the body as it came.
MADE_HERE = (
    "name",
    "nodePools",
    "locations",
    "network",
    "subnetwork",
    "initialNodeCount",
    "nodeConfig",
    "initialClusterVersion",
    "version",
    "clusterIpv4Cidr",
    "servicesIpv4Cidr",
    "ipAllocationPolicy",
    "status",
)
# The fingerprint of "no labels" and the version of "no policy", the same for every cluster.
NO_LABELS = "a9dc16a7"
NO_POLICY = "e3b0c442"


@dataclass(frozen=True)
class PoolSpec:
    """A node pool: `nodes` per zone."""

    name: str = "default-pool"
    machine_type: str = "e2-standard-4"
    nodes: int = 1
    extra: Obj = field(default_factory=dict)  # fields of the NodePool as a client sent them


@dataclass(frozen=True)
class ClusterSpec:
    """A cluster to be created."""

    name: str
    location: str
    zones: tuple[str, ...]
    project: str
    network: str = "default"
    subnetwork: str = "default"
    version: str = DEFAULT_VERSION
    vpc_native: bool = True  # pods have alias IPs; without them NEGs cannot take them
    pools: tuple[PoolSpec, ...] = field(default_factory=lambda: (PoolSpec(),))
    extra: Obj = field(default_factory=dict)  # fields of the Cluster as a client sent them


def path_of(spec: ClusterSpec) -> str:
    return f"projects/{spec.project}/locations/{spec.location}/clusters/{spec.name}"


def link(path: str) -> str:
    """GKE's links call regional places locations and zonal ones zones."""
    zonal = re.sub(r"/locations/([a-z]+-[a-z]+[0-9]+-[a-z])/", r"/zones/\1/", path)
    return f"https://container.googleapis.com/v1/{zonal}"


def etag(*parts: object) -> str:
    """A UUID that follows from what it is made of."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(map(str, parts))))


def cluster(spec: ClusterSpec, pods: str, now: float) -> Obj:
    """The Cluster resource; endpoint and CA are added when there is a server."""
    digest = names.cluster_hash(spec.project, spec.location, spec.name)
    made = _cluster(spec, pods, now, digest)
    return merged(made, {k: v for k, v in spec.extra.items() if k not in MADE_HERE})


def _cluster(spec: ClusterSpec, pods: str, now: float, digest: str) -> Obj:
    pools = [node_pool(spec, pool, digest) for pool in spec.pools]
    nodes = sum(pool.nodes for pool in spec.pools) * len(spec.zones)
    return {
        "name": spec.name,
        "nodeConfig": pools[0]["config"],
        "masterAuth": {},
        "loggingService": "logging.googleapis.com/kubernetes",
        "monitoringService": "monitoring.googleapis.com/kubernetes",
        "network": spec.network,
        "clusterIpv4Cidr": pods,
        "addonsConfig": {
            "httpLoadBalancing": {},
            "horizontalPodAutoscaling": {},
            "kubernetesDashboard": {"disabled": True},
            "networkPolicyConfig": {"disabled": True},
            "gcePersistentDiskCsiDriverConfig": {"enabled": True},
        },
        "subnetwork": spec.subnetwork,
        "nodePools": pools,
        "locations": list(spec.zones),
        "labelFingerprint": NO_LABELS,
        "legacyAbac": {},
        "ipAllocationPolicy": ip_policy(spec, pods, digest),
        "networkConfig": {
            "network": f"projects/{spec.project}/global/networks/{spec.network}",
            "subnetwork": (
                f"projects/{spec.project}/regions/{region(spec)}/subnetworks/{spec.subnetwork}"
            ),
            "datapathProvider": "ADVANCED_DATAPATH",
            "defaultSnatStatus": {},
            "serviceExternalIpsConfig": {},
            "gatewayApiConfig": {"channel": "CHANNEL_STANDARD"},
        },
        "defaultMaxPodsConstraint": {"maxPodsPerNode": "110"},
        "databaseEncryption": {"state": "DECRYPTED"},
        "shieldedNodes": {"enabled": True},
        "releaseChannel": {"channel": "REGULAR"},
        "workloadIdentityConfig": {"workloadPool": f"{spec.project}.svc.id.goog"},
        "autopilot": {},
        "binaryAuthorization": {},
        "controlPlaneEndpointsConfig": {
            "dnsEndpointConfig": {
                "allowExternalTraffic": False,
                "endpoint": f"gke-{(digest * 8)[:32]}-{number(spec.project)}"
                f".{'-'.join(spec.location.split('-')[:2])}.gke.goog",
            },
            "ipEndpointsConfig": {"enabled": True, "enablePublicEndpoint": True},
        },
        "initialNodeCount": spec.pools[0].nodes,
        "loggingConfig": {
            "componentConfig": {"enableComponents": ["SYSTEM_COMPONENTS", "WORKLOADS"]}
        },
        "maintenancePolicy": {"resourceVersion": NO_POLICY},
        "masterAuthorizedNetworksConfig": {},
        "monitoringConfig": {"componentConfig": {"enableComponents": ["SYSTEM_COMPONENTS"]}},
        "nodePoolAutoConfig": {},
        "nodePoolDefaults": {
            "nodeConfigDefaults": {"loggingConfig": {"variantConfig": {"variant": "DEFAULT"}}}
        },
        "notificationConfig": {"pubsub": {}},
        "autoscaling": {"autoscalingProfile": "BALANCED"},
        "selfLink": link(path_of(spec)),
        "zone": spec.location,
        "endpoint": "",
        "initialClusterVersion": spec.version,
        "currentMasterVersion": spec.version,
        "currentNodeVersion": spec.version,
        "createTime": rfc3339(now, millis=False).replace("Z", "+00:00"),
        "status": "RUNNING",
        "servicesIpv4Cidr": SERVICES_RANGE,
        "instanceGroupUrls": pools[0]["instanceGroupUrls"],
        "currentNodeCount": nodes,
        "location": spec.location,
        "id": (digest * 8),
        "etag": etag(path_of(spec), spec.version),
    }


def ip_policy(spec: ClusterSpec, pods: str, digest: str) -> Obj:
    if not spec.vpc_native:
        return {"useRoutes": True, "stackType": "IPV4"}
    return {
        "useIpAliases": True,
        "clusterIpv4Cidr": pods,
        "clusterIpv4CidrBlock": pods,
        "clusterSecondaryRangeName": f"gke-{spec.name}-pods-{digest}",
        "servicesIpv4Cidr": SERVICES_RANGE,
        "servicesIpv4CidrBlock": SERVICES_RANGE,
        "podCidrOverprovisionConfig": {},
        "stackType": "IPV4",
    }


def node_pool(spec: ClusterSpec, pool: PoolSpec, digest: str) -> Obj:
    groups = [
        f"https://www.googleapis.com/compute/v1/projects/{spec.project}/zones/{zone}"
        f"/instanceGroupManagers/{names.group(spec.name, pool.name, digest, zone)}"
        for zone in spec.zones
    ]
    account = f"{number(spec.project)}-compute@developer.gserviceaccount.com"
    made: Obj = {
        "name": pool.name,
        "config": {
            "machineType": pool.machine_type,
            "diskSizeGb": 100,
            "diskType": "pd-balanced",
            "oauthScopes": ["https://www.googleapis.com/auth/cloud-platform"],
            "metadata": {"disable-legacy-endpoints": "true"},
            "imageType": "COS_CONTAINERD",
            "serviceAccount": account,
            "shieldedInstanceConfig": {"enableIntegrityMonitoring": True},
            "windowsNodeConfig": {},
            "workloadMetadataConfig": {"mode": "GKE_METADATA"},
        },
        "etag": etag(path_of(spec), pool.name, spec.version),
        "initialNodeCount": pool.nodes,
        "locations": list(spec.zones),
        "management": {"autoUpgrade": True, "autoRepair": True},
        "maxPodsConstraint": {"maxPodsPerNode": "110"},
        "podIpv4CidrSize": 24,
        "networkConfig": {},
        "selfLink": f"{link(path_of(spec))}/nodePools/{pool.name}",
        "version": spec.version,
        "instanceGroupUrls": groups,
        "status": "RUNNING",
        "upgradeSettings": {"maxSurge": 1, "strategy": "SURGE"},
    }
    return merged(made, {k: v for k, v in pool.extra.items() if k not in MADE_HERE})


def merged(base: Obj, given: Obj) -> Obj:
    """A document with what a client sent, nested objects field by field."""
    out = dict(base)
    for key, value in given.items():
        known = out.get(key)
        both = isinstance(known, dict) and isinstance(value, dict)
        out[key] = merged(known or {}, value) if both else value
    return out


def region(spec: ClusterSpec) -> str:
    """The region of a regional or zonal cluster."""
    parts = spec.location.split("-")
    return "-".join(parts[:2])


def server_config() -> Obj:
    return {
        "defaultClusterVersion": DEFAULT_VERSION,
        "validMasterVersions": list(VERSIONS),
        "validNodeVersions": list(VERSIONS),
        "defaultImageType": "COS_CONTAINERD",
        "validImageTypes": ["COS_CONTAINERD", "UBUNTU_CONTAINERD"],
        "channels": [
            {
                "channel": "RAPID",
                "defaultVersion": VERSIONS[0],
                "validVersions": list(VERSIONS[:2]),
            },
            {
                "channel": "REGULAR",
                "defaultVersion": VERSIONS[1],
                "validVersions": list(VERSIONS[:3]),
            },
            {
                "channel": "STABLE",
                "defaultVersion": VERSIONS[2],
                "validVersions": list(VERSIONS[1:]),
            },
        ],
    }
