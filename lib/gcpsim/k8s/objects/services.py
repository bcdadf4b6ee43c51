"""Cluster IPs and node ports of Services: allocated, kept on updates, refused when taken.

The range is GKE's own for Services of clusters that were created without one.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from gcpsim.k8s.types.status import Cause, invalid, invalid_value
from gcpsim.k8s.types.store import Objects

Doc = dict[str, Any]

SERVICE_RANGE = IPv4Network("34.118.224.0/20")
NODE_PORTS = range(30000, 32768)
RESERVED = 16  # addresses at the start of the range that are only given on demand
WITH_NODE_PORTS = ("NodePort", "LoadBalancer")


def allocate(cluster: Objects, new: Doc, old: Doc | None) -> None:
    """Give a Service its cluster IP and node ports, in place. StatusError 422 when one is taken."""
    _cluster_ip(cluster, new, old)
    _node_ports(cluster, new, old)


def _others(cluster: Objects, new: Doc) -> Iterator[Doc]:
    metadata = new["metadata"]
    own = f"{metadata.get('namespace')}/{metadata['name']}"
    for key, service in cluster.table("services").items():
        if key != own:
            yield service["spec"]


def _cluster_ip(cluster: Objects, new: Doc, old: Doc | None) -> None:
    spec = new["spec"]
    if spec["type"] == "ExternalName":
        for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy",
                     "internalTrafficPolicy"):  # fmt: skip
            spec.pop(name, None)
        return
    before = old["spec"].get("clusterIP") if old else None
    wanted = spec.get("clusterIP") or (spec.get("clusterIPs") or [None])[0] or before
    if before and wanted != before:
        causes = [invalid_value("spec.clusterIPs[0]", [wanted], "may not change once set")]
        raise invalid("Service", "", new["metadata"]["name"], causes)
    if wanted is None:
        wanted = _free_address({other.get("clusterIP") for other in _others(cluster, new)})
    elif not before and wanted != "None":
        _check_address(cluster, new, wanted)
    spec["clusterIP"], spec["clusterIPs"] = wanted, [wanted]


def _free_address(taken: set[str | None]) -> str:
    base = int(SERVICE_RANGE.network_address)
    for offset in range(RESERVED, SERVICE_RANGE.num_addresses - 1):
        address = str(IPv4Address(base + offset))
        if address not in taken:
            return address
    raise invalid("Service", "", "", [Cause("InternalError", "range is full", "spec.clusterIPs")])


def _check_address(cluster: Objects, new: Doc, wanted: str) -> None:
    try:
        address = IPv4Address(wanted)
    except ValueError:
        why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        causes = [invalid_value("spec.clusterIPs[0]", wanted, why)]
        raise invalid("Service", "", new["metadata"]["name"], causes) from None
    why = ""
    if address not in SERVICE_RANGE:
        why = (
            f"failed to allocate IP {wanted}: the provided IP ({wanted}) is not in the valid "
            f"range. The range of valid IPs is {SERVICE_RANGE}"
        )
    elif any(other.get("clusterIP") == wanted for other in _others(cluster, new)):
        why = f"failed to allocate IP {wanted}: provided IP is already allocated"
    if why:
        causes = [invalid_value("spec.clusterIPs", [wanted], why)]
        raise invalid("Service", "", new["metadata"]["name"], causes)


def drop_unneeded(new: Doc, old: Doc) -> None:
    """What a Service of this type has no use for goes, unless the client asks for it anew."""
    spec, before = new["spec"], old["spec"]
    if spec.get("type") in WITH_NODE_PORTS:
        return
    ports = {_port_key(port): port.get("nodePort") for port in before.get("ports") or ()}
    for port in spec.get("ports") or ():
        if port.get("nodePort") and port["nodePort"] == ports.get(_port_key(port)):
            del port["nodePort"]
    for field in ("externalTrafficPolicy", "healthCheckNodePort", "allocateLoadBalancerNodePorts"):
        if field in spec and spec[field] == before.get(field):
            del spec[field]


def _node_ports(cluster: Objects, new: Doc, old: Doc | None) -> None:
    spec = new["spec"]
    ports = spec.get("ports") or []
    before = {
        _port_key(port): port.get("nodePort")
        for port in (old or {"spec": {}})["spec"].get("ports") or ()
    }
    if spec["type"] not in WITH_NODE_PORTS:
        spec.pop("healthCheckNodePort", None)
        return
    others = list(_others(cluster, new))
    taken = {
        (port.get("nodePort"), port.get("protocol"))
        for other in others
        for port in other.get("ports") or ()
    } | {(other.get("healthCheckNodePort"), "TCP") for other in others}
    automatic = spec["type"] == "NodePort" or spec.get("allocateLoadBalancerNodePorts", True)
    for index, port in enumerate(ports):
        kept = before.get(_port_key(port))
        wanted = port.get("nodePort") or kept
        if wanted:
            if wanted != kept:
                _check_port(new, f"spec.ports[{index}].nodePort", wanted, port["protocol"], taken)
        elif automatic:
            wanted = _free_port(taken, port["protocol"])
        if wanted:
            port["nodePort"] = wanted
            taken.add((wanted, port["protocol"]))
    _health_check_port(new, old, taken)


def _health_check_port(new: Doc, old: Doc | None, taken: set[tuple[Any, Any]]) -> None:
    spec = new["spec"]
    local = spec["type"] == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"
    if not local:
        spec.pop("healthCheckNodePort", None)
        return
    kept = old["spec"].get("healthCheckNodePort") if old else None
    if not spec.get("healthCheckNodePort"):
        spec["healthCheckNodePort"] = kept or _free_port(taken, "TCP")


def _port_key(port: Doc) -> tuple[Any, Any]:
    return port.get("port"), port.get("protocol", "TCP")


def _check_port(
    new: Doc, field: str, wanted: int, protocol: str, taken: set[tuple[Any, Any]]
) -> None:
    why = ""
    if wanted not in NODE_PORTS:
        why = (
            "provided port is not in the valid range. The range of valid ports is "
            f"{NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
        )
    elif (wanted, protocol) in taken:
        why = "provided port is already allocated"
    if why:
        raise invalid("Service", "", new["metadata"]["name"], [invalid_value(field, wanted, why)])


def _free_port(taken: set[tuple[Any, Any]], protocol: str) -> int:
    for port in NODE_PORTS:
        if (port, protocol) not in taken:
            return port
    raise invalid("Service", "", "", [Cause("InternalError", "range is full", "spec.ports")])
