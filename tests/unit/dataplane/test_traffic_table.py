"""docs/traffic.md is true: each line is shown by tests that exist, or told as a kindness."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TEST = re.compile(r"`(test_\w+)\.(test_\w+)`")
PLACE = re.compile(r"(?<!\*)\*([^*]+)\*(?!\*)")


def rows(page: str) -> list[list[str]]:
    """The cells of all table rows of a page, without headings."""
    lines = (ROOT / "docs" / page).read_text().splitlines()
    found = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in lines
        if line.startswith("| ")
    ]
    return [row for row in found if row[-1] not in ("shown by", "source")]


def known_tests() -> dict[str, set[str]]:
    """Module name -> the names of its tests."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in (ROOT / "tests").rglob("test_*.py"):
        tree = ast.parse(path.read_text())
        found[path.stem] |= {one.name for one in tree.body if isinstance(one, ast.FunctionDef)}
    return found


PLACES = {row[0] for row in rows("kindnesses.md")}
LINES = rows("traffic.md")


@pytest.mark.parametrize("line", LINES, ids=lambda line: str(line[0])[:40])
def test_a_line_is_shown_or_told(line: list[str]) -> None:
    shown = line[-1]
    tests, places = TEST.findall(shown), PLACE.findall(TEST.sub("", shown))
    assert tests or places, f"{line[0]}: nothing shows it"
    assert not re.sub(r"[\s,]", "", PLACE.sub("", TEST.sub("", shown))), shown
    missing = [f"{module}.{name}" for module, name in tests if name not in THERE[module]]
    assert not missing, f"{line[0]}: no such test"
    assert set(places) <= PLACES, f"{line[0]}: no such row in kindnesses.md"


THERE = known_tests()


def test_every_test_of_front_ends_shows_a_line() -> None:
    """Whoever adds a test over the wire says what of Google's it shows."""
    named = {module for line in LINES for module, _ in TEST.findall(line[-1])}
    wire = {path.stem for path in (ROOT / "tests/contract/dataplane").glob("test_*.py")}
    about_gcpsim = {
        "test_endpoints_of_nobody", "test_pods", "test_proxy_way", "test_restarts", "test_slice",
    }  # fmt: skip
    assert wire - named == about_gcpsim


def test_kindnesses_have_all_their_cells() -> None:
    for row in rows("kindnesses.md"):
        assert len(row) == 5, row[0]
        kind, source = row[3], row[4].rstrip("|").strip()
        assert kind.split(":")[0].split(" ")[0] in ("kinder", "simpler", "harsher", "no"), row[0]
        assert set(source) <= set("DPSKA, "), row[0]
        assert source, f"{row[0]} has no source"
