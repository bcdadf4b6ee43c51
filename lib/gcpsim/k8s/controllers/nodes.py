"""The node lifecycle: nodes whose machine is down become NotReady, and their pods go elsewhere.

After the grace period the Ready condition is Unknown, the node is tainted `unreachable`, its pods
are marked not ready; pods are evicted when their toleration of the taint runs out. When the
machine is back, all of it is taken back. Pods bound to nodes that no longer exist are removed.
"""

from gcpsim.k8s.controllers.kubelet import Kubelet
from gcpsim.k8s.controllers.objects import (
    Obj,
    condition,
    deleting,
    is_true,
    key_of,
    seconds_of,
    split,
    stamp,
    with_condition,
)
from gcpsim.k8s.controllers.plane import Plane
from gcpsim.k8s.controllers.scheduler import toleration_seconds

UNREACHABLE = "node.kubernetes.io/unreachable"
DEFAULT_TOLERATION = 300.0  # the admission plugin DefaultTolerationSeconds
COMPONENT = "node-controller"


class NodeController:
    """Follows machines (outages) into Node objects and pods."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.worker = plane.worker("kubernetes.controller.lag", self.reconcile)
        plane.add(self)
        self.cluster.subscribe("nodes", lambda event, node, old: self.worker.mark(key_of(node)))
        self.cluster.subscribe("pods", self._follow_pod)
        for node in self.cluster.list("nodes"):
            self.worker.mark(key_of(node))

    def _follow_pod(self, event: str, pod: Obj, old: Obj | None) -> None:
        name = pod["spec"].get("nodeName")
        if not name or event == "DELETED":
            return
        node = self.cluster.get("nodes", "", name)
        if node is None or _taint(node) is not None:
            self.worker.mark(name)

    def heartbeat_lost(self, name: str) -> None:
        """The machine went down; it is noticed after the grace period."""
        self.worker.mark(name)

    def heartbeat_back(self, name: str) -> None:
        self.worker.mark_after(self.plane.wait("kubernetes.node.return"), name)

    def reconcile(self, name: str) -> None:
        node = self.cluster.get("nodes", "", name)
        if node is None:
            self._collect(name)
            return
        live, ready = self.plane.node_is_live(node), is_true(node, "Ready")
        if not live and ready:
            due = self.plane.down_since(node) + self.plane.wait("kubernetes.node.grace")
            if self.plane.clock.scale and self.plane.now() < due:
                self.worker.mark_at(due, name)
            else:
                node = self._lose(node)
        elif live and not ready:
            self._find(node)
        if not live and _taint(node) is not None:
            self._evict(name, node)

    def _lose(self, node: Obj) -> Obj:
        now, status = self.plane.now(), node["status"]
        conditions = status["conditions"]
        for kind in ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready"):
            beat = (condition(node, kind) or {}).get("lastHeartbeatTime", stamp(now))
            conditions = with_condition(
                conditions, kind, "Unknown", now, lastHeartbeatTime=beat,
                reason="NodeStatusUnknown", message="Kubelet stopped posting node status.",
            )  # fmt: skip
        node = self.plane.change("nodes", node, {**status, "conditions": conditions})
        kept = [t for t in node["spec"].get("taints") or () if t["key"] != UNREACHABLE]
        new = [{"key": UNREACHABLE, "effect": "NoSchedule", "timeAdded": stamp(now)},
               {"key": UNREACHABLE, "effect": "NoExecute", "timeAdded": stamp(now)}]  # fmt: skip
        node = self.cluster.update(
            "nodes", {**node, "spec": {**node["spec"], "taints": kept + new}}
        )
        name = node["metadata"]["name"]
        text = f"Node {name} status is now: NodeNotReady"
        self.plane.event(node, "Normal", "NodeNotReady", text, COMPONENT)
        for pod in self.plane.pods.on_node(name):
            if is_true(pod, "Ready"):
                status = pod["status"]
                conditions = with_condition(status["conditions"], "Ready", "False", now)
                self.plane.change("pods", pod, {**status, "conditions": conditions})
        return node

    def _find(self, node: Obj) -> None:
        now, status = self.plane.now(), node["status"]
        conditions = node_conditions(now, status.get("conditions") or [])
        node = self.plane.change("nodes", node, {**status, "conditions": conditions})
        kept = [t for t in node["spec"].get("taints") or () if t["key"] != UNREACHABLE]
        spec = {**node["spec"], "taints": kept}
        if not kept:
            del spec["taints"]
        node = self.cluster.update("nodes", {**node, "spec": spec})
        name = node["metadata"]["name"]
        text = f"Node {name} status is now: NodeReady"
        self.plane.event(node, "Normal", "NodeReady", text, COMPONENT)
        self.plane.part(Kubelet).wake(name)

    def _evict(self, name: str, node: Obj) -> None:
        taint, now = _taint(node), self.plane.now()
        if taint is None:
            return
        due = []
        for pod in self.plane.pods.on_node(name):
            if deleting(pod):
                continue
            stay = toleration_seconds(pod, taint)
            if not any(t.get("key") == UNREACHABLE for t in pod["spec"].get("tolerations") or ()):
                stay = DEFAULT_TOLERATION if stay == 0.0 else stay
            if stay is None:
                continue
            when = seconds_of(taint["timeAdded"]) + stay
            if now < when:
                due.append(when)
                continue
            self.plane.event(
                pod, "Normal", "TaintManagerEviction", f"Marking for deletion Pod {key_of(pod)}",
                "taint-eviction-controller",
            )  # fmt: skip
            self.cluster.delete("pods", *split(key_of(pod)))
        if due:
            self.worker.mark_at(min(due), name)

    def _collect(self, name: str) -> None:
        for pod in self.plane.pods.on_node(name):
            self.cluster.delete("pods", *split(key_of(pod)), grace_seconds=0)


def node_conditions(now: float, before: list[Obj] | None = None) -> list[Obj]:
    """The conditions of a healthy node."""
    conditions = before or []
    for kind, value, reason, message in (
        ("MemoryPressure", "False", "KubeletHasSufficientMemory",
         "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ):  # fmt: skip
        conditions = with_condition(
            conditions, kind, value, now,
            reason=reason, message=message, lastHeartbeatTime=stamp(now),
        )  # fmt: skip
    return conditions


def _taint(node: Obj) -> Obj | None:
    for taint in node["spec"].get("taints") or ():
        if taint["key"] == UNREACHABLE and taint["effect"] == "NoExecute":
            return dict(taint)
    return None
