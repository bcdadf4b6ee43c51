"""The endpoints that a Service's NEGs should hold, from its EndpointSlices. Pure.

A pod counts as soon as it has an address and a node, ready or not, until it is terminating. The
slice port is found by the Service port's name; its number is the pod's own, not the Service's.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from gcpsim.core.paths import name_of
from gcpsim.k8s.controllers.objects import Obj


class Endpoint(NamedTuple):
    """instance (node name), ip, port."""

    instance: str
    ip: str
    port: int

    @staticmethod
    def of(body: Obj) -> "Endpoint":
        instance = name_of(str(body.get("instance", "")))
        return Endpoint(instance, body["ipAddress"], int(body.get("port", 0)))

    def body(self) -> Obj:
        return {"instance": self.instance, "ipAddress": self.ip, "port": self.port}


def of_slice(piece: Obj, port_name: str) -> list[tuple[Endpoint, str]]:
    """The endpoints of one slice, each with its `namespace/pod`."""
    found: list[tuple[Endpoint, str]] = []
    number = _port(piece, port_name)
    if piece.get("addressType") != "IPv4" or number is None:
        return found
    for item in piece.get("endpoints") or ():
        target, node = item.get("targetRef"), item.get("nodeName")
        if (item.get("conditions") or {}).get("terminating") or not target or not node:
            continue
        pod = f"{target.get('namespace', '')}/{target.get('name', '')}"
        found += [(Endpoint(node, address, number), pod) for address in item["addresses"]]
    return found


class Wanted:
    """Endpoints by zone. What was read from a slice is kept: objects are frozen."""

    def __init__(self, zone_of: Callable[[str], str]) -> None:
        self._zone_of = zone_of
        self._read: dict[tuple[str, str], tuple[Obj, list[tuple[Endpoint, str]]]] = {}

    def by_zone(self, slices: Iterable[Obj], port_name: str) -> dict[str, dict[Endpoint, str]]:
        """Zone -> endpoint -> `namespace/pod`; endpoints on unknown nodes are left out."""
        found: dict[str, dict[Endpoint, str]] = {}
        for piece in slices:
            key = (piece["metadata"]["uid"], port_name)
            known = self._read.get(key)
            if known is None or known[0] is not piece:
                known = self._read[key] = (piece, of_slice(piece, port_name))
            for endpoint, pod in known[1]:
                zone = self._zone_of(endpoint.instance)
                if zone:
                    found.setdefault(zone, {})[endpoint] = pod
        return found

    def forget(self, piece: Obj) -> None:
        """A slice is gone."""
        for key in [key for key in self._read if key[0] == piece["metadata"]["uid"]]:
            del self._read[key]


def _port(piece: Obj, name: str) -> int | None:
    for port in piece.get("ports") or ():
        if (port.get("name") or "") == name and port.get("port") is not None:
            return int(port["port"])
    return None
