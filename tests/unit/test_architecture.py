"""The pages about the house are true: what they name exists, and every room is named."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
RECIPES = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
PATHS = sorted(set(re.findall(r"`([a-z_]+/(?:[a-z_.]+/?)*)`", RECIPES)))
# What paths in the recipes begin at: the tree, or the room that is spoken of.
STARTS = [ROOT, *(ROOT / p for p in ("lib/edgebook", "lib/gcpsim", "lib/gcpsim/compute"))]
NAMED = sorted(set(re.findall(r"`((?:edgebook|gcpsim)(?:\.[a-z_0-9]+)+)`", PAGE)))
RUNBOOK = re.compile(r"\b(operate/[a-z_]+|\d0_(?!ms\b)[a-z_]+)\b")
STEP = re.compile(r"\b(?:run|then|[Rr]un) (\d\d)\b")


def rooms(package: str) -> set[str]:
    """Folders and modules directly below a package."""
    folder = ROOT / "lib" / package
    found = {p.name for p in folder.iterdir() if (p / "__init__.py").exists()}
    return found | {p.stem for p in folder.glob("[a-z]*.py")}


@pytest.mark.parametrize("name", NAMED)
def test_every_module_that_is_named_exists(name: str) -> None:
    assert importlib.util.find_spec(name), f"docs/architecture.md names {name}"


@pytest.mark.parametrize("package", ["edgebook", "gcpsim"])
def test_every_room_is_named(package: str) -> None:
    named = {name.split(".")[1] for name in NAMED if name.startswith(f"{package}.")}
    assert rooms(package) - named == set()


@pytest.mark.parametrize("folder", ["tests/unit", "tests/cases", "tests/contract", "bench"])
def test_every_folder_that_is_named_exists(folder: str) -> None:
    assert folder.removesuffix("/") in PAGE
    assert (ROOT / folder).is_dir()


@pytest.mark.parametrize("path", PATHS)
def test_every_path_that_the_recipes_send_to_exists(path: str) -> None:
    runbook = (ROOT / "notebooks" / f"{path}.ipynb").exists()
    assert runbook or any((start / path).exists() for start in STARTS), path


def test_the_recipes_name_paths() -> None:
    assert {"lib/edgebook/model/kinds.py", "plan/holders.py", "collections/table.py"} <= set(PATHS)


def mentioned() -> set[tuple[str, str]]:
    """(file, runbook) of every runbook that a message of the library or the docs mention."""
    found = set()
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    for path in [*(ROOT / "lib" / "edgebook").rglob("*.py"), *pages]:
        for name in RUNBOOK.findall(path.read_text(encoding="utf-8")):
            found.add((path.name, name))
    return found


def test_every_runbook_that_is_mentioned_exists() -> None:
    missing = [
        (where, name)
        for where, name in sorted(mentioned())
        if not (ROOT / "notebooks" / f"{name}.ipynb").exists()
    ]
    assert missing == []


def test_every_step_that_a_message_sends_to_exists() -> None:
    numbers = {path.name[:2] for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")}
    for path in (ROOT / "lib" / "edgebook").rglob("*.py"):
        for number in STEP.findall(path.read_text(encoding="utf-8")):
            assert number in numbers, f"{path.name} sends to {number}"
