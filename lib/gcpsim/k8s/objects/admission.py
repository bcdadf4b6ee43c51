"""What admission plugins refuse: pods of unknown accounts, and what is over a quota.

GKE gives each namespace a quota of its own (gke-resource-quotas) that grows with the cluster; it is
what keeps a runaway controller from filling the API server. Users' ResourceQuotas count as well.
"""

from typing import Any

from gcpsim.k8s.objects import quotas
from gcpsim.k8s.types.registry import Resource
from gcpsim.k8s.types.status import StatusError, forbidden
from gcpsim.k8s.types.store import Objects

Doc = dict[str, Any]
SMALL_CLUSTER = 1500  # pods of one namespace
PODS_OF_A_NODE = 110


def admit(cluster: Objects, resource: Resource, new: Doc) -> None:
    """StatusError 403 for what must not come in."""
    if resource.key == "pods":
        _account(cluster, new)
        _room(cluster, resource, new)
    if resource.namespaced and len(cluster.table("resourcequotas")):
        _quotas(cluster, resource, new)


def _account(cluster: Objects, pod: Doc) -> None:
    namespace, account = pod["metadata"]["namespace"], pod["spec"]["serviceAccountName"]
    if f"{namespace}/{account}" not in cluster.table("serviceaccounts"):
        why = (
            f"error looking up service account {namespace}/{account}: "
            f'serviceaccount "{account}" not found'
        )
        raise forbidden("pods", "", pod["metadata"]["name"], why)


def _room(cluster: Objects, resource: Resource, pod: Doc) -> None:
    limit = max(SMALL_CLUSTER, PODS_OF_A_NODE * len(cluster.table("nodes")))
    if len(cluster.table("pods")) < limit:
        return
    used = len(cluster.list("pods", pod["metadata"]["namespace"]))
    if used >= limit:
        beyond = [("pods", "1", str(used), str(limit))]
        raise _exceeded(resource, pod, "gke-resource-quotas", beyond)


def _quotas(cluster: Objects, resource: Resource, new: Doc) -> None:
    for quota in cluster.list("resourcequotas", new["metadata"]["namespace"]):
        called = quota["metadata"]["name"]
        silent = quotas.unsaid(quota, resource, new)
        if silent:
            why = f"failed quota: {called}: must specify {silent}"
            raise forbidden(resource.plural, resource.group, new["metadata"]["name"], why)
        beyond = quotas.over(cluster, quota, resource, new)
        if beyond:
            raise _exceeded(resource, new, called, beyond)


def _exceeded(resource: Resource, obj: Doc, quota: str, beyond: list[quotas.Beyond]) -> StatusError:
    asked, used, limited = (
        ",".join(f"{one[0]}={one[part]}" for one in beyond) for part in (1, 2, 3)
    )
    why = f"exceeded quota: {quota}, requested: {asked}, used: {used}, limited: {limited}"
    return forbidden(resource.plural, resource.group, obj["metadata"].get("name", ""), why)
