"""Which backend services have to be looked at when all changes are made. Pure.

Whatever changes how probes or traffic reach pods is proven by their health, not by an operation
that is done: entries, health checks, protocols, firewall rules.
"""

from collections.abc import Iterable, Iterator, Mapping

from edgebook.model.kinds import kind_of
from edgebook.model.values import Action, Change, Live, ResourceKey, each_negs
from edgebook.plan.live_index import holders_in

MADE = (Action.CREATE, Action.UPDATE, Action.REPLACE)


def touched(
    changes: Iterable[Change], live: Live, own_negs: Mapping[str, frozenset[str]]
) -> dict[ResourceKey, Change]:
    """Backend service -> the change by which it has to be proven, the first of several."""
    found: dict[ResourceKey, Change] = {}
    for change in sorted(changes, key=lambda item: item.order):
        if change.action in MADE:
            for service in _reached(change, live):
                if service.name in own_negs:
                    found.setdefault(service, change)
    return found


def _reached(change: Change, live: Live) -> Iterator[ResourceKey]:
    key = change.key
    part_of = kind_of(key).object_kind
    if key.kind == "backends":
        if any(True for _ in each_negs(change.after)):
            yield ResourceKey("backendService", key.scope, key.name)
    elif key.kind == "backendService":
        if change.action is not Action.CREATE:
            yield key
    elif key.kind == "healthCheck":
        yield from (h for h in holders_in(live).of(key) if h.kind == "backendService")
    elif (part_of or key.kind) == "firewall" and change.action is not Action.CREATE:
        yield from (other for other in live if other.kind == "backendService")
