"""The EndpointSlice controller: who serves each Service, in slices of at most 100 endpoints.

One slice group per distinct set of resolved ports (named ports may differ from pod to pod). A pass
keeps endpoints in the slices where they are and touches only the slices that change.
"""

import secrets
from collections import defaultdict
from typing import Any

from gcpsim.k8s.controllers.objects import (
    SAFE,
    Obj,
    deleting,
    is_true,
    key_of,
    labels_of,
    owner_reference,
    split,
    with_annotations,
)
from gcpsim.k8s.controllers.plane import Plane
from gcpsim.k8s.controllers.triggers import NOTE, Triggers

SERVICE = "kubernetes.io/service-name"
MANAGER = "endpointslice.kubernetes.io/managed-by"
LIMIT = 100
Ports = tuple[tuple[str, str, int, str], ...]


class Slices:
    """The slices that the controller keeps, by their Service."""

    def __init__(self) -> None:
        self._of: defaultdict[str, dict[str, None]] = defaultdict(dict)

    def follow(self, event: str, piece: Obj) -> str:
        """Take note of a slice; the Service that it is of, "" when somebody else keeps it."""
        labels = labels_of(piece)
        if labels.get(MANAGER) != "endpointslice-controller.k8s.io" or SERVICE not in labels:
            return ""
        service = f"{piece['metadata']['namespace']}/{labels[SERVICE]}"
        if event == "DELETED":
            self._of[service].pop(key_of(piece), None)
        else:
            self._of[service][key_of(piece)] = None
        return service

    def of(self, service: str) -> tuple[str, ...]:
        """The keys of its slices, the oldest first."""
        return tuple(self._of.get(service, ()))


class EndpointSliceController:
    """Keeps the slices of every Service that has a selector."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.worker = plane.worker("kubernetes.endpointslice.lag", self.reconcile)
        self._slices, self._triggers = Slices(), Triggers()
        self._services: defaultdict[str, dict[str, dict[str, str]]] = defaultdict(dict)
        self._made: defaultdict[str, dict[str, tuple[Obj, Obj, Ports, Obj]]] = defaultdict(dict)
        self.cluster.subscribe("services", self._follow_service)
        self.cluster.subscribe("pods", self._follow_pod)
        self.cluster.subscribe("endpointslices", self._follow_slice)
        for piece in self.cluster.list("endpointslices"):
            self._follow_slice("ADDED", piece, None)
        for service in self.cluster.list("services"):
            self._follow_service("ADDED", service, None)

    def _follow_service(self, event: str, service: Obj, old: Obj | None) -> None:
        namespace, name = split(key_of(service))
        selector = service["spec"].get("selector")
        if event == "DELETED" or not selector:
            self._services[namespace].pop(name, None)
        else:
            self._services[namespace][name] = selector
        if event != "MODIFIED" or old is None or old["spec"] != service["spec"]:
            self.worker.mark(key_of(service))

    def _follow_slice(self, event: str, piece: Obj, old: Obj | None) -> None:
        self._slices.follow(event, piece)

    def _follow_pod(self, event: str, pod: Obj, old: Obj | None) -> None:
        if event == "MODIFIED" and old is not None and _face(old) == _face(pod):
            return
        namespace = pod["metadata"]["namespace"]
        labels, before = labels_of(pod), labels_of(old or pod)
        for name, selector in self._services[namespace].items():
            wanted = selector.items()
            if wanted <= labels.items() or wanted <= before.items():
                self.worker.mark(f"{namespace}/{name}")

    def reconcile(self, key: str) -> None:
        service = self.cluster.get("services", *split(key))
        have = [
            piece
            for name in self._slices.of(key)
            if (piece := self.cluster.get("endpointslices", *split(name))) is not None
        ]
        if service is None or not service["spec"].get("selector"):
            self._made.pop(key, None)
            self._triggers.forget(key)
            for piece in have:
                self.cluster.delete("endpointslices", *split(key_of(piece)))
            return
        if deleting(service) or service["spec"].get("type") == "ExternalName":
            return
        wanted = self._wanted(service)
        since = self._triggers.since(service, (made[0] for made in self._made[key].values()))
        groups: defaultdict[Ports, list[Obj]] = defaultdict(list)
        for piece in have:
            groups[_ports_of(piece)].append(piece)
        if not wanted:
            wanted[next(iter(groups), ())] = {}
        for ports, pieces in groups.items():
            if ports not in wanted:
                for piece in pieces:
                    self.cluster.delete("endpointslices", *split(key_of(piece)))
        for ports, endpoints in wanted.items():
            self._arrange(service, since, ports, endpoints, groups.get(ports, []))

    def _wanted(self, service: Obj) -> defaultdict[Ports, dict[str, Obj]]:
        """Endpoints by ports and address. Objects are frozen: what was made of a pod is kept."""
        selector = service["spec"]["selector"].items()
        wanted: defaultdict[Ports, dict[str, Obj]] = defaultdict(dict)
        old, made = self._made.pop(key_of(service), {}), self._made[key_of(service)]
        spec = service["spec"]
        for pod in self.plane.pods.in_namespace(service["metadata"]["namespace"]):
            status = pod.get("status") or {}
            address = status.get("podIP")
            if not address or not selector <= labels_of(pod).items():
                continue
            if status.get("phase") in ("Succeeded", "Failed"):
                continue
            known = old.get(address)
            if known is None or known[0] is not pod or known[1] is not spec:
                known = (pod, spec, resolve_ports(service, pod), self._endpoint(spec, pod))
            made[address] = known
            wanted[known[2]][address] = known[3]
        return wanted

    def _endpoint(self, spec: Obj, pod: Obj) -> Obj:
        node = pod["spec"].get("nodeName", "")
        found = self.cluster.get("nodes", "", node)
        zone = labels_of(found).get("topology.kubernetes.io/zone", "") if found else ""
        return _endpoint(pod, zone, bool(spec.get("publishNotReadyAddresses")))

    def _arrange(
        self,
        service: Obj,
        since: str | None,
        ports: Ports,
        endpoints: dict[str, Obj],
        pieces: list[Obj],
    ) -> None:
        missing = dict(endpoints)
        plans: list[tuple[Obj, list[Obj]]] = []
        for piece in pieces:
            kept = []
            for endpoint in piece["endpoints"] or ():
                address = endpoint["addresses"][0]
                if address in missing:
                    kept.append(missing.pop(address))
            plans.append((piece, kept))
        changed = [p for p in plans if p[1] != list(p[0]["endpoints"] or ())]
        for _, kept in [*changed, *plans]:
            while missing and len(kept) < LIMIT:
                kept.append(missing.pop(next(iter(missing))))
        survivors = 0
        for piece, kept in plans:
            if not kept and (endpoints or survivors):
                self.cluster.delete("endpointslices", *split(key_of(piece)))
                continue
            survivors += 1
            labels = _labels(service)
            if kept != list(piece["endpoints"] or ()) or labels_of(piece) != labels:
                meta = {**piece["metadata"], "labels": labels}
                new = {**piece, "metadata": meta, "endpoints": kept}
                self.cluster.update("endpointslices", with_annotations(new, **{NOTE: since}))
        rest = list(missing.values())
        for start in range(0, len(rest), LIMIT):
            self._create(service, since, ports, rest[start : start + LIMIT])
        if not endpoints and not survivors:
            self._create(service, since, ports, [])

    def _create(self, service: Obj, since: str | None, ports: Ports, endpoints: list[Obj]) -> None:
        namespace, name = split(key_of(service))
        suffix = "".join(secrets.choice(SAFE) for _ in range(5))
        self.cluster.create(
            "endpointslices",
            {
                "metadata": {
                    "name": f"{name}-{suffix}",
                    "generateName": f"{name}-",
                    "namespace": namespace,
                    "labels": _labels(service),
                    "annotations": {NOTE: since} if since else {},
                    "ownerReferences": [owner_reference(service)],
                },
                "addressType": "IPv4",
                "endpoints": endpoints,
                "ports": [
                    {"name": name, "protocol": protocol, "port": port}
                    | ({"appProtocol": app} if app else {})
                    for name, protocol, port, app in ports
                ],
            },
        )


def resolve_ports(service: Obj, pod: Obj) -> Ports:
    """The Service's ports with their number on this pod; named ports that it lacks are left out."""
    found = []
    for port in service["spec"].get("ports") or ():
        number = target_port(port, pod)
        if number is not None:
            protocol, app = port.get("protocol", "TCP"), port.get("appProtocol", "")
            found.append((port.get("name", ""), protocol, number, app))
    return tuple(sorted(found))


