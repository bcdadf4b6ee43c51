"""Every field of the params that is edited on a live front door x every client of that front door.

Each edit is planned and carried out there and back, in several orders that the dependencies allow,
and every client is looked at after each change: it is served all along, by the backends of before,
or the plan says so. tests/cases/pairs.json has how many clients there are, what each plan says, and
to whom. `.venv/bin/python -m tests.unit.plan.test_pairs` writes it anew: read the difference.
"""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from edgebook.model.kinds import named
from edgebook.model.observed import Observed
from edgebook.model.values import ResourceKey, Step
from edgebook.params import Spec
from edgebook.params.schema import schema
from edgebook.plan.lines import of_plan
from edgebook.plan.make import make, refusal

from tests.unit.ideal_cloud import IdealCloud
from tests.unit.params_edits import ROOT, spec_of
from tests.unit.plan.edits import ROOM
from tests.unit.plan.fields import FIELDS, NOTHING
from tests.unit.plan.test_no_harm import LISTENING, Watched, announced, built, seen_by
from tests.unit.serving import Item, World

PAIRS = ROOT / "tests" / "cases" / "pairs.json"
REFRESH = ".venv/bin/python -m tests.unit.plan.test_pairs"
SEEDS = 2
DEEP = 4  # levels of params that are fields of their own; what is below has Google's names
ROWS = [(field, way) for field in sorted(FIELDS) for way in ("there", "back")]


def outcome(field: str, way: str) -> dict[str, Any]:
    """What becomes of every client when one field is edited."""
    before, after = ({}, FIELDS[field]) if way == "there" else (FIELDS[field], {})
    old, new = spec_of({**before, **ROOM}), spec_of({**after, **ROOM})
    observed, cloud = seen_by(old, new), built(old, seen_by(old))
    plan = make(new, observed, cloud.live)
    if refused := refusal(plan, new.safety, made=of_plan("FILE")):
        return {"refused": f"{refused.what}: {refused.why}".splitlines()}
    hostnames = tuple(sorted({*old.hostnames, *new.hostnames}))
    world, final = World(cloud.live, observed, LISTENING), IdealCloud(cloud.live)
    serving = world.served(hostnames)
    final.apply(plan, observed)
    later = World(final.live, observed, LISTENING)
    wanted = serving & later.served(hostnames)
    told = announced(serving, world.chains, plan)
    lost = serving - wanted - told
    assert not lost, f"the plan says nothing of {sorted(map(str, lost))}, who are served no more"
    moved = {one for one in wanted - told if _ends(world, one) != _ends(later, one)}
    assert not moved, f"the plan says nothing of {sorted(map(str, moved))}, who are led elsewhere"
    names = world.names() & later.names()
    for seed in range(SEEDS):
        for parts in ([None], list(Step)):
            _carried_out(cloud, new, observed, parts, wanted - told, names, seed)
    says = {named(c.key): c.disrupts for c in plan.to_do if c.disrupts}
    found = {"clients": len(serving), "says": says, "announced to": sorted(map(str, told))}
    return {name: value for name, value in found.items() if value}


def _ends(world: World, item: Item) -> set[ResourceKey]:
    """The backend services that a client's requests may reach."""
    return {key for key in world.chains[item] if key.kind == "backendService"}


def _carried_out(
    cloud: IdealCloud,
    spec: Spec,
    observed: Observed,
    parts: list[Step | None],
    kept: set[Any],
    names: set[Any],
    seed: int,
) -> None:
    """All at once (None), or step by step as notebooks do, each planned anew."""
    world = IdealCloud(copy.copy(cloud.live))
    watched = Watched(world, observed, spec)
    for part in parts:
        plan = make(spec, observed, world.live)
        only = plan.only(tuple(Step) if part is None else part)
        watched.carry_out(only, kept, names, random.Random(seed))
    watched.settle()
    assert watched.lost == {}
    assert make(spec, observed, world.live).to_do == (), "a second plan is empty"


@pytest.mark.parametrize(("field", "way"), ROWS)
def test_every_client_is_served_all_along_or_the_plan_says_so(field: str, way: str) -> None:
    expected = json.loads(PAIRS.read_text(encoding="utf-8"))
    assert outcome(field, way) == expected[f"{field} {way}"], f"if this is right: {REFRESH}"


def test_no_field_of_the_params_is_left_out() -> None:
    there = set(_fields(schema()))
    for field in there - _parents(there):
        near = [f for f in (*FIELDS, *NOTHING) if field == f or field.startswith(f"{f}.")]
        deep = [f for f in near if f in NOTHING or "." in f or f == field]
        assert deep, f"{field} has neither an edit nor a reason in tests/unit/plan/fields.py"
    assert set(json.loads(PAIRS.read_text(encoding="utf-8"))) == {f"{f} {w}" for f, w in ROWS}


def _parents(fields: set[str]) -> set[str]:
    return {
        field.rsplit(".", depth)[0] for field in fields for depth in range(1, field.count(".") + 1)
    }


def _fields(node: Any, path: str = "", depth: int = 0) -> Iterator[str]:
    if depth > DEEP:
        return
    if "$ref" in node:
        yield from _fields(schema()["definitions"][node["$ref"].rsplit("/", 1)[-1]], path, depth)
    for other in (*node.get("anyOf", ()), *node.get("oneOf", ()), *node.get("allOf", ())):
        yield from _fields(other, path, depth)
    for name, below in node.get("properties", {}).items():
        where = f"{path}.{name}" if path else name
        yield where
        yield from _fields(below, where, depth + 1)
    if isinstance(node.get("items"), dict):
        yield from _fields(node["items"], f"{path}.0", depth)
    if isinstance(node.get("additionalProperties"), dict):
        yield from _fields(node["additionalProperties"], f"{path}.X", depth)


if __name__ == "__main__":
    found = {f"{field} {way}": outcome(field, way) for field, way in ROWS}
    PAIRS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
