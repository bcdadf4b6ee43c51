"""Versions of control planes and node pools, changed through the GKE API and waited for.

One operation at a time: GKE refuses a second one of a cluster. An operation that is DONE may have
failed; its error is what counts. A cancelled or killed wait harms nothing: the operation goes on,
and whoever runs again finds it and waits for it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from edgebook.base.clock import Budget
from edgebook.base.errors import StepFailed
from edgebook.cloud.wire import Wire
from edgebook.model.kinds import noun
from edgebook.model.values import Change, ResourceKey

SECONDS = 4 * 3600
RUNNING = ("PENDING", "RUNNING")


def resource(key: ResourceKey) -> str:
    """The path in GKE's API: the scope of a node pool is its cluster's path."""
    return key.scope if key.kind == "controlPlane" else f"{key.scope}/nodePools/{key.name}"


def carry_out(wire: Wire, change: Change, say: Callable[[str], None] = lambda words: None) -> None:
    """Start the upgrade, or find the one that runs already, and wait until it has ended well.

    `say` is told how many nodes are done, whenever that has changed.
    """
    operation = under_way(wire, change.key) or _start(wire, change)
    _finish(wire, change.key, operation, say)


def nodes(operation: Mapping[str, Any]) -> str:
    """`3 of 12 nodes upgraded, 1 failed`; "" for an operation that does not count any."""
    metrics = (operation.get("progress") or {}).get("metrics") or ()
    count = {str(m.get("name")): int(m.get("intValue") or 0) for m in metrics}
    if not count.get("NODES_TOTAL"):
        return ""
    failed = f", {count['NODES_FAILED']} failed" if count.get("NODES_FAILED") else ""
    done = count.get("NODES_COMPLETE", count.get("NODES_DONE", 0))
    return f"{done} of {count['NODES_TOTAL']} nodes upgraded{failed}"


def operations(wire: Wire, cluster: str) -> list[dict[str, Any]]:
    """What GKE does with a cluster (`projects/P/locations/L/clusters/C`) now."""
    location, _, name = cluster.rpartition("/clusters/")
    found = wire.get("container", f"v1/{location}/operations").get("operations") or ()
    return [
        item
        for item in found
        if item.get("status") in RUNNING and f"/clusters/{name}" in f"{item.get('targetLink', '')}/"
    ]


def under_way(wire: Wire, key: ResourceKey) -> dict[str, Any] | None:
    """An operation on exactly this control plane or node pool."""
    cluster = key.scope
    kind = "UPGRADE_MASTER" if key.kind == "controlPlane" else "UPGRADE_NODES"
    for item in operations(wire, cluster):
        target = str(item.get("targetLink", ""))
        if item.get("operationType") == kind and target.endswith(resource(key).split("/v1/")[-1]):
            return item
    return None


def _start(wire: Wire, change: Change) -> dict[str, Any]:
    path, key = resource(change.key), change.key
    if key.kind == "controlPlane":
        body = {"masterVersion": change.after["currentMasterVersion"]}
        return wire.request("container", "POST", f"v1/{path}:updateMaster", body=body)
    body = {"nodeVersion": change.after["version"]}
    return wire.request("container", "PUT", f"v1/{path}", body=body)


def _finish(
    wire: Wire, key: ResourceKey, operation: dict[str, Any], say: Callable[[str], None]
) -> None:
    location = key.scope.partition("/clusters/")[0]
    path = f"v1/{location}/operations/{operation['name']}"
    budget, said = Budget(wire.clock, SECONDS), ""
    while operation.get("status") != "DONE":
        if not budget.pause(most=30):
            raise StepFailed(
                f"{noun(key)} {key.name} is still being upgraded",
                where=path,
                why=f"after {SECONDS // 3600} h; pods that may not be evicted hold a node for 1 h",
                next="`kubectl get poddisruptionbudgets -A` says which; then run it again: it goes "
                "on waiting",
            )
        operation = wire.get("container", path)
        if (words := nodes(operation)) and words != said:
            said = words
            say(f"{noun(key)} {key.name}: {words}")
    if error := operation.get("error"):
        raise StepFailed(
            f"{noun(key)} {key.name}: the upgrade failed",
            where=path,
            why=str(error.get("message") or operation.get("statusMessage") or error),
            next="upgraded nodes stay so; mend it and run it again, or roll the pool back",
        )
