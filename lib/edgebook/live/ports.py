"""Which ports pods really listen on behind the ports of a Service."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

SLICES = "apis/discovery.k8s.io/v1/namespaces/{}/endpointslices"
OF_SERVICE = "kubernetes.io/service-name"


def target_ports(
    service: Mapping[str, Any], slices: Iterable[Mapping[str, Any]]
) -> dict[int, tuple[int, ...]]:
    """Service port -> the ports that its pods really listen on, from the endpoint slices.

    A slice's port belongs to the Service port of the same name. Without any endpoint, a numeric
    targetPort is the best that is known.
    """
    ports: dict[str, set[int]] = defaultdict(set)
    for item in slices:
        if item.get("endpoints"):
            for port in item.get("ports") or ():
                if port.get("port"):
                    ports[str(port.get("name") or "")].add(int(port["port"]))
    found = {}
    for port in service.get("spec", {}).get("ports") or ():
        real = ports.get(str(port.get("name") or ""))
        target = port.get("targetPort", port["port"])
        if real:
            found[int(port["port"])] = tuple(sorted(real))
        elif isinstance(target, int):
            found[int(port["port"])] = (target,)
        else:
            found[int(port["port"])] = ()
    return found
