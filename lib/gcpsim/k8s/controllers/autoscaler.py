"""The HorizontalPodAutoscaler: replicas by a load that the stage direction `load` sets.

A load is a use of CPU in per cent of what one pod asks for, at one replica: it is spread over the
pods, as real work is. Without one the metric is unknown, and nothing is scaled.
"""

import math

from gcpsim.k8s.controllers.objects import Obj, deleting, key_of, split, with_condition
from gcpsim.k8s.controllers.plane import Plane

COMPONENT = "horizontal-pod-autoscaler"
RESOURCE = "horizontalpodautoscalers"
TARGETS = {
    "Deployment": "deployments",
    "ReplicaSet": "replicasets",
    "ReplicationController": "replicationcontrollers",
    "StatefulSet": "statefulsets",
}
TOLERANCE = 0.1
SETTLES = 300.0  # seconds that a lower wish must last before pods go


class Autoscaler:
    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.loads = plane.world.store.table("k8s/loads")
        self._lower: dict[str, float] = {}
        self.worker = plane.worker("kubernetes.controller.lag", self.reconcile)
        self.cluster.subscribe(RESOURCE, lambda event, obj, old: self.worker.mark(key_of(obj)))
        for resource in ("deployments", "statefulsets"):
            self.cluster.subscribe(resource, self._follow)
        plane.add(self)
        self.look()

    def look(self) -> None:
        """A load was set: look at everything."""
        for found in self.cluster.list(RESOURCE):
            self.worker.mark(key_of(found))

    def load_key(self, kind: str, namespace: str, name: str) -> str:
        return f"{self.cluster.name}/{kind}/{namespace}/{name}"

    def _follow(self, event: str, obj: Obj, old: Obj | None) -> None:
        if event != "DELETED" and obj.get("status") != (old or {}).get("status"):
            for found in self.cluster.list(RESOURCE, obj["metadata"]["namespace"]):
                if found["spec"]["scaleTargetRef"]["name"] == obj["metadata"]["name"]:
                    self.worker.mark(key_of(found))

    def reconcile(self, key: str) -> None:
        found = self.cluster.get(RESOURCE, *split(key))
        if found is None or deleting(found):
            return
        spec, namespace = found["spec"], found["metadata"]["namespace"]
        reference = spec["scaleTargetRef"]
        resource = TARGETS.get(reference["kind"], "")
        target = self.cluster.get(resource, namespace, reference["name"]) if resource else None
        if target is None:
            self._report(found, 0, 0, None, "False", "FailedGetScale")
            return
        current = int(target["spec"].get("replicas", 1))
        load = self.loads.get(self.load_key(reference["kind"], namespace, reference["name"]))
        low, high = int(spec.get("minReplicas", 1)), int(spec["maxReplicas"])
        use = load["cpu"] / max(1, current) if load else None
        wish = self._wish(key, found, current, use)
        wanted = max(low, min(high, wish))
        if wanted != current and current > 0:
            changed = {**target, "spec": {**target["spec"], "replicas": wanted}}
            self.cluster.update(resource, changed)
            text = f"New size: {wanted}; reason: cpu resource utilization (percentage of request)"
            self.plane.event(found, "Normal", "SuccessfulRescale", text, COMPONENT)
        self._report(found, current, wanted, use, "True", "ReadyForNewScale")

    def _wish(self, key: str, found: Obj, current: int, use: float | None) -> int:
        target = _target(found)
        if use is None or not target:
            return current
        ratio = use / target
        wish = current if abs(ratio - 1.0) <= TOLERANCE else math.ceil(current * ratio)
        if wish >= current:
            self._lower.pop(key, None)
            return wish
        since = self._lower.setdefault(key, self.plane.now())
        if self.plane.clock.scale and self.plane.now() < since + SETTLES:
            self.worker.mark_at(since + SETTLES, key)
            return current
        self._lower.pop(key, None)
        return wish

    def _report(
        self, found: Obj, current: int, wanted: int, use: float | None, able: str, reason: str
    ) -> None:
        old = found.get("status") or {}
        now = self.plane.now()
        conditions = with_condition(
            old.get("conditions") or (), "AbleToScale", able, now, reason=reason
        )
        known = "True" if use is not None else "False"
        why = "ValidMetricFound" if use is not None else "FailedGetResourceMetric"
        conditions = with_condition(conditions, "ScalingActive", known, now, reason=why)
        status: Obj = {
            "currentReplicas": current,
            "desiredReplicas": wanted,
            "conditions": conditions,
            "observedGeneration": found["metadata"].get("generation", 1),
        }
        if use is not None:
            value = {"averageUtilization": round(use), "averageValue": "0"}
            metric = {"type": "Resource", "resource": {"name": "cpu", "current": value}}
            status["currentMetrics"] = [metric]
        self.plane.change(RESOURCE, found, status)


def _target(found: Obj) -> int:
    for metric in found["spec"].get("metrics") or ():
        resource = metric.get("resource") or {}
        if metric.get("type") == "Resource" and resource.get("name") == "cpu":
            return int((resource.get("target") or {}).get("averageUtilization") or 0)
    return 80 if not found["spec"].get("metrics") else 0
