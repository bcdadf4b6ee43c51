"""Dotted paths are followed in one place."""

import re
from pathlib import Path

import pytest
from edgebook.model.fields import at, parts_of, top_of

LIB = Path(__file__).resolve().parents[3] / "lib" / "edgebook"
BODY = {"a": {"b": {"c": 0}, "list": [{"d": 1}]}, "n": None}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b.c", 0),
        ("a.b", {"c": 0}),
        ("a.list", [{"d": 1}]),
        ("a.list.d", None),
        ("a.x.c", None),
        ("n.x", None),
        ("x", None),
    ],
)
def test_the_value_at_a_path(path, value):
    assert at(BODY, path) == value
    assert at(None, path) is None


def test_what_a_path_begins_with():
    assert [top_of(path) for path in ("a", "a.b.c", "backends[].group")] == ["a", "a", "backends"]
    assert parts_of("a.b.c") == ["a", "b", "c"]


def test_nobody_else_follows_one():
    walk = re.compile(r"for \w+ in \w+(?:\.\w+)*\.split\(\"\.\"\):\n\s+\w+ = \w+\.get\(")
    found = [p for p in LIB.rglob("*.py") if walk.search(p.read_text(encoding="utf-8"))]
    assert [str(p.relative_to(LIB)) for p in found] == ["model/fields.py"]
