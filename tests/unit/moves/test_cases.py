"""Params before, params after and what is live, to the stages: file pairs in tests/cases/moves.

NAME.yaml: `built` edits of the rehearsal's params that were applied to an ideal cloud, the `wish`,
`at` the stage up to which an earlier run came, `half` the changes of the next one that it made, and
`live` what another hand did then. NAME.ladder.json has the stages, and where the traffic stands.
`.venv/bin/python -m tests.unit.moves.test_cases` writes them anew.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from edgebook.base.errors import EdgebookError
from edgebook.model.observed import Observed
from edgebook.model.values import Action, Plan, ResourceKey
from edgebook.moves import position, swap
from edgebook.moves.stages import Ladder
from edgebook.moves.wish import Wish
from edgebook.params import Spec
from edgebook.plan.make import make

from tests.unit.ideal_cloud import IdealCloud, observe
from tests.unit.params_edits import spec_of

CASES = Path(__file__).parents[2] / "cases" / "moves"
REFRESH = ".venv/bin/python -m tests.unit.moves.test_cases"
# Those that begin at the beginning: what is done to them is done by the tests.
WHOLE = [p for p in sorted(CASES.glob("*.yaml")) if "\nat: " not in p.read_text(encoding="utf-8")]
COMPUTE = "projects/shop-rehearsal/global"


def everywhere(spec: Spec) -> Spec:
    """All backends in all clusters: what GKE would have NEGs for."""
    active = tuple(sorted(spec.clusters))
    backends = {n: dataclasses.replace(b, active=active) for n, b in spec.backends.items()}
    return dataclasses.replace(spec, backends=backends)


def world(case: dict[str, Any]) -> tuple[Spec, IdealCloud, Observed]:
    spec = spec_of(case.get("built"))
    cloud, seen = IdealCloud(), observe(spec, negs=True)
    cloud.apply(make(spec, seen, cloud.live), seen)
    return spec, cloud, observe(everywhere(spec), negs=True)


def wish_of(case: dict[str, Any]) -> Wish:
    given = dict(case["wish"])
    lists = ("to", "backends", "steps")
    return Wish(**{k: tuple(v) if k in lists else v for k, v in given.items()})


def carried_out(cloud: IdealCloud, plan: Plan, seen: Observed) -> None:
    """What the API would do; an annotation loses our ports."""
    gone = [c for c in plan.to_do if c.key.kind == "serviceAnnotation" and c.action == "delete"]
    cloud.apply(dataclasses.replace(plan, changes=tuple(c for c in plan.to_do if c not in gone)),
                seen)  # fmt: skip
    for change in gone:
        body = dict(cloud.live[change.key].body)
        ports = {
            p: e
            for p, e in body["exposed_ports"].items()
            if p not in change.before["exposed_ports"]
        }
        cloud.put(change.key, {**body, "exposed_ports": ports})


def ladder_of(case: dict[str, Any]) -> tuple[Ladder, IdealCloud, Observed]:
    spec, cloud, seen = world(case)
    ladder = swap.ladder(spec, seen, cloud.live, wish_of(case))
    for index in range(1, ladder.stage(case.get("at", "start")) + 1):
        carried_out(cloud, ladder.plan_of(index, cloud.live, seen), seen)
    if names := case.get("half"):
        index = ladder.stage(case["at"]) + 1
        plan = ladder.plan_of(index, cloud.live, seen)
        some = tuple(c for c in plan.to_do if c.key.kind in names)
        carried_out(cloud, dataclasses.replace(plan, changes=some), seen)
    for edit in case.get("live", ()):
        key = ResourceKey(edit["kind"], COMPUTE, edit["name"])
        cloud.put(key, {**cloud.live[key].body, **edit["set"]})
    return ladder, cloud, seen


def said(path: Path) -> dict[str, Any]:
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    ladder, cloud, seen = ladder_of(case)
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
            }
        )
    try:
        found["standing"] = position.find(ladder, cloud.live, seen).words(ladder)
    except EdgebookError as error:
        found["refused"] = str(error).splitlines()
    return found


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_ladder_is_what_the_case_says(path: Path) -> None:
    expected = json.loads(path.with_suffix(".ladder.json").read_text(encoding="utf-8"))
    assert said(path) == expected, f"if this is right: {REFRESH}"


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
def test_each_stage_is_found_again_and_the_second_plan_is_empty(path: Path) -> None:
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    case = {name: case[name] for name in ("built", "wish") if name in case}
    spec, cloud, seen = world(case)
    wish = wish_of(case)
    ladder = swap.ladder(spec, seen, cloud.live, wish)
    approved = ladder.hash
    for index in range(len(ladder.stages)):
        carried_out(cloud, ladder.plan_of(index, cloud.live, seen), seen)
        again = swap.ladder(spec, seen, cloud.live, wish)
        assert again.hash == approved, "one approval is for the whole ladder, wherever it stands"
        assert position.find(again, cloud.live, seen).done == index
    moved = {n: dataclasses.replace(spec.backends[n], active=wish.to) for n in wish.backends
             or spec.backends}  # fmt: skip
    after = dataclasses.replace(spec, backends={**spec.backends, **moved})
    assert make(after, seen, cloud.live).to_do == ()


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
def test_a_run_that_was_killed_after_any_change_is_between_two_stages(path: Path) -> None:
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    case = {name: case[name] for name in ("built", "wish") if name in case}
    _, cloud, seen = world(case)
    ladder, cloud, seen = ladder_of(case)
    for index in range(1, len(ladder.stages)):
        plan = ladder.plan_of(index, cloud.live, seen)
        before = dict(cloud.live)
        for change in _safe_order(plan):
            carried_out(cloud, dataclasses.replace(plan, changes=(change,)), seen)
            found = position.find(ladder, cloud.live, seen)
            assert found.done in (index - 1, index), change.key
        assert cloud.live != before or plan.empty


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
    for case_file in sorted(CASES.glob("*.yaml")):
        text = json.dumps(said(case_file), indent=1, ensure_ascii=False)
        case_file.with_suffix(".ladder.json").write_text(f"{text}\n", encoding="utf-8")
