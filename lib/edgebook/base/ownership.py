"""Whose a folder is: a file in it that the kernel keeps locked for as long as its owner lives.

However a run ends, its lock goes with it, on this machine and on others that share the folder; no
process id or clock is asked, so that pods may share it too. Two can't both own a folder; what a
dead one left (a draft, a folder for the time being) is anybody's to seal or to sweep.
"""

import contextlib
import fcntl
import os
from pathlib import Path

FILE = ".owner"


class LockedFile:
    """A file that is held from `take` to `leave`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = -1

    def take(self) -> bool:
        """False when somebody else who lives owns it, or sweeps it away just now."""
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            gone = os.fstat(handle).st_nlink == 0
        except OSError:
            gone = True
        if gone:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def drop(self) -> None:
        """Let go as the kernel does for a process that is killed: the file stays."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def leave(self) -> None:
        if self._handle >= 0:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
            self.drop()


class Owner(LockedFile):
    """Holds a folder from `take` to `leave`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / FILE)


def is_owned(folder: Path) -> bool:
    """Whether one that lives owns this folder."""
    if not (folder / FILE).exists():
        return False
    owner = Owner(folder)
    free = owner.take()
    owner.drop()
    return not free
