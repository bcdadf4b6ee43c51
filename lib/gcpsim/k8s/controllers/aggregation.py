"""The aggregator: whether the APIs that Services are to serve are there.

Groups that the API server serves itself are always available. Of others their Service and its
endpoints are looked at; what they would answer is not asked, since nothing here is passed on.
"""

from gcpsim.k8s.controllers.objects import Obj, deleting, key_of, labels_of, with_condition
from gcpsim.k8s.controllers.plane import Plane

RESOURCE = "apiservices"
SERVICE_LABEL = "kubernetes.io/service-name"


class AggregationController:
    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.worker = plane.worker("kubernetes.controller.lag", self.reconcile)
        self.cluster.subscribe(RESOURCE, lambda event, obj, old: self.worker.mark(key_of(obj)))
        for resource in ("services", "endpointslices"):
            self.cluster.subscribe(resource, self._follow)
        for found in self.cluster.list(RESOURCE):
            self.worker.mark(key_of(found))

    def _follow(self, event: str, obj: Obj, old: Obj | None) -> None:
        for key, found in self.cluster.table(RESOURCE).items():
            if found["spec"].get("service"):
                self.worker.mark(key)

    def reconcile(self, key: str) -> None:
        found = self.cluster.get(RESOURCE, None, key)
        if found is None or deleting(found):
            return
        status, reason, message = self._availability(found["spec"])
        old = found.get("status") or {}
        conditions = with_condition(
            old.get("conditions") or (), "Available", status, self.plane.now(),
            reason=reason, message=message,
        )  # fmt: skip
        self.plane.change(RESOURCE, found, {**old, "conditions": conditions})

    def _availability(self, spec: Obj) -> tuple[str, str, str]:
        reference = spec.get("service")
        if not reference:
            return "True", "Local", "Local APIServices are always available"
        namespace, name = reference.get("namespace", ""), reference.get("name", "")
        service = self.cluster.get("services", namespace, name)
        if service is None:
            why = f'service/{name} in "{namespace}" is not present'
            return "False", "ServiceNotFound", why
        port = int(reference.get("port") or 443)
        ports = service["spec"].get("ports") or ()
        named = next((one.get("name", "") for one in ports if one["port"] == port), None)
        if named is None:
            why = f'service/{name} in "{namespace}" is not listening on port {port}'
            return "False", "ServicePortError", why
        if not self._has_endpoints(namespace, name):
            why = (
                f'endpoints for service/{name} in "{namespace}" have no addresses with port name '
                f'"{named}"'
            )
            return "False", "MissingEndpoints", why
        why = f"gcpsim: service/{name} is there, and is asked for nothing: requests answer 404"
        return "False", "FailedDiscoveryCheck", why

    def _has_endpoints(self, namespace: str, name: str) -> bool:
        return any(
            (endpoint.get("conditions") or {}).get("ready", True)
            for piece in self.cluster.list("endpointslices", namespace)
            if labels_of(piece).get(SERVICE_LABEL) == name
            for endpoint in piece.get("endpoints") or ()
        )
