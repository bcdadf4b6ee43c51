"""Which NEGs a cluster fills with pods, whoever asked for them.

By the annotation of any Service, those of a MultiClusterService and of an exported Service among
them (GKE writes svcneg objects for each), or by a NetworkEndpointGroupBinding, whose NEGs somebody
else makes and keeps.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from edgebook.base.errors import AccessError
from edgebook.live.reader import Reader
from edgebook.model.observed import Filled, Neg

BINDINGS = "apis/networking.gke.io/v1beta1/networkendpointgroupbindings"
ServiceName = tuple[str, str]  # namespace, name
Ports = Mapping[ServiceName, Mapping[int, tuple[int, ...]]]  # by Service port, where known


def prefetch(reader: Reader, cluster: str) -> None:
    reader.objects(cluster, BINDINGS, missing_ok=True)


def filled(
    reader: Reader,
    cluster: str,
    negs: Mapping[tuple[ServiceName, int], Iterable[Neg]],
    ports: Ports,
) -> tuple[Filled, ...]:
    """All NEGs of a cluster, sorted; `negs` are those of svcnegs by Service and Service port.

    Bindings that may not be read are passed over: nobody's front door needs them to be built.
    """
    try:
        bindings = reader.objects(cluster, BINDINGS, missing_ok=True).result()
    except AccessError:
        bindings = []
    found = [*_by_annotation(negs, ports), *_by_binding(bindings, ports)]
    return tuple(sorted(found, key=lambda one: (one.link, one.by)))


def _by_annotation(
    negs: Mapping[tuple[ServiceName, int], Iterable[Neg]], ports: Ports
) -> Iterator[Filled]:
    for (service, port), group in negs.items():
        for neg in group:
            yield Filled(neg.link, f"Service {'/'.join(service)}", _of(ports, service, port))


def _by_binding(bindings: Iterable[Mapping[str, Any]], ports: Ports) -> Iterator[Filled]:
    for item in bindings:
        meta, spec = item["metadata"], item.get("spec") or {}
        behind = spec.get("backendRef") or {}
        service = (str(meta["namespace"]), str(behind.get("name", "")))
        port = behind.get("port")
        by = f"NetworkEndpointGroupBinding {meta['namespace']}/{meta['name']}"
        for ref in (item.get("status") or {}).get("networkEndpointGroups") or ():
            if isinstance(ref, Mapping) and ref.get("resourceURL"):
                known = _of(ports, service, port) if isinstance(port, int) else ()
                yield Filled(str(ref["resourceURL"]), by, known, binding=True)


def _of(ports: Ports, service: ServiceName, port: int) -> tuple[int, ...]:
    return tuple(ports.get(service, {}).get(port, ()))
