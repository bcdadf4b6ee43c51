"""Request bodies of the GKE API: what a client's Cluster, NodePool or update means. Pure."""

from gcpsim.compute.engine.catalog import zones_of
from gcpsim.core.errors import ApiError
from gcpsim.core.paths import name_of
from gcpsim.gke import documents, names, versions
from gcpsim.gke.documents import ClusterSpec, PoolSpec, merged
from gcpsim.k8s.controllers.objects import Obj

# Fields of an update of a cluster that are elsewhere in the Cluster.
ELSEWHERE = {
    "desiredGatewayApiConfig": ("networkConfig", "gatewayApiConfig"),
    "desiredDatapathProvider": ("networkConfig", "datapathProvider"),
    "desiredDnsConfig": ("networkConfig", "dnsConfig"),
    "desiredServiceExternalIpsConfig": ("networkConfig", "serviceExternalIpsConfig"),
    "desiredIntraNodeVisibilityConfig": ("networkConfig", "enableIntraNodeVisibility"),
    "desiredL4ilbSubsettingConfig": ("networkConfig", "enableL4ilbSubsetting"),
    "desiredClusterAutoscaling": ("autoscaling",),
    "desiredNodePoolAutoConfigNetworkTags": ("nodePoolAutoConfig", "networkTags"),
    "desiredNodePoolLoggingConfig": ("nodePoolDefaults", "nodeConfigDefaults", "loggingConfig"),
}
POOL_SETTINGS = ("upgradeSettings", "locations", "nodeDrainConfig", "queuedProvisioning")
POOL_CONFIG = {
    "imageType": "imageType",
    "machineType": "machineType",
    "diskType": "diskType",
    "diskSizeGb": "diskSizeGb",
    "workloadMetadataConfig": "workloadMetadataConfig",
    "kubeletConfig": "kubeletConfig",
    "linuxNodeConfig": "linuxNodeConfig",
    "gcfsConfig": "gcfsConfig",
    "resourceLabels": "resourceLabels",
}
WRAPPED = {"labels": "labels", "taints": "taints", "tags": "tags"}


def cluster_spec(project: str, location: str, body: Obj) -> ClusterSpec:
    """The cluster that a body of clusters.create asks for."""
    region = "-".join(location.split("-")[:2])
    zonal = location != region
    zones = body.get("locations") or ([location] if zonal else zones_of(region)[:3])
    policy = body.get("ipAllocationPolicy") or {}
    autopilot = bool((body.get("autopilot") or {}).get("enabled"))
    if autopilot and zonal:
        why = "Autopilot clusters must be regional clusters."
        raise ApiError(400, why, "badRequest")
    native = autopilot or not policy.get("useRoutes")
    return ClusterSpec(
        name=body["name"],
        location=location,
        zones=tuple(sorted(zones)),
        project=project,
        network=_last(body.get("network") or "default"),
        subnetwork=_last(body.get("subnetwork") or body.get("network") or "default"),
        version=versions.for_cluster(body.get("initialClusterVersion") or ""),
        vpc_native=native,
        pools=tuple(_pool_specs(body, autopilot=autopilot)),
        extra=body,
    )


def _pool_specs(body: Obj, *, autopilot: bool) -> list[PoolSpec]:
    given = body.get("nodePools") or []
    if not given:
        config = body.get("nodeConfig") or {}
        count = body.get("initialNodeCount", 0) or (1 if autopilot else 0)
        if not count:
            why = "Cluster.initial_node_count must be greater than zero."
            raise ApiError(400, why, "badRequest")
        given = [{"name": "default-pool", "initialNodeCount": count, "config": config}]
    return [_pool_spec(pool) for pool in given]


def _pool_spec(pool: Obj) -> PoolSpec:
    if not pool.get("name"):
        raise ApiError(400, "NodePool.name must be specified.", "badRequest")
    machine = (pool.get("config") or {}).get("machineType") or "e2-medium"
    return PoolSpec(pool["name"], machine, int(pool.get("initialNodeCount") or 0), extra=pool)


def new_pool(doc: Obj, body: Obj) -> Obj:
    """The document of a node pool that a cluster is to get."""
    zones = body.get("locations") or doc["locations"]
    asked = body.get("version") or ""
    version = versions.for_nodes(asked, doc["currentMasterVersion"], doc["currentMasterVersion"])
    spec = ClusterSpec(
        name=doc["name"],
        location=doc["location"],
        zones=tuple(zones),
        project=doc["_project"],
        version=version,
    )
    digest = names.cluster_hash(spec.project, spec.location, spec.name)
    return documents.node_pool(spec, _pool_spec(body), digest)


def desired_fields(doc: Obj, asked: Obj) -> Obj:
    """Cluster fields with their new values, for the `desired...` fields of an update."""
    fields: Obj = {}
    for key, value in asked.items():
        if not key.startswith("desired") or key == "desiredNodePoolId":
            continue
        path = ELSEWHERE.get(key) or (key[7].lower() + key[8:],)
        nested = value
        for part in reversed(path[1:]):
            nested = {part: nested}
        known = fields.get(path[0], doc.get(path[0]))
        both = isinstance(known, dict) and isinstance(nested, dict)
        fields[path[0]] = merged(known or {}, nested) if both else nested
    return fields


def pool_changes(spec: Obj, asked: Obj) -> tuple[Obj, Obj]:
    """(settings of a pool, changes of its nodes' configuration) that an update asks for."""
    settings = {
        key: merged(spec.get(key) or {}, asked[key]) if isinstance(asked[key], dict) else asked[key]
        for key in POOL_SETTINGS
        if key in asked
    }
    config = {to: asked[key] for key, to in POOL_CONFIG.items() if key in asked}
    for key, inner in WRAPPED.items():
        if key in asked:
            config[key] = (asked[key] or {}).get(inner) or []
    changed = {k: v for k, v in config.items() if (spec.get("config") or {}).get(k) != v}
    return settings, changed


def _last(link: str) -> str:
    return name_of(link)
