"""Who may do what: everything is granted, but for what a scenario denies.

Denials come from scripted faults with effect `permission`, and from a set per project that the
stage direction `permissions` writes. One verdict answers testIamPermissions and guards the calls.
"""

import fnmatch
from collections.abc import Iterable
from typing import Any

from gcpsim.core.errors import ApiError
from gcpsim.core.faults import Fault
from gcpsim.core.world import World

TABLE = "project/denied"


def denied(world: World, project: str, permission: str, struck: Iterable[Fault] = ()) -> bool:
    """Whether a call needing `permission` is refused; `struck` are the faults that hit it."""
    for fault in struck:
        if fault.effect != "permission":
            continue
        if not fault.permission or (_matches(permission, fault.permission) and fault.count()):
            return True
    return _in_denied_set(world, project, permission)


def granted(world: World, project: str, permission: str) -> bool:
    """The answer of testIamPermissions: also faults that are yet to strike count, uncounted."""
    for fault in world.faults.active:
        if fault.effect != "permission" or not fault.permission or fault.spent:
            continue
        elsewhere = fault.path and not fnmatch.fnmatchcase(f"projects/{project}/x", fault.path)
        service = fault.service and fault.service != permission.split(".")[0]
        if not elsewhere and not service and _matches(permission, fault.permission):
            return False
    return not _in_denied_set(world, project, permission)


def direct(world: World, args: dict[str, Any]) -> dict[str, Any]:
    """Stage direction `permissions`: {"project": P or "*", "deny": [patterns], "allow": [...]}."""
    unknown = set(args) - {"project", "deny", "allow"}
    project = args.get("project", "*")
    deny, allow = args.get("deny", []), args.get("allow", [])
    lists = all(
        isinstance(given, list) and all(isinstance(one, str) for one in given)
        for given in (deny, allow)
    )
    if unknown or not lists or not isinstance(project, str):
        why = f"permissions: give project, and deny and allow as lists of patterns, not {args!r}"
        raise ApiError(400, why, "invalid")
    table = world.store.table(TABLE)
    before = (table.get(project) or {"patterns": []})["patterns"]
    after = sorted((set(before) | set(deny)) - set(allow))
    table.put(project, {"patterns": after})
    return {"project": project, "denied": after}


def _in_denied_set(world: World, project: str, permission: str) -> bool:
    table = world.store.table(TABLE)
    for key in (project, "*"):
        doc = table.get(key)
        if doc and any(_matches(permission, pattern) for pattern in doc["patterns"]):
            return True
    return False


def _matches(permission: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(permission, pattern)
