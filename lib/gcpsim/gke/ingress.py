"""What an ingress controller does to Ingress objects: it publishes its Service's address.

Follows IngressClasses of ingress-nginx; routing itself is the data plane's business.
"""

from gcpsim.k8s.controllers.objects import Obj, annotations_of, key_of, split
from gcpsim.k8s.controllers.plane import Plane
from gcpsim.k8s.objects.cluster import Cluster

NGINX = "k8s.io/ingress-nginx"
PUBLISHED = ("ingress-nginx", "ingress-nginx-controller")
COMPONENT = "nginx-ingress-controller"
LEGACY_CLASS = "kubernetes.io/ingress.class"


class IngressStatus:
    """Keeps status.loadBalancer of Ingresses that belong to ingress-nginx."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.worker = plane.worker("gke.service.lag", self.reconcile)
        self.cluster.subscribe("ingresses", lambda event, obj, old: self.worker.mark(key_of(obj)))
        self.cluster.subscribe("services", self._follow_service)
        for ingress in self.cluster.list("ingresses"):
            self.worker.mark(key_of(ingress))

    def _follow_service(self, event: str, service: Obj, old: Obj | None) -> None:
        if key_of(service) == "/".join(PUBLISHED):
            for key in list(self.cluster.table("ingresses")):
                self.worker.mark(key)

    def reconcile(self, key: str) -> None:
        ingress = self.cluster.get("ingresses", *split(key))
        if ingress is None or not is_nginx(self.cluster, ingress):
            return
        service = self.cluster.get("services", *PUBLISHED)
        if service is None or self.cluster.get("deployments", *PUBLISHED) is None:
            return
        found = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
        addresses = [{"ip": item["ip"]} for item in found if item.get("ip")]
        if not addresses and service["spec"].get("clusterIP"):
            addresses = [{"ip": service["spec"]["clusterIP"]}]
        status = {"loadBalancer": {"ingress": addresses} if addresses else {}}
        if (ingress.get("status") or {}).get("loadBalancer") != status["loadBalancer"]:
            self.plane.change("ingresses", ingress, status)
            self.plane.event(ingress, "Normal", "Sync", "Scheduled for sync", COMPONENT)


def is_nginx(cluster: Cluster, ingress: Obj) -> bool:
    """Whether an Ingress belongs to a class of ingress-nginx."""
    name = ingress["spec"].get("ingressClassName") or annotations_of(ingress).get(LEGACY_CLASS)
    if not name:
        return False
    known = cluster.get("ingressclasses", "", name)
    return known is not None and known["spec"].get("controller") == NGINX
