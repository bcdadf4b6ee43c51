"""Which NEGs a cluster fills with pods, whoever asked for them.

By the annotation of any Service, those of a MultiClusterService and of an exported Service among
them (GKE writes svcneg objects for each), or by a NetworkEndpointGroupBinding, whose NEGs somebody
else makes and keeps.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edgebook.base.errors import AccessError
from edgebook.live.ports import OF_SERVICE, SLICES, target_ports
from edgebook.live.reader import Reader
from edgebook.model.observed import Filled, Neg

BINDINGS = "apis/networking.gke.io/v1beta1/networkendpointgroupbindings"
ServiceName = tuple[str, str]  # namespace, name
Object = Mapping[str, Any]
Ports = Mapping[ServiceName, Mapping[int, tuple[int, ...]]]  # by Service port, where known


@dataclass(frozen=True)
class Known:
    """All Services of a cluster, and the ports behind those that were looked at."""

    services: Mapping[ServiceName, Object]
    ports: Ports


def prefetch(reader: Reader, cluster: str) -> None:
    reader.objects(cluster, BINDINGS, missing_ok=True)


def filled(
    reader: Reader,
    cluster: str,
    negs: Mapping[tuple[ServiceName, int], Iterable[Neg]],
    known: Known,
) -> tuple[Filled, ...]:
    """All NEGs of a cluster, sorted; `negs` are those of svcnegs by Service and Service port.

    Bindings that may not be read are passed over: nobody's front door needs them to be built.
    """
    try:
        bindings = reader.objects(cluster, BINDINGS, missing_ok=True).result()
    except AccessError:
        bindings = []
    asked = {service for service, _ in negs} | {_behind(item)[0] for item in bindings}
    ports = {**known.ports, **dict(_ports(reader, cluster, asked - set(known.ports), known))}
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
        meta, (service, port) = item["metadata"], _behind(item)
        by = f"NetworkEndpointGroupBinding {meta['namespace']}/{meta['name']}"
        for ref in (item.get("status") or {}).get("networkEndpointGroups") or ():
            if isinstance(ref, Mapping) and ref.get("resourceURL"):
                known = _of(ports, service, port) if isinstance(port, int) else ()
                yield Filled(str(ref["resourceURL"]), by, known, binding=True)


def _behind(binding: Object) -> tuple[ServiceName, Any]:
    """The Service and the port that a binding leads to."""
    behind = (binding.get("spec") or {}).get("backendRef") or {}
    return (str(binding["metadata"]["namespace"]), str(behind.get("name", ""))), behind.get("port")


def _ports(
    reader: Reader, cluster: str, others: Iterable[ServiceName], known: Known
) -> Iterator[tuple[ServiceName, Mapping[int, tuple[int, ...]]]]:
    """The ports behind Services of others: where the targetPort is a name, by their slices."""
    for one in sorted(others):
        if one not in known.services:
            continue
        found = target_ports(known.services[one], ())
        if not all(found.values()):
            try:
                slices = reader.objects(cluster, SLICES.format(one[0])).result()
            except AccessError:
                slices = []
            mine = (s for s in slices
                    if (s["metadata"].get("labels") or {}).get(OF_SERVICE) == one[1])  # fmt: skip
            found = target_ports(known.services[one], mine)
        yield one, found


def _of(ports: Ports, service: ServiceName, port: int) -> tuple[int, ...]:
    return tuple(ports.get(service, {}).get(port, ()))
