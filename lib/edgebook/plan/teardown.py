"""Taking a front door down: everything that is ours, in reverse order, as a plan of deletes. Pure.

What is ours is read from the marks, not from the params alone, so that leftovers of older params go
too. Records that no longer point at us, entries and annotation content of others stay. NEGs belong
to GKE: they go by its garbage collection once nobody holds them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from edgebook.desired import Desired
from edgebook.model.kinds import KINDS, noun
from edgebook.model.marks import owner
from edgebook.model.values import Action, Change, Live, Plan, ResourceKey, Step
from edgebook.plan import disruption
from edgebook.plan.holders import neg_name
from edgebook.plan.live_index import holders_in
from edgebook.plan.order import in_order
from edgebook.plan.tenants import Tenants

OF_NEGS = ("firewall", "serviceAnnotation")  # what backend services with our NEGs live on
RECORD_TYPES = ("A", "AAAA", "CNAME")
Found = dict[ResourceKey, Change]


def plan(
    desired: Desired,
    live: Live,
    steps: Iterable[Step] = tuple(Step),
    *,
    environment: str = "",
) -> Plan:
    """The deletes of these steps; what another step still holds is reported and left."""
    wanted = set(steps)
    found = {change.key: change for change in _changes(desired, live) if change.step in wanted}
    if Step.BACKENDS in wanted:
        found |= {change.key: change for change in _attached(desired, live, set(found))}
    holders = holders_in(live)
    held_by = {key: set(holders.of(key)) for key in found}
    serving = Serving(desired, live)
    for key in found:
        if key.kind == "firewall":
            held_by[key] |= serving.by(key)
    held = _held(found, held_by)
    changes = []
    for key, change in found.items():
        if key in held:
            changes.append(_left(change, held, live, desired.front_door))
            continue
        first = {_doing(holder, found) for holder in held_by[key]} & set(found)
        disrupts = disruption.of_teardown(key)
        changes.append(replace(change, disrupts=disrupts, depends=tuple(sorted(first - {key}))))
    return Plan(tuple(in_order(changes, live)), desired.front_door, environment)


def replan(desired: Desired, live: Live, key: ResourceKey, steps: Iterable[Step]) -> Change | None:
    """What is to be done about one resource now; None when it is gone."""
    return next((c for c in plan(desired, live, steps).changes if c.key == key), None)


def _doing(holder: ResourceKey, found: Found) -> ResourceKey:
    """The change that makes a holder let go: its delete, or taking our entries out of it."""
    part = ResourceKey("backends", holder.scope, holder.name)
    return part if holder.kind == "backendService" and holder not in found else holder


def _left(
    change: Change, held: Mapping[ResourceKey, set[ResourceKey]], live: Live, front_door: str
) -> Change:
    """A report of what stays, and of who has to let go in the end."""
    first = held[change.key]
    last = _last(change.key, held)
    ours = {key for key in last if key in live and owner(live[key].body) == front_door}
    names = ", ".join(sorted(f"{noun(key)} {key.name}" for key in first))
    text = f"held by {names}: tear that down first"
    if last - ours:
        others = ", ".join(sorted(f"{noun(key)} {key.name}" for key in last - ours))
        text = f"held by {names}; {others}: not ours, whoever owns it must let go: left alone"
    return Change(Action.REPORT, change.key, change.step, text)


def _last(key: ResourceKey, held: Mapping[ResourceKey, set[ResourceKey]]) -> set[ResourceKey]:
    """Who holds something at the end of its chain of holders."""
    last: set[ResourceKey] = set()
    left, seen = [key], {key}
    while left:
        for holder in held[left.pop()] - seen:
            seen.add(holder)
            if holder in held:
                left.append(holder)
            else:
                last.add(holder)
    return last


def _held(
    found: Found, holders: Mapping[ResourceKey, set[ResourceKey]]
) -> dict[ResourceKey, set[ResourceKey]]:
    """What something that stays still needs, and what that needs in turn, with who holds it."""
    held: dict[ResourceKey, set[ResourceKey]] = {}
    while True:
        more = {
            key: outside
            for key in found
            if key not in held
            and key.kind != "backends"  # taking our entries out needs nobody's leave
            and (outside := {h for h in holders[key] if not _goes(key, h, found, held)})
        }
        if not more:
            return held
        held |= more


def _goes(
    key: ResourceKey,
    holder: ResourceKey,
    found: Found,
    held: Mapping[ResourceKey, set[ResourceKey]],
) -> bool:
    """Whether a holder lets go. Of our NEGs it also does by losing our entries."""
    if key.kind in OF_NEGS:
        holder = _doing(holder, found)
    return holder in found and holder not in held


def _changes(desired: Desired, live: Live) -> Iterator[Change]:
    steps = {resource.key: resource.step for resource in desired.resources}
    for key, resource in sorted(live.items()):
        kind = KINDS[key.kind]
        if kind.deletable and kind.marker and owner(resource.body) == desired.front_door:
            step = steps.get(key, kind.step)
            yield Change(Action.DELETE, key, step, f"delete {kind.noun} {key.name}")
    yield from _records(desired, live)
    yield from _annotations(desired, live)


def _records(desired: Desired, live: Live) -> Iterator[Change]:
    """Our record sets: address records that point at our address, and validation CNAMEs of ours."""
    addresses = {
        str(item.body.get("address"))
        for resource in desired.resources
        if resource.kind == "address" and (item := live.get(resource.key))
    }
    names = {
        r.body["name"]
        for r in desired.resources
        if r.step is Step.ADDRESS_AND_DNS and r.kind == "dnsRecordSet"
    }
    challenges = {
        (str(record.get("name")), str(record.get("data")))
        for key, item in live.items()
        if key.kind == "dnsAuthorization" and owner(item.body) == desired.front_door
        and (record := item.body.get("dnsResourceRecord"))
    }  # fmt: skip
    for key, item in sorted(live.items()):
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


class Serving:
    """Who serves by our firewall rules: our backend services with NEGs of ours, and tenants."""

    def __init__(self, desired: Desired, live: Live) -> None:
        self._tenants = Tenants(desired, live, holders_in(live))
        self._ours = frozenset(
            key
            for key, item in live.items()
            if key.kind == "backendService" and owner(item.body) == desired.front_door
            for names in [desired.own_negs.get(key.name, ())]
            if any(neg_name(entry) in names for entry in item.body.get("backends") or ())
        )

    def by(self, rule: ResourceKey) -> frozenset[ResourceKey]:
        return self._ours | frozenset(self._tenants.of(rule))


def _attached(desired: Desired, live: Live, going: set[ResourceKey]) -> Iterator[Change]:
    """Our entries in backend services that stay."""
    for service, names in sorted(desired.own_negs.items()):
        for key, item in live.items():
            owner_key = ResourceKey("backendService", key.scope, key.name)
            if key.kind != "backends" or key.name != service or owner_key in going:
                continue
            mine = [dict(e) for e in item.body.get("backends") or () if neg_name(e) in names]
            if mine:
                text = f"detach our NEGs from backend service {service}"
                before = {"backends": mine}
                yield Change(Action.DELETE, key, Step.BACKENDS, text, before=before)
