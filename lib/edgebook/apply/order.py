"""Which change must wait for which: from references and dependencies; for deletes, the other way.

Pure. A change waits for every other change of the plan that creates what it refers to; a delete
waits for every change that lets go of what is deleted. Each key has at most one change.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from edgebook.model.kinds import kind_of
from edgebook.model.links import canonical, link
from edgebook.model.values import Action, Change, Live, ResourceKey, refs

# Fields by which the server tells who uses a resource: not a use by the resource itself.
BACK_REFERENCES = {"selfLink", "name", "usedBy", "users", "gclbTargets"}
Order = dict[ResourceKey, set[ResourceKey]]


def before(changes: Iterable[Change], live: Live) -> Order:
    """For each change's key, the keys of those that must be done first. Reports are left out."""
    work = [change for change in changes if change.action is not Action.REPORT]
    deletes = [change for change in work if change.action is Action.DELETE]
    made = {change.key for change in work} - {change.key for change in deletes}
    waits: Order = {change.key: set() for change in work}
    for change in work:
        if change.action is not Action.DELETE:
            waits[change.key] = needs(change) & made
    for change in deletes:
        holders = {other.key for other in work if _holds(other.key, change.key, live)}
        planned = set(change.depends) & set(waits)
        waits[change.key] = (holders | planned) - {change.key}
    for change in deletes:
        # A delete that would wait for itself waits for nothing: the API then says who holds it.
        if change.key in _reach(change.key, waits):
            waits[change.key] = set()
    return waits


def needs(change: Change) -> set[ResourceKey]:
    """What must exist before a create or update."""
    keys = {ref.key for ref in refs(change.after)} | set(change.depends)
    keys |= {wait.key for wait in change.waits}
    if kind_of(change.key).object_kind == "backendService":
        keys.add(ResourceKey("backendService", change.key.scope, change.key.name))
    return keys - {change.key}


def _holds(other: ResourceKey, key: ResourceKey, live: Live) -> bool:
    """Whether the resource `other` holds `key` as things are now."""
    if key.kind == "certificateMap" and other.scope.endswith(f"/certificateMaps/{key.name}"):
        return True  # an entry goes before its map
    resource = live.get(other)
    return resource is not None and _mentions(resource.body, canonical(link(key)))


def _mentions(value: Any, wanted: str) -> bool:
    if isinstance(value, str):
        return canonical(value) == wanted
    if isinstance(value, Mapping):
        return any(_mentions(v, wanted) for k, v in value.items() if k not in BACK_REFERENCES)
    if isinstance(value, list | tuple):
        return any(_mentions(item, wanted) for item in value)
    return False


def _reach(start: ResourceKey, waits: Order) -> set[ResourceKey]:
    seen: set[ResourceKey] = set()
    todo = list(waits[start])
    while todo:
        key = todo.pop()
        if key not in seen:
            seen.add(key)
            todo += waits.get(key, ())
    return seen
