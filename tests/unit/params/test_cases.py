"""Whole params files that are wrong, and all that is said about them: tests/cases/params.

`.venv/bin/python -m tests.unit.params.test_cases` writes the expected texts anew.
"""

from pathlib import Path

import pytest
from edgebook.params import ParamsError, load_file, schema

ROOT = Path(__file__).parents[3]
CASES = ROOT / "tests" / "cases" / "params"
REFRESH = ".venv/bin/python -m tests.unit.params.test_cases"


def said(path: Path) -> str:
    try:
        load_file(path)
    except ParamsError as error:
        return str(error).replace(str(path.parent), "params") + "\n"
    return "no problem\n"


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_all_problems_are_said_at_once(path: Path) -> None:
    expected = path.with_suffix(".txt").read_text(encoding="utf-8")
    assert said(path) == expected, f"if this is right: {REFRESH}"


def test_a_file_that_is_not_there_is_one_problem(tmp_path: Path) -> None:
    assert "cannot be read: No such file or directory" in said(tmp_path / "gone.yaml")


@pytest.mark.parametrize("name", ["rehearsal", "example"])
def test_the_params_that_come_along_are_right(name: str) -> None:
    assert said(ROOT / "params" / f"{name}.yaml") == "no problem\n"


def test_the_schema_for_editors_is_in_step() -> None:
    written = (ROOT / "params" / "schema.json").read_text(encoding="utf-8")
    command = ".venv/bin/python -m edgebook.params.schema > params/schema.json"
    assert written == schema.text(), f"if this is right: {command}"


if __name__ == "__main__":
    for case in sorted(CASES.glob("*.yaml")):
        case.with_suffix(".txt").write_text(said(case), encoding="utf-8")
