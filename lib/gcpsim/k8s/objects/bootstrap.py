"""What every new GKE cluster holds before anyone uses it: namespaces, the API's own Service, CRDs.

Runs when a Cluster is made and does nothing on one that was loaded from a state folder.
"""

from typing import Any

from gcpsim.k8s.objects import roles
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
NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease", "gmp-system")


def install(cluster: Objects) -> None:
    """Create the objects of an empty cluster."""
    if len(cluster.table("namespaces")):
        return
    for name in NAMESPACES:
        cluster.create("namespaces", {"metadata": {"name": name}})
    for crd in PREINSTALLED:
        cluster.create("customresourcedefinitions", crd)
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
