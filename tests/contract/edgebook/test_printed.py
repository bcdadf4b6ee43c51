"""Every command that messages, notebooks and pages print is run, as it is printed, and works.

One world, built and taken down by the lines that commands themselves print; the params are where
the pages say they are. What takes minutes, a terminal or a browser is run by the tests named below.
"""

import ast
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from edgebook import cli
from edgebook.base import paste

from tests.unit.cli.test_printed_commands import collected, words_of

FRONT_DOOR, MOVES = "tests/notebooks/test_front_door.py", "tests/notebooks/test_stopped_moves.py"
STORIES = "tests/notebooks/test_stories.py"
# Command -> the tests that run it instead, and what of them gives them its words.
ELSEWHERE = {
    "init": [("tests/unit/cli/test_way_in.py", "test_init_writes_params_that_are_right")],
    "run": [
        (MOVES, "test_a_stopped_move_is_sealed_in_words_and_gone_on_with"),
        (MOVES, "test_a_move_whose_reader_is_gone_goes_on_to_its_end_and_its_key_finds_it"),
    ],
    "rehearse": [
        (STORIES, "test_a_story_is_what_its_sample_says_and_loses_no_request"),
        (FRONT_DOOR, "test_auto_is_refused_for_google_cloud_before_anything_is_asked"),
    ],
    "lab": [
        (
            "tests/e2e/test_lab_ends.py",
            "test_a_closed_terminal_ends_the_lab_and_all_that_it_started",
        ),
        ("tests/e2e/conftest.py", "lab"),
    ],
    "watch": [
        (
            "tests/contract/edgebook/test_meter.py",
            "test_a_watch_of_a_quiet_front_door_counts_everything_and_nothing_fails",
        )
    ],
}
HELD = "HOLDER"  # a lease that somebody has: tests/contract/edgebook/test_lease.py
CHANGES = ("CHG-2026-11-26-001", "CHG-2026-11-23-001", "CHG-2026-11-23-002")  # as pages call them


class Printed:
    """The folder where commands are pasted, and the changes that were made there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def made(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "records").glob("CHG-*"))


def ran(words: list[str], capsys: Any) -> tuple[int, str, str]:
    capsys.readouterr()
    try:
        code = cli.main(words)
    except SystemExit as ended:
        code = int(ended.code or 0)
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture(scope="module")
def printed(quiet_shop: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printed]:
    """A built front door, its two records, a plan, a key; in a repository, for anchors."""
    folder = tmp_path_factory.mktemp("printed")
    (folder / "params").mkdir()
    file = quiet_shop.file(records={"archive": "records"})
    for name in ("prod", "rehearsal"):
        shutil.copy(file, folder / "params" / f"{name}.yaml")
    git = ["git", "-c", "user.name=ann", "-c", "user.email=ann@example.com"]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run([*git, *words], cwd=folder, check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        params = ["--params", "params/rehearsal.yaml"]
        for words in (
            ["apply", "--quiet", "--approve", "auto", *params],
            ["plan", "--out", "plan.json", *params],
            ["key", "ann.pem"],
            ["key", "ben.pem"],
            ["approve", "plan.json", "--as", "ann", "--key", "ann.pem", "--out", "approval.json"],
        ):
            assert cli.main(words) == 0, words
        yield Printed(folder)


def executed() -> list[str]:
    """Each line once, whichever message prints it; those in prose are a command's bare name."""
    found = {tuple(words_of(command)) for _, command in collected()}
    lines = [paste.shlex.join(words) for words in sorted(found) if len(words) > 1]
    return [line for line in lines if HELD not in line]


def test_every_line_is_run_here_or_in_a_test_that_is_named() -> None:
    for command in ELSEWHERE:
        words = words_in_the_tests_of(command)
        lines = [line for line in executed() if line.split()[0] == command]
        assert lines and command in words
        for line in lines:
            options = {word for word in paste.shlex.split(line) if word.startswith("-")}
            assert options <= words, f"no test that is named for it runs: {line}"
    here = {line.split()[0] for line in executed()} - ELSEWHERE.keys()
    assert {"plan", "status", "teardown", "records", "approve", "export", "unlock"} <= here


def words_in_the_tests_of(command: str) -> set[str]:
    """The strings in the tests that are named for it, and in all that they use of their file."""
    found: set[str] = set()
    for file, name in ELSEWHERE[command]:
        tree = ast.parse((Path(__file__).parents[3] / file).read_text(encoding="utf-8"))
        parts = {part: node for node in tree.body for part in _defined(node)}
        assert name in parts, f"{file} has no {name}"
        todo, seen = [name], set()
        while todo:
            if (one := todo.pop()) in seen or one not in parts:
                continue
            seen.add(one)
            for node in ast.walk(parts[one]):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.add(node.value)
                todo += _used(node)
    return found


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _used(node: ast.AST) -> list[str]:
    """Names that a part of a test mentions, as a value or as a fixture."""
    names = [node.id] if isinstance(node, ast.Name) else []
    return [*names, *([node.arg] if isinstance(node, ast.arg) else [])]


@pytest.mark.parametrize("line", [line for line in executed() if line.split()[0] not in ELSEWHERE])
def test_a_printed_line_works(line: str, printed: Printed, capsys: Any) -> None:
    words = paste.shlex.split(line)
    for said, is_ in zip(CHANGES, [printed.made[-1]] * 3, strict=True):
        words = [is_ if word == said else word for word in words]
    code, _, err = ran(words, capsys)
    assert code == 0, f"{line}\n{err}"
