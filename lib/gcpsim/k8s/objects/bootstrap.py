"""What every new GKE cluster holds before anyone uses it: namespaces, the API's own Service, CRDs.

Runs when a Cluster is made. One that was loaded from a state folder only gets the definitions
that an earlier version did not have, or had otherwise, as GKE's addon manager brings them.
"""

from typing import Any

from gcpsim.k8s.objects import roles
from gcpsim.k8s.objects.services import SERVICE_RANGE
from gcpsim.k8s.types.crds import PREINSTALLED
from gcpsim.k8s.types.store import Objects

Doc = dict[str, Any]

DISKS = "pd.csi.storage.gke.io"
CLASSES = (("standard-rwo", "pd-balanced", True), ("premium-rwo", "pd-ssd", False),
           ("standard", "pd-standard", False))  # fmt: skip
GATEWAY_CLASSES = (
    "gke-l7-global-external-managed",
    "gke-l7-gxlb",
    "gke-l7-regional-external-managed",
    "gke-l7-rilb",
)
NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease", "gmp-public",
              "gmp-system")  # fmt: skip
COMPONENTS = ("controller-manager", "etcd-0", "scheduler")
QUIET = {"log": False, "delegate": False}


def install(cluster: Objects) -> None:
    """Create the objects of an empty cluster, and bring the definitions of another up to date."""
    if len(cluster.table("namespaces")):
        _define(cluster)
        return
    for name in NAMESPACES:
        cluster.create("namespaces", {"metadata": {"name": name}})
    _define(cluster)
    cluster.create(
        "services",
        {
            "metadata": {
                "name": "kubernetes",
                "namespace": "default",
                "labels": {"component": "apiserver", "provider": "kubernetes"},
            },
            "spec": {
                "clusterIP": "34.118.224.1",
                "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 443}],
            },
        },
    )
    for name, disk, default in CLASSES:
        cluster.create("storageclasses", _storage_class(name, disk, default=default))
    for name, value in (("node", 2_000_001_000), ("cluster", 2_000_000_000)):
        body = {"metadata": {"name": f"system-{name}-critical"}, "value": value}
        cluster.create("priorityclasses", body)
    roles.install(cluster)
    for name in GATEWAY_CLASSES:
        spec = {"controllerName": "networking.gke.io/gateway"}
        cluster.create("gatewayclasses", {"metadata": {"name": name}, "spec": spec})
    for name in COMPONENTS:
        healthy = {"type": "Healthy", "status": "True", "message": "ok"}
        body = {"metadata": {"name": name}, "conditions": [healthy]}
        cluster.create("componentstatuses", body)
    _service_range(cluster)
    logging = {"cluster": {"allow": QUIET, "deny": QUIET}}
    cluster.create("networkloggings", {"metadata": {"name": "default"}, "spec": logging})
    cluster.create("operatorconfigs", {"metadata": {"name": "config", "namespace": "gmp-public"}})


def _define(cluster: Objects) -> None:
    for crd in PREINSTALLED:
        known = cluster.get("customresourcedefinitions", None, crd["metadata"]["name"])
        if known is None:
            cluster.create("customresourcedefinitions", crd)
        elif {**known["spec"], **crd["spec"]} != known["spec"]:
            spec = {"conversion": known["spec"].get("conversion"), **crd["spec"]}
            cluster.update("customresourcedefinitions", {**known, "spec": spec})


def _service_range(cluster: Objects) -> None:
    """The ServiceCIDR that the API server itself writes, with the addresses of Services."""
    held = ["networking.k8s.io/service-cidr-finalizer"]
    spec = {"cidrs": [str(SERVICE_RANGE)]}
    made = cluster.create(
        "servicecidrs", {"metadata": {"name": "kubernetes", "finalizers": held}, "spec": spec}
    )
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": cluster.now(), "reason": "",
             "message": "Kubernetes Service CIDR is ready"}  # fmt: skip
    cluster.update("servicecidrs", {**made, "status": {"conditions": [ready]}}, "status")


def _storage_class(name: str, disk: str, *, default: bool) -> Doc:
    mark = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    return {
        "metadata": {"name": name, "annotations": mark},
        "provisioner": DISKS,
        "parameters": {"type": disk},
        "allowVolumeExpansion": True,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate" if name == "standard" else "WaitForFirstConsumer",
    }
