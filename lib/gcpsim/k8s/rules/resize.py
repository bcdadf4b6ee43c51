"""What `pods/resize` may change: CPU and memory of containers, and nothing that they stand on."""

from typing import Any

from gcpsim.k8s.rules.poddefaults import quality
from gcpsim.k8s.rules.pods import resources_causes
from gcpsim.k8s.types.quantity import amount
from gcpsim.k8s.types.status import Cause, invalid_value

Doc = dict[str, Any]

CHANGES = ("cpu", "memory")
LISTS = ("containers", "initContainers")


def forbidden(field: str, why: str) -> Cause:
    return Cause("FieldValueForbidden", f"Forbidden: {why}", field)


def check(new: Doc, old: Doc) -> list[Cause]:
    """Everything that the API server refuses of a resize."""
    after, before = new["spec"], old["spec"]
    if _without_resources(after) != _without_resources(before):
        return [forbidden("spec", "only cpu and memory resources are mutable")]
    causes: list[Cause] = []
    for index, (now, then) in enumerate(
        zip(after["containers"], before["containers"], strict=True)
    ):
        where = f"spec.containers[{index}].resources"
        causes += resources_causes(now.get("resources") or {}, where)
        causes += _container(now, then, where)
    if after.get("initContainers") != before.get("initContainers"):
        why = "resources for non-sidecar init containers are immutable"
        causes.append(forbidden("spec.initContainers", why))
    if not causes and quality(after) != quality(before):
        why = "Pod QOS Class may not change as a result of resizing"
        causes.append(invalid_value("spec", quality(after), why))
    return causes


def _container(now: Doc, then: Doc, where: str) -> list[Cause]:
    causes: list[Cause] = []
    for part in ("limits", "requests"):
        after = (now.get("resources") or {}).get(part) or {}
        before = (then.get("resources") or {}).get(part) or {}
        if before.keys() - after.keys():
            causes.append(forbidden(f"{where}.{part}", f"resource {part} cannot be removed"))
        others = [name for name in after if after[name] != before.get(name) and name not in CHANGES]
        if others:
            causes.append(forbidden("spec", "only cpu and memory resources are mutable"))
        less = "memory" in after and amount(after["memory"]) < amount(before.get("memory", "0"))
        if part == "limits" and less and policy_of(now, "memory") != "RestartContainer":
            why = "memory limits cannot be decreased unless resizePolicy is RestartContainer"
            causes.append(forbidden(f"{where}.limits", why))
    return causes


def policy_of(container: Doc, resource: str) -> str:
    """NotRequired, or RestartContainer where a container asks for it."""
    for policy in container.get("resizePolicy") or ():
        if policy.get("resourceName") == resource:
            return str(policy.get("restartPolicy") or "NotRequired")
    return "NotRequired"


def _without_resources(spec: Doc) -> Doc:
    bare = dict(spec)
    for listed in LISTS:
        bare[listed] = [
            {name: value for name, value in container.items() if name != "resources"}
            for container in spec.get(listed) or ()
        ]
    return bare
