"""Garbage collection of NEGs, every 120 s: what no Service wants any more is deleted in all zones.

A NEG that a backend service holds cannot be deleted: an event says so, the finalizer stays, the
next round tries again. NEGs that belong to someone else are passed over in silence.
"""

from collections.abc import Container

from gcpsim.core.errors import ApiError
from gcpsim.gke.neg import names, svcneg
from gcpsim.gke.neg.syncer import error_of, google_api_error
from gcpsim.k8s.controllers.objects import (
    Obj,
    deleting,
    key_of,
    labels_of,
    split,
    with_meta,
)
from gcpsim.k8s.controllers.plane import Plane

COMPONENT = "neg-controller"


class Collector:
    """Deletes the NEGs of svcneg objects that are being deleted and that nobody wants again.

    `wanted` are the keys of those that are synced. Source: ingress-gce, garbage collection of the
    NEG manager: what a Service wants is no candidate, whatever its deletion timestamp says.
    """

    def __init__(self, plane: Plane, wanted: Container[str], part: str) -> None:
        self._wanted, self._part = wanted, part
        self.plane = plane
        self.cluster = plane.cluster
        self.compute = plane.world.compute
        self._under_way: set[str] = set()
        self._complained: dict[str, float] = {}
        plane.every("gke.neg.collect", self.collect)

    def collect(self) -> bool:
        """One round; True when it started or finished anything."""
        changed = False
        if self.plane.stands_still(self._part):
            return changed
        for obj in self.cluster.table(svcneg.RESOURCE).values():
            held = svcneg.FINALIZER in (obj["metadata"].get("finalizers") or ())
            if deleting(obj) and held and key_of(obj) not in self._wanted:
                changed |= self._free(obj)
        return changed

    def _free(self, obj: Obj) -> bool:
        changed = left = False
        name = obj["metadata"]["name"]
        for zone in self._zones(obj):
            path = f"projects/{self.cluster.project}/zones/{zone}/networkEndpointGroups/{name}"
            neg = self.compute.get(path)
            if neg is None or not self._is_ours(obj, neg):
                continue
            left = True
            if path not in self._under_way:
                changed |= self._delete(obj, path, zone)
        if left:
            return changed
        key = key_of(obj)
        self._complained.pop(key, None)
        kept = [f for f in obj["metadata"]["finalizers"] if f != svcneg.FINALIZER]
        self.cluster.update(svcneg.RESOURCE, with_meta(obj, finalizers=kept))
        return True

    def _zones(self, obj: Obj) -> list[str]:
        groups = (obj.get("status") or {}).get("networkEndpointGroups") or []
        return sorted({svcneg.zone_of(g) for g in groups}) or sorted(self.cluster.zones)

    def _is_ours(self, obj: Obj, neg: Obj) -> bool:
        labels, meta = labels_of(obj), obj["metadata"]
        mine = names.Description(
            self.cluster.uid, meta["namespace"], labels[svcneg.SERVICE], labels[svcneg.PORT]
        )
        generated = names.generated(
            self.cluster.uid, meta["namespace"], mine.service, int(mine.port)
        )
        custom = meta["name"] != generated
        return not names.collision(meta["name"], custom, "", mine, neg.get("description", ""))

    def _delete(self, obj: Obj, path: str, zone: str) -> bool:
        name = obj["metadata"]["name"]

        def done(finished: Obj) -> None:
            self._under_way.discard(path)
            problem = error_of(finished)
            current = self.cluster.get(svcneg.RESOURCE, *split(key_of(obj)))
            if problem:
                self._complain(obj, f"failed to delete NEG {name} in {zone}: {problem}")
            elif current is not None and key_of(obj) not in self._wanted:
                self._free(current)

        try:
            operation = self.compute.call("DELETE", path)
        except ApiError as error:
            text = f"failed to delete NEG {name} in {zone}: {google_api_error(error)}"
            return self._complain(obj, text)
        self._under_way.add(path)
        self.compute.when_done(operation, done)
        return True

    def _complain(self, obj: Obj, text: str) -> bool:
        """A NegCRError event per round; with time scale 0 there are rounds without end."""
        key, now = f"{key_of(obj)} {text}", self.plane.now()
        last = self._complained.get(key)
        if last is None or now >= last + self.plane.wait("gke.neg.collect") - 1:
            self._complained[key] = now
            self.plane.event(obj, "Warning", "NegCRError", text, COMPONENT)
        return False
