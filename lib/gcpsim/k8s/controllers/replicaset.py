"""The ReplicaSet controller: as many pods as spec.replicas says, and their counts in the status."""

from gcpsim.k8s.controllers.objects import (
    Obj,
    condition,
    controller_of,
    deleting,
    is_true,
    key_of,
    labels_of,
    matches,
    owner_reference,
    seconds_of,
    split,
    uid_of,
    with_meta,
)
from gcpsim.k8s.controllers.plane import Plane
from gcpsim.k8s.types.status import StatusError

COMPONENT = "replicaset-controller"
BURST = 250  # pods made in one pass, as the real one does


class ReplicaSetController:
    """Creates and deletes pods; releases those that no longer match, adopts those that do."""

    resource, kind = "replicasets", "ReplicaSet"

    def selector(self, replica_set: Obj) -> Obj:
        found: Obj = replica_set["spec"]["selector"]
        return found

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.worker = plane.worker("kubernetes.controller.lag", self.reconcile)
        self.cluster.subscribe(self.resource, lambda event, obj, old: self.worker.mark(key_of(obj)))
        self.cluster.subscribe("pods", self._follow_pod)
        for replica_set in self.cluster.list(self.resource):
            self.worker.mark(key_of(replica_set))

    def _follow_pod(self, event: str, pod: Obj, old: Obj | None) -> None:
        owner = controller_of(pod)
        namespace = pod["metadata"]["namespace"]
        if owner is not None and owner["kind"] == self.kind:
            self.worker.mark(f"{namespace}/{owner['name']}")
        elif owner is None and event != "DELETED":
            for replica_set in self.cluster.list(self.resource, namespace):
                if matches(self.selector(replica_set), labels_of(pod)):
                    self.worker.mark(key_of(replica_set))

    def reconcile(self, key: str) -> None:
        replica_set = self.cluster.get(self.resource, *split(key))
        if replica_set is None:
            return
        active = [pod for pod in self._claim(replica_set) if not deleting(pod)]
        if not deleting(replica_set):
            wanted = int(replica_set["spec"].get("replicas", 1))
            if len(active) < wanted:
                self._create(replica_set, wanted - len(active))
            elif len(active) > wanted:
                active = self._delete(replica_set, active, len(active) - wanted)
        self._report(replica_set, active)

    def _claim(self, replica_set: Obj) -> list[Obj]:
        """The pods that are its own, after releasing and adopting."""
        selector, mine = self.selector(replica_set), []
        for pod in self.plane.pods.owned(uid_of(replica_set)):
            if matches(selector, labels_of(pod)):
                mine.append(pod)
            elif not deleting(pod):
                kept = [o for o in pod["metadata"]["ownerReferences"] if not o.get("controller")]
                self.cluster.update("pods", with_meta(pod, ownerReferences=kept))
        namespace = replica_set["metadata"]["namespace"]
        for pod in self.plane.pods.owned(""):
            if pod["metadata"]["namespace"] != namespace or deleting(pod) or deleting(replica_set):
                continue
            if matches(selector, labels_of(pod)):
                owners = [
                    *(pod["metadata"].get("ownerReferences") or []),
                    owner_reference(replica_set),
                ]
                mine.append(self.cluster.update("pods", with_meta(pod, ownerReferences=owners)))
        return mine

    def _create(self, replica_set: Obj, count: int) -> None:
        meta, template = replica_set["metadata"], replica_set["spec"]["template"]
        given = template.get("metadata") or {}
        for _ in range(min(count, BURST)):
            pod = {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "generateName": f"{meta['name']}-",
                    "namespace": meta["namespace"],
                    "labels": dict(given.get("labels") or {}),
                    "ownerReferences": [owner_reference(replica_set)],
                },
                "spec": template["spec"],
            }
            if given.get("annotations"):
                pod["metadata"]["annotations"] = dict(given["annotations"])
            try:
                made = self.cluster.create("pods", pod, frozen=True)
            except StatusError as error:
                text = f"Error creating: {error.message}"
                self.plane.event(replica_set, "Warning", "FailedCreate", text, COMPONENT)
                raise
            text = f"Created pod: {made['metadata']['name']}"
            self.plane.event(replica_set, "Normal", "SuccessfulCreate", text, COMPONENT)
        if count > BURST:
            self.worker.mark_at(self.plane.now() + 1.0, key_of(replica_set))

    def _delete(self, replica_set: Obj, active: list[Obj], count: int) -> list[Obj]:
        """Delete the cheapest pods; gives those that stay."""
        mates: dict[str, int] = {}
        for pod in active:
            node = pod["spec"].get("nodeName") or ""
            mates[node] = mates.get(node, 0) + 1
        ordered = sorted(active, key=lambda pod: _cost(pod, mates))
        for pod in ordered[:count]:
            meta = pod["metadata"]
            self.cluster.delete("pods", meta["namespace"], meta["name"])
            text = f"Deleted pod: {meta['name']}"
            self.plane.event(replica_set, "Normal", "SuccessfulDelete", text, COMPONENT)
        return ordered[count:]

    def _report(self, replica_set: Obj, pods: list[Obj]) -> None:
        """The status, from the pods as they were found; what changes them brings the next pass."""
        meta = replica_set["metadata"]
        current = self.cluster.get(self.resource, meta["namespace"], meta["name"])
        if current is None:
            return
        labels = (replica_set["spec"]["template"].get("metadata", {}).get("labels") or {}).items()
        full = sum(1 for pod in pods if labels <= labels_of(pod).items())
        ready = [pod for pod in pods if is_true(pod, "Ready")]
        counts = {
            "fullyLabeledReplicas": full,
            "readyReplicas": len(ready),
            "availableReplicas": self._available(current, ready),
        }
        status: Obj = {"replicas": len(pods)}
        status |= {name: value for name, value in counts.items() if value}
        status["observedGeneration"] = current["metadata"].get("generation", 1)
        self.plane.change(self.resource, current, status)

    def _available(self, replica_set: Obj, ready: list[Obj]) -> int:
        """Ready for minReadySeconds; sets an alarm for the next one that gets there."""
        wait = float(replica_set["spec"].get("minReadySeconds") or 0)
        if not wait or not self.plane.clock.scale:
            return len(ready)
        now, count, due = self.plane.now(), 0, []
        for pod in ready:
            since = seconds_of((condition(pod, "Ready") or {}).get("lastTransitionTime"))
            if now >= since + wait:
                count += 1
            else:
                due.append(since + wait)
        if due:
            self.worker.mark_at(min(due), key_of(replica_set))
        return count


class ReplicationController(ReplicaSetController):
    """The older form: its selector is a map of labels."""

    resource, kind = "replicationcontrollers", "ReplicationController"

    def selector(self, replica_set: Obj) -> Obj:
        return {"matchLabels": replica_set["spec"].get("selector") or {}}


def _cost(pod: Obj, mates: dict[str, int]) -> tuple[object, ...]:
    """Whom to delete first: the unassigned, the not ready, those on crowded nodes, the young."""
    node = pod["spec"].get("nodeName") or ""
    return (
        bool(node),
        is_true(pod, "Ready"),
        -mates[node],
        -seconds_of(pod["metadata"].get("creationTimestamp")),
        pod["metadata"]["name"],
    )
