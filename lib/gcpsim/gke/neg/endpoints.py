"""The endpoints that a Service's NEGs should hold, from its EndpointSlices. Pure.

A pod counts as soon as it has an address and a node, ready or not, until it is terminating. The slice
port is found by the Service port's name; its number is the pod's own, not the Service's.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from gcpsim.k8s.controllers.objects import Obj


class Endpoint(NamedTuple):
    """instance (node name), ip, port."""

    instance: str
    ip: str
    port: int

    @staticmethod
    def of(body: Obj) -> "Endpoint":
        instance = str(body.get("instance", "")).rpartition("/")[2]
        return Endpoint(instance, body["ipAddress"], int(body.get("port", 0)))

    def body(self) -> Obj:
        return {"instance": self.instance, "ipAddress": self.ip, "port": self.port}


def by_zone(
    slices: Iterable[Obj], port_name: str, zone_of: Callable[[str], str]
) -> dict[str, dict[Endpoint, str]]:
    """Zone -> endpoint -> `namespace/pod`."""
    found: dict[str, dict[Endpoint, str]] = {}
    for piece in slices:
        if piece.get("addressType") != "IPv4":
            continue
        number = _port(piece, port_name)
        if number is None:
            continue
        for item in piece.get("endpoints") or ():
            target, node = item.get("targetRef"), item.get("nodeName")
            if (item.get("conditions") or {}).get("terminating") or not target or not node:
                continue
            zone = zone_of(node)
            if not zone:
                continue
            pod = f"{target.get('namespace', '')}/{target.get('name', '')}"
            for address in item["addresses"]:
                found.setdefault(zone, {})[Endpoint(node, address, number)] = pod
    return found


def _port(piece: Obj, name: str) -> int | None:
    for port in piece.get("ports") or ():
        if (port.get("name") or "") == name and port.get("port") is not None:
            return int(port["port"])
    return None
