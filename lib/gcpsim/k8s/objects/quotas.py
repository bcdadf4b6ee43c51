"""ResourceQuotas: what objects count for, which quota counts them, what is used and what is over.

A quota with scopes counts pods only, and of those the ones that all its scopes mean. Values are
kept as fractions and written as the API writes them.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from gcpsim.k8s.types.quantity import amount, canonical
from gcpsim.k8s.types.registry import Resource
from gcpsim.k8s.types.store import Objects

Doc = dict[str, Any]
Use = dict[str, Fraction]
Beyond = tuple[str, str, str, str]  # the name of a limit; asked, used, hard

OVER = ("Succeeded", "Failed")
WITH_NODE_PORTS = ("NodePort", "LoadBalancer")
COMPUTE = {"cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"}
STORAGE_CLASS = ".storageclass.storage.k8s.io/"
PLAIN = {"configmaps", "persistentvolumeclaims", "pods", "replicationcontrollers",
         "resourcequotas", "secrets", "services"}  # fmt: skip
BYTES = ("memory", "storage")


def demands(resource: Resource, obj: Doc) -> Use:
    """What an object counts for: itself, and what it asks for."""
    if resource.key == "pods" and (obj.get("status") or {}).get("phase") in OVER:
        return {}
    plural = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
    found = {f"count/{plural}": Fraction(1)}
    if resource.key in PLAIN:
        found[resource.plural] = Fraction(1)
    if resource.key == "pods":
        found |= _computed(obj["spec"])
    elif resource.key == "services":
        found |= _of_service(obj["spec"])
    elif resource.key == "persistentvolumeclaims":
        found |= _of_claim(obj["spec"])
    return found


def _computed(spec: Doc) -> Use:
    """Requests and limits of a pod: its containers together, or one of those that run before."""
    found: Use = {}
    before: Use = {}
    for container in spec.get("containers") or ():
        for name, value in _asked(container).items():
            found[name] = found.get(name, Fraction()) + value
    for container in spec.get("initContainers") or ():
        for name, value in _asked(container).items():
            before[name] = max(before.get(name, Fraction()), value)
    return {name: max(found.get(name, Fraction()), before.get(name, Fraction()))
            for name in found.keys() | before.keys()}  # fmt: skip


def _asked(container: Doc) -> Use:
    found = {}
    resources = container.get("resources") or {}
    for kind in ("requests", "limits"):
        for name, value in (resources.get(kind) or {}).items():
            found[f"{kind}.{name}"] = amount(value)
            if kind == "requests":
                found[name] = amount(value)
    return found


def _of_service(spec: Doc) -> Use:
    kind, ports = spec.get("type"), len(spec.get("ports") or ())
    given = spec.get("allocateLoadBalancerNodePorts", True)
    has_ports = kind == "NodePort" or (kind == "LoadBalancer" and given)
    return {
        "services.loadbalancers": Fraction(int(kind == "LoadBalancer")),
        "services.nodeports": Fraction(ports if has_ports else 0),
    }


def _of_claim(spec: Doc) -> Use:
    wanted = ((spec.get("resources") or {}).get("requests") or {}).get("storage", "0")
    found = {"requests.storage": amount(wanted)}
    name = spec.get("storageClassName")
    if name:
        found[name + STORAGE_CLASS + "requests.storage"] = amount(wanted)
        found[name + STORAGE_CLASS + "persistentvolumeclaims"] = Fraction(1)
    return found


def counts(quota: Doc, resource: Resource, obj: Doc) -> bool:
    """Whether a quota means an object, by its scopes."""
    wanted = list(_scopes(quota["spec"]))
    if not wanted:
        return True
    return resource.key == "pods" and all(_in_scope(obj["spec"], *one) for one in wanted)


def _scopes(spec: Doc) -> Iterator[tuple[str, str, list[str]]]:
    for name in spec.get("scopes") or ():
        yield name, "Exists", []
    for one in (spec.get("scopeSelector") or {}).get("matchExpressions") or ():
        yield one.get("scopeName", ""), one.get("operator", ""), one.get("values") or []


def _in_scope(pod: Doc, scope: str, operator: str, values: list[str]) -> bool:
    if scope == "PriorityClass":
        name = pod.get("priorityClassName") or ""
        return {
            "Exists": bool(name),
            "DoesNotExist": not name,
            "In": name in values,
            "NotIn": name not in values,
        }.get(operator, False)
    bounded = pod.get("activeDeadlineSeconds") is not None
    best = not any(_asked(one) for one in (*pod["containers"], *(pod.get("initContainers") or ())))
    return {
        "Terminating": bounded,
        "NotTerminating": not bounded,
        "BestEffort": best,
        "NotBestEffort": not best,
        "CrossNamespacePodAffinity": _looks_elsewhere(pod.get("affinity") or {}),
    }.get(scope, False)


def _looks_elsewhere(affinity: Doc) -> bool:
    """Whether affinity terms name other namespaces."""
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(kind) or {}
        terms = list(rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ())
        preferred = rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        terms += [one.get("podAffinityTerm") or {} for one in preferred]
        if any(t.get("namespaces") or t.get("namespaceSelector") is not None for t in terms):
            return True
    return False


def used(cluster: Objects, quota: Doc, resource: Resource) -> Use:
    """What the objects of one resource use of a quota."""
    total: Use = {}
    for obj in cluster.list(resource, quota["metadata"]["namespace"]):
        if counts(quota, resource, obj):
            for name, value in demands(resource, obj).items():
                total[name] = total.get(name, Fraction()) + value
    return total


def status_of(cluster: Objects, quota: Doc) -> Doc:
    """`hard` as it is wanted, and how much of each is used."""
    hard = quota["spec"].get("hard") or {}
    total: Use = {}
    for resource in _counted(cluster, hard):
        for name, value in used(cluster, quota, resource).items():
            total[name] = total.get(name, Fraction()) + value
    return {
        "hard": dict(hard),
        "used": {name: written(name, total.get(name, Fraction())) for name in sorted(hard)},
    }


def _counted(cluster: Objects, hard: Doc) -> Iterator[Resource]:
    """The resources whose objects a quota's names are about."""
    wanted = {"pods", "services", "persistentvolumeclaims"} | (hard.keys() & PLAIN)
    wanted |= {name.removeprefix("count/") for name in hard if name.startswith("count/")}
    for resource in cluster.registry.all():
        plural = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
        if resource.namespaced and plural in wanted:
            yield resource


