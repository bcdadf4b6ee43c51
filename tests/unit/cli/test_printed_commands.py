"""Every command line that messages, notebooks and pages name is one that the program takes.

They are collected from the sources, completed as they are where they are shown, given real values
for their placeholders, and read by the program's own parsers.
"""

import ast
import contextlib
import io
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from edgebook import cli
from edgebook.base import paste

ROOT = Path(__file__).resolve().parents[3]
VALUES = {
    "FILE": "params/rehearsal.yaml",
    "HASH": "0123abcd",
    "CHG": "CHG-2026-11-26-001",
    "CHG-...": "CHG-2026-11-26-001",
    "NAME": "ann",
    "CLUSTER": "green",
    "GREEN": "green",
    "NOTEBOOK": "20_certificate",
    "STEP": "certificate",
    "FOLDER": "terraform",
    "PLACE": "records",
    "KEY.pem": "ann.pem",
}
# What f-strings of the library fill in: expression -> placeholder.
FILLED = {
    "change_id": "CHG-2026-11-26-001",
    "end.draft.change_id": "CHG-2026-11-26-001",
    "args.params": "params/rehearsal.yaml",
    "hash_": "0123abcd",
    "before.change_id": "CHG-2026-11-26-001",
    "change.moves": "operate/swap -p to green",
    "near": "params/rehearsal.yaml",
    "gone[0]": "blue",
    "end.runbook.step": "firewall",
    "one.by": "HOLDER",
    "plain(other.by)": "HOLDER",
}
PARSER = cli.full_parser()
OURS = re.compile(r"""edgebook(?! import)[ {"'\\]""")  # also where a string ends behind it
QUOTED = re.compile(r"`((?:\.venv/bin/)?edgebook [^`]+)`")
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def of_strings() -> Iterator[tuple[str, str]]:
    """Commands in the library's own messages, as `paste` completes them."""
    for path, tree in trees(OURS):
        for text in texts(tree):
            whole = (found for found in paste._COMMAND.finditer(text))
            named = [found[0] for found in whole if found["name"] in paste._names()]
            for command in [*named, *QUOTED.findall(text)]:
                yield path.name, paste.complete(command, "params/rehearsal.yaml")


def trees(words: re.Pattern[str]) -> Iterator[tuple[Path, ast.Module]]:
    """The modules of the library that have such words anywhere."""
    for path in sorted((ROOT / "lib" / "edgebook").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if words.search(text):
            yield path, ast.parse(text)


def texts(tree: ast.Module, filled: Mapping[str, str] = FILLED) -> Iterator[str]:
    """Its strings without docstrings; what an f-string fills in is there by a name of VALUES."""
    passed = set()  # docstrings, and parts of f-strings: what holds them is walked before them
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            if node.body and isinstance(node.body[0], ast.Expr):
                passed.add(node.body[0].value)
        elif isinstance(node, ast.JoinedStr):
            passed.update(node.values)
            yield "".join(
                str(part.value)
                if isinstance(part, ast.Constant)
                else filled.get(ast.unparse(part.value), "X")  # type: ignore[attr-defined]
                for part in node.values
            )
        elif isinstance(node, ast.Constant) and node not in passed:
            yield node.value if isinstance(node.value, str) else ""


def of_pages() -> Iterator[tuple[str, str]]:
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        for block in SHELL.findall(text):
            for line in block.replace("\\\n", " ").splitlines():
                command = line.split(" #")[0].strip()
                if re.match(r"(?:\.venv/bin/)?edgebook ", command):
                    yield page.name, command
        for quoted in QUOTED.findall(text):
            yield page.name, quoted


def of_notebooks() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "notebooks").rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts:
            continue
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for quoted in QUOTED.findall("".join(cell["source"])):
                yield path.name, quoted


@cache
def collected() -> list[tuple[str, str]]:
    return sorted({*of_strings(), *of_pages(), *of_notebooks()})


def words_of(command: str) -> list[str]:
    words = [VALUES.get(word, word) for word in shlex.split(command)]
    return words[1:]


@pytest.mark.parametrize(("where", "command"), collected())
def test_a_named_command_is_one_that_the_program_takes(where: str, command: str) -> None:
    words = words_of(command)
    if len(words) == 1:
        assert words[0] in cli.command_names(), f"{where}: {command}"
        return  # a command named in prose, not a line to paste
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            PARSER.parse_args(words)
        except SystemExit as ended:
            assert ended.code == 0, f"{where}: {command}\n{said.getvalue()}"


def test_there_are_commands_to_look_at() -> None:
    found = collected()
    assert len(found) > 20
    assert any("--resume" in command for _, command in found)
