"""A stand-in for gke-autoneg: NEGs of annotated Services into backend services that exist.

Off until the stage direction `autoneg` switches it on for a cluster. It reads
controller.autoneg.dev/neg and writes controller.autoneg.dev/neg-status, merges its own backends
into the backend services named there, and takes them out again when the annotation goes.
"""

from typing import Any

import orjson

from gcpsim.compute.engine.links import link, path_of
from gcpsim.core.errors import ApiError
from gcpsim.gke.neg.annotation import STATUS_KEY
from gcpsim.k8s.controllers.objects import (
    Obj,
    annotations_of,
    deleting,
    key_of,
    split,
    with_annotations,
)
from gcpsim.k8s.controllers.plane import Plane

KEY = "controller.autoneg.dev/neg"
NOTED = "controller.autoneg.dev/neg-status"
USER = "autoneg@gcpsim.example.com"
COMPONENT = "autoneg-controller"
RETRY = 10.0


class Autoneg:
    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.compute = plane.world.compute
        self.switch = plane.world.store.table("gke/autoneg")
        self.worker = plane.worker("gke.service.lag", self.reconcile)
        self.cluster.subscribe("services", lambda event, obj, old: self._mark(obj))
        plane.add(self)
        self.look()

    def look(self) -> None:
        for service in self.cluster.list("services"):
            self._mark(service)

    def _mark(self, service: Obj) -> None:
        notes = annotations_of(service)
        if self.cluster.name in self.switch and (KEY in notes or NOTED in notes):
            self.worker.mark(key_of(service))

    def reconcile(self, key: str) -> None:
        service = self.cluster.get("services", *split(key))
        if service is None or self.cluster.name not in self.switch:
            return
        notes = annotations_of(service)
        wanted = {} if deleting(service) else _wanted(notes)
        before = _read(notes.get(NOTED)).get("backend_services") or {}
        try:
            for name in sorted({*before, *wanted}):
                self._merge(name, before.get(name) or [], wanted.get(name) or {})
        except ApiError as error:
            text = f"autoneg: {error.message}"
            self.plane.event(service, "Warning", "BackendError", text, COMPONENT)
            self.worker.mark_at(self.plane.now() + RETRY, key)
            return
        kept = {name: sorted(groups) for name, groups in wanted.items()}
        noted = orjson.dumps({"backend_services": kept}, option=orjson.OPT_SORT_KEYS).decode()
        if wanted and notes.get(NOTED) != noted:
            self.cluster.update("services", with_annotations(service, **{NOTED: noted}))
        elif not wanted and NOTED in notes and not deleting(service):
            self.cluster.update("services", with_annotations(service, **{NOTED: None}))

    def _merge(self, name: str, before: list[str], wanted: dict[str, Obj]) -> None:
        """Its own backends as wanted, everybody else's as they are."""
        place = f"projects/{self.cluster.project}"
        path = f"{place}/global/backendServices/{name}"
        found = self.compute.get(path)
        if found is None:
            raise ApiError(404, f"The resource '{path}' was not found", "notFound")
        mine = {f"{place}/{group}" for group in before}
        there = {f"{place}/{group}": rate for group, rate in wanted.items()}
        missing = [group for group in there if self.compute.get(group) is None]
        if missing:
            raise ApiError(404, f"The resource '{missing[0]}' was not found", "notFound")
        backends: list[Any] = [
            one
            for one in found.get("backends") or ()
            if path_of(one["group"]) not in mine | there.keys()
        ]
        backends += [{"group": link(group), **rate} for group, rate in sorted(there.items())]
        known = sorted(path_of(one["group"]) for one in found.get("backends") or ())
        if known != sorted(path_of(one["group"]) for one in backends):
            body = {"backends": backends, "fingerprint": found["fingerprint"]}
            self.compute.call("PATCH", path, body, user=USER)


def _wanted(notes: dict[str, str]) -> dict[str, dict[str, Obj]]:
    """Backend service -> group below the project -> its rate or connections."""
    asked = _read(notes.get(KEY)).get("backend_services") or {}
    status = _read(notes.get(STATUS_KEY))
    groups = status.get("network_endpoint_groups") or {}
    found: dict[str, dict[str, Obj]] = {}
    for port, services in asked.items() if isinstance(asked, dict) else ():
        neg = groups.get(port)
        for one in services if neg and isinstance(services, list) else ():
            if not isinstance(one, dict) or not one.get("name"):
                continue
            rate: Obj = {"balancingMode": "RATE",
                         "maxRatePerEndpoint": one.get("max_rate_per_endpoint", 100)}  # fmt: skip
            most = one.get("max_connections_per_endpoint")
            if most is not None:
                rate = {"balancingMode": "CONNECTION", "maxConnectionsPerEndpoint": most}
            for zone in status.get("zones") or ():
                path = f"zones/{zone}/networkEndpointGroups/{neg}"
                found.setdefault(one["name"], {})[path] = rate
    return found


def _read(text: str | None) -> dict[str, Any]:
    try:
        given = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        return {}
    return given if isinstance(given, dict) else {}
