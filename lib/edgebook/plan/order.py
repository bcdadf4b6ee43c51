"""Which change must wait for which, so that what clients use serves until its successor does. Pure.

1. A change waits for every other one that makes what it refers to.
2. A rule waits for the delete of the rule that has its address and port: Google allows one.
3. Deletes come last: each waits for everything that is made or changed, but for what waits for it,
   and for the deletes of whoever holds what it deletes.
4. An address goes last of all: its labels carry the lease under which everything else is written.
Each key has at most one change.
"""

import heapq
from collections.abc import Iterable

from edgebook.model.kinds import kind_of
from edgebook.model.links import same_text
from edgebook.model.values import Action, Change, Live, ResourceKey, refs
from edgebook.plan.live_index import holders_in

Order = dict[ResourceKey, set[ResourceKey]]
LEASED = "address"


def before(changes: Iterable[Change], live: Live) -> Order:
    """For each change's key, the keys of those that must be done first. Reports are left out."""
    work = [change for change in changes if change.action is not Action.REPORT]
    deletes = [change for change in work if change.action is Action.DELETE]
    others = [change for change in work if change.action is not Action.DELETE]
    made = {change.key for change in others}
    waits: Order = {change.key: set() for change in work}
    for change in others:
        waits[change.key] = (needs(change) & made) | _rivals(change, deletes, live)
    holders = holders_in(live)
    for change in deletes:
        waits[change.key] = (set(holders.of(change.key)) | set(change.depends)) & set(waits)
        waits[change.key].discard(change.key)
    for change in deletes:
        later = _waiting_for(change.key, waits)
        waits[change.key] |= {key for key in made if key not in later}
    carriers = {change.key for change in deletes if change.key.kind == LEASED}
    for key in carriers:
        following = _waiting_for(key, waits)
        waits[key] |= {other for other in waits if other not in carriers | following}
    for change in deletes:
        # A delete that would wait for itself waits for nothing: the API then says who holds it.
        if change.key in _reach(change.key, waits):
            waits[change.key] = set()
    return waits


def in_order(changes: Iterable[Change]) -> list[Change]:
    """For people: changes as they are carried out, as far as they say it themselves; reports last.

    What is made stands in the order of its steps, deletes after it and in the opposite order. What
    does not wait for each other is done at the same time. A plan that only makes stands by steps,
    as its notebooks do; a ladder, which changes one thing in several stages, stays as it is.
    """
    changes = list(changes)
    work = [change for change in changes if change.action is not Action.REPORT]
    by_key = {change.key: change for change in work}
    if len(by_key) < len(work) or not any(map(_deletes, work)):
        return changes
    waits = {
        key: (set(c.depends) if _deletes(c) else needs(c)) & set(by_key) - {key}
        for key, c in by_key.items()
    }
    followers: dict[ResourceKey, list[ResourceKey]] = {key: [] for key in by_key}
    for key, first in waits.items():
        for one in first:
            followers[one].append(key)
    open_ = {key: len(first) for key, first in waits.items()}
    ready = [(_rank(by_key[key]), key) for key, count in open_.items() if not count]
    heapq.heapify(ready)
    found: list[Change] = []
    while ready:
        _, key = heapq.heappop(ready)
        found.append(by_key[key])
        for follower in followers[key]:
            open_[follower] -= 1
            if not open_[follower]:
                heapq.heappush(ready, (_rank(by_key[follower]), follower))
    there = {change.key for change in found}
    return [*found, *(c for c in changes if c.action is Action.REPORT or c.key not in there)]


def _deletes(change: Change) -> bool:
    return change.action is Action.DELETE


def _rank(change: Change) -> tuple[bool, int, str, str]:
    number = change.step.number
    return (
        _deletes(change),
        -number if _deletes(change) else number,
        change.key.kind,
        change.key.name,
    )


def last(changes: Iterable[Change], waits: Order) -> frozenset[ResourceKey]:
    """Changes that take away what something else of the plan replaces."""
    work = [change for change in changes if change.action is not Action.REPORT]
    made = {change.key for change in work if not _goes(change)}
    return frozenset(c.key for c in work if _goes(c) and waits[c.key] & made)


def _goes(change: Change) -> bool:
    return change.action is Action.DELETE or change.key.kind in ("detachment", "closing")


def needs(change: Change) -> set[ResourceKey]:
    """What must exist before a create or update."""
    keys = {ref.key for ref in refs(change.after)} | set(change.depends)
    keys |= {wait.key for wait in change.waits}
    if kind_of(change.key).object_kind == "backendService":
        keys.add(ResourceKey("backendService", change.key.scope, change.key.name))
    return keys - {change.key}


def _rivals(change: Change, deletes: list[Change], live: Live) -> set[ResourceKey]:
    """Rules that go and have the address and port of one that comes."""
    if change.key.kind != "forwardingRule":
        return set()
    wanted = change.after
    return {
        other.key
        for other in deletes
        if other.key.kind == "forwardingRule"
        and (body := live[other.key].body if other.key in live else {})
        and same_text(str(body.get("portRange")), str(wanted.get("portRange")))
        and _same_address(body.get("IPAddress"), wanted.get("IPAddress"), live)
    }


def _same_address(there: object, wanted: object, live: Live) -> bool:
    for ref in refs(wanted):
        body = live[ref.key].body if ref.key in live else {}
        wanted = body.get(ref.field)
    return same_text(str(there), str(wanted))


def _waiting_for(key: ResourceKey, waits: Order) -> set[ResourceKey]:
    """Everything that waits for a change, directly or not."""
    return {other for other in waits if key in _reach(other, waits)}


def _reach(start: ResourceKey, waits: Order) -> set[ResourceKey]:
    seen: set[ResourceKey] = set()
    todo = list(waits[start])
    while todo:
        key = todo.pop()
        if key not in seen:
            seen.add(key)
            todo += waits.get(key, ())
    return seen
