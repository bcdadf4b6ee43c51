"""Which endpoints a location offers for a backend service, and in which proportion. Pure.

Nearest region with capacity and healthy endpoints first; the next one only for what is over
capacity. In a region at low load each zone serves its own front ends, so zones share evenly; the
fuller the region, the closer the shares come to target capacity (WATERFALL_BY_REGION).
"""

from collections.abc import Callable
from dataclasses import dataclass

from gcpsim.core.paths import name_of, zone_of
from gcpsim.dataplane.geography import distance
from gcpsim.dataplane.routes.documents import Doc, Documents, path_of, region_of

SCALE = 10_000
# How full a region is counts in quarters: each change of shares moves sessions that hang on a hash.
QUARTERS = 4
# (group path, "ip:port") -> where to connect; None when the endpoint is not to be offered.
Offered = Callable[[str, str], tuple[str, int] | None]


@dataclass(frozen=True)
class Group:
    """A network endpoint group as a backend: what it can take a second, and who is there."""

    path: str
    capacity: float
    hosts: tuple[tuple[str, int], ...]
    preferred: bool

    @property
    def region(self) -> str:
        return region_of(self.path)

    @property
    def zone(self) -> str:
        return zone_of(self.path)


def assignment(
    documents: Documents, service: str, location: str, offered: Offered, load: float = 0.0
) -> Doc:
    """The ClusterLoadAssignment of a backend service. `load`: requests or connections a second."""
    shares = share(groups(documents, service, offered), location, load)
    endpoints = []
    for group, part in sorted(shares.items(), key=lambda item: item[0].path):
        endpoints.append(
            {
                "locality": {
                    "region": group.region,
                    "zone": group.zone,
                    "sub_zone": name_of(group.path),
                },
                "load_balancing_weight": max(1, round(part * SCALE)),
                "lb_endpoints": [
                    {
                        "endpoint": {
                            "address": {"socket_address": {"address": host, "port_value": port}}
                        }
                    }
                    for host, port in group.hosts
                ],
            }
        )
    return {"cluster_name": service, "endpoints": endpoints}


def groups(documents: Documents, service: str, offered: Offered) -> list[Group]:
    """The groups that can take something: capacity above 0 and an endpoint that may be offered."""
    found = []
    for backend in (documents.get(service) or {}).get("backends") or []:
        path = path_of(backend["group"])
        configured = [
            f"{one.get('ipAddress', '')}:{one.get('port', 0)}"
            for one in documents.endpoints(path)
            if not one.get("draining")
        ]
        hosts = [place for key in sorted(configured) if (place := offered(path, key)) is not None]
        capacity = target_capacity(backend, len(configured))
        if hosts and capacity > 0:
            preferred = backend.get("preference") == "PREFERRED"
            found.append(Group(path, capacity, tuple(dict.fromkeys(hosts)), preferred))
    return found


def target_capacity(backend: Doc, configured: int) -> float:
    """Target capacity times scaler; endpoints count as configured, not as healthy."""
    scaler = float(backend.get("capacityScaler", 1.0))
    for field in ("maxRate", "maxConnections", "maxInFlightRequests"):
        if backend.get(field):
            return float(backend[field]) * scaler
    for field in (
        "maxRatePerEndpoint",
        "maxConnectionsPerEndpoint",
        "maxInFlightRequestsPerEndpoint",
    ):
        if backend.get(field):
            return float(backend[field]) * configured * scaler
    # Without a target nothing is ever full: only the proportion counts.
    return 1e9 * configured * scaler


def share(found: list[Group], location: str, load: float) -> dict[Group, float]:
    """The part of each group in what the location sends; parts add up to 1, none is 0."""
    out: dict[Group, float] = {}
    left = max(load, 1e-9)
    regions = _tiers(found, location)
    for tier in regions:
        capacity = sum(group.capacity for group in tier)
        taken = min(left, capacity)
        _within(tier, taken / capacity, taken, out)
        left -= taken
        if left <= 0:
            break
    total = sum(group.capacity for group in found)
    if left > 1e-9:
        # Everything is full: all are overfilled in proportion.
        out = {group: group.capacity / total for group in found}
    whole = sum(out.values())
    return {group: part / whole for group, part in out.items() if part > 0}


def _tiers(found: list[Group], location: str) -> list[list[Group]]:
    """Preferred backends whatever the distance, then region by region, the nearest first."""
    tiers: list[list[Group]] = []
    preferred = [group for group in found if group.preferred]
    if preferred:
        tiers.append(preferred)
    rest = [group for group in found if not group.preferred]
    for region in sorted({g.region for g in rest}, key=lambda r: (distance(location, r), r)):
        tiers.append([group for group in rest if group.region == region])
    return tiers


def _within(tier: list[Group], fullness: float, taken: float, out: dict[Group, float]) -> None:
    fullness = int(fullness * QUARTERS) / QUARTERS
    capacity = sum(group.capacity for group in tier)
    zones = sorted({group.zone for group in tier})
    for zone in zones:
        here = [group for group in tier if group.zone == zone]
        for group in here:
            even = 1 / len(zones) / len(here)
            part = (1 - fullness) * even + fullness * group.capacity / capacity
            out[group] = out.get(group, 0.0) + part * taken
