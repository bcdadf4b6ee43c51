"""The Endpoints controller: the older form of who serves a Service, in one object of its name.

It follows the slices, which hold the same pods. Addresses that are terminating are left out, as
Kubernetes does; at most 1,000 are kept, and more are told by an annotation.
"""

from collections import defaultdict
from typing import Any

from gcpsim.k8s.controllers.endpointslices import Slices
from gcpsim.k8s.controllers.objects import Obj, deleting, key_of, labels_of, split
from gcpsim.k8s.controllers.plane import Plane

MANAGER = "endpoints.kubernetes.io/managed-by"
NAME = "endpoint-controller"
CAPACITY = "endpoints.kubernetes.io/over-capacity"
LIMIT = 1_000


class EndpointsController:
    """Keeps the Endpoints of every Service that has a selector."""

    def __init__(self, plane: Plane) -> None:
        self.cluster = plane.cluster
        self.worker = plane.worker("kubernetes.endpointslice.lag", self.reconcile)
        self._slices = Slices()
        self.cluster.subscribe("endpointslices", self._follow_slice)
        self.cluster.subscribe("services", self._follow_service)
        for piece in self.cluster.list("endpointslices"):
            self._follow_slice("ADDED", piece, None)

    def _follow_slice(self, event: str, piece: Obj, old: Obj | None) -> None:
        if service := self._slices.follow(event, piece):
            self.worker.mark(service)

    def _follow_service(self, event: str, service: Obj, old: Obj | None) -> None:
        if event == "DELETED" or (old is not None and labels_of(old) != labels_of(service)):
            self.worker.mark(key_of(service))

    def reconcile(self, key: str) -> None:
        namespace, name = split(key)
        service = self.cluster.get("services", namespace, name)
        there = self.cluster.get("endpoints", namespace, name)
        ours = there is not None and labels_of(there).get(MANAGER) == NAME
        if service is None:
            if ours:
                self.cluster.delete("endpoints", namespace, name)
            return
        if deleting(service) or not service["spec"].get("selector") or (there and not ours):
            return
        subsets, over = self._subsets(key)
        meta: Obj = {
            "name": name,
            "namespace": namespace,
            "labels": {**labels_of(service), MANAGER: NAME},
        }
        if over:
            meta["annotations"] = {CAPACITY: "truncated"}
        body: Obj = {"metadata": meta} | ({"subsets": subsets} if subsets else {})
        if there is None:
            self.cluster.create("endpoints", body)
        elif _face(there) != _face(body):
            kept = {k: v for k, v in there["metadata"].items() if k != "annotations"}
            self.cluster.update("endpoints", {**body, "metadata": {**kept, **meta}})

    def _subsets(self, key: str) -> tuple[list[Obj], bool]:
        """Addresses by their ports, ready ones apart, and whether there are more than fit."""
        groups: defaultdict[str, Obj] = defaultdict(dict)
        count = 0
        for name in sorted(self._slices.of(key)):
            piece = self.cluster.get("endpointslices", *split(name))
            for endpoint in (piece or {}).get("endpoints") or ():
                conditions = endpoint["conditions"]
                if conditions.get("terminating"):
                    continue
                count += 1
                if count > LIMIT:
                    break
                assert piece is not None
                subset = groups[repr(piece["ports"])]
                subset["ports"] = [_port(port) for port in piece["ports"]]
                side = "addresses" if conditions.get("ready") else "notReadyAddresses"
                subset.setdefault(side, []).append(_address(endpoint))
        for subset in groups.values():
            for side in ("addresses", "notReadyAddresses"):
                if side in subset:
                    subset[side].sort(key=lambda address: str(address["ip"]))
        return [groups[ports] for ports in sorted(groups)], count > LIMIT


def _port(port: Obj) -> Obj:
    found = {"name": port.get("name") or "", "port": port["port"], "protocol": port["protocol"]}
    return {k: v for k, v in found.items() if v} | (
        {"appProtocol": port["appProtocol"]} if port.get("appProtocol") else {}
    )


def _address(endpoint: Obj) -> Obj:
    found = {"ip": endpoint["addresses"][0], "nodeName": endpoint.get("nodeName")}
    found["targetRef"] = endpoint.get("targetRef")
    return {k: v for k, v in found.items() if v}


def _face(body: Obj) -> tuple[Any, ...]:
    notes = body["metadata"].get("annotations") or {}
    return list(body.get("subsets") or ()), dict(labels_of(body)), notes.get(CAPACITY)
