"""GKE's Gateway controller for the class gke-l7-global-external-managed.

Builds what `parts` says, deletes what no Gateway of the cluster wants any more, has the NEG
controller make NEGs by the annotation on the Services, and writes status and annotations.
"""

import orjson

from gcpsim.gke.building import Builder
from gcpsim.gke.gateway import conditions, names, reading, routes
from gcpsim.gke.gateway.parts import Parts
from gcpsim.gke.gateway.reading import Reading
from gcpsim.gke.neg.annotation import KEY, STATUS_KEY, NegError, parse
from gcpsim.gke.parts import Part
from gcpsim.k8s.controllers.objects import (
    Obj,
    annotations_of,
    deleting,
    key_of,
    split,
    stamp,
    with_annotations,
    with_meta,
)
from gcpsim.k8s.controllers.plane import Plane

FINALIZER = "gateway.finalizer.networking.gke.io"
COMPONENT = "sc-gateway-controller"
RETRY = 15.0
# In the order in which they can be deleted; the annotation of a Gateway that lists them.
SHOWN = {
    "forwardingRules": "forwarding-rules",
    "targetHttpProxies": "target-http-proxies",
    "targetHttpsProxies": "target-https-proxies",
    "urlMaps": "url-maps",
    "backendServices": "backend-services",
    "healthChecks": "health-checks",
    "sslCertificates": "ssl-certificates",
    "addresses": "addresses",
    "firewalls": "firewalls",
}
FOLLOWED = ("gateways", "httproutes", "referencegrants", "gcpbackendpolicies",
            "healthcheckpolicies", "servicenetworkendpointgroups")  # fmt: skip


