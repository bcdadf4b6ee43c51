"""Where change records are kept: a folder, or a bucket by URL (`buckets`).

An archive reads and writes whole text files under relative names, and has one lock for sealing. In
a folder every write is atomic: a temporary file, flushed, renamed. It must not know what is inside.
"""

import contextlib
import fcntl
import json
import os
import re
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgebook.base.errors import EdgebookError, UsageError

CHANGE_ID = re.compile(r"CHG-\d{4}-\d{2}-\d{2}-\d{3,}")
CHAIN = "chain.jsonl"
INDEX = "index.html"
RECORD = "record.json"
LOCK = ".lock"
PROBE = ".write-check.json"


class Archive(ABC):
    """A place of change records; `location` is what people typed."""

    location: str
    claims = False  # whether places in the chain are taken by objects of their own

    @abstractmethod
    def read(self, name: str) -> str | None:
        """A file's text, or None when there is no such file."""

    @abstractmethod
    def write(self, name: str, text: str) -> None:
        """Write one whole file. Raises EdgebookError when it can't be written."""

    @abstractmethod
    def names(self, folder: str = "") -> list[str]:
        """Names directly under a folder, sorted, folders with a slash at the end."""

    @abstractmethod
    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Held while a record is sealed, so that the chain has one end."""

    @abstractmethod
    def check_writable(self) -> None:
        """Write and remove a small file; raises EdgebookError before anything is run."""

    def places(self, *, whole: bool = False) -> list[dict[str, Any]]:
        """The links of the chain, where places are taken one by one; `whole`: each from its own."""
        return []

    def claim(self, change_id: str) -> bool:
        """Take a change id for this run, where others on other machines may want it too."""
        return True

    def unclaim(self, change_id: str) -> None:
        """Give an id back under which nothing was run."""
        return

    def delete(self, name: str) -> None:
        """Remove a file of a draft that a bucket holds; a folder's draft removes its own."""
        return

    def append(self, links: list[dict[str, Any]], link: dict[str, Any]) -> bool:
        """Write the chain with one more link; False when another has taken its place."""
        lines = [*links, link]
        self.write(CHAIN, "".join(json.dumps(item, sort_keys=True) + "\n" for item in lines))
        return True

    def odd(self, name: str) -> str:
        """What is wrong with how a file is kept, apart from its content; "" when nothing is."""
        return ""

    def where(self, name: str) -> str:
        """The path or URL of a file, for people."""
        return f"{self.location.rstrip('/')}/{name}"

    def change_ids(self) -> list[str]:
        """Every folder that is named like a change, sorted."""
        folders = [name[:-1] for name in self.names() if name.endswith("/")]
        return sorted(name for name in folders if CHANGE_ID.fullmatch(name))


class FolderArchive(Archive):
    """Records in a folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.location = str(folder)

    def read(self, name: str) -> str | None:
        try:
            return read_exactly(self._path(name))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise EdgebookError(
                "A change record cannot be read", where=self.where(name), why=str(error)
            ) from error

    def write(self, name: str, text: str) -> None:
        write_atomically(self._path(name), text)

    def _path(self, name: str) -> Path:
        """The file of that name; nothing leads out of the archive."""
        parts = Path(name).parts
        if not parts or Path(name).is_absolute() or ".." in parts:
            raise UsageError("Not a name in the archive", where=self.location, why=repr(name))
        return self.folder / name

    def odd(self, name: str) -> str:
        path = self._path(name)
        if path.is_symlink():
            return "is a symbolic link: what it leads to can change unseen"
        if path.exists() and not (path.is_file() or path.is_dir()):
            return "is no regular file"
        return ""

    def names(self, folder: str = "") -> list[str]:
        try:
            found = sorted((self.folder / folder).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [path.name + ("/" if path.is_dir() else "") for path in found]

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / LOCK).open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def check_writable(self) -> None:
        self.write(PROBE, "{}")
        (self.folder / PROBE).unlink(missing_ok=True)


def read_exactly(path: Path) -> str:
    """A file's text as its bytes are: no line ending translated, no wrong byte made good."""
    return path.read_bytes().decode("utf-8", errors="surrogateescape")


def write_atomically(path: Path, text: str) -> None:
    """Replace a file by one rename, durable when it returns; raises EdgebookError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        number, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        try:
            with os.fdopen(
                number, "w", encoding="utf-8", errors="surrogateescape", newline=""
            ) as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise unwritable(str(path), error) from error


def unwritable(where: str, error: Exception) -> EdgebookError:
    return EdgebookError(
        "Change records cannot be written",
        where=where,
        why=str(error) or type(error).__name__,
        next="mend that, or choose another place with --records",
    )
