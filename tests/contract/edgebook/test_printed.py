"""Every command that messages, notebooks and pages print is run, as it is printed, and works.

One world, built and taken down by the lines that commands themselves print; the params are where
the pages say they are. What takes minutes, a terminal or a browser is run by the tests named below.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from edgebook import cli
from edgebook.base import paste

from tests.unit.cli.test_printed_commands import collected, words_of

# Command -> where it is run instead.
ELSEWHERE = {
    "init": "tests/unit/cli/test_way_in.py",  # it asks questions
    "run": "tests/notebooks/test_front_door.py",
    "rehearse": "tests/notebooks/test_front_door.py",
    "lab": "tests/e2e/conftest.py",
    "watch": "tests/contract/edgebook/test_meter.py",
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
    for test in ELSEWHERE.values():
        assert (Path(__file__).parents[3] / test).exists(), test
    here = {line.split()[0] for line in executed()} - ELSEWHERE.keys()
    assert {"plan", "status", "teardown", "records", "approve", "export", "unlock"} <= here


@pytest.mark.parametrize("line", [line for line in executed() if line.split()[0] not in ELSEWHERE])
def test_a_printed_line_works(line: str, printed: Printed, capsys: Any) -> None:
    words = paste.shlex.split(line)
    for said, is_ in zip(CHANGES, [printed.made[-1]] * 3, strict=True):
        words = [is_ if word == said else word for word in words]
    code, _, err = ran(words, capsys)
    assert code == 0, f"{line}\n{err}"
