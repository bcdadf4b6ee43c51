"""Who writes a draft: a file in it that the kernel keeps locked for as long as its run lives.

However a run ends, its lock goes with it, on this machine and on others that share the folder; no
process id or clock is asked. Two runs can't both own a draft; a dead one's is anybody's to seal.
"""

import contextlib
import fcntl
import os
from pathlib import Path

FILE = ".owner"


class Owner:
    """Holds a draft's folder from `take` to `leave`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._handle = -1

    def take(self) -> bool:
        """False when somebody else who lives owns it."""
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
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


def is_owned(folder: Path) -> bool:
    """Whether a run that lives writes this draft."""
    if not (folder / FILE).exists():
        return False
    owner = Owner(folder)
    free = owner.take()
    owner.drop()
    return not free
