"""One sealed change record: `record.json` read back, with names for what people ask about it.

The JSON document is the record; this only reads it. Its hash is the SHA-256 of the file's bytes.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgebook.base.errors import EdgebookError, UsageError
from edgebook.base.parsing import from_json, json_lines
from edgebook.records import shape
from edgebook.records.archive import CHAIN, RECORD, Archive

FORMAT = 1


@dataclass(frozen=True)
class Record:
    """A sealed record and the hash of its file."""

    data: Mapping[str, Any]
    sha256: str

    @property
    def change_id(self) -> str:
        return str(self.data["change_id"])

    @property
    def sequence(self) -> int:
        return int(self.data["sequence"])

    @property
    def status(self) -> str:
        """succeeded, failed, refused or interrupted."""
        return str(self.data["status"])

    @property
    def previous(self) -> Mapping[str, Any] | None:
        return self.data.get("previous")

    @property
    def files(self) -> Mapping[str, str]:
        return dict(self.data.get("files") or {})

    @property
    def steps(self) -> list[dict[str, Any]]:
        return list(self.data.get("steps") or [])

    @property
    def changes(self) -> list[dict[str, Any]]:
        return [change for step in self.steps for change in step.get("changes") or []]

    @property
    def checks(self) -> list[dict[str, Any]]:
        return [check for step in self.steps for check in step.get("checks") or []]

    @property
    def failed_step(self) -> dict[str, Any] | None:
        return next((step for step in self.steps if step["status"] != "ok"), None)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def dump(document: Any) -> str:
    """The one way in which records are written: sorted, indented, with a newline at the end."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def parse_record(text: str) -> Record:
    """Raises ValueError when it is not a record of this format."""
    data = from_json(text)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f"not a change record of format {FORMAT}")
    shape.check(data)
    return Record(data, sha256(text))


def load_record(archive: Archive, change_id: str) -> Record:
    """One record; raises UsageError when there is none of that id."""
    text = archive.read(f"{change_id}/{RECORD}")
    if text is None:
        known = archive.change_ids()
        state = "was not sealed" if change_id in known else "does not exist"
        sealed = [name for name in known if archive.read(f"{name}/{RECORD}") is not None]
        why = f"it {state}; sealed records here: {', '.join(sealed[-5:]) or 'none'}"
        raise UsageError(f"No record {change_id}", where=archive.location, why=why)
    try:
        return parse_record(text)
    except (ValueError, KeyError) as error:
        where = archive.where(f"{change_id}/{RECORD}")
        raise EdgebookError(f"Record {change_id} is damaged", where=where, why=str(error)) from None


def load_records(archive: Archive) -> list[Record]:
    """All sealed records that can be read, in the order of the chain."""
    found = []
    for change_id in archive.change_ids():
        text = archive.read(f"{change_id}/{RECORD}")
        if text is not None:
            try:
                found.append(parse_record(text))
            except ValueError:
                continue
    return sorted(found, key=lambda record: record.sequence)


def read_chain(archive: Archive) -> list[dict[str, Any]]:
    """The lines of the chain file; raises ValueError when one is damaged."""
    text = archive.read(CHAIN) or ""
    lines = [from_json(line) for line in json_lines(text)]
    for line in lines:
        if not isinstance(line, dict) or {"sequence", "change_id", "sha256"} - line.keys():
            raise ValueError(f"{CHAIN} has a line that is no link")
    return lines
