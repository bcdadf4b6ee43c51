"""Params before, params after and what is live, to the stages: file pairs in tests/cases/moves.

MOVE/NAME.yaml: a front door and what is wished of it (see `worlds`), `at` the stage up to which an
earlier run came, `half` the kinds of changes of the next one that it made, and `live` what another
hand did then. NAME.ladder.json has the stages, and where the traffic stands, or why it is refused.
`.venv/bin/python -m tests.unit.moves.test_cases` writes them anew.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from edgebook.base.errors import EdgebookError
from edgebook.model.values import Action, Plan
from edgebook.moves import position
from edgebook.plan.make import make

from tests.unit.moves.worlds import CASES, World, brought, load

REFRESH = ".venv/bin/python -m tests.unit.moves.test_cases"
ALL = sorted(CASES.glob("*/*.yaml"))


def _whole(path: Path) -> bool:
    """Stands at its beginning, and nothing forbids it: what is done to it is done by the tests."""
    if not path.with_suffix(".ladder.json").exists():
        return False
    found = json.loads(path.with_suffix(".ladder.json").read_text(encoding="utf-8"))
    return found.get("standing") == "not begun" and not {"blocked", "problems"} & found.keys()


WHOLE = [path for path in ALL if _whole(path)]
# Ladders of what is left of an ordinary plan: shorter with each stage that is done.
LEFT = [p for p in WHOLE if load(p).left_only]
APPROVED = [path for path in WHOLE if path not in LEFT]


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def said(path: Path) -> dict[str, Any]:
    try:
        world, ladder = brought(path)
    except EdgebookError as error:
        return {"refused": str(error).splitlines()}
    found: dict[str, Any] = {"title": ladder.title, "notes": list(ladder.notes), "stages": []}
    for index, stage in enumerate(ladder.stages[1:], 1):
        changes = [
            f"{c.action.value} {c.key.kind} {c.key.name}: {c.sentence}" for c in ladder.told(index)
        ]
        found["stages"].append(
            {
                "name": stage.name,
                "what": stage.what,
                "changes": changes,
                "before": str(stage.before),
                "gate": str(stage.gate),
                "soak_s": stage.soak_s,
                "share": dict(sorted(stage.share.items())),
                "back": stage.back,
                "disrupts": stage.disrupts,
                "cuts": list(stage.cuts),
            }
        )
    if found_problems := world.problems():
        found["problems"] = found_problems
    try:
        at = position.find(ladder, world.live, world.attached())
    except EdgebookError as error:
        return {**found, "refused": str(error).splitlines()}
    found["standing"] = at.words(ladder)
    if at.done + 1 < len(ladder.stages):
        blockers = world.plan(ladder, at.done + 1).blockers
        found |= {"blocked": [c.sentence for c in blockers]} if blockers else {}
    return found


@pytest.mark.parametrize("path", ALL, ids=named)
def test_the_ladder_is_what_the_case_says(path: Path) -> None:
    expected = json.loads(path.with_suffix(".ladder.json").read_text(encoding="utf-8"))
    assert said(path) == expected, f"if this is right: {REFRESH}"


@pytest.mark.parametrize("path", APPROVED, ids=named)
def test_each_stage_is_found_again_under_one_hash(path: Path) -> None:
    world = load(path, whole=True)
    ladder = world.ladder()
    for index in range(len(ladder.stages)):
        world.carry_out(world.plan(ladder, index))
        again = world.ladder()
        if index == len(ladder.stages) - 1 and len(again.stages) == 1:
            continue  # what was taken away is no stage any more
        assert again.hash == ladder.hash, "one approval is for the whole ladder, wherever it stands"
        assert position.find(again, world.cloud.live, world.attached()).done == index
    if world.move == "swap":
        assert _as_wished(world).to_do == (), "the second plan is empty"


def _as_wished(world: World) -> Plan:
    """The ordinary plan of the params as they shall be."""
    spec, wish = world.spec, world.wish
    moved = {n: dataclasses.replace(spec.backends[n], active=tuple(wish["to"]))
             for n in wish.get("backends") or spec.backends}  # fmt: skip
    after = dataclasses.replace(spec, backends={**spec.backends, **moved})
    return make(after, world.seen, world.cloud.live)


@pytest.mark.parametrize("path", LEFT, ids=named)
def test_what_is_done_is_no_stage_any_more(path: Path) -> None:
    world = load(path, whole=True)
    ladder = world.ladder()
    for index in range(1, len(ladder.stages)):
        assert position.find(ladder, world.live, world.attached()).done == index - 1
        world.carry_out(world.plan(ladder, index))
    assert len(world.ladder().stages) == 1, world.ladder().stages[-1].what


@pytest.mark.parametrize("path", APPROVED, ids=named)
def test_the_way_back_ends_where_it_began(path: Path) -> None:
    world = load(path, whole=True)
    ladder = world.ladder()
    if not all(stage.back for stage in ladder.stages[1:-1]):
        return  # of an upgrade there is none
    for index in range(1, len(ladder.stages)):
        world.carry_out(world.plan(ladder, index))
    for index in reversed(range(len(ladder.stages) - 1)):
        world.carry_out(world.plan(ladder, index))
    assert position.find(world.ladder(), world.cloud.live, world.attached()).done == 0
    assert world.plan(ladder, 0).to_do == ()


@pytest.mark.parametrize("path", WHOLE, ids=named)
def test_a_run_that_was_killed_after_any_change_is_between_two_stages(path: Path) -> None:
    world = load(path, whole=True)
    ladder = world.ladder()
    for index in range(1, len(ladder.stages)):
        plan = world.plan(ladder, index)
        before = dict(world.cloud.live)
        for change in _safe_order(plan):
            world.carry_out(dataclasses.replace(plan, changes=(change,)))
            found = position.find(ladder, world.cloud.live, world.attached())
            assert found.done in (index - 1, index), change.key
        assert world.cloud.live != before or plan.empty


def _safe_order(plan: Plan) -> list[Any]:
    """Creates of what others refer to first, deletes last."""
    rank = {"healthCheck": 0, "serviceAnnotation": 1, "backendService": 2, "backends": 3}
    deletes = {Action.DELETE: 10}
    return sorted(
        plan.to_do,
        key=lambda c: (
            deletes.get(c.action, 0),
            rank.get(c.key.kind, 4) if not deletes.get(c.action) else -rank.get(c.key.kind, 4),
            c.order,
        ),
    )


if __name__ == "__main__":
    for case_file in ALL:
        text = json.dumps(said(case_file), indent=1, ensure_ascii=False)
        case_file.with_suffix(".ladder.json").write_text(f"{text}\n", encoding="utf-8")
