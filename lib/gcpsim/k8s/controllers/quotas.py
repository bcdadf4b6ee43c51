"""The ResourceQuota controller: how much of each quota is used.

What a quota refuses is decided at admission from the objects themselves; this status is what
people look at, and it may be a moment behind.
"""

from gcpsim.k8s.controllers.objects import Obj, deleting, key_of, split
from gcpsim.k8s.controllers.plane import Plane
from gcpsim.k8s.objects import quotas

RESOURCE = "resourcequotas"
NOT_COUNTED = {"events", "leases"}  # written all the time, and in nobody's quota


class QuotaController:
    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.worker = plane.worker("kubernetes.controller.lag", self.reconcile)
        self._followed: set[str] = set()
        self._follow_all()
        self.cluster.subscribe("customresourcedefinitions", lambda *_: self._follow_all())
        for quota in self.cluster.list(RESOURCE):
            self.worker.mark(key_of(quota))

    def _follow_all(self) -> None:
        for resource in self.cluster.registry.all():
            counted = resource.namespaced and "list" in resource.verbs
            if counted and resource.key not in self._followed | NOT_COUNTED:
                self._followed.add(resource.key)
                self.cluster.subscribe(resource.key, self._follow)

    def _follow(self, event: str, obj: Obj, old: Obj | None) -> None:
        table = self.cluster.table(RESOURCE)
        if len(table):
            prefix = obj["metadata"]["namespace"] + "/"
            for key in list(table):
                if key.startswith(prefix):
                    self.worker.mark(key)

    def reconcile(self, key: str) -> None:
        quota = self.cluster.get(RESOURCE, *split(key))
        if quota is not None and not deleting(quota):
            self.plane.change(RESOURCE, quota, quotas.status_of(self.cluster, quota))
