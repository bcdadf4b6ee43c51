"""Taking a front door down: everything that is ours, in reverse order, and what is left afterwards.

What is ours is read from the marks, not from the params alone, so that leftovers of older params go
too. Records that no longer point at us, entries and annotation content of others stay. NEGs belong
to GKE: they go by its garbage collection once nobody holds them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from edgebook.desired import Desired
from edgebook.front_door import FrontDoor, Moment
from edgebook.model.kinds import KINDS, kind_of, noun
from edgebook.model.links import canonical, link
from edgebook.model.marks import owner
from edgebook.model.values import Action, Change, Live, Plan, ResourceKey, Step

DISRUPTS = {
    "forwardingRule": "its port stops answering",
    "address": "the IP is given back for good",
    "dnsRecordSet": "the name no longer answers",
    "backends": "traffic to these pods stops",
}
RECORD_TYPES = ("A", "AAAA", "CNAME")


def plan(door: FrontDoor, moment: Moment, steps: Iterable[Step] = tuple(Step)) -> Plan:
    """The deletes of these steps; what another step still holds is reported and left."""
    wanted = set(steps)
    found = {change.key: change for change in _changes(door, moment) if change.step in wanted}
    if Step.BACKENDS in wanted:
        found |= {change.key: change for change in _attached(moment, set(found))}
    holders = {key: holders_of(key, moment.live) - {key} for key in found}
    held = _held(found, holders)
    changes = []
    for key, change in found.items():
        if key in held:
            names = ", ".join(sorted(f"{noun(item)} {item.name}" for item in held[key]))
            text = f"held by {names}: tear that down first"
            changes.append(Change(Action.REPORT, key, change.step, text))
            continue
        first = (holders[key] | _beforehand(key, found)) & set(found)
        disrupts = DISRUPTS.get(key.kind, "")
        changes.append(replace(change, disrupts=disrupts, depends=tuple(sorted(first))))
    return Plan(tuple(changes), door.names.front_door, door.spec.environment.value)


def _held(
    found: Mapping[ResourceKey, Change], holders: Mapping[ResourceKey, set[ResourceKey]]
) -> dict[ResourceKey, set[ResourceKey]]:
    """What something that stays still needs, and what that needs in turn, with who holds it."""
    held: dict[ResourceKey, set[ResourceKey]] = {}
    while True:
        more = {
            key: outside
            for key in found
            if key not in held
            and key.kind not in ("backends", "serviceAnnotation")
            and (outside := {h for h in holders[key] if h not in found or h in held})
        }
        if not more:
            return held
        held |= more


def _changes(door: FrontDoor, moment: Moment) -> Iterator[Change]:
    steps = {resource.key: resource.step for resource in moment.desired.resources}
    for key, resource in sorted(moment.live.items()):
        kind = KINDS[key.kind]
        if kind.deletable and kind.marker and owner(resource.body) == door.names.front_door:
            step = steps.get(key, kind.step)
            yield Change(Action.DELETE, key, step, f"delete {kind.noun} {key.name}")
    yield from _records(moment)
    yield from _annotations(moment.desired, moment.live)


def _records(moment: Moment) -> Iterator[Change]:
    """Our record sets: address records that point at our address, and validation CNAMEs of ours."""
    addresses = {
        str(item.body.get("address"))
        for resource in moment.desired.resources
        if resource.kind == "address" and (item := moment.live.get(resource.key))
    }
    names = {r.body["name"] for r in moment.desired.resources if r.step is Step.ADDRESS_AND_DNS
             and r.kind == "dnsRecordSet"}  # fmt: skip
    challenges = {
        (str(record.get("name")), str(record.get("data")))
        for key, item in moment.live.items()
        if key.kind == "dnsAuthorization" and owner(item.body) == moment.desired.front_door
        and (record := item.body.get("dnsResourceRecord"))
    }  # fmt: skip
    for key, item in sorted(moment.live.items()):
        if key.kind != "dnsRecordSet" or item.body.get("type") not in RECORD_TYPES:
            continue
        name, values = item.body["name"], set(item.body.get("rrdatas") or ())
        if name in names and values and values <= addresses:
            step = Step.ADDRESS_AND_DNS
        elif any(name == wanted and values == {data} for wanted, data in challenges):
            step = Step.CERTIFICATE
        else:
            continue
        yield Change(Action.DELETE, key, step, f"delete {item.body['type']} record of {name}")


def _annotations(desired: Desired, live: Live) -> Iterator[Change]:
    for resource in desired.resources:
        item = live.get(resource.key)
        if resource.kind != "serviceAnnotation" or item is None:
            continue
        ours = resource.body.get("exposed_ports") or {}
        there = item.body.get("exposed_ports") or {}
        mine = {p: e for p, e in ours.items() if (there.get(p) or {}).get("name") == e.get("name")}
        if mine:
            named = ", ".join(str(entry.get("name")) for entry in mine.values())
            text = f"take {named} out of the annotation; GKE then deletes the NEGs"
            before = {"exposed_ports": mine}
            yield Change(Action.DELETE, resource.key, resource.step, text, before=before)


def _attached(moment: Moment, going: set[ResourceKey]) -> Iterator[Change]:
    """Our entries in backend services that stay."""
    for service, names in sorted(moment.desired.own_negs.items()):
        for key, item in moment.live.items():
            owner_key = ResourceKey("backendService", key.scope, key.name)
            if key.kind != "backends" or key.name != service or owner_key in going:
                continue
            entries = item.body.get("backends") or ()
            if any(str(entry.get("group", "")).rsplit("/", 1)[-1] in names for entry in entries):
                text = f"detach our NEGs from backend service {service}"
                yield Change(Action.DELETE, key, Step.BACKENDS, text)


def _beforehand(key: ResourceKey, found: Mapping[ResourceKey, Change]) -> set[ResourceKey]:
    """Order that no reference shows: names go before addresses, backend services before NEGs."""
    if key.kind == "address":
        return {other for other in found if other.kind == "dnsRecordSet"}
    if key.kind == "serviceAnnotation":
        return {other for other in found if other.kind in ("backendService", "backends")}
    if key.kind == "dnsAuthorization":
        return {o for o in found if o.kind == "dnsRecordSet" and o.name.endswith("/CNAME")}
    return set()


def replan(door: FrontDoor, key: ResourceKey, steps: Iterable[Step]) -> Change | None:
    """What is to be done about one resource now; None when it is gone."""
    found = plan(door, door.read(), steps)
    return next((change for change in found.changes if change.key == key), None)


def holders_of(key: ResourceKey, live: Live) -> set[ResourceKey]:
    """Who refers to a resource now: the answer to "who holds this"."""
    wanted = canonical(link(key)) if kind_of(key).collection else ""
    found = set()
    for other, item in live.items():
        if other.kind == "backends" or other == key:
            continue
        if (
            key.kind == "certificateMap" and other.scope.endswith(f"/certificateMaps/{key.name}")
        ) or (wanted and _mentions(item.body, wanted)):
            found.add(other)
        elif key.kind == "address" and other.kind == "forwardingRule":
            address = (live[key].body if key in live else {}).get("address")
            if address and item.body.get("IPAddress") == address:
                found.add(other)
    return found


def _mentions(value: Any, wanted: str) -> bool:
    if isinstance(value, str):
        return canonical(value) == wanted
    if isinstance(value, Mapping):
        back = {"selfLink", "name", "usedBy", "users", "gclbTargets"}
        return any(_mentions(item, wanted) for name, item in value.items() if name not in back)
    return isinstance(value, list | tuple) and any(_mentions(item, wanted) for item in value)


@dataclass(frozen=True)
class Leak:
    """Something that is left over, why it counts as such, and what to do about it."""

    kind: str
    name: str
    where: str
    why: str
    remedy: str


def leaks(door: FrontDoor, moment: Moment) -> list[Leak]:
    """What is left of this front door, and NEGs that no cluster of the params claims."""
    found = [
        Leak(
            noun(key),
            key.name,
            key.scope,
            "carries our mark",
            "held by " + ", ".join(sorted(str(h) for h in holders_of(key, moment.live)))
            if holders_of(key, moment.live)
            else "run teardown again",
        )
        for key, item in sorted(moment.live.items())
        if KINDS[key.kind].marker and owner(item.body) == door.names.front_door
    ]
    return found + list(_negs(door, moment))


def _negs(door: FrontDoor, moment: Moment) -> Iterator[Leak]:
    own = {name for names in moment.desired.own_negs.values() for name in names}
    claimed = {
        canonical(neg.link)
        for cluster in moment.observed.clusters.values()
        for service in cluster.services
        for neg in service.negs
    }
    everything = moment.reader.aggregated("networkEndpointGroups", "networkEndpointGroups")
    for neg in sorted(everything.result(), key=lambda item: str(item.get("selfLink"))):
        if neg["name"] not in own:
            continue
        held = [
            key.name
            for key, item in moment.live.items()
            if key.kind == "backendService"
            and any(canonical(e["group"]) == canonical(neg["selfLink"])
                    for e in item.body.get("backends") or ())
        ]  # fmt: skip
        zone = str(neg.get("zone", "")).rsplit("/", 1)[-1]
        if held:
            remedy = f"held by backend service {', '.join(sorted(held))}: detach it there"
        elif canonical(str(neg["selfLink"])) in claimed:
            remedy = "GKE's garbage collection deletes it within minutes (each 120 s)"
        else:
            remedy = f"gcloud compute network-endpoint-groups delete {neg['name']} --zone {zone}"
        yield Leak("NEG", str(neg["name"]), zone, _whose(neg), remedy)


def _whose(neg: Mapping[str, Any]) -> str:
    """The cluster and Service that a NEG's description names."""
    try:
        said = json.loads(str(neg.get("description") or ""))
        return (
            f"made for {said['namespace']}/{said['service-name']} "
            f"of cluster {str(said['cluster-uid'])[:8]}"
        )
    except (ValueError, KeyError, TypeError):
        return "not made by GKE"
