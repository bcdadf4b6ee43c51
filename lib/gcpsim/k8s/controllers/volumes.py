"""Claims and volumes, and what a pod waits for before its containers start.

A claim of a class that waits is bound once a pod that uses it has a node; each gets a disk of its
own. Pods wait for claims that are not bound and for ConfigMaps and Secrets that are not there.
"""

from collections.abc import Iterator

from gcpsim.k8s.controllers.objects import Obj, annotations_of, deleting, key_of, split, uid_of
from gcpsim.k8s.controllers.plane import Plane

COMPONENT = "persistentvolume-controller"
CLAIMS = "persistentvolumeclaims"
DEFAULT = "storageclass.kubernetes.io/is-default-class"


class VolumeController:
    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.worker = plane.worker("kubernetes.controller.lag", self.reconcile)
        self.cluster.subscribe(CLAIMS, lambda event, obj, old: self.worker.mark(key_of(obj)))
        self.cluster.subscribe("pods", self._follow)
        for claim in self.cluster.list(CLAIMS):
            self.worker.mark(key_of(claim))

    def _follow(self, event: str, pod: Obj, old: Obj | None) -> None:
        if event != "DELETED" and pod["spec"].get("nodeName"):
            for name in claims_of(pod):
                self.worker.mark(f"{pod['metadata']['namespace']}/{name}")

    def reconcile(self, key: str) -> None:
        claim = self.cluster.get(CLAIMS, *split(key))
        if claim is None or deleting(claim):
            return
        if (claim.get("status") or {}).get("phase") == "Bound":
            return
        storage = self._class(claim)
        if storage is None:
            text = "no persistent volumes available for this claim and no storage class is set"
            self.plane.event(claim, "Normal", "FailedBinding", text, COMPONENT)
            return
        if storage.get("volumeBindingMode") == "WaitForFirstConsumer" and not self._used(claim):
            text = "waiting for first consumer to be created before binding"
            self.plane.event(claim, "Normal", "WaitForFirstConsumer", text, COMPONENT)
            return
        self._bind(claim, storage)

    def _class(self, claim: Obj) -> Obj | None:
        name = claim["spec"].get("storageClassName")
        if name is not None:
            return self.cluster.get("storageclasses", "", name) if name else None
        for found in self.cluster.list("storageclasses"):
            if annotations_of(found).get(DEFAULT) == "true":
                return found
        return None

    def _used(self, claim: Obj) -> bool:
        meta = claim["metadata"]
        return any(
            meta["name"] in claims_of(pod) and pod["spec"].get("nodeName")
            for pod in self.plane.pods.in_namespace(meta["namespace"])
        )

    def _bind(self, claim: Obj, storage: Obj) -> None:
        meta, spec = claim["metadata"], claim["spec"]
        name = f"pvc-{uid_of(claim)}"
        size = ((spec.get("resources") or {}).get("requests") or {}).get("storage", "1Gi")
        modes = spec.get("accessModes") or ["ReadWriteOnce"]
        if self.cluster.get("persistentvolumes", "", name) is None:
            volume = {
                "metadata": {"name": name},
                "spec": {
                    "capacity": {"storage": size},
                    "accessModes": modes,
                    "storageClassName": storage["metadata"]["name"],
                    "persistentVolumeReclaimPolicy": storage.get("reclaimPolicy", "Delete"),
                    "claimRef": {
                        "apiVersion": "v1",
                        "kind": "PersistentVolumeClaim",
                        "namespace": meta["namespace"],
                        "name": meta["name"],
                        "uid": uid_of(claim),
                    },
                    "csi": {"driver": storage["provisioner"], "volumeHandle": name},
                },
                "status": {"phase": "Bound"},
            }
            self.cluster.create("persistentvolumes", volume)
        named = {"storageClassName": storage["metadata"]["name"], "volumeName": name}
        bound = self.cluster.update(CLAIMS, {**claim, "spec": {**spec, **named}})
        status = {"phase": "Bound", "accessModes": modes, "capacity": {"storage": size}}
        self.plane.change(CLAIMS, bound, status)


def claims_of(pod: Obj) -> list[str]:
    """The names of the claims that a pod mounts."""
    found = (v.get("persistentVolumeClaim") or {} for v in pod["spec"].get("volumes") or ())
    return [claim["claimName"] for claim in found if claim.get("claimName")]


def missing(plane: Plane, pod: Obj) -> str:
    """What a pod waits for before it starts, in the kubelet's words; "" when there is nothing."""
    namespace = pod["metadata"]["namespace"]
    for resource, name in _needs(pod["spec"]):
        obj = plane.cluster.get(resource, namespace, name)
        if resource == CLAIMS:
            if obj is None:
                return f'persistentvolumeclaim "{name}" not found'
            if (obj.get("status") or {}).get("phase") != "Bound":
                return f'pod has unbound immediate PersistentVolumeClaims: "{name}"'
        elif obj is None:
            return f'{resource.removesuffix("s")} "{name}" not found'
    return ""


def _needs(spec: Obj) -> Iterator[tuple[str, str]]:
    """(resource, name) of what must be there: volumes, and where containers get variables from."""
    for volume in spec.get("volumes") or ():
        for kind, resource, field in (
            ("configMap", "configmaps", "name"),
            ("secret", "secrets", "secretName"),
            ("persistentVolumeClaim", CLAIMS, "claimName"),
        ):
            source = volume.get(kind)
            if source and not source.get("optional") and source.get(field):
                yield resource, source[field]
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        sources = [
            *(container.get("envFrom") or ()),
            *(one.get("valueFrom") or {} for one in container.get("env") or ()),
        ]
        for source in sources:
            for kind, resource in (
                ("configMapRef", "configmaps"),
                ("secretRef", "secrets"),
                ("configMapKeyRef", "configmaps"),
                ("secretKeyRef", "secrets"),
            ):
                found = source.get(kind)
                if found and not found.get("optional") and found.get("name"):
                    yield resource, found["name"]
