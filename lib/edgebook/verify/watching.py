"""What there is to watch of a front door now: its addresses, and where its names lead instead.

Needs no right beyond reaching the site: without credentials, or without the right to read the
address, DNS says where the names lead.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from edgebook.base.errors import AccessError, ApiError, ConnectError
from edgebook.cloud.connect import Connection, anonymous
from edgebook.front_door import FrontDoor
from edgebook.model.hostnames import Hostname
from edgebook.model.paths import compute_scope
from edgebook.model.values import ResourceKey
from edgebook.params.types import Environment, IpVersion
from edgebook.traffic import Target, Watch
from edgebook.traffic.targets import rates, targets
from edgebook.verify.lookup import Lookup, lookup_for

RECORD_TYPES = {IpVersion.IPV4: "A", IpVersion.IPV6: "AAAA"}
UNREADABLE = (AccessError, ApiError, ConnectError)


@dataclass(frozen=True)
class Watched:
    """What a Watch of a front door is made of."""

    targets: tuple[Target, ...]
    rates: Mapping[str, float]
    connection: Connection


def watched(door: FrontDoor) -> Watched:
    """Everything of this front door that can be watched now."""
    spec, versions = door.spec, sorted(set(door.spec.address.ip_versions))
    try:
        connection, ours = door.connection, _addresses(door, versions)
        lookup = _lookup(door, connection)
    except UNREADABLE:
        connection, ours = anonymous(spec.project), None
        lookup = Lookup(connection)
    leads = {host: _leads(lookup, host, versions) for host in sorted(set(spec.hostnames))}
    if ours is None:
        ours = sorted({ip for found in leads.values() for ip in found})
    made = targets(
        spec,
        ours,
        elsewhere={host: [ip for ip in found if ip not in ours] for host, found in leads.items()},
        name_servers=lookup.asked_at(),
        ca_file=connection.ca_file,
    )
    local = spec.environment is Environment.SIMULATOR
    return Watched(tuple(made), rates(spec, local=local), connection)


def watch(door: FrontDoor, *, rate: float | None = None) -> Watch:
    """A watch of this front door, not started yet; `rate` a second for each frontend."""
    found = watched(door)
    pace = found.rates if rate is None else rate
    return Watch(found.targets, rate=pace, reach=found.connection.reach)


def _addresses(door: FrontDoor, versions: list[IpVersion]) -> list[str]:
    scope = compute_scope(door.spec.project)
    keys = [ResourceKey("address", scope, door.names.address(version)) for version in versions]
    bodies = [door.cloud.fetch(key) or {} for key in keys]
    return sorted(str(body["address"]) for body in bodies if body.get("address"))


def _lookup(door: FrontDoor, connection: Connection) -> Lookup:
    if not door.zone:
        return Lookup(connection)
    try:
        return lookup_for(door.reader.again(), *door.zones)
    except UNREADABLE:
        return Lookup(connection)


def _leads(lookup: Lookup, hostname: str, versions: list[IpVersion]) -> list[str]:
    name = str(Hostname(hostname).probe)
    replies = [lookup.resolved(name, RECORD_TYPES[version]) for version in versions]
    return sorted({value for reply in replies for value in reply.values})
