"""Services that want NEGs: their svcneg objects, their neg-status annotation, and who syncs them.

neg-status is written before the NEGs exist, as on GKE. What goes wrong becomes an event on the
Service and is tried again with a growing delay.
"""

from typing import Any

import orjson

from gcpsim.compute.engine.catalog import REGION_ZONES
from gcpsim.gke.neg import svcneg
from gcpsim.gke.neg.annotation import KEY, STATUS_KEY, NegError
from gcpsim.gke.neg.collector import Collector
from gcpsim.gke.neg.gates import Gates
from gcpsim.gke.neg.source import AnnotationSource, Wish, Wishes
from gcpsim.gke.neg.syncer import PART, Syncers
from gcpsim.gke.neg.zones import Zones
from gcpsim.k8s.controllers.objects import (
    Obj,
    annotations_of,
    deleting,
    key_of,
    labels_of,
    split,
    with_annotations,
)
from gcpsim.k8s.controllers.plane import Plane

COMPONENT = "neg-controller"


class NegController:
    """One cluster's NEG controller."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        region = "-".join(self.cluster.location.split("-")[:2])
        zones = [f"{region}-{letter}" for letter in REGION_ZONES.get(region, "")]
        self.source = AnnotationSource(self.cluster.uid, zones)
        self.zones = Zones(plane, self.zones_changed)
        self.worker = plane.worker("gke.neg.lag", self.reconcile)
        self.gates = Gates(plane, self.source)
        self.syncers = Syncers(plane, self.zones, self.gates)
        self.collector = Collector(plane, self.syncers.running, PART)
        self._retries: dict[str, int] = {}
        self._asking: set[str] = set()
        if plane.network.native:
            self.cluster.admit("services", with_default)
        self.cluster.subscribe("services", self._follow)
        self.look()
        self.cluster.subscribe(svcneg.RESOURCE, self._follow_object)

    def look(self) -> None:
        """Look at everything: at the start, and after standing still."""
        for service in self.cluster.list("services"):
            self._follow("ADDED", service, None)
        for obj in self.cluster.list(svcneg.RESOURCE):
            self.worker.mark(self._service_of(obj))

    def _follow(self, event: str, service: Obj, old: Obj | None) -> None:
        key = key_of(service)
        if annotations_of(service).get(KEY) or key in self._asking or event == "DELETED":
            self._retries.pop(key, None)
            self.worker.mark(key)

    def _follow_object(self, event: str, obj: Obj, old: Obj | None) -> None:
        if event == "DELETED" or deleting(obj):
            self.worker.mark(self._service_of(obj))

    @staticmethod
    def _service_of(obj: Obj) -> str:
        return f"{obj['metadata']['namespace']}/{labels_of(obj).get(svcneg.SERVICE, '')}"

    def zones_changed(self) -> None:
        """Nodes came or went: every Service with NEGs is looked at again."""
        for key in sorted(self._asking):
            self.worker.mark(key)

    def reconcile(self, key: str) -> None:
        if self.plane.stands_still(PART):
            return
        service = self.cluster.get("services", *split(key))
        if service is None or deleting(service):
            self._asking.discard(key)
            self._stop(key, set())
            return
        try:
            wishes = self.source.read(service)
            self._serve(key, service, wishes)
            self._retries.pop(key, None)
        except NegError as error:
            text = f'error processing service "{key}": {error}'
            self.plane.event(service, "Warning", "ProcessServiceFailed", text, COMPONENT)
            self._retry(key)

    def _retry(self, key: str) -> None:
        tries = self._retries.get(key, 0)
        self._retries[key] = tries + 1
        first, last = self.plane.wait("gke.neg.retry.first"), self.plane.wait("gke.neg.retry.last")
        self.worker.mark_at(self.plane.now() + min(last, first * 2.0 ** min(tries, 10)), key)

    def _serve(self, key: str, service: Obj, wishes: Wishes) -> None:
        if wishes.complaint:
            reason = "IgnoreZonePreprovisioningAnnotation"
            self.plane.event(service, "Warning", reason, wishes.complaint, COMPONENT)
        self._write_status(service, wishes)
        if wishes.negs:
            self._asking.add(key)
        else:
            self._asking.discard(key)
        self._stop(key, {wish.name for wish in wishes.negs})
        for wish in wishes.negs:
            self._ensure(service, wish)
            self.syncers.want(wish, wishes.zones)

    def _write_status(self, service: Obj, wishes: Wishes) -> None:
        """The neg-status annotation; taken away when no NEG is wanted."""
        text: str | None = None
        if wishes.negs:
            zones = sorted({*self.zones.candidates(), *wishes.zones})
            groups = {str(wish.port): wish.name for wish in wishes.negs}
            status: dict[str, Any] = {"network_endpoint_groups": groups, "zones": zones}
            text = orjson.dumps(status).decode()
        if annotations_of(service).get(STATUS_KEY) != text:
            self.cluster.update("services", with_annotations(service, **{STATUS_KEY: text}))

    def _ensure(self, service: Obj, wish: Wish) -> None:
        found = self.cluster.get(svcneg.RESOURCE, wish.namespace, wish.name)
        if found is None:
            self.cluster.create(svcneg.RESOURCE, svcneg.new(wish, service))
            return
        # One that is marked for deletion and wanted again is synced; only the mark stays.
        svcneg.check_owner(found, wish)

    def _stop(self, key: str, keep: set[str]) -> None:
        """Stop syncing what the Service no longer wants; the collector deletes it."""
        namespace, name = split(key)
        labels = {svcneg.MANAGED_BY: "neg-controller", svcneg.SERVICE: name}
        for obj in self.cluster.list(svcneg.RESOURCE, namespace, labels):
            if obj["metadata"]["name"] in keep:
                continue
            self.syncers.stop(key_of(obj))
            if not deleting(obj):
                self.cluster.delete(svcneg.RESOURCE, *split(key_of(obj)))


def with_default(service: Obj) -> Obj:
    """GKE marks each new Service of a VPC-native cluster for container-native Ingress."""
    if KEY in annotations_of(service):
        return service
    return with_annotations(service, **{KEY: '{"ingress":true}'})
