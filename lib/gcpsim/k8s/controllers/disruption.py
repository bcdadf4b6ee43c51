"""The disruption controller: how many pods of each PodDisruptionBudget may be evicted just now.

The eviction subresource decides by the status written here.
"""

from gcpsim.k8s.controllers.objects import (
    Obj,
    controller_of,
    deleting,
    is_true,
    key_of,
    labels_of,
    matches,
    resolve,
    seconds_of,
    split,
    with_condition,
)
from gcpsim.k8s.controllers.plane import Plane

EVICTION_TIMEOUT = 120.0  # after that an evicted pod that stayed counts again


class DisruptionController:
    """Keeps the status of PodDisruptionBudgets."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.worker = plane.worker("kubernetes.controller.lag", self.reconcile)
        self.cluster.subscribe(
            "poddisruptionbudgets", lambda event, obj, old: self.worker.mark(key_of(obj))
        )
        self.cluster.subscribe("pods", self._follow_pod)
        for budget in self.cluster.list("poddisruptionbudgets"):
            self.worker.mark(key_of(budget))

    def _follow_pod(self, event: str, pod: Obj, old: Obj | None) -> None:
        budgets = self.cluster.table("poddisruptionbudgets")
        if not len(budgets):
            return
        for key, budget in budgets.items():
            same = budget["metadata"]["namespace"] == pod["metadata"]["namespace"]
            if same and matches(budget["spec"].get("selector"), labels_of(pod)):
                self.worker.mark(key)

    def reconcile(self, key: str) -> None:
        budget = self.cluster.get("poddisruptionbudgets", *split(key))
        if budget is None:
            return
        spec, old, now = budget["spec"], budget.get("status") or {}, self.plane.now()
        pods = [
            pod
            for pod in self.plane.pods.in_namespace(budget["metadata"]["namespace"])
            if matches(spec.get("selector"), labels_of(pod))
        ]
        names = {pod["metadata"]["name"] for pod in pods if not deleting(pod)}
        evicted = {
            name: when
            for name, when in (old.get("disruptedPods") or {}).items()
            if name in names and now < seconds_of(when) + EVICTION_TIMEOUT
        }
        if evicted:
            first = min(seconds_of(when) for when in evicted.values())
            self.worker.mark_at(first + EVICTION_TIMEOUT, key)
        healthy = sum(
            1
            for pod in pods
            if is_true(pod, "Ready")
            and not deleting(pod)
            and pod["metadata"]["name"] not in evicted
        )
        expected = self._expected(pods)
        if "maxUnavailable" in spec:
            desired = max(0, expected - resolve(spec["maxUnavailable"], expected, up=True))
        else:
            if isinstance(spec.get("minAvailable"), int):
                expected = len(pods)
            desired = resolve(spec.get("minAvailable", 0), expected, up=True)
        allowed = max(0, healthy - desired) if expected else 0
        conditions = with_condition(
            old.get("conditions") or [], "DisruptionAllowed", "True" if allowed else "False", now,
            reason="SufficientPods" if allowed else "InsufficientPods",
            observedGeneration=budget["metadata"].get("generation", 1),
        )  # fmt: skip
        status = {
            "observedGeneration": budget["metadata"].get("generation", 1),
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "expectedPods": expected,
            "disruptionsAllowed": allowed,
            # This kind of condition always has a message; strict clients refuse it without.
            "conditions": [{"message": "", **one} for one in conditions],
        }
        if evicted:
            status["disruptedPods"] = evicted
        self.plane.change("poddisruptionbudgets", budget, status)

    def _expected(self, pods: list[Obj]) -> int:
        """The sum of the scales of the pods' controllers; a pod without one counts itself."""
        scales: dict[str, int] = {}
        for pod in pods:
            owner = controller_of(pod)
            if owner is None:
                scales[pod["metadata"]["uid"]] = 0 if deleting(pod) else 1
                continue
            scales.setdefault(*self._scale(owner, pod["metadata"]["namespace"]))
        return sum(scales.values())

    def _scale(self, owner: Obj, namespace: str) -> tuple[str, int]:
        resource = {"ReplicaSet": "replicasets", "StatefulSet": "statefulsets"}.get(owner["kind"])
        found = self.cluster.get(resource, namespace, owner["name"]) if resource else None
        if found is None:
            return owner["uid"], 0
        above = controller_of(found)
        if above is not None and above["kind"] == "Deployment":
            deployment = self.cluster.get("deployments", namespace, above["name"])
            if deployment is not None:
                return above["uid"], int(deployment["spec"].get("replicas", 1))
        return owner["uid"], int(found["spec"].get("replicas", 1))
