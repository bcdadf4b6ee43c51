"""What the pages say exists: links, notebooks, make targets and commands."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def commands() -> list[tuple[str, str]]:
    """(page, command line) of every shell block, without comments."""
    found = []
    for page in PAGES:
        for block in SHELL.findall(page.read_text()):
            joined = block.replace("\\\n", " ")
            lines = [line.split(" #")[0].strip() for line in joined.splitlines()]
            found += [(page.name, line) for line in lines if line and not line.startswith("#")]
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links {target}"


def test_the_readme_has_every_notebook() -> None:
    table = set(re.findall(r"\]\((notebooks/[^)]+\.ipynb)\)", (ROOT / "README.md").read_text()))
    there = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "notebooks").rglob("*.ipynb")
        if not path.name.startswith("_") and ".ipynb_checkpoints" not in path.parts
    }
    assert table == there


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page, line in commands():
        words = shlex.split(line)
        if words[0] == "make":
            assert words[1] in targets, f"{page}: {line}"


def test_every_command_that_is_named_exists() -> None:
    asked = set()
    for _, line in commands():
        found = re.search(r"(?:^|/|\s)(edgebook|gcpsim) ([a-z]+)", line)
        if found:
            asked.add(found.groups())
    assert {name for name, _ in asked} == {"edgebook", "gcpsim"}
    for program, command in sorted(asked):
        script = Path(sys.executable).with_name(program)
        done = subprocess.run([script, command, "--help"], capture_output=True, text=True)
        assert done.returncode == 0, f"{program} {command}: {done.stderr}"


def test_the_front_page_shows_its_picture() -> None:
    assert "](docs/pictures/front-door.svg)" in (ROOT / "README.md").read_text()
