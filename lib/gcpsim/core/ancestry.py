"""Under which folders and organization a project is. There is one organization unless one is told.

The stage direction `ancestry` moves a project: {"project": P, "under": ["folders/2", "folders/1",
"organizations/9"]}, the nearest first.
"""

import re
from typing import Any

from gcpsim.core import projects
from gcpsim.core.errors import ApiError
from gcpsim.core.store import Store
from gcpsim.core.world import World

ORGANIZATION = "organizations/433637338589"
NODE = re.compile(r"(organizations|folders)/\d{1,20}")
TABLE = "ancestry"


def of(store: Store, project: str) -> list[str]:
    """The folders above a project, then its organization."""
    known = store.table(TABLE).get(projects.project_id(store, project))
    return list(known["under"]) if known else [ORGANIZATION]


def register(world: World) -> None:
    world.stage["ancestry"] = lambda args: _direct(world, args)


def _direct(world: World, args: dict[str, Any]) -> dict[str, Any]:
    project, under = args.get("project"), args.get("under")
    names = isinstance(under, list) and all(isinstance(one, str) for one in under)
    right = names and under and all(NODE.fullmatch(one) for one in under)
    if set(args) != {"project", "under"} or not isinstance(project, str) or not right:
        why = f"ancestry: give project, and under as a list of folders/N, organizations/N: {args!r}"
        raise ApiError(400, why, "invalid")
    world.store.table(TABLE).put(projects.project_id(world.store, project), {"under": under})
    world.compute.look_again(())
    return {"project": project, "under": under}
