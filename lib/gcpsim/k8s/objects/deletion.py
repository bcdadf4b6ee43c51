"""How objects go: grace periods, finalizers, propagation, and what a CRD takes with it.

Deleting marks the object with deletionTimestamp; it is over once no finalizer and no grace period
holds it. The kubelet ends a pod's grace by deleting it again with grace 0; the garbage collector
takes away the finalizers `foregroundDeletion` and `orphan`; the namespace controller empties a
terminating namespace and then its spec.finalizers through the subresource "finalize".
"""

from typing import Any

from gcpsim.core.clock import rfc3339
from gcpsim.k8s.types.registry import Resource
from gcpsim.k8s.types.status import forbidden
from gcpsim.k8s.types.store import Objects

Doc = dict[str, Any]

FINALIZER_OF = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}
PERMANENT_NAMESPACES = {"default", "kube-system", "kube-public"}


def marked(
    cluster: Objects, resource: Resource, old: Doc, grace: int | None, propagation: str
) -> Doc:
    """The object as a deletion leaves it, to be stored or removed."""
    if resource.key == "namespaces" and old["metadata"]["name"] in PERMANENT_NAMESPACES:
        raise forbidden(
            "namespaces", "", old["metadata"]["name"], "this namespace may not be deleted"
        )
    metadata = dict(old["metadata"])
    new = {**old, "metadata": metadata}
    seconds = _grace(resource, old, grace)
    held = metadata.get("deletionGracePeriodSeconds")
    if "deletionTimestamp" not in metadata:
        metadata["deletionTimestamp"] = rfc3339(cluster.clock.now() + seconds, millis=False)
        metadata["deletionGracePeriodSeconds"] = seconds
        if metadata.get("generation"):
            metadata["generation"] += 1
    elif held is not None and seconds < held and (grace is not None or seconds == 0):
        metadata["deletionTimestamp"] = rfc3339(cluster.clock.now() + seconds, millis=False)
        metadata["deletionGracePeriodSeconds"] = seconds
    _propagate(metadata, propagation)
    if resource.key == "namespaces":
        new["status"] = {**old.get("status", {}), "phase": "Terminating"}
    return new


def is_over(resource: Resource, obj: Doc) -> bool:
    """Whether nothing holds a deleted object any more."""
    metadata = obj["metadata"]
    if "deletionTimestamp" not in metadata or metadata.get("finalizers"):
        return False
    if resource.key == "namespaces":
        return not (obj.get("spec") or {}).get("finalizers")
    return not metadata.get("deletionGracePeriodSeconds")


def before_removal(cluster: Objects, resource: Resource, obj: Doc) -> None:
    """A definition goes together with the objects of its kind."""
    if resource.key != "customresourcedefinitions":
        return
    names = (obj["spec"]["group"], obj["spec"]["names"]["kind"])
    custom = cluster.registry.by_kind(*names)
    if custom is None:
        return
    for item in cluster.list(custom):
        metadata = item["metadata"]
        if metadata.get("finalizers"):
            bare = {**item, "metadata": {**metadata, "finalizers": []}}
            cluster.update(custom, bare)
        cluster.delete(custom, metadata.get("namespace"), metadata["name"], grace_seconds=0)


def _grace(resource: Resource, obj: Doc, asked: int | None) -> int:
    if resource.key != "pods":
        return 0
    spec = obj.get("spec", {})
    phase = obj.get("status", {}).get("phase")
    if not spec.get("nodeName") or phase in ("Succeeded", "Failed"):
        return 0
    if asked is not None:
        return max(asked, 0)
    default: int = spec.get("terminationGracePeriodSeconds", 30)
    return default


def _propagate(metadata: Doc, propagation: str) -> None:
    finalizers = [
        name for name in metadata.get("finalizers", ()) if name not in FINALIZER_OF.values()
    ]
    added = FINALIZER_OF.get(propagation)
    if added:
        finalizers.append(added)
    if finalizers:
        metadata["finalizers"] = finalizers
    else:
        metadata.pop("finalizers", None)
