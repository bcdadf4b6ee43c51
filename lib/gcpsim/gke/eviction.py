"""Evictions from inside: as the eviction subresource does them, disruption budgets included."""

from gcpsim.k8s.api.eviction import ask_budgets
from gcpsim.k8s.controllers.objects import Obj, deleting
from gcpsim.k8s.objects.cluster import Cluster
from gcpsim.k8s.types.status import StatusError


def evict(cluster: Cluster, pod: Obj) -> bool:
    """Evict a pod unless a budget forbids it just now; True when it is on its way."""
    if deleting(pod):
        return True
    meta = pod["metadata"]
    if (pod.get("status") or {}).get("phase") not in ("Pending", "Succeeded", "Failed"):
        try:
            ask_budgets(cluster, pod, False)
        except StatusError as error:
            if error.code != 429:
                raise
            return False
    cluster.delete("pods", meta["namespace"], meta["name"])
    return True
