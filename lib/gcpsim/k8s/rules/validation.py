"""Validation: what the API server refuses as 422 Invalid, with every cause.

Here is what all kinds share (metadata, required fields, immutable fields, custom schemas); the
rules of kinds are in the `rules_` modules. A rule takes the object and the one before it, None on
creation.
"""

from typing import Any

from gcpsim.k8s.rules import hooks as rules_hooks
from gcpsim.k8s.rules import network as rules_network
from gcpsim.k8s.rules import other as rules_other
from gcpsim.k8s.rules import pods as rules_pods
from gcpsim.k8s.rules import workloads as rules_workloads
from gcpsim.k8s.types import names, structural
from gcpsim.k8s.types.registry import Resource
from gcpsim.k8s.types.shapes import Type, model
from gcpsim.k8s.types.status import Cause, invalid_value, required

Doc = dict[str, Any]

ANNOTATIONS_LIMIT = 256 * 1024  # bytes
NAME_RULES: dict[str, names.Rule] = {
    "namespaces": names.label,
    "services": names.label_1035,
    "ipaddresses": names.path_segment,
    "roles": names.path_segment,
    "rolebindings": names.path_segment,
    "clusterroles": names.path_segment,
    "clusterrolebindings": names.path_segment,
}
UNCHECKED = {"pods", "events", "leases"}  # written often by controllers; their rules check enough

RULES: dict[str, Any] = {
    **rules_pods.RULES,
    **rules_workloads.RULES,
    **rules_network.RULES,
    **rules_other.RULES,
    **dict.fromkeys(rules_hooks.KINDS, rules_hooks.check),
}


def check(resource: Resource, new: Doc, old: Doc | None) -> list[Cause]:
    """Everything that is wrong with an object."""
    causes = _metadata(resource, new["metadata"], old)
    if resource.crd is not None:
        return causes + structural.check(structural.schema_of(resource), new)
    if resource.key not in UNCHECKED:
        missing = _required(model(resource.model), new, "")
        if [cause.field for cause in missing] == ["spec.selector"]:
            missing = []  # told with what follows from it
        if missing:
            return causes + missing
    rule = RULES.get(resource.key)
    return causes + rule(new, old) if rule else causes


def _metadata(resource: Resource, metadata: Doc, old: Doc | None) -> list[Cause]:
    causes: list[Cause] = []
    if old is None:
        rule = NAME_RULES.get(resource.key, names.subdomain)
        causes += names.check(rule, "metadata.name", metadata["name"])
    if metadata.get("labels"):
        causes += names.labels_causes("metadata.labels", metadata["labels"])
    if metadata.get("annotations"):
        causes += _annotations(metadata["annotations"])
    for index, owner in enumerate(metadata.get("ownerReferences") or ()):
        for name in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(name):
                field = f"metadata.ownerReferences[{index}].{name}"
                causes.append(
                    invalid_value(field, owner.get(name, ""), f"{name} must not be empty")
                )
    if sum(owner.get("controller") is True for owner in metadata.get("ownerReferences") or ()) > 1:
        why = "Only one reference can have Controller set to true"
        causes.append(invalid_value("metadata.ownerReferences", metadata["ownerReferences"], why))
    for name in metadata.get("finalizers") or ():
        causes += names.check(names.qualified, "metadata.finalizers", name)
    added = _added_finalizers(metadata, old)
    if added:
        message = (
            "Forbidden: no new finalizers can be added if the object is being deleted, found new "
            f"finalizers {added}"
        )
        causes.append(Cause("FieldValueForbidden", message, "metadata.finalizers"))
    return causes


def _annotations(annotations: dict[str, str]) -> list[Cause]:
    causes = []
    for key in annotations:
        causes += names.check(names.qualified, "metadata.annotations", key)
    size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    if size > ANNOTATIONS_LIMIT:
        message = f"Too long: may not be more than {ANNOTATIONS_LIMIT} bytes"
        causes.append(Cause("FieldValueTooLong", message, "metadata.annotations"))
    return causes


def _added_finalizers(metadata: Doc, old: Doc | None) -> list[str]:
    if old is None or "deletionTimestamp" not in old["metadata"]:
        return []
    before = old["metadata"].get("finalizers") or ()
    return [name for name in metadata.get("finalizers") or () if name not in before]


def _required(type: Type, value: Any, path: str) -> list[Cause]:
    """Fields that the type requires and the object lacks."""
    causes = []
    if isinstance(value, dict):
        if type.kind == "object":
            causes += [
                required(f"{path}.{name}" if path else name)
                for name in type.required
                if value.get(name) is None
            ]
        for name, item in value.items():
            if isinstance(item, dict | list) and (path or name != "status"):
                causes += _required(type.child(name), item, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and type.items is not None:
        for index, item in enumerate(value):
            causes += _required(type.items, item, f"{path}[{index}]")
    return causes
