"""Google's resources of one project, under the same keys as desired ones.

One list per collection; record sets per zone; entries per certificate map that a front door uses or
that carries our mark. Backends are shown as a kind of their own beside their backend service, as
they belong to another step.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from edgebook.live.reader import Reader
from edgebook.model.kinds import KINDS, Api
from edgebook.model.paths import certificate_scope, compute_scope, name_of
from edgebook.model.values import LiveResource, ResourceKey

SERVICES = ("backendServices", "backendServices")
UNMARKED = ("description", "labels")


def listed(api: Api) -> tuple[str, ...]:
    """The kinds of an API that every reading lists."""
    return tuple(sorted(k.name for k in KINDS.values() if k.listed and k.api is api))


def prefetch(
    reader: Reader, zones: Iterable[str] = (), also: Iterable[tuple[str, str]] = ()
) -> None:
    """Start all lists that do not depend on another answer; `also` are more kinds and scopes."""
    for kind in listed(Api.COMPUTE):
        reader.collection(kind, compute_scope(reader.project))
    reader.aggregated(*SERVICES)
    for kind, scope in also:
        reader.collection(kind, scope)
    for kind in listed(Api.CERTIFICATE_MANAGER):
        reader.collection(kind, certificate_scope(reader.project))
    for zone in zones:
        reader.collection("dnsRecordSet", zone)


def read_live(
    reader: Reader,
    *,
    zones: Iterable[str] = (),
    maps: Iterable[str] = (),
    also: Iterable[tuple[str, str]] = (),
) -> dict[ResourceKey, LiveResource]:
    """Everything of the project that a front door could consist of.

    `zones` are scopes of managed zones (`projects/P/managedZones/Z`), `maps` names of certificate
    maps whose entries matter, `also` kinds and scopes that only some front doors need.
    """
    zones, also = tuple(zones), tuple(also)
    prefetch(reader, zones, also)
    scope = certificate_scope(reader.project)
    existing = {_short(body) for body in reader.collection("certificateMap", scope).result()}
    entry_scopes = [f"{scope}/certificateMaps/{name}" for name in sorted(set(maps) & existing)]
    for entry_scope in entry_scopes:
        reader.collection("certificateMapEntry", entry_scope)
    wanted = [(kind, compute_scope(reader.project)) for kind in listed(Api.COMPUTE)]
    wanted += [(kind, scope) for kind in listed(Api.CERTIFICATE_MANAGER)]
    wanted += [("certificateMapEntry", entry_scope) for entry_scope in entry_scopes]
    wanted += [("dnsRecordSet", zone) for zone in zones]
    wanted += also
    found: dict[ResourceKey, LiveResource] = {}
    for kind, where in wanted:
        for body in reader.collection(kind, where).result():
            for resource in as_live(kind, where, body):
                found[resource.key] = resource
    return found | _regional(reader)


def _regional(reader: Reader) -> dict[ResourceKey, LiveResource]:
    """Regional backend services, as far as they may serve from our NEGs: others', marked or not."""
    found = {}
    for body in reader.aggregated(*SERVICES).result():
        if region := name_of(str(body.get("region", ""))):
            scope = f"projects/{reader.project}/regions/{region}"
            key = ResourceKey("backendService", scope, str(body["name"]))
            kept = {name: value for name, value in body.items() if name not in UNMARKED}
            found[key] = LiveResource(key, kept)
    return found


def as_live(kind: str, scope: str, body: Mapping[str, Any]) -> list[LiveResource]:
    """The raw answer under its key; a backend service also as its backends."""
    table = KINDS[kind]
    if table.api is Api.DNS:
        name = f"{body['name']}/{body['type']}"
    elif table.api is Api.CERTIFICATE_MANAGER:
        name = _short(body)
    else:
        name = str(body["name"])
    resources = [LiveResource(ResourceKey(kind, scope, name), body)]
    if kind == "backendService":
        part = {"backends": body.get("backends", []), "fingerprint": body.get("fingerprint", "")}
        resources.append(LiveResource(ResourceKey("backends", scope, name), part))
    return resources


def _short(body: Mapping[str, Any]) -> str:
    return name_of(str(body["name"]))
