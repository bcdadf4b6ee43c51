"""docs/cases.md is true: what shows that a fault is mended exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINES = (ROOT / "docs" / "cases.md").read_text(encoding="utf-8").splitlines()
HEADINGS = ("| what used", "|---")
ROWS = [line for line in LINES if line.startswith("|") and not line.startswith(HEADINGS)]
NODE = re.compile(r"`([\w/]+\.py)::(test_\w+)(?:\[([^\]`]+)\])?`")


def shown_by(row: str) -> list[tuple[str, str, str]]:
    """(file below tests/, test, row of its table or name of its case; "" for the whole test)"""
    return NODE.findall(row.strip("| ").split(" | ")[-1])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row)[2:50])
def test_what_shows_it_is_there(row: str) -> None:
    cells = row.strip("| ").split(" | ")
    assert len(cells) == 3 and all(cells)
    found = shown_by(row)
    assert found and NODE.sub("", cells[2]).strip(" ,") == "", "tests, and nothing else"
    for file, test, part in found:
        tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
        assert test in {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}, test
        texts = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
        cases = {path.stem for path in (ROOT / "tests" / "cases").rglob("*.yaml")}
        assert not part or part in texts | cases, part


def test_no_fault_is_left_out() -> None:
    assert len(ROWS) >= 21
    wire = [node for row in ROWS for node in shown_by(row) if node[0].startswith("contract/")]
    assert len(wire) > len(ROWS)