def over(cluster: Objects, quota: Doc, resource: Resource, new: Doc) -> list[Beyond]:
    """Each limit that a new object would go beyond."""
    hard, wanted = quota["spec"].get("hard") or {}, demands(resource, new)
    names = sorted(name for name in hard.keys() & wanted.keys() if wanted[name])
    if not names or not counts(quota, resource, new):
        return []
    total = used(cluster, quota, resource)
    return [
        (name, written(name, wanted[name]), written(name, total.get(name, Fraction())), hard[name])
        for name in names
        if total.get(name, Fraction()) + wanted[name] > amount(hard[name])
    ]


def unsaid(quota: Doc, resource: Resource, pod: Doc) -> str:
    """Which compute resources of the quota which containers say nothing about; "" for none."""
    if resource.key != "pods" or not counts(quota, resource, pod):
        return ""
    spec, missing = pod["spec"], []
    containers = [*spec["containers"], *(spec.get("initContainers") or ())]
    for name in sorted((quota["spec"].get("hard") or {}).keys() & COMPUTE):
        silent = sorted(one["name"] for one in containers if name not in _asked(one))
        if silent:
            missing.append(f"{name} for: {','.join(silent)}")
    return "; ".join(missing)


def written(name: str, value: Fraction) -> str:
    """A sum as the API writes it: bytes with binary suffixes where they fit."""
    if name.endswith(BYTES) and value % 1024 == 0:
        return canonical(f"{value // 1024}Ki")
    return canonical(f"{float(value):.9f}" if value.denominator > 1 else str(value))
