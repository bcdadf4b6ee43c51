"""What every new GKE cluster holds before anyone uses it: namespaces, the API's own Service, CRDs.

Runs when a Cluster is made and does nothing on one that was loaded from a state folder.
"""

from typing import Any

from gcpsim.k8s.types.crds import PREINSTALLED
from gcpsim.k8s.types.store import Objects

Doc = dict[str, Any]

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
