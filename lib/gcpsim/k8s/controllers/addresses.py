"""The IPAddress of each cluster IP: written with its Service, gone with it.

A real API server allocates by these objects; here the Services themselves say what is taken, and
an IPAddress or ServiceCIDR that somebody else writes reserves and adds nothing.
"""

from gcpsim.k8s.controllers.objects import Obj
from gcpsim.k8s.controllers.plane import Plane

RESOURCE = "ipaddresses"
LABELS = {
    "ipaddress.kubernetes.io/ip-family": "IPv4",
    "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
}


class AddressController:
    def __init__(self, plane: Plane) -> None:
        self.cluster = plane.cluster
        self.cluster.subscribe("services", self._follow)
        for service in self.cluster.list("services"):
            self._follow("ADDED", service, None)

    def _follow(self, event: str, service: Obj, old: Obj | None) -> None:
        before = _address(old) or (_address(service) if event == "DELETED" else "")
        after = "" if event == "DELETED" else _address(service)
        if before != after and self.cluster.get(RESOURCE, None, before) is not None:
            self.cluster.delete(RESOURCE, None, before)
        if after and self.cluster.get(RESOURCE, None, after) is None:
            meta = service["metadata"]
            parent = {"group": "", "resource": "services", "namespace": meta["namespace"],
                      "name": meta["name"]}  # fmt: skip
            body = {"metadata": {"name": after, "labels": LABELS}, "spec": {"parentRef": parent}}
            self.cluster.create(RESOURCE, body)


def _address(service: Obj | None) -> str:
    found = str(service["spec"].get("clusterIP") or "") if service else ""
    return "" if found == "None" else found
