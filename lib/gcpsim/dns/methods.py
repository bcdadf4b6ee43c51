"""The methods of Cloud DNS that gcpsim implements, by their id in Google's discovery document.

Each takes the service and a request whose path is parsed, and gives the answer. What is not in
IMPLEMENTED is refused by name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from gcpsim.core import access, projects
from gcpsim.core.clock import rfc3339
from gcpsim.core.edge import Answer
from gcpsim.core.schema import BodyReader
from gcpsim.core.service import Request
from gcpsim.dns import changes, lists, records, refusals, zones
from gcpsim.dns.holdings import Holdings
from gcpsim.dns.quota import QUOTA, project_quota

Doc = dict[str, Any]
RRSET = "entity.rrset"
NAMED = "parameters.name"


Handler = Callable[[Holdings, Request], Answer]


def _body(request: Request, schema: str, root: str) -> Doc:
    return BodyReader("dns", root=root).read(schema, request.call.json())


def _zone_name(request: Request) -> str:
    return request.params.get("managedZone") or request.params["managedZonesId"]


def zone_of(dns: Holdings, request: Request) -> Doc:
    return dns.zone(request.project, _zone_name(request))


ALWAYS = ("managedZones", "rrsets")  # clients read these without asking whether they are there


def list_answer(kind: str, field: str, items: list[Doc], token: str) -> Answer:
    body: Doc = {"kind": f"dns#{kind}"}
    if items or field in ALWAYS:
        body[field] = items
    if token:
        body["nextPageToken"] = token
    return Answer(body=body)


def projects_get(dns: Holdings, request: Request) -> Answer:
    projects.remember(dns.world.store, request.project)
    return Answer(
        body={
            "kind": "dns#project",
            "number": projects.number(request.project),
            "id": request.project,
            "quota": project_quota(),
        }
    )


def zones_create(dns: Holdings, request: Request) -> Answer:
    body = _body(request, "ManagedZone", "managed_zone")
    return Answer(body=dns.once(request, lambda: _create_zone(dns, request, body)))


def _create_zone(dns: Holdings, request: Request, body: Doc) -> Doc:
    zone = zones.read(body)
    key = f"{request.project}/{zone['name']}"
    everyone = dns.all_zones()
    if any(known == key for known, _ in everyone):
        raise refusals.exists(zones.WHERE, zone["name"])
    mine = sum(known.startswith(request.project + "/") for known, _ in everyone)
    if mine >= QUOTA["managedZones"]:
        raise refusals.quota(zones.WHERE, "managedZones", QUOTA["managedZones"])
    taken = {
        other["nameServers"][0] for _, other in everyone if other["dnsName"] == zone["dnsName"]
    }
    store = dns.world.store
    number = store.next_number("dns/zones")
    digest = hashlib.sha256(f"{key}/{number}".encode()).digest()
    zone = zones.finish(
        zone
        | {
            "id": str(10**18 + int.from_bytes(digest[:8], "big") % (8 * 10**18)),
            "creationTime": rfc3339(dns.world.clock.now()),
            "nameServers": zones.name_servers(zone["dnsName"], zone["visibility"], taken),
        }
    )
    projects.remember(store, request.project)
    dns.put_zone(key, zone)
    first = zones.first_records(zone)
    for rrset in first:
        dns.rrsets(zone).put(records.key_of(rrset), rrset)
        dns.served(zone).put(records.key_of(rrset), rrset)
    change = {
        "kind": "dns#change",
        "id": "0",
        "startTime": zone["creationTime"],
        "status": "done",
        "additions": first,
        "deletions": [],
    }
    dns.changes(zone).put("0", change)
    dns.record_operation(request, None, zone, "create")
    return zone


def zones_get(dns: Holdings, request: Request) -> Answer:
    return Answer(body=zone_of(dns, request))


def zones_list(dns: Holdings, request: Request) -> Answer:
    wanted = request.query.get("dnsName")
    if wanted is not None and not wanted.endswith("."):
        raise refusals.invalid("parameters.dnsName", wanted)
    mine = [
        zone
        for key, zone in dns.all_zones()
        if key.startswith(request.project + "/")
        and (wanted is None or zone["dnsName"] == wanted.lower())
    ]
    found, token = lists.page(mine, lambda zone: zone["name"], request.query)
    return list_answer("managedZonesListResponse", "managedZones", found, token)


def _change_zone(dns: Holdings, request: Request, *, replace: bool) -> Answer:
    body = _body(request, "ManagedZone", "managed_zone")

    def change() -> Doc:
        key = dns.zone_key(request.project, _zone_name(request))
        zone = zone_of(dns, request)
        merged = zones.merged(zone, body, replace=replace)
        dns.put_zone(key, merged)
        return dns.record_operation(request, zone, merged, "update")

    return Answer(body=dns.once(request, change))


def zones_patch(dns: Holdings, request: Request) -> Answer:
    return _change_zone(dns, request, replace=False)


def zones_update(dns: Holdings, request: Request) -> Answer:
    return _change_zone(dns, request, replace=True)


def zones_delete(dns: Holdings, request: Request) -> Answer:
    zone = zone_of(dns, request)
    extra = [
        rrset
        for rrset in dns.rrsets(zone).values()
        if rrset["name"] != zone["dnsName"] or rrset["type"] not in ("NS", "SOA")
    ]
    if extra:
        raise refusals.not_empty(_zone_name(request))
    dns.drop_zone(dns.zone_key(request.project, _zone_name(request)))
    return Answer(204)


def zones_test_permissions(dns: Holdings, request: Request) -> Answer:
    zone_of(dns, request)
    schema = "GoogleIamV1TestIamPermissionsRequest"
    asked = _body(request, schema, "").get("permissions") or []
    granted = [one for one in asked if access.granted(dns.world, request.project, one)]
    return Answer(body={"permissions": granted} if granted else {})


def changes_create(dns: Holdings, request: Request) -> Answer:
    zone = zone_of(dns, request)
    body = _body(request, "Change", "change")

    def change() -> Doc:
        held = dns.rrsets(zone)
        additions, deletions = changes.read_change(body, zone["dnsName"], held)
        return dns.record_change(zone, additions, deletions)

    return Answer(body=dns.once(request, change))


def changes_get(dns: Holdings, request: Request) -> Answer:
    change_id = request.params["changeId"]
    found = dns.changes(zone_of(dns, request)).get(change_id)
    if found is None:
        raise refusals.missing("parameters.changeId", change_id)
    return Answer(body=found)


def changes_list(dns: Holdings, request: Request) -> Answer:
    zone = zone_of(dns, request)
    sort_by = request.query.get("sortBy", "changeSequence")
    if sort_by.lower() not in ("changesequence", "change_sequence"):
        raise refusals.invalid("parameters.sortBy", sort_by)
    order = request.query.get("sortOrder", "ascending")
    if order not in ("ascending", "descending"):
        raise refusals.invalid("parameters.sortOrder", order)
    found, token = lists.page(
        dns.changes(zone).values(),
        lambda change: int(change["id"]),
        request.query,
        descending=order == "descending",
    )
    return list_answer("changesListResponse", "changes", found, token)


def rrsets_list(dns: Holdings, request: Request) -> Answer:
    zone = zone_of(dns, request)
    test = lists.rrset_filter(request.query, records.TYPES)
    chosen = [rrset for rrset in dns.rrsets(zone).values() if test(rrset)]
    found, token = lists.page(chosen, records.position, request.query)
    return list_answer("resourceRecordSetsListResponse", "rrsets", found, token)


def _named(dns: Holdings, request: Request) -> tuple[Doc, Doc]:
    """The zone and the record set of a per-rrset path."""
    zone = zone_of(dns, request)
    name, type_ = request.params["name"].lower(), request.params["type"]
    found = dns.rrsets(zone).get(f"{name} {type_}")
    if found is None:
        raise refusals.missing(NAMED, f"{name} ({type_})")
    return zone, found


def rrsets_get(dns: Holdings, request: Request) -> Answer:
    return Answer(body=_named(dns, request)[1])


def rrsets_create(dns: Holdings, request: Request) -> Answer:
    zone = zone_of(dns, request)
    body = _body(request, "ResourceRecordSet", "resource_record_set")

    def create() -> Doc:
        rrset = records.read(body, RRSET, zone["dnsName"])
        held = dns.rrsets(zone)
        changes.check_together([rrset], [], zone["dnsName"], held, lambda kind, index: RRSET)
        dns.record_change(zone, [rrset], [])
        return rrset

    return Answer(body=dns.once(request, create))


def rrsets_patch(dns: Holdings, request: Request) -> Answer:
    zone, before = _named(dns, request)
    body = _body(request, "ResourceRecordSet", "resource_record_set")

    def patch() -> Doc:
        for field in ("name", "type"):
            wanted = body.get(field)
            if wanted is not None and str(wanted).lower() != before[field].lower():
                raise refusals.invalid(f"{RRSET}.{field}", wanted)
        merged = {key: before[key] for key in ("name", "type", "ttl")}
        given = {key: value for key, value in body.items() if value is not None}
        if not given.get("rrdatas") and not given.get("routingPolicy"):
            kept = "routingPolicy" if "routingPolicy" in before else "rrdatas"
            given[kept] = before[kept]
        merged |= given | {"name": before["name"], "type": before["type"]}
        after = records.read(merged, RRSET, zone["dnsName"])
        held = dns.rrsets(zone)
        changes.check_together([after], [before], zone["dnsName"], held, lambda kind, index: RRSET)
        dns.record_change(zone, [after], [before])
        return after

    return Answer(body=dns.once(request, patch))


def rrsets_delete(dns: Holdings, request: Request) -> Answer:
    zone, rrset = _named(dns, request)

    def delete() -> Doc:
        held = dns.rrsets(zone)
        changes.check_together([], [rrset], zone["dnsName"], held, lambda kind, index: NAMED)
        dns.record_change(zone, [], [rrset])
        return {}

    return Answer(body=dns.once(request, delete))


def operations_get(dns: Holdings, request: Request) -> Answer:
    name = request.params["operation"]
    found = dns.operations(zone_of(dns, request)).get(name)
    if found is None:
        raise refusals.missing("parameters.operation", name)
    return Answer(body=found)


def operations_list(dns: Holdings, request: Request) -> Answer:
    zone = zone_of(dns, request)
    sort_by = request.query.get("sortBy", "startTime")
    if sort_by not in ("startTime", "id"):
        raise refusals.invalid("parameters.sortBy", sort_by)
    found, token = lists.page(
        dns.operations(zone).values(),
        lambda operation: [operation[sort_by], operation["id"]],
        request.query,
    )
    return list_answer("managedZoneOperationsListResponse", "operations", found, token)


IMPLEMENTED: dict[str, Handler] = {
    "dns.changes.create": changes_create,
    "dns.changes.get": changes_get,
    "dns.changes.list": changes_list,
    "dns.managedZoneOperations.get": operations_get,
    "dns.managedZoneOperations.list": operations_list,
    "dns.managedZones.create": zones_create,
    "dns.managedZones.delete": zones_delete,
    "dns.managedZones.get": zones_get,
    "dns.managedZones.list": zones_list,
    "dns.managedZones.patch": zones_patch,
    "dns.managedZones.testIamPermissions": zones_test_permissions,
    "dns.managedZones.update": zones_update,
    "dns.projects.get": projects_get,
    "dns.resourceRecordSets.create": rrsets_create,
    "dns.resourceRecordSets.delete": rrsets_delete,
    "dns.resourceRecordSets.get": rrsets_get,
    "dns.resourceRecordSets.list": rrsets_list,
    "dns.resourceRecordSets.patch": rrsets_patch,
}
