"""The DaemonSet controller: one pod on each node that it may run on, cordoned or not."""

from gcpsim.k8s.controllers import templates
from gcpsim.k8s.controllers.objects import (
    Obj,
    controller_of,
    deleting,
    is_true,
    key_of,
    labels_of,
    resolve,
    split,
)
from gcpsim.k8s.controllers.plane import Plane
from gcpsim.k8s.controllers.scheduler import tolerates

COMPONENT = "daemonset-controller"
RESOURCE = "daemonsets"
# What every daemon pod tolerates besides what its template says.
TOLERATED = (
    "node.kubernetes.io/disk-pressure",
    "node.kubernetes.io/memory-pressure",
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/pid-pressure",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/unschedulable",
)


class DaemonSetController:
    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.worker = plane.worker("kubernetes.controller.lag", self.reconcile)
        self.cluster.subscribe(RESOURCE, lambda event, obj, old: self.worker.mark(key_of(obj)))
        self.cluster.subscribe("pods", self._follow)
        self.cluster.subscribe("nodes", self._follow_node)
        self._mark_all()

    def _mark_all(self) -> None:
        for found in self.cluster.list(RESOURCE):
            self.worker.mark(key_of(found))

    def _follow(self, event: str, pod: Obj, old: Obj | None) -> None:
        owner = controller_of(pod)
        if owner is not None and owner["kind"] == "DaemonSet":
            self.worker.mark(f"{pod['metadata']['namespace']}/{owner['name']}")

    def _follow_node(self, event: str, node: Obj, old: Obj | None) -> None:
        if old is None or event == "DELETED" or _traits(node) != _traits(old):
            self._mark_all()

    def reconcile(self, key: str) -> None:
        found = self.cluster.get(RESOURCE, *split(key))
        if found is None or deleting(found):
            return
        wanted = templates.revision_of(found["spec"]["template"])
        probe = self._pod(found, "", wanted)
        nodes = [n["metadata"]["name"] for n in self.cluster.list("nodes") if _fits(probe, n)]
        by_node: dict[str, Obj] = {}
        for pod in templates.mine(self.plane, found):
            node = pod["spec"].get("nodeName") or ""
            if node not in nodes or node in by_node:
                templates.delete(self.plane, found, pod, COMPONENT)
            else:
                by_node[node] = pod
        for node in nodes:
            if node not in by_node:
                pod = self._pod(found, node, wanted)
                by_node[node] = templates.create(self.plane, found, pod, COMPONENT)
        self._update(found, by_node, wanted)
        self._report(found, nodes, wanted)

    def _pod(self, found: Obj, node: str, wanted: str) -> Obj:
        pod = templates.pod_of(found, labels={templates.REVISION: wanted})
        extra = [{"key": key, "operator": "Exists"} for key in TOLERATED]
        tolerations = [*(pod["spec"].get("tolerations") or ()), *extra]
        pod["spec"] = {**pod["spec"], "nodeName": node, "tolerations": tolerations}
        return pod

    def _update(self, found: Obj, by_node: dict[str, Obj], wanted: str) -> None:
        """Replace pods of an older template, as many at a time as may be unavailable."""
        strategy = found["spec"].get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        rolling = strategy.get("rollingUpdate") or {}
        allowed = max(1, resolve(rolling.get("maxUnavailable", 1), len(by_node), up=True))
        down = sum(1 for pod in by_node.values() if deleting(pod) or not is_true(pod, "Ready"))
        for node in sorted(by_node):
            pod = by_node[node]
            if templates.revision(pod) != wanted and not deleting(pod):
                if is_true(pod, "Ready"):
                    if down >= allowed:
                        return
                    down += 1
                templates.delete(self.plane, found, pod, COMPONENT)

    def _report(self, found: Obj, nodes: list[str], wanted: str) -> None:
        old = self.cluster.get(RESOURCE, *split(key_of(found)))
        if old is None:
            return
        pods = templates.mine(self.plane, found)
        ready = sum(1 for pod in pods if is_true(pod, "Ready"))
        status: Obj = {
            "currentNumberScheduled": len({pod["spec"].get("nodeName") for pod in pods}),
            "desiredNumberScheduled": len(nodes),
            "numberMisscheduled": 0,
            "numberReady": ready,
            "updatedNumberScheduled": sum(1 for p in pods if templates.revision(p) == wanted),
            "observedGeneration": old["metadata"].get("generation", 1),
        }
        if ready:
            status["numberAvailable"] = ready
        if ready < len(nodes):
            status["numberUnavailable"] = len(nodes) - ready
        self.plane.change(RESOURCE, old, status)


def _traits(node: Obj) -> tuple[object, object]:
    return node["spec"].get("taints"), labels_of(node)


def _fits(pod: Obj, node: Obj) -> bool:
    labels, selector = labels_of(node), pod["spec"].get("nodeSelector") or {}
    if any(labels.get(name) != value for name, value in selector.items()):
        return False
    taints = [t for t in node["spec"].get("taints") or () if t["effect"] != "PreferNoSchedule"]
    return all(tolerates(pod, taint) for taint in taints)
