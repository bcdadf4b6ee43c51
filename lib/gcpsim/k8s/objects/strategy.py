"""What happens around a write, by resource: names, namespaces, defaults, validation, allocation.

The order is the API server's: a generated name, defaults, cleared fields, allocation, validation.
Rules that belong to one kind live in `defaults`, `validation` and `services`.
"""

import secrets
from typing import Any

from gcpsim.k8s.objects import admission, services
from gcpsim.k8s.rules import defaults, resize, validation
from gcpsim.k8s.types import crds
from gcpsim.k8s.types.registry import Resource
from gcpsim.k8s.types.status import Cause, forbidden, invalid, not_found
from gcpsim.k8s.types.store import Objects

Doc = dict[str, Any]

FIXED = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
         "generation", "generateName", "resourceVersion")  # fmt: skip
SPARED_BY_STATUS = {"pods", "nodes"}  # their status updates may change labels and annotations
SLICE = ("addressType", "endpoints", "ports")
GENERATED = "bcdfghjklmnpqrstvwxz2456789"  # the alphabet of apimachinery's rand.String
BARE = ("status", "finalize", "binding")  # these change no spec that has defaults or rules
KEEPS_STATUS_ON_CREATE = {"nodes", "persistentvolumes", "customresourcedefinitions"}


def complete(cluster: Objects, resource: Resource, new: Doc, old: Doc | None) -> None:
    """Fill in what an object is shown with before it is checked: its namespace and defaults."""
    if resource.namespaced:
        new["metadata"]["namespace"] = new["metadata"].get("namespace") or "default"
    if old is not None or new["metadata"].get("name") or new["metadata"].get("generateName"):
        new["metadata"].setdefault("name", "")
        defaults.fill(cluster, resource, new, old)


def prepare_create(cluster: Objects, resource: Resource, new: Doc) -> None:
    """Bring a new object into the form in which it is stored, or refuse it."""
    metadata = new["metadata"]
    _name(resource, metadata)
    if resource.namespaced:
        metadata["namespace"] = metadata.get("namespace") or "default"
        _check_namespace(cluster, resource, metadata)
    else:
        metadata.pop("namespace", None)
    if resource.has_status and resource.key not in KEEPS_STATUS_ON_CREATE:
        new.pop("status", None)
    _tidy(metadata)
    defaults.fill(cluster, resource, new, None)
    causes = validation.check(resource, new, None)
    if not causes:
        admission.admit(cluster, resource, new)
    if resource.key == "services" and not causes:
        services.allocate(cluster, new, None)
    if resource.key == "customresourcedefinitions" and not causes:
        crds.accept(cluster, new)
    _refuse(resource, new, causes)


def prepare_update(
    cluster: Objects, resource: Resource, new: Doc, old: Doc, subresource: str
) -> None:
    """The same for a changed object."""
    _tidy(new["metadata"])
    if subresource in BARE:
        return
    defaults.fill(cluster, resource, new, old)
    if resource.key == "services":
        services.drop_unneeded(new, old)
    if subresource == "resize":
        _refuse(resource, new, resize.check(new, old))
        return
    _refuse(resource, new, validation.check(resource, new, old))
    if resource.key == "services":
        services.allocate(cluster, new, old)
    if resource.key == "customresourcedefinitions":
        crds.accept(cluster, new)


def after_create(cluster: Objects, resource: Resource, new: Doc) -> None:
    """What each new namespace gets besides itself."""
    if resource.key != "namespaces":
        return
    place = {"namespace": new["metadata"]["name"]}
    cluster.create("serviceaccounts", {"metadata": {"name": "default", **place}})
    cluster.create(
        "configmaps",
        {"metadata": {"name": "kube-root-ca.crt", **place}, "data": {"ca.crt": cluster.ca}},
    )


def spec_changed(resource: Resource, new: Doc, old: Doc) -> bool:
    """Whether the generation goes up: the spec, and of custom objects all but the status."""
    if resource.crd is None:
        if resource.key != "endpointslices":
            after, before = new.get("spec"), old.get("spec")
            return after is not before and after != before
        return any(new.get(part) != old.get(part) for part in SLICE)
    skipped = {"metadata", "status"} if resource.has_status else {"metadata"}
    return {k: v for k, v in new.items() if k not in skipped} != {
        k: v for k, v in old.items() if k not in skipped
    }


def _name(resource: Resource, metadata: Doc) -> None:
    if not metadata.get("name"):
        prefix = metadata.get("generateName")
        if not prefix:
            raise invalid(
                resource.kind,
                resource.group,
                "",
                [
                    Cause(
                        "FieldValueRequired",
                        "Required value: name or generateName is required",
                        "metadata.name",
                    )
                ],
            )
        suffix = "".join(secrets.choice(GENERATED) for _ in range(5))
        metadata["name"] = str(prefix)[:58] + suffix


def _check_namespace(cluster: Objects, resource: Resource, metadata: Doc) -> None:
    name = metadata["namespace"]
    namespace = cluster.table("namespaces").get(name)
    if namespace is None:
        raise not_found("namespaces", "", name)
    if "deletionTimestamp" in namespace["metadata"] and resource.key != "events":
        why = f"unable to create new content in namespace {name} because it is being terminated"
        cause = Cause("NamespaceTerminating", f"namespace {name} is being terminated",
                      "metadata.namespace")  # fmt: skip
        raise forbidden(resource.plural, resource.group, metadata["name"], why, [cause])


def _tidy(metadata: Doc) -> None:
    """Empty maps and lists aren't kept, as Go's omitempty has it."""
    for field in ("labels", "annotations", "finalizers", "ownerReferences"):
        if field in metadata and not metadata[field]:
            del metadata[field]


def _refuse(resource: Resource, new: Doc, causes: list[Cause]) -> None:
    if causes:
        raise invalid(resource.kind, resource.group, new["metadata"]["name"], causes)


def keep(resource: Resource, new: Doc, old: Doc, subresource: str) -> None:
    """Restore what this kind of update may not change."""
    metadata, before = new["metadata"], old["metadata"]
    if subresource == "status":
        for field in (new.keys() | old.keys()) - {"status", "metadata"}:
            _restore(new, old, field)
        if resource.key not in SPARED_BY_STATUS:
            metadata = {**before, **_only(metadata, "managedFields")}
    elif (
        subresource != "binding"
        and resource.has_status
        and resource.key != "customresourcedefinitions"
    ):
        _restore(new, old, "status")
    if subresource == "resize":
        for field in (new.keys() | old.keys()) - {"metadata", "spec"}:
            _restore(new, old, field)
        metadata = {**before, **_only(metadata, "managedFields")}
    metadata = dict(metadata)
    for field in FIXED:
        _restore(metadata, before, field)
    if "managedFields" not in metadata:
        _restore(metadata, before, "managedFields")
    elif not any(metadata["managedFields"] or ()):
        del metadata["managedFields"]
    new["metadata"] = metadata


def _restore(new: Doc, old: Doc, field: str) -> None:
    if field in old:
        new[field] = old[field]
    else:
        new.pop(field, None)


def _only(doc: Doc, field: str) -> Doc:
    return {field: doc[field]} if field in doc else {}
