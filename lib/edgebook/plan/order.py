"""Which change must wait for which, so that what clients use serves until its successor does. Pure.

1. A change waits for every other one that makes what it refers to.
2. A rule waits for the delete of the rule that has its address and port: Google allows one.
3. Deletes come last: each waits for everything that is made or changed, but for what waits for it,
   and for the deletes of whoever holds what it deletes.
4. An address goes last of all: its labels carry the lease under which everything else is written.
Each key has at most one change. Plans, records and runs all have their changes in the order that
follows from this.
"""

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from edgebook.model.kinds import kind_of
from edgebook.model.links import same_text
from edgebook.model.values import Action, Change, Live, Plan, ResourceKey, Step, refs
from edgebook.plan.live_index import IndexedLive, holders_in

Order = dict[ResourceKey, set[ResourceKey]]
LEASED = "address"


def before(changes: Iterable[Change], live: Live) -> Order:
    """For each change's key, the keys of those that must be done first. Reports are left out."""
    work = [change for change in changes if _works(change)]
    deletes = [change for change in work if _deletes(change)]
    others = [change for change in work if not _deletes(change)]
    made = {change.key for change in others}
    waits: Order = {change.key: set() for change in work}
    for change in others:
        waits[change.key] = (needs(change) & made) | _rivals(change, deletes, live)
    if deletes:
        _come_last(deletes, made, waits, live)
    return waits


def _come_last(deletes: list[Change], made: set[ResourceKey], waits: Order, live: Live) -> None:
    holders = holders_in(live)
    for change in deletes:
        waits[change.key] = (set(holders.of(change.key)) | set(change.depends)) & set(waits)
        waits[change.key].discard(change.key)
    last = [change.key for change in deletes]
    for key in list(last):
        # A delete that would wait for itself waits for nothing: the API then says who holds it.
        if key in _reach(key, lambda one: waits[one]):
            waits[key] = set()
            last.remove(key)
    followers = _followers(waits)

    def following(key: ResourceKey) -> set[ResourceKey]:
        return followers[key] | {one for one in last if key in made and key in waits[one]}

    for key in last:
        waits[key] |= made - _reach(key, following)
    carriers = {key for key in last if key.kind == LEASED}
    for key in carriers:
        waits[key] |= set(waits) - carriers - _reach(key, following)


def in_order(changes: Iterable[Change], live: Live, *, first: Sequence[str] = ()) -> list[Change]:
    """Changes as one apply carries them out: each after those it waits for; reports last.

    What is begun at the same time stands together, in the order of the steps, deletes in the
    opposite one. Kinds that come `first` do so as far as they wait for nothing else.
    """
    ranked = sorted(changes, key=_rank)
    work: dict[ResourceKey, list[Change]] = {}
    for change in filter(_works, ranked):
        work.setdefault(change.key, []).append(change)
    waits = before((change for same in work.values() for change in same), live)
    found = dict.fromkeys((*_sorted(waits, work, first), *work))
    return [*(c for key in found for c in work[key]), *(c for c in ranked if not _works(c))]


def by_steps(changes: Iterable[Change], live: Live) -> list[Change]:
    """Changes as the six notebooks carry them out, each step as one apply; its reports last."""
    live = live if isinstance(live, IndexedLive) else IndexedLive(live)
    parts: dict[Step, list[Change]] = {step: [] for step in Step}
    for change in changes:
        parts[change.step].append(change)
    return [change for part in parts.values() for change in in_order(part, live)]


def at_once(plan: Plan, live: Live) -> Plan:
    """The same plan in the order of one apply over all of its steps."""
    return replace(plan, changes=tuple(in_order(plan.changes, live)))


def _sorted(
    waits: Order, ranked: Iterable[ResourceKey], first: Sequence[str] = ()
) -> list[ResourceKey]:
    """In rounds: each key in the first one that all it waits for is before; no circles."""
    keys = list(ranked)
    places = {key: place for place, key in enumerate(keys)}
    favours = [first.index(key.kind) - len(first) if key.kind in first else 0 for key in keys]
    followers: list[list[int]] = [[] for _ in keys]
    rounds, open_ = [0] * len(keys), [len(waits[key]) for key in keys]
    for key, others in waits.items():
        place = places[key]
        for other in others:
            followers[places[other]].append(place)
    ready = [(favours[place], 0, place) for place, count in enumerate(open_) if not count]
    heapq.heapify(ready)
    found: list[ResourceKey] = []
    while ready:
        *_, place = heapq.heappop(ready)
        found.append(keys[place])
        for follower in followers[place]:
            open_[follower] -= 1
            rounds[follower] = max(rounds[follower], rounds[place] + 1)
            if not open_[follower]:
                heapq.heappush(ready, (favours[follower], rounds[follower], follower))
    return found


def _followers(waits: Order) -> Order:
    """Who waits for a key; the other way round."""
    found: Order = {key: set() for key in waits}
    for key, first in waits.items():
        for one in first:
            found[one].add(key)
    return found


def _works(change: Change) -> bool:
    return change.action is not Action.REPORT


def _deletes(change: Change) -> bool:
    return change.action is Action.DELETE


def _rank(change: Change) -> tuple[bool, int, ResourceKey]:
    number = change.step.number
    return (_deletes(change), -number if _deletes(change) else number, change.key)


def last(changes: Iterable[Change], waits: Order) -> frozenset[ResourceKey]:
    """Changes that take away what something else of the plan replaces."""
    work = [change for change in changes if _works(change)]
    made = {change.key for change in work if not _goes(change)}
    return frozenset(c.key for c in work if _goes(c) and waits[c.key] & made)


def _goes(change: Change) -> bool:
    return change.action is Action.DELETE or change.key.kind in (
        "detachment",
        "closing",
        "forgetting",
    )


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


def _reach(
    start: ResourceKey, next_: Callable[[ResourceKey], Iterable[ResourceKey]]
) -> set[ResourceKey]:
    """Everything that follows, directly or not."""
    seen: set[ResourceKey] = set()
    todo = list(next_(start))
    while todo:
        key = todo.pop()
        if key not in seen:
            seen.add(key)
            todo += next_(key)
    return seen
