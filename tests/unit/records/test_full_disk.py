"""A disk without room is said before anything runs; one that fills up still takes the seal."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from edgebook.base.clock import Clock
from edgebook.base.errors import EdgebookError
from edgebook.records import Draft, FolderArchive, Redactor
from edgebook.records.draft import RESERVE, RESERVED
from edgebook.records.journal import Journal

NOW = datetime(2026, 11, 23, tzinfo=UTC)
START = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from edgebook.base.errors import EdgebookError
from edgebook.records import Draft, FolderArchive, Redactor
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
archive = FolderArchive(Path(sys.argv[1]))
try:
    Draft.start(archive, now=datetime(2026, 11, 23, tzinfo=UTC), redactor=Redactor())
except EdgebookError as error:
    print(error)
    print(archive.change_ids())
"""


def test_no_room_is_said_before_anything_runs_and_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", START, str(tmp_path / "records")],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "Change records cannot be written" in done.stdout, done.stderr
    assert done.stdout.rstrip().endswith("[]")


def test_room_for_the_seal_is_kept_until_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEBOOK_STATE", str(tmp_path / "state"))
    archive = FolderArchive(tmp_path / "records")
    draft = Draft.start(archive, now=NOW, redactor=Redactor())
    assert (draft.folder / RESERVE).stat().st_blocks * 512 >= RESERVED
    draft.seal({"title": "x", "status": "failed", "who": {"user": "a"}, "steps": []})
    assert not (draft.folder / RESERVE).exists()


def test_a_journal_that_cannot_be_written_stops_before_the_change(tmp_path: Path) -> None:
    if not os.access("/dev/full", os.W_OK):
        raise AssertionError("this test needs /dev/full")
    with pytest.raises(EdgebookError, match="nothing more is changed"):
        Journal(Path("/dev/full"), Clock()).write("intent", name="x")
