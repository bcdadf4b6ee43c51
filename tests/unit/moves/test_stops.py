"""The table of what stops a move (docs/runbooks.md) names cases and tests that exist."""

import re
from pathlib import Path

from tests.unit.moves.worlds import CASES

ROOT = Path(__file__).parents[3]
BEGIN, END = "What stops a move", "## Change records"
CASE, TEST = re.compile(r"`(\w+/\w+)`"), re.compile(r"`(test_\w+)(?:\.(test_\w+))?`")


def test_what_shows_it_is_there() -> None:
    text = (ROOT / "docs" / "runbooks.md").read_text(encoding="utf-8")
    table = text.partition(BEGIN)[2].partition(END)[0].partition("shown by |")[2]
    cases = CASE.findall(table.replace("`tests/cases/moves`", ""))
    assert len(cases) > 15
    for case in cases:
        told = (CASES / f"{case}.ladder.json").read_text(encoding="utf-8")
        assert any(f'"{word}"' in told for word in ("refused", "problems", "blocked")), case
    for module, name in TEST.findall(table):
        (file,) = (ROOT / "tests").rglob(f"{module}.py")
        assert f"def {name or 'test_'}" in file.read_text(encoding="utf-8"), (module, name)
