"""The folder where edgebook keeps what outlives a command: pid files, journals, locks, plans.

Only its owner can read it: plans and journals hold what the params hold.
"""

import atexit
import contextlib
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

import platformdirs

from edgebook.base.errors import EdgebookError
from edgebook.base.ownership import Owner

TRIES = 20


def state_place() -> Path:
    """The folder's path, whether it exists or not."""
    return Path(os.environ.get("EDGEBOOK_STATE") or platformdirs.user_state_dir("edgebook"))


def state_folder() -> Path:
    """Where edgebook keeps what outlives a command; EdgebookError when it cannot be made."""
    return private_folder(state_place())


def private_folder(folder: Path) -> Path:
    """The folder, made if need be, open to its owner only."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise EdgebookError(
            "edgebook's own files cannot be kept",
            where=str(folder),
            why=str(error),
            next="make that folder writable, or name another with EDGEBOOK_STATE",
        ) from error
    return folder


def write_private(path: Path, text: str) -> None:
    """Replace a file at once and whole, readable by its owner only; EdgebookError when it fails."""
    try:
        number, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                file.write(text)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise EdgebookError("A file cannot be written", where=str(path), why=str(error)) from error


def scratch() -> Path:
    """A folder for this process alone, gone with it; what killed ones left is swept up."""
    return _scratch(os.getpid())


@cache
def _scratch(pid: int) -> Path:
    root = Path(tempfile.gettempdir()) / f"edgebook-{os.getuid()}"
    if private_folder(root).stat().st_uid != os.getuid():
        raise EdgebookError("A folder of ours belongs to somebody else", where=str(root))
    _sweep(root)
    mine = _owned(root)

    def leave() -> None:
        if os.getpid() == pid:
            shutil.rmtree(mine, ignore_errors=True)
            with contextlib.suppress(OSError):
                root.rmdir()

    atexit.register(leave)
    return mine


def _sweep(root: Path) -> None:
    """Remove the folders that nobody owns, of whatever machine or namespace their owners were."""
    with contextlib.suppress(OSError):
        for old in list(root.iterdir()):
            of_the_dead = Owner(old)
            if of_the_dead.take():
                shutil.rmtree(old, ignore_errors=True)
                of_the_dead.drop()


def _owned(root: Path) -> Path:
    """A new folder that is ours before anybody else may sweep it."""
    for _ in range(TRIES):
        mine = Path(tempfile.mkdtemp(dir=private_folder(root)))
        if Owner(mine).take():
            return mine
    raise EdgebookError(
        "No folder for temporary files can be made",
        where=str(root),
        why="files there cannot be locked",
        next="name another with TMPDIR",
    )
