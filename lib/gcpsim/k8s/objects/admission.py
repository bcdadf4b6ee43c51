"""What admission plugins refuse: pods of unknown accounts, and what is over a quota.

GKE gives each namespace a quota of its own (gke-resource-quotas) that grows with the cluster; it is
what keeps a runaway controller from filling the API server. Users' ResourceQuotas count as well.
"""

from fractions import Fraction
from typing import Any

from gcpsim.k8s.types.quantity import amount
from gcpsim.k8s.types.registry import Resource
from gcpsim.k8s.types.status import forbidden
from gcpsim.k8s.types.store import Objects

Doc = dict[str, Any]
SMALL_CLUSTER = 1500  # pods of one namespace
PODS_OF_A_NODE = 110
OVER = ("Succeeded", "Failed")


def admit(cluster: Objects, resource: Resource, new: Doc) -> None:
    """StatusError 403 for what must not come in."""
    if resource.key == "pods":
        _account(cluster, new)
        _room(cluster, new)
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


def _room(cluster: Objects, pod: Doc) -> None:
    limit = max(SMALL_CLUSTER, PODS_OF_A_NODE * len(cluster.table("nodes")))
    if len(cluster.table("pods")) < limit:
        return
    used = len(cluster.list("pods", pod["metadata"]["namespace"]))
    if used >= limit:
        raise _exceeded("pods", pod, "gke-resource-quotas", "pods", 1, used, str(limit))


def _quotas(cluster: Objects, resource: Resource, new: Doc) -> None:
    namespace = new["metadata"]["namespace"]
    for quota in cluster.list("resourcequotas", namespace):
        hard = quota["spec"].get("hard") or {}
        wanted = demands(resource, new)
        for name in sorted(hard.keys() & wanted.keys()):
            others = cluster.list(resource, namespace)
            used = sum(
                (demands(resource, one).get(name, Fraction(0)) for one in others), Fraction()
            )
            if used + wanted[name] > amount(hard[name]):
                called = quota["metadata"]["name"]
                raise _exceeded(resource.plural, new, called, name, wanted[name], used, hard[name])


def demands(resource: Resource, obj: Doc) -> dict[str, Fraction]:
    """What an object counts for in a quota: itself, and what its containers ask for."""
    if resource.key == "pods" and (obj.get("status") or {}).get("phase") in OVER:
        return {}
    plural = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
    found = {resource.plural: Fraction(1), f"count/{plural}": Fraction(1)}
    if resource.key == "pods":
        for kind, prefix in (("requests", "requests."), ("limits", "limits.")):
            for container in obj["spec"].get("containers") or ():
                asked = (container.get("resources") or {}).get(kind) or {}
                for name, value in asked.items():
                    for key in (prefix + name, *([name] if kind == "requests" else [])):
                        found[key] = found.get(key, Fraction()) + amount(value)
    if resource.key == "services" and obj["spec"].get("type") == "LoadBalancer":
        found["services.loadbalancers"] = Fraction(1)
    return found


def _exceeded(
    plural: str, obj: Doc, quota: str, name: str, asked: object, used: object, limit: str
) -> Exception:
    why = (
        f"exceeded quota: {quota}, requested: {name}={asked}, used: {name}={used}, "
        f"limited: {name}={limit}"
    )
    return forbidden(plural, "", obj["metadata"].get("name", ""), why)
