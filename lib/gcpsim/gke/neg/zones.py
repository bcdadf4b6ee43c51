"""Zones in which the NEG controller keeps NEGs: those with a candidate node.

A candidate is Ready, is not about to be removed by the autoscaler, and is not excluded from
external load balancers by its label.
"""

from collections.abc import Callable

from gcpsim.k8s.controllers.objects import Obj, is_true, labels_of
from gcpsim.k8s.controllers.plane import Plane

EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"
LEAVING = "ToBeDeletedByClusterAutoscaler"


def zone_of(node: Obj) -> str:
    """From the provider id, `gce://project/zone/name`."""
    parts = str(node["spec"].get("providerID", "")).removeprefix("gce://").split("/")
    return parts[1] if len(parts) == 3 else ""


def is_candidate(node: Obj) -> bool:
    taints = node["spec"].get("taints") or ()
    return (
        bool(zone_of(node))
        and is_true(node, "Ready")
        and EXCLUDED not in labels_of(node)
        and not any(taint["key"] == LEAVING for taint in taints)
    )


class Zones:
    """Candidate zones of a cluster; calls `changed` when the set is another one."""

    def __init__(self, plane: Plane, changed: Callable[[], None]) -> None:
        self._plane = plane
        self._changed = changed
        self._of_node: dict[str, tuple[str, bool]] = {}
        for node in plane.cluster.list("nodes"):
            self._enter(node)
        plane.cluster.subscribe("nodes", self._follow)

    def candidates(self) -> list[str]:
        return sorted({zone for zone, candidate in self._of_node.values() if candidate})

    def of(self, node: str) -> str:
        """The zone of a node by name; "" when there is none."""
        return self._of_node.get(node, ("", False))[0]

    def _enter(self, node: Obj) -> None:
        self._of_node[node["metadata"]["name"]] = (zone_of(node), is_candidate(node))

    def _follow(self, event: str, node: Obj, old: Obj | None) -> None:
        before = self.candidates()
        if event == "DELETED":
            self._of_node.pop(node["metadata"]["name"], None)
        else:
            self._enter(node)
        if self.candidates() != before:
            self._changed()
