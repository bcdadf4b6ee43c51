"""Endpoint health as Google's load balancers see it, per NEG and zone.

One getHealth call per group, in parallel. Google evaluates nothing until a forwarding rule leads to
the backend service, so an empty answer is no verdict.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgebook.cloud.wire import Wire
from edgebook.live.reader import Reader
from edgebook.model.paths import name_of, zone_of
from edgebook.model.values import ResourceKey


@dataclass(frozen=True)
class Endpoint:
    """One pod's port in one NEG."""

    group: str
    address: str
    health: str

    @property
    def zone(self) -> str:
        return zone_of(self.group)

    @property
    def neg(self) -> str:
        return name_of(self.group)


@dataclass(frozen=True)
class GroupHealth:
    """The endpoints of some groups of one backend service."""

    service: str
    endpoints: tuple[Endpoint, ...] = ()
    empty: tuple[str, ...] = field(default_factory=tuple)

    @property
    def total(self) -> int:
        return len(self.endpoints)

    @property
    def healthy(self) -> int:
        return sum(endpoint.health == "HEALTHY" for endpoint in self.endpoints)

    @property
    def zones(self) -> int:
        return len({endpoint.zone for endpoint in self.endpoints})


def _path(service: ResourceKey) -> str:
    return f"compute/v1/{service.scope}/backendServices/{service.name}/getHealth"


def _endpoints(group: str, answer: Mapping[str, Any]) -> list[Endpoint]:
    return [
        Endpoint(group, f"{item.get('ipAddress', '')}:{item.get('port', '')}", item["healthState"])
        for item in answer.get("healthStatus") or ()
        if "healthState" in item
    ]


def read_health(wire: Wire, service: ResourceKey, groups: Iterable[str]) -> GroupHealth:
    """The health of now, one call after the other: for gates that look again and again."""
    endpoints: list[Endpoint] = []
    empty = []
    for group in groups:
        answer = wire.request("compute", "POST", _path(service), body={"group": group})
        found = _endpoints(group, answer)
        endpoints += found
        if not found:
            empty.append(group)
    return GroupHealth(service.name, tuple(endpoints), tuple(empty))


def health_of(reader: Reader, services: Mapping[ResourceKey, Iterable[str]]) -> list[GroupHealth]:
    """The health of many backend services at once, all groups in parallel."""
    pending = [
        (service, group, reader.post("compute", _path(service), {"group": group}))
        for service, groups in services.items()
        for group in groups
    ]
    found: dict[ResourceKey, list[Endpoint]] = {service: [] for service in services}
    empty: dict[ResourceKey, list[str]] = {service: [] for service in services}
    for service, group, future in pending:
        endpoints = _endpoints(group, future.result())
        found[service] += endpoints
        if not endpoints:
            empty[service].append(group)
    return [
        GroupHealth(service.name, tuple(found[service]), tuple(empty[service]))
        for service in services
    ]