def target_port(port: Obj, pod: Obj) -> int | None:
    target: Any = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target or int(port["port"])
    for container in pod["spec"].get("containers") or ():
        for declared in container.get("ports") or ():
            if declared.get("name") == target:
                return int(declared["containerPort"])
    return None


def _endpoint(pod: Obj, zone: str, publish: bool) -> Obj:
    ready, ending = is_true(pod, "Ready"), deleting(pod)
    meta = pod["metadata"]
    endpoint = {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {
            "ready": publish or (ready and not ending),
            "serving": ready,
            "terminating": ending,
        },
        "nodeName": pod["spec"].get("nodeName", ""),
        "targetRef": {
            "kind": "Pod",
            "name": meta["name"],
            "namespace": meta["namespace"],
            "uid": meta["uid"],
        },
    }
    return endpoint | ({"zone": zone} if zone else {})


def _labels(service: Obj) -> dict[str, str]:
    kept = {k: v for k, v in labels_of(service).items() if "kubernetes.io/service-name" not in k}
    return {
        **kept,
        MANAGER: "endpointslice-controller.k8s.io",
        SERVICE: service["metadata"]["name"],
    }


def _ports_of(piece: Obj) -> Ports:
    found = [
        (p.get("name") or "", p.get("protocol", "TCP"), int(p["port"]), p.get("appProtocol") or "")
        for p in piece.get("ports") or ()
    ]
    return tuple(sorted(found))


def _face(pod: Obj) -> tuple[Any, ...]:
    """What of a pod shows in its endpoints."""
    status = pod.get("status") or {}
    return (
        is_true(pod, "Ready"),
        deleting(pod),
        status.get("podIP"),
        status.get("phase"),
        labels_of(pod),
    )
