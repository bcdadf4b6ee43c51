"""Which NEGs are wanted, and by whom: the one seam between the NEG controller and its source.

The source is the annotation on the Service, and what Ingresses and Gateways add. Bindings make no
NEGs and have their own keeper (binding.py).
"""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, replace

from gcpsim.gke.neg import names
from gcpsim.gke.neg.annotation import KEY, NegAnnotation, NegError, parse
from gcpsim.k8s.controllers.objects import Obj, annotations_of, key_of


@dataclass(frozen=True)
class Wish:
    """One NEG per zone, for one port of one Service."""

    namespace: str
    service: str
    port: int
    port_name: str
    name: str
    custom: bool

    @property
    def key(self) -> str:
        """As the controller's messages print it."""
        port = f"{self.port_name}/{self.port}"
        return f"{self.namespace}/{self.service}-{self.name}-{port}-GCE_VM_IP_PORT"

    def description(self, cluster_uid: str) -> names.Description:
        return names.Description(cluster_uid, self.namespace, self.service, str(self.port))


@dataclass(frozen=True)
class Wishes:
    """What a Service asks for; `zones` are to be provisioned although they have no node."""

    negs: tuple[Wish, ...] = ()
    zones: tuple[str, ...] = ()
    complaint: str = ""


class AnnotationSource:
    """Wishes from `cloud.google.com/neg` on the Service."""

    def __init__(self, cluster_uid: str, zones: list[str]) -> None:
        self.cluster_uid = cluster_uid
        self.zones = zones
        # The ports of a Service that an Ingress of GKE's own class leads to.
        self.of_ingress: Callable[[Obj], set[int]] = lambda service: set()

    def read(self, service: Obj) -> Wishes:
        """What the Service wants; NegError when it can't be had."""
        text = annotations_of(service).get(KEY)
        if not text:
            return Wishes()
        annotation = parse(text)
        if annotation.ingress:
            routed = dict.fromkeys(self.of_ingress(service), "")
            annotation = replace(annotation, exposed={**routed, **annotation.exposed})
        if not annotation.exposed:
            return Wishes()
        key, spec = key_of(service), service["spec"]
        if annotation.ingress and any(annotation.exposed.values()):
            raise NegError(
                f"configuration for negs in service ({key}) is invalid, custom neg name cannot be "
                "used with ingress enabled"
            )
        if _only_ipv6(spec):
            raise NegError("NEG is not supported for ipv6 only service")
        ports = {int(port["port"]): port for port in spec.get("ports") or ()}
        wishes = []
        for number, custom in sorted(annotation.exposed.items()):
            if number not in ports:
                raise NegError(f'port {number} specified in "{KEY}" doesn\'t exist in the service')
            wishes.append(self._wish(service, number, ports[number].get("name", ""), custom))
        zones, complaint = self._zones(annotation)
        return Wishes(tuple(wishes), zones, complaint)

    def _wish(self, service: Obj, port: int, port_name: str, custom: str) -> Wish:
        namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
        chosen = custom or names.generated(self.cluster_uid, namespace, name, port)
        return Wish(namespace, name, port, port_name, chosen, bool(custom))

    def _zones(self, annotation: NegAnnotation) -> tuple[tuple[str, ...], str]:
        if annotation.zones == ("*",):
            return tuple(self.zones), ""
        for zone in annotation.zones:
            if zone not in self.zones:
                return (), (
                    "Ignore zone pre-provisioning annotation err: incorrect value: "
                    f'zone "{zone}" is not in the cluster\'s region zones'
                )
        return annotation.zones, ""


def _only_ipv6(spec: Obj) -> bool:
    families = spec.get("ipFamilies")
    if families:
        return list(families) == ["IPv6"]
    address = spec.get("clusterIP") or ""
    try:
        return ipaddress.ip_address(address).version == 6
    except ValueError:
        return False
