"""Folders for the time being: theirs who live, wherever they live; the rest is swept up."""

import os
import subprocess
import sys
from pathlib import Path

from edgebook.base.ownership import Owner, is_owned

SAID = "from edgebook.base.state import scratch; print(scratch())"


def made(place: Path, then: str = "") -> Path:
    """The folder that another process was given."""
    ran = subprocess.run(
        [sys.executable, "-c", f"{SAID}\n{then}"],
        env={**os.environ, "TMPDIR": str(place)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout, ran.stderr
    return Path(ran.stdout.strip())


def test_a_folder_of_one_who_lives_stays_whatever_process_id_it_has(tmp_path: Path) -> None:
    """Pods that share a disk do not see each other's processes."""
    killed = made(tmp_path, "import os; os._exit(1)")
    assert killed.is_dir() and not is_owned(killed)
    alive = killed.parent / "1-1795765651"
    alive.mkdir()
    owner = Owner(alive)
    assert owner.take()
    gone = made(tmp_path)
    assert alive.is_dir() and is_owned(alive)
    assert not killed.exists() and not gone.exists()
    owner.leave()
    made(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_swept_away_is_nobodys(tmp_path: Path) -> None:
    """Whoever opened its file just before has to make another one."""
    one, other = Owner(tmp_path), Owner(tmp_path)
    assert one.take() and not other.take()
    one.leave()
    assert other.take() and is_owned(tmp_path)
    other.drop()
    assert not is_owned(tmp_path)
