"""Params and what was observed, to every resource in full: file pairs in tests/cases/desired.

NAME.yaml has edits of the rehearsal's params and of its clusters; NAME.desired.json what follows:
bodies, steps, what must be there before, reports, what may not be deleted. rehearsal.desired.json
has all of it, the others the resources that differ from it, and those that are not there (null).
`.venv/bin/python -m tests.unit.desired.test_cases` writes them anew.
"""

import functools
import json
from pathlib import Path
from typing import Any

import pytest
from edgebook.desired import desired

from tests import yamls
from tests.unit.case_worlds import observed_of
from tests.unit.params_edits import ROOT, spec_of

CASES = sorted((ROOT / "tests" / "cases" / "desired").glob("*.yaml"))
BASE = "rehearsal"
REFRESH = ".venv/bin/python -m tests.unit.desired.test_cases"


def found(path: Path) -> dict[str, Any]:
    seen, base = _whole(path), _whole(CASES[0].with_name(f"{BASE}.yaml"))["resources"]
    if path.stem != BASE:
        both = seen["resources"].keys() | base.keys()
        seen["resources"] = {
            name: seen["resources"].get(name)
            for name in sorted(both)
            if seen["resources"].get(name) != base.get(name)
        }
    return seen


@functools.cache
def _text(path: Path) -> str:
    case = yamls.read(path.read_text(encoding="utf-8"))
    spec = spec_of(case.get("params"))
    made = desired(spec, observed_of(spec, case))
    return json.dumps(
        {
            "resources": {item.key.id: _short(item.to_json()) for item in made.resources},
            "reports": [_short(change.to_json()) for change in made.reports],
            "own_negs": {name: sorted(negs) for name, negs in made.own_negs.items()},
            "unsure": sorted(key.name for key in made.unsure),
            "kept": sorted(key.name for key in made.kept),
        }
    )


def _whole(path: Path) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(_text(path))
    return whole


def _short(value: dict[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in value.items() if item not in ([], "", {})}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_resources_are_those_of_the_case(path: Path) -> None:
    wanted = json.loads(path.with_suffix(".desired.json").read_text(encoding="utf-8"))
    seen, hint = found(path), f"if this is right: {REFRESH}"
    assert list(seen["resources"]) == list(wanted["resources"]), hint
    for name, resource in seen["resources"].items():
        assert resource == wanted["resources"][name], hint
    assert seen == wanted, hint


if __name__ == "__main__":
    for case in CASES:
        text = json.dumps(found(case), indent=1, ensure_ascii=False)
        case.with_suffix(".desired.json").write_text(f"{text}\n", encoding="utf-8")
