"""Commands in messages are made whole: program, params, quoting; prose stays prose."""

from pathlib import Path

import pytest
from edgebook.base import paste

FILE = "params/my prod.yaml"
GIVEN = f"--params '{FILE}'"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("edgebook status shows how far", f"E status {GIVEN} shows how far"),
        ("dead: edgebook apply --break-lock", f"dead: E apply --break-lock {GIVEN}"),
        ("or edgebook apply --break-lock then", f"or E apply --break-lock {GIVEN} then"),
        ("read `edgebook plan --params FILE`, then", f"read `E plan {GIVEN}`, then"),
        ("edgebook run --approve HASH", f"E run --approve HASH {GIVEN}"),
        ("edgebook run operate/swap -p to green", f"E run operate/swap -p to green {GIVEN}"),
        ("on: edgebook run --resume CHG-2026-11-26-001", "on: E run --resume CHG-2026-11-26-001"),
        ("edgebook records verify finds it", "E records verify finds it"),
        ("edgebook status --params x.yaml", "E status --params x.yaml"),
        ("edgebook creates it, edgebook's own", "edgebook creates it, edgebook's own"),
        ("a/.venv/bin/edgebook plan", "a/.venv/bin/edgebook plan"),
        (
            "edgebook plan operate/swap -p to a,b, then",
            f"E plan operate/swap -p to a,b {GIVEN}, then",
        ),
        (
            "edgebook plan 80_cut_over -p steps '[5, 9]'",
            f"E plan 80_cut_over -p steps '[5, 9]' {GIVEN}",
        ),
        (
            "read `edgebook plan m.ipynb -p first 'X: y'`",
            f"read `E plan m.ipynb -p first 'X: y' {GIVEN}`",
        ),
        (
            "`edgebook plan` shows how, edgebook status too",
            f"`E plan {GIVEN}` shows how, E status {GIVEN} too",
        ),
        ("edgebook teardown --step dns\nthen", f"E teardown --step dns {GIVEN}\nthen"),
    ],
)
def test_commands_are_made_whole_and_only_once(
    text: str, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paste, "program", lambda: "E")
    assert paste.complete(text, FILE) == wanted
    assert paste.complete(wanted, FILE) == wanted


def test_the_program_is_named_so_that_it_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert Path(paste.program()).is_absolute()
    ours = Path(paste.program())
    monkeypatch.chdir(ours.parent.parent)
    assert paste.program() == f"{ours.parent.name}/edgebook"
    monkeypatch.setenv("PATH", str(ours.parent))
    assert paste.program() == "edgebook"


def test_a_file_is_named_so_that_it_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert paste.path("../params.yaml") == str(tmp_path.resolve() / "params.yaml")
    assert paste.path("params.yaml") == "params.yaml"
    assert paste.path("gs://bucket/params.yaml") == "gs://bucket/params.yaml"
