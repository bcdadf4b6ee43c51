"""Heads of the chain, noted where nobody who writes to the archive can: a file, git tags, a bucket.

A chain that is cut off, rewritten from some record on, or emptied does not hold what anchors say.
An anchor proves nothing about records after it. Nothing here decides where anchors are safe.
"""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebook.base.errors import EdgebookError
from edgebook.base.parsing import from_json
from edgebook.records.archive import unwritable
from edgebook.records.buckets import BucketArchive
from edgebook.records.record import Record

GIT = "git"
TAGS = "edgebook-records/"
SECONDS = 30


@dataclass(frozen=True, order=True)
class Anchor:
    """That at this place of the chain stood the record with this hash."""

    sequence: int
    change_id: str
    sha256: str

    def to_json(self) -> dict[str, Any]:
        return {"sequence": self.sequence, "change_id": self.change_id, "sha256": self.sha256}


def note(place: str, record: Record) -> str:
    """Anchor this record at a place; where it stands, in words. EdgebookError when it cannot."""
    anchor = Anchor(record.sequence, record.change_id, record.sha256)
    text = json.dumps(anchor.to_json(), sort_keys=True)
    if place == GIT:
        tag = f"{TAGS}{anchor.sequence:06d}-{anchor.sha256[:12]}"
        if tag not in _git("tag", "--list", tag).split():
            _git("tag", "--annotate", "--message", text, tag)
        return f"git tag {tag}"
    if "://" in place:
        bucket = BucketArchive(place)
        name = f"{anchor.sequence:06d}-{anchor.sha256[:12]}.json"
        bucket.write(name, text + "\n")
        return bucket.where(name)
    path = Path(place).expanduser()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(text + "\n")
    except OSError as error:
        raise unwritable(str(path), error) from error
    return str(path)


def read(place: str) -> list[Anchor]:
    """All anchors of a place, sorted; EdgebookError when there is none to be read."""
    try:
        if place == GIT:
            form = "--format=%(contents)%00"
            texts = _git("tag", "--list", f"{TAGS}*", form).split("\0")
        elif "://" in place:
            bucket = BucketArchive(place)
            texts = [bucket.read(name) or "" for name in bucket.names() if name.endswith(".json")]
        else:
            texts = Path(place).expanduser().read_text(encoding="utf-8").splitlines()
        found = sorted({_parse(text) for text in texts if text.strip()})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EdgebookError("Anchors cannot be read", where=place, why=str(error)) from error
    if not found:
        raise EdgebookError("No anchors there", where=place, why="nothing was noted there yet")
    return found


def missing(anchors: Iterable[Anchor], records: Iterable[Record]) -> list[tuple[str, str]]:
    """(place, what is wrong) for each anchor that the records do not hold."""
    there = {record.sequence: record for record in records}
    problems = []
    for anchor in anchors:
        record = there.get(anchor.sequence)
        if record is None:
            text = f"is gone: an anchor says that it was number {anchor.sequence}"
            problems.append((anchor.change_id, text))
        elif record.sha256 != anchor.sha256:
            text = f"is not the record that was anchored as number {anchor.sequence}"
            problems.append((record.change_id, text))
    return problems


def _parse(text: str) -> Anchor:
    said = from_json(text)
    return Anchor(int(said["sequence"]), str(said["change_id"]), str(said["sha256"]))


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, timeout=SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = str(getattr(error, "stderr", "") or error).strip()
        raise EdgebookError("git does not do it", where=f"git {arguments[0]}", why=said) from error
    return done.stdout
