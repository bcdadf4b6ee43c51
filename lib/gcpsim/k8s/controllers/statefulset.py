"""The StatefulSet controller: pods with numbers, each with its own claims, one after the other."""

from gcpsim.k8s.controllers import templates
from gcpsim.k8s.controllers.objects import (
    Obj,
    controller_of,
    deleting,
    is_true,
    key_of,
    split,
)
from gcpsim.k8s.controllers.plane import Plane

COMPONENT = "statefulset-controller"
RESOURCE = "statefulsets"


class StatefulSetController:
    """Makes, exchanges and removes numbered pods; claims stay when pods go."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.worker = plane.worker("kubernetes.controller.lag", self.reconcile)
        self.cluster.subscribe(RESOURCE, lambda event, obj, old: self.worker.mark(key_of(obj)))
        self.cluster.subscribe("pods", self._follow)
        for found in self.cluster.list(RESOURCE):
            self.worker.mark(key_of(found))

    def _follow(self, event: str, pod: Obj, old: Obj | None) -> None:
        owner = controller_of(pod)
        if owner is not None and owner["kind"] == "StatefulSet":
            self.worker.mark(f"{pod['metadata']['namespace']}/{owner['name']}")

    def reconcile(self, key: str) -> None:
        found = self.cluster.get(RESOURCE, *split(key))
        if found is None or deleting(found):
            return
        wanted = templates.revision_of(found["spec"]["template"])
        pods = {_ordinal(pod): pod for pod in templates.mine(self.plane, found)}
        self._scale(found, pods, wanted)
        self._report(found, templates.mine(self.plane, found), wanted)

    def _scale(self, found: Obj, pods: dict[int, Obj], wanted: str) -> None:
        """One step, or all at once with podManagementPolicy Parallel."""
        spec = found["spec"]
        start = int((spec.get("ordinals") or {}).get("start", 0))
        numbers = range(start, start + int(spec.get("replicas", 1)))
        ordered = spec.get("podManagementPolicy") != "Parallel"
        for number in numbers:
            pod = pods.get(number)
            if pod is None:
                self._create(found, number, wanted)
            if ordered and (pod is None or deleting(pod) or not is_true(pod, "Ready")):
                return
        for number in sorted((n for n in pods if n not in numbers), reverse=True):
            templates.delete(self.plane, found, pods[number], COMPONENT)
            if ordered:
                return
        self._update(found, pods, wanted)

    def _update(self, found: Obj, pods: dict[int, Obj], wanted: str) -> None:
        """From the highest number down to the partition, one pod after the other is ready."""
        strategy = found["spec"].get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        partition = int((strategy.get("rollingUpdate") or {}).get("partition") or 0)
        if any(deleting(pod) or not is_true(pod, "Ready") for pod in pods.values()):
            return
        for number in sorted(pods, reverse=True):
            if number >= partition and templates.revision(pods[number]) != wanted:
                templates.delete(self.plane, found, pods[number], COMPONENT)
                return

    def _create(self, found: Obj, number: int, wanted: str) -> None:
        name = f"{found['metadata']['name']}-{number}"
        claims = {}
        for template in found["spec"].get("volumeClaimTemplates") or ():
            claims[template["metadata"]["name"]] = self._claim(found, template, name)
        labels = {
            templates.REVISION: wanted,
            "apps.kubernetes.io/pod-index": str(number),
            "statefulset.kubernetes.io/pod-name": name,
        }
        pod = templates.pod_of(found, name=name, labels=labels)
        kept = [v for v in pod["spec"].get("volumes") or () if v["name"] not in claims]
        volumes = [
            {"name": volume, "persistentVolumeClaim": {"claimName": claim}}
            for volume, claim in claims.items()
        ]
        host = {"hostname": name, "subdomain": found["spec"].get("serviceName") or ""}
        pod["spec"] = {**pod["spec"], **host, "volumes": [*kept, *volumes]}
        templates.create(self.plane, found, pod, COMPONENT)

    def _claim(self, found: Obj, template: Obj, pod: str) -> str:
        name, namespace = f"{template['metadata']['name']}-{pod}", found["metadata"]["namespace"]
        if self.cluster.get("persistentvolumeclaims", namespace, name) is None:
            labels = (found["spec"].get("selector") or {}).get("matchLabels") or {}
            meta = {"name": name, "namespace": namespace, "labels": labels}
            body = {"metadata": meta, "spec": template["spec"]}
            self.cluster.create("persistentvolumeclaims", body)
        return name

    def _report(self, found: Obj, pods: list[Obj], wanted: str) -> None:
        old = self.cluster.get(RESOURCE, *split(key_of(found)))
        if old is None:
            return
        name = found["metadata"]["name"]
        ready = [pod for pod in pods if is_true(pod, "Ready")]
        new = [pod for pod in pods if templates.revision(pod) == wanted]
        before = (old.get("status") or {}).get("currentRevision") or f"{name}-{wanted}"
        done = len(new) == len(pods) and len(ready) == len(pods)
        status: Obj = {
            "replicas": len(pods),
            "readyReplicas": len(ready),
            "availableReplicas": len(ready),
            "updatedReplicas": len(new),
            "currentReplicas": len(new) if done else len(pods) - len(new),
            "currentRevision": f"{name}-{wanted}" if done else before,
            "updateRevision": f"{name}-{wanted}",
            "collisionCount": 0,
            "observedGeneration": old["metadata"].get("generation", 1),
        }
        self.plane.change(RESOURCE, old, status)


def _ordinal(pod: Obj) -> int:
    tail = str(pod["metadata"]["name"]).rpartition("-")[2]
    return int(tail) if tail.isdigit() else -1
