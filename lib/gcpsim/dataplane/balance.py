"""Which endpoints a location offers for a backend service, and in which proportion. Pure.

Nearest region with capacity and healthy endpoints first; the next one only for what is over
capacity. In a region at low load each zone serves its own front ends, so zones share evenly; the
fuller the region, the closer the shares come to target capacity (WATERFALL_BY_REGION). A service
load balancing policy chooses otherwise: by zone until it is full, sprayed by capacity, by health.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gcpsim.core.paths import name_of, zone_of
from gcpsim.dataplane.geography import distance
from gcpsim.dataplane.routes.documents import Doc, Documents, path_of, region_of
from gcpsim.dataplane.routes.policies import BY_ZONE, SPRAY, Policy, serving_policy

SCALE = 10_000
# How full a region is counts in quarters: each change of shares moves sessions that hang on a hash.
QUARTERS = 4
UNHEALTHY = 0.25  # a group with a smaller part of healthy endpoints is drained, where that is asked
DRAINED_AT_MOST = 0.5  # of the groups with capacity
DEFAULT = Policy()
# (group path, "ip:port") -> where to connect; None when the endpoint is not to be offered.
Offered = Callable[[str, str], tuple[str, int] | None]


@dataclass(frozen=True)
class Group:
    """A network endpoint group as a backend: what it can take a second, and who is there."""

    path: str
    capacity: float
    hosts: tuple[tuple[str, int], ...]
    preferred: bool
    health: float = 1.0  # the part of its endpoints that may be offered

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
    policy = serving_policy(documents, service)
    shares = share(groups(documents, service, offered), location, load, policy)
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
            health = len(hosts) / len(configured)
            found.append(Group(path, capacity, tuple(dict.fromkeys(hosts)), preferred, health))
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


def share(
    found: list[Group], location: str, load: float, policy: Policy = DEFAULT
) -> dict[Group, float]:
    """The part of each group in what the location sends; parts add up to 1, none is 0."""
    found = _within_reach(_undrained(found) if policy.drains else found, location, policy)
    out: dict[Group, float] = {}
    left = max(load, 1e-9)
    for tier in _tiers(found, location):
        capacity = sum(group.capacity for group in tier)
        taken = min(left * _steadiness(tier, policy), capacity)
        parts = _within(tier, taken, policy)
        for group, part in parts.items():
            out[group] = out.get(group, 0.0) + part * taken
        left -= taken
        if left <= 1e-12:
            break
    total = sum(group.capacity for group in found)
    if left > 1e-9:
        # Everything is full: all are overfilled in proportion.
        out = {group: group.capacity / total for group in found}
    whole = sum(out.values())
    return {group: part / whole for group, part in out.items() if part > 0}


def _undrained(found: list[Group]) -> list[Group]:
    """Without the groups that are mostly unhealthy, the worst first, up to half of all."""
    worst = sorted((g for g in found if g.health < UNHEALTHY), key=lambda g: (g.health, g.path))
    drained = worst[: int(len(found) * DRAINED_AT_MOST)]
    return [group for group in found if group not in drained]


def _within_reach(found: list[Group], location: str, policy: Policy) -> list[Group]:
    """STRICT isolation keeps traffic in the location's region, NEAREST in the nearest one."""
    regions = sorted({g.region for g in found}, key=lambda r: (distance(location, r), r))
    if policy.isolation == "STRICT":
        return [group for group in found if group.region == location]
    if policy.isolation == "NEAREST" and regions:
        return [group for group in found if group.region == regions[0]]
    return found


def _steadiness(tier: list[Group], policy: Policy) -> float:
    """The part of its traffic that a tier keeps: less once too few endpoints are healthy."""
    if not policy.threshold:
        return 1.0
    capacity = sum(group.capacity for group in tier)
    kept = (g.capacity * min(1.0, g.health / policy.threshold) for g in tier)
    return sum(kept) / capacity


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


def _within(tier: list[Group], taken: float, policy: Policy) -> dict[Group, float]:
    """How the groups of a tier share what it takes; parts add up to 1."""
    weights = {group: _weight(group, policy) for group in tier}
    capacity = sum(weights.values())
    zones = sorted({group.zone for group in tier})
    room = {zone: sum(weights[g] for g in tier if g.zone == zone) for zone in zones}
    if policy.algorithm == BY_ZONE:
        parts = _poured(room, taken / sum(g.capacity for g in tier) * capacity)
        return {g: parts[g.zone] * weights[g] / room[g.zone] for g in tier}
    fullness = taken / sum(group.capacity for group in tier)
    fullness = 1.0 if policy.algorithm == SPRAY else int(fullness * QUARTERS) / QUARTERS
    out = {}
    for group in tier:
        even = 1 / len(zones) / sum(1 for other in tier if other.zone == group.zone)
        out[group] = (1 - fullness) * even + fullness * weights[group] / capacity
    return out


def _weight(group: Group, policy: Policy) -> float:
    """Target capacity; less of it where too few endpoints are healthy."""
    steady = min(1.0, group.health / policy.threshold) if policy.threshold else 1.0
    return group.capacity * steady


def _poured(room: dict[str, float], amount: float) -> dict[str, float]:
    """Parts of zones: each takes its own share until it is full, the rest goes to the others."""
    level = dict.fromkeys(room, 0.0)
    left = amount
    while left > amount * 1e-9:
        free = [zone for zone in room if room[zone] - level[zone] > amount * 1e-12]
        if not free:
            break
        each = left / len(free)
        for zone in free:
            added = min(each, room[zone] - level[zone])
            level[zone] += added
            left -= added
    whole = sum(level.values()) or 1.0
    return {zone: value / whole for zone, value in level.items()}
