"""What the kubelet does with a pod whose resources were changed in place.

It takes the new ones over when the node has room, restarts containers that ask for that, and tells
in a condition what cannot be (Infeasible) or not yet (Deferred).
"""

from gcpsim.k8s.controllers.containers import requests
from gcpsim.k8s.controllers.objects import Obj, stamp
from gcpsim.k8s.controllers.plane import Plane
from gcpsim.k8s.rules.resize import CHANGES, policy_of
from gcpsim.k8s.types.quantity import amount

PENDING = "PodResizePending"


def differs(pod: Obj, old: Obj | None) -> bool:
    """Whether a pod that was bound before has other resources now."""
    if old is None or pod["spec"] is old["spec"] or not old["spec"].get("nodeName"):
        return False
    return _resources(pod) != _resources(old)


def _resources(pod: Obj) -> list[Obj]:
    return [container.get("resources") or {} for container in pod["spec"]["containers"]]


def resized(plane: Plane, pod: Obj, node: Obj, status: Obj) -> Obj:
    """The status of a pod once its kubelet has looked at its new resources."""
    conditions = [one for one in status.get("conditions") or () if one["type"] != PENDING]
    why = _in_the_way(plane, pod, node)
    if why is not None:
        reason, message = why
        told = {"type": PENDING, "status": "True", "reason": reason, "message": message,
                "lastTransitionTime": stamp(plane.now())}  # fmt: skip
        return {**status, "conditions": [*conditions, told]}
    specs = {container["name"]: container for container in pod["spec"]["containers"]}
    states = [
        _taken_over(plane, state, specs[state["name"]])
        for state in status.get("containerStatuses") or ()
    ]
    return {**status, "conditions": conditions, "containerStatuses": states}


def _in_the_way(plane: Plane, pod: Obj, node: Obj) -> tuple[str, str] | None:
    """Reason and message, when a node has no room for what a pod asks for."""
    room = (node.get("status") or {}).get("allocatable") or {}
    others = [requests(one) for one in plane.pods.on_node(node["metadata"]["name"])
              if one["metadata"]["uid"] != pod["metadata"]["uid"]]  # fmt: skip
    for place, name in enumerate(CHANGES):
        unit = 1000 if name == "cpu" else 1
        wanted, whole = requests(pod)[place], float(amount(room.get(name, "0")))
        used = sum(one[place] for one in others)
        if wanted > whole:
            figures = f"requested: {wanted * unit:.0f}, capacity: {whole * unit:.0f}"
            return "Infeasible", f"Node didn't have enough capacity: {name}, {figures}"
        if wanted + used > whole:
            return "Deferred", f"Node didn't have enough resource: {name}"
    return None


def _taken_over(plane: Plane, state: Obj, container: Obj) -> Obj:
    new = container.get("resources") or {}
    before = state.get("resources")
    taken = {**state, "resources": new, "allocatedResources": new.get("requests") or {}}
    restarts = any(policy_of(container, name) == "RestartContainer" for name in CHANGES)
    if restarts and new != before and "running" in state.get("state", {}):
        taken |= {
            "restartCount": state["restartCount"] + 1,
            "state": {"running": {"startedAt": stamp(plane.now())}},
        }
    return taken