class GatewayController:
    """Keeps the load balancers of one cluster's Gateways."""

    def __init__(self, plane: Plane) -> None:
        self.plane, self.cluster = plane, plane.cluster
        self.parts = Parts(plane)
        self.worker = plane.worker("gke.service.lag", self.reconcile)
        self.builder = Builder(plane, self.worker.mark, self._failed)
        # Ports that we added to the annotation of a Service, by cluster/namespace/name.
        self.exposed = plane.world.store.table("gke/gateway-ports")
        self.prefix = names.cluster_prefix(plane.cluster.uid)
        self._accept_classes()
        for resource in FOLLOWED:
            self.cluster.subscribe(resource, lambda event, obj, old: self._all(obj))
        self.cluster.subscribe("services", self._follow_service)
        self._all({})

    def _accept_classes(self) -> None:
        for one in self.cluster.list("gatewayclasses"):
            if (one.get("spec") or {}).get("controllerName") == conditions.CONTROLLER:
                said = {"type": "Accepted", "status": "True", "reason": "Accepted", "message": "",
                        "observedGeneration": 1,
                        "lastTransitionTime": one["metadata"]["creationTimestamp"]}  # fmt: skip
                self.plane.change("gatewayclasses", one, {"conditions": [said]})

    def _all(self, changed: Obj) -> None:
        for gateway in self.cluster.list("gateways"):
            if reading.is_ours(gateway) or _held(gateway):
                self.worker.mark(key_of(gateway))
        if changed.get("kind") == "HTTPRoute" and not deleting(changed):
            self.worker.mark(f"route:{key_of(changed)}")

    def _follow_service(self, event: str, service: Obj, old: Obj | None) -> None:
        seen = [(one["spec"], annotations_of(one).get(STATUS_KEY)) for one in (service, old) if one]
        if event != "MODIFIED" or seen[0] != seen[-1]:
            self._all({})

    def reconcile(self, key: str) -> None:
        if key.startswith("route:"):
            self._tidy_route(key.removeprefix("route:"))
            return
        gateway = self.cluster.get("gateways", *split(key))
        if gateway is None:
            return
        self._expose()
        if deleting(gateway) or not reading.is_ours(gateway):
            self._remove(key, gateway)
            return
        if not _held(gateway):
            held = [*(gateway["metadata"].get("finalizers") or []), FINALIZER]
            gateway = self.cluster.update("gateways", with_meta(gateway, finalizers=held))
            self._event(gateway, "ADD", key)
        found = reading.read(self.cluster, gateway)
        parts = self.parts.of(found)
        done = self.builder.built(key, parts)
        if done:
            done = self.builder.removed(key, self._left_over())
        self._publish(found, parts, done=done)

    def _remove(self, key: str, gateway: Obj) -> None:
        if _held(gateway) and self.builder.removed(key, self._left_over()):
            kept = [name for name in gateway["metadata"]["finalizers"] if name != FINALIZER]
            self.cluster.update("gateways", with_meta(gateway, finalizers=kept))

    def _left_over(self) -> list[str]:
        """What carries the cluster's mark and belongs to no Gateway that is to be there."""
        wanted = {
            part.path
            for gateway in reading.living(self.cluster)
            for part in self.parts.of(reading.read(self.cluster, gateway))
        }
        place = f"projects/{self.cluster.project}/global"
        found = [
            f"{place}/{collection}/{doc['name']}"
            for collection in SHOWN
            for doc in self.builder.compute.list(self.cluster.project, collection)
            if doc["name"].startswith(self.prefix)
        ]
        return [path for path in found if path not in wanted]

    # What the Services say to the NEG controller

    def _expose(self) -> None:
        """Ports that routes lead to are exposed as NEGs; those that none does no longer are."""
        wanted: dict[str, set[int]] = {}
        for gateway in reading.living(self.cluster):
            for namespace, name, port in reading.read(self.cluster, gateway).backends:
                wanted.setdefault(f"{namespace}/{name}", set()).add(port)
        for service in self.cluster.list("services"):
            ports = wanted.get(key_of(service), set())
            if ports or f"{self.cluster.name}/{key_of(service)}" in self.exposed:
                self._expose_ports(service, ports)

    def _expose_ports(self, service: Obj, ports: set[int]) -> None:
        notes = annotations_of(service)
        key = f"{self.cluster.name}/{key_of(service)}"
        ours = set((self.exposed.get(key) or {"ports": []})["ports"])
        try:
            known = parse(notes.get(KEY) or "{}")
        except NegError:
            return  # the NEG controller says what is wrong with it
        exposed = {p: n for p, n in known.exposed.items() if p not in ours or p in ports}
        added = {port for port in ports if port not in known.exposed or port in ours}
        exposed |= {port: known.exposed.get(port, "") for port in added}
        if not exposed:
            text = '{"ingress":true}'
        else:
            listed = {str(p): {"name": n} if n else {} for p, n in sorted(exposed.items())}
            more = {"ingress": True} if known.ingress and known.exposed and not ours else {}
            text = orjson.dumps({**more, "exposed_ports": listed}).decode()
        if added:
            self.exposed.put(key, {"ports": sorted(added)})
        else:
            self.exposed.delete(key)
        if notes.get(KEY) != text:
            self.cluster.update("services", with_annotations(service, **{KEY: text}))

    # What is told

    def _publish(self, found: Reading, parts: list[Part], *, done: bool) -> None:
        gateway, now = found.gateway, self.plane.now()
        address = self._address(parts) if done else self._shown(gateway)
        if done and parts:
            gateway = self._annotate(gateway, parts)
        elif found.problem[1]:
            text = f'failed to translate Gateway "{found.key}": {found.problem[1]}'
            self._event(gateway, "SYNC", text, kind="Warning")
        status = conditions.gateway_status(found, address, now)
        if gateway.get("status") != status:
            self.plane.change("gateways", gateway, status)
            if done and address:
                self._event(gateway, "SYNC", f"SYNC on {found.key} was a success")
        for route in self.cluster.list("httproutes"):
            if routes.refers(route, gateway):
                self._tell_route(route, found, done=done)

    def _tell_route(self, route: Obj, found: Reading, *, done: bool) -> None:
        told = conditions.route_status(route, found, self.plane.now(), done=done)
        if route.get("status") == told:
            return
        self.plane.change("httproutes", route, told)
        key = key_of(route)
        if key in found.refused or key in found.broken:
            _, why = found.refused.get(key) or found.broken[key]
            self._event(route, "SYNC", why, kind="Warning")
        elif done:
            bound = f'HTTPRoute "{key}" to Gateway "{found.key}"'
            self._event(route, "SYNC", f"Bind of {bound} was a success")

    def _tidy_route(self, key: str) -> None:
        """What was said of Gateways that a route no longer names goes."""
        route = self.cluster.get("httproutes", *split(key))
        if route is None or not (route.get("status") or {}).get("parents"):
            return
        keep = [
            parent
            for gateway in reading.living(self.cluster)
            for parent in routes.refers(route, gateway)
        ]
        self.plane.change("httproutes", route, conditions.without(route, keep))

    def _annotate(self, gateway: Obj, parts: list[Part]) -> Obj:
        notes: dict[str, str | None] = {}
        for collection, note in SHOWN.items():
            paths = sorted(f"/{p.path}" for p in parts if f"/{collection}/" in p.path)
            notes[f"networking.gke.io/{note}"] = ", ".join(paths)
        if all(annotations_of(gateway).get(name) == text for name, text in notes.items()):
            return gateway
        notes["networking.gke.io/last-reconcile-time"] = stamp(self.plane.now())
        changed = self.cluster.update("gateways", with_annotations(gateway, **notes))
        self._event(gateway, "UPDATE", key_of(gateway))
        return changed

    def _address(self, parts: list[Part]) -> str:
        rules = [part.path for part in parts if "/forwardingRules/" in part.path]
        found = self.builder.compute.get(rules[0]) if rules else None
        return str((found or {}).get("IPAddress", ""))

    @staticmethod
    def _shown(gateway: Obj) -> str:
        addresses = (gateway.get("status") or {}).get("addresses") or [{}]
        return str(addresses[0].get("value", ""))

    def _event(self, obj: Obj, reason: str, text: str, *, kind: str = "Normal") -> None:
        self.plane.event(obj, kind, reason, text, COMPONENT)

    def _failed(self, key: str, problem: str) -> None:
        gateway = self.cluster.get("gateways", *split(key))
        if gateway is not None:
            text = f"error ensuring load balancer: {problem}"
            self._event(gateway, "SYNC", text, kind="Warning")
        self.worker.mark_at(self.plane.now() + RETRY, key)


def _held(gateway: Obj) -> bool:
    return FINALIZER in (gateway["metadata"].get("finalizers") or ())
