"""Managed zones that the params do not name: where names that they named once may have records.

Read when something is to be found there only: a hostname that is being taken out, or the address
that is given back. A zone that may not be read is passed over.
"""

from collections.abc import Iterable, Iterator

from edgebook.base.errors import AccessError, ApiError
from edgebook.live.project import as_live
from edgebook.live.reader import Reader
from edgebook.model.hostnames import Hostname
from edgebook.model.paths import zone_scope
from edgebook.model.values import LiveResource, ResourceKey


def holding(reader: Reader, project: str, names: Iterable[str]) -> frozenset[str]:
    """The scopes of the public zones that hold these names, the nearest of each."""
    domains = _domains(reader, project)
    found = set()
    for name in names:
        above = [d for d in domains if Hostname(name.rstrip(".")).under(d.rstrip("."))]
        nearest = max(above, key=len, default="")
        found |= set(domains.get(nearest, ()))
    return frozenset(found)


def every(reader: Reader, project: str) -> frozenset[str]:
    """The scopes of all public zones of a project."""
    return frozenset(scope for scopes in _domains(reader, project).values() for scope in scopes)


def records(reader: Reader, scopes: Iterable[str]) -> Iterator[tuple[ResourceKey, LiveResource]]:
    lists = {scope: reader.collection("dnsRecordSet", scope) for scope in sorted(scopes)}
    for scope, found in lists.items():
        try:
            bodies = found.result()
        except (AccessError, ApiError):
            continue
        for body in bodies:
            for resource in as_live("dnsRecordSet", scope, body):
                yield resource.key, resource


def _domains(reader: Reader, project: str) -> dict[str, list[str]]:
    """DNS name -> the scopes of its public zones."""
    found: dict[str, list[str]] = {}
    try:
        zones = reader.managed_zones(project).result()
    except (AccessError, ApiError):
        return {}
    for zone in zones:
        if zone.get("visibility") != "private":
            scope = zone_scope(project, str(zone["name"]))
            found.setdefault(str(zone["dnsName"]), []).append(scope)
    return found
