"""A change record in the making: redacted when written, sealed once, refused with a secret in it.

The draft lives in the record's own folder (for a bucket, in an outbox that is uploaded when it is
sealed). Everything goes through the redactor; what the final scan still finds moves the draft out
of the archive instead of into the chain. It must not decide what a run means: the runner says that.
"""

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import platformdirs

from edgebook.base.errors import EdgebookError, UsageError
from edgebook.base.ownership import Owner
from edgebook.base.parsing import from_json, json_lines
from edgebook.records import keyless, proof
from edgebook.records.ahead import Ahead
from edgebook.records.archive import (
    CHAIN,
    CHANGE_ID,
    INDEX,
    RECORD,
    Archive,
    FolderArchive,
    read_exactly,
    unwritable,
    write_atomically,
)
from edgebook.records.index import archive_page, record_page
from edgebook.records.record import (
    FORMAT,
    Record,
    dump,
    load_records,
    parse_record,
    read_chain,
    sha256,
)
from edgebook.records.redact import Finding, Redactor
from edgebook.records.signing import sign

JOURNAL = "journal.jsonl"
RUNNING = "run.json"  # what a run that is not sealed was asked for, and how far it is
PLACE = ".archive"  # in the outbox: which archive a draft is for
TRIES = 20
RESERVE, RESERVED = ".reserve", 16 * 1024 * 1024


class SecretsFound(EdgebookError):
    """The scan found what redaction missed; the draft was moved out of the archive."""

    def __init__(self, change_id: str, findings: list[Finding], kept: Path) -> None:
        seen = "\n".join(str(finding) for finding in findings[:10])
        super().__init__(
            f"Record {change_id} was not sealed: {len(findings)} secrets in it",
            where=str(kept),
            why=seen,
            next="take the secret out of what was shown, and run again; that folder has the rest",
        )
        self.findings = tuple(findings)


class Draft:
    """An unsealed record. `folder` is where its files are while it runs."""

    def __init__(self, archive: Archive, folder: Path, change_id: str, redactor: Redactor) -> None:
        self.archive = archive
        self.folder = folder
        self.change_id = change_id
        self.redactor = redactor
        self._owner = Owner(folder)
        self._uploaded: dict[str, str] = {}
        self._ahead = Ahead(folder, change_id, redactor)

    @classmethod
    def start(
        cls, archive: Archive, *, now: datetime, redactor: Redactor, change_id: str = ""
    ) -> "Draft":
        """Take the next free change id of the day, or `change_id` if that is free."""
        archive.check_writable()
        if change_id and not CHANGE_ID.fullmatch(change_id):
            why = "a change id is CHG-YYYY-MM-DD-NNN, for example CHG-2026-11-23-001"
            raise UsageError(f"Not a change id: {change_id}", why=why)
        root = archive.folder if isinstance(archive, FolderArchive) else outbox()
        day = f"CHG-{now:%Y-%m-%d}"
        taken = [name for name in archive.change_ids() if name.startswith(day)]
        number = max((int(name.rsplit("-", 1)[1]) for name in taken), default=0)
        while True:
            number += 1
            name = change_id or f"{day}-{number:03d}"
            try:
                (root / name).mkdir(parents=True)
            except FileExistsError:
                if change_id:
                    why = "a change id is used once"
                    raise UsageError(f"Record {name} exists", where=str(root), why=why) from None
                continue
            except OSError as error:
                raise unwritable(str(root / name), error) from error
            draft = cls(archive, root / name, name, redactor)
            if not archive.claim(name):
                shutil.rmtree(draft.folder, ignore_errors=True)
                if change_id:
                    why = "a change id is used once"
                    raise UsageError(f"Record {name} exists", where=archive.location, why=why)
                continue
            if not draft._owner.take():
                continue
            draft._reserve()
            if not isinstance(archive, FolderArchive):
                write_atomically(draft.folder / PLACE, archive.location)
            return draft

    def _reserve(self) -> None:
        """Room for sealing, taken now: a disk that fills up later still leaves a whole record."""
        try:
            with (self.folder / RESERVE).open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, RESERVED)
        except OSError as error:
            self.discard()
            raise unwritable(str(self.folder), error) from error

    @property
    def journal(self) -> Path:
        return self.folder / JOURNAL

    def write(self, name: str, text: str) -> None:
        """A text file of the record, redacted."""
        write_atomically(self.folder / name, self.redactor.text(text))

    def write_json(self, name: str, document: Any) -> None:
        """A JSON file of the record, each string redacted."""
        write_atomically(self.folder / name, dump(self.redactor.document(document)))

    def write_notebook(self, name: str, text: str) -> None:
        """An executed notebook given as JSON: every source, output and traceback redacted."""
        notebook = from_json(text)
        for cell in notebook.get("cells", []):
            _join_streams(cell)
        text = json.dumps(self.redactor.document(notebook), indent=1, ensure_ascii=False) + "\n"
        write_atomically(self.folder / name, text)

    def done_with(self, name: str) -> None:
        """A notebook that is not written any more: what sealing needs of it is made meanwhile."""
        self._ahead.begin(name)

    def seal(self, facts: Mapping[str, Any]) -> Record:
        """Write the HTML, scan, hash, link to the record before, and close. Raises SecretsFound."""
        self._ahead.wait()
        facts = self.redactor.document(dict(facts))
        (self.folder / RESERVE).unlink(missing_ok=True)
        self._redact_journal()
        for path in sorted(self.folder.glob("*.ipynb")):
            self._ahead.page(path.name)
        self._ahead.link()
        with self.archive.lock():
            for _ in range(TRIES):
                link = self._previous()
                data = {**facts, "format": FORMAT, "change_id": self.change_id, **link}
                data.pop(proof.FIELD, None)
                write_atomically(self.folder / INDEX, record_page(data))
                names = [name for name in self._names() if name != RUNNING]
                data["files"] = {name: sha256(self._text(name)) for name in names}
                self._refuse_secrets(dump(data))
                record = self._close(proof.prove(data))
                if record is not None:
                    return record
        raise unwritable(
            self.archive.where(CHAIN), OSError(f"{TRIES} times another run took the place")
        )

    def upload(self) -> None:
        """Bring a bucket up to date with the draft: from there a run is gone on with anywhere."""
        if isinstance(self.archive, FolderArchive):
            return
        for name in self._names():
            text = self._text(name)
            if self._uploaded.get(name) != sha256(text):
                self.archive.write(f"{self.change_id}/{name}", self.redactor.text(text))
                self._uploaded[name] = sha256(text)

    def leave(self) -> None:
        """Write nothing more: the draft is as that of a run that died, for the next command."""
        self._ahead.drop()
        self._owner.drop()

    def discard(self) -> None:
        """Give the change id back when nothing was run."""
        self._ahead.drop()
        self._owner.leave()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.archive.unclaim(self.change_id)

    @contextlib.contextmanager
    def _without_state(self) -> Iterator[None]:
        """A folder's record has no state beside it; a record that cannot be written needs it."""
        path = self.folder / RUNNING
        if not isinstance(self.archive, FolderArchive) or not path.exists():
            yield
            return
        text = read_exactly(path)
        path.unlink()
        try:
            yield
        except BaseException:
            write_atomically(path, text)
            raise

    def _names(self) -> list[str]:
        """Files of the record; hidden ones are of the run and go with it."""
        names = sorted(path.name for path in self.folder.iterdir())
        return [name for name in names if name != RECORD and not name.startswith(".")]

    def _text(self, name: str) -> str:
        return read_exactly(self.folder / name)

    def _redact_journal(self) -> None:
        if not self.journal.exists():
            return
        lines = []
        for line in json_lines(self._text(JOURNAL)):
            try:
                document = self.redactor.document(from_json(line))
            except ValueError:
                continue
            lines.append(json.dumps(document, ensure_ascii=False))
        write_atomically(self.journal, "".join(f"{line}\n" for line in lines))

    def _previous(self) -> dict[str, Any]:
        """The place after the end of the chain; a link that a crash left out is added first."""
        links = self.archive.places() if self.archive.claims else read_chain(self.archive)
        listed = {link["change_id"] for link in links}
        for record in load_records(self.archive):
            if record.change_id not in listed and record.sequence == len(links) + 1:
                links.append(_link(record))
        self._links = links
        if not links:
            return {"sequence": 1, "previous": None}
        last = links[-1]
        previous = {"change_id": last["change_id"], "sha256": last["sha256"]}
        return {"sequence": len(links) + 1, "previous": previous}

    def _refuse_secrets(self, record: str) -> None:
        texts = {name: self._text(name) for name in self._names()} | {RECORD: record}
        findings = [
            finding for name, text in texts.items() for finding in self._ahead.scan(name, text)
        ]
        if findings:
            kept = quarantine() / self.change_id
            shutil.rmtree(kept, ignore_errors=True)
            for name in {finding.place for finding in findings} & set(texts) - {RECORD}:
                write_atomically(self.folder / name, self.redactor.cut(texts[name]))
            self._owner.leave()
            shutil.move(self.folder, kept)
            raise SecretsFound(self.change_id, findings, kept)

    def _close(self, data: dict[str, Any]) -> Record | None:
        """Write the record and take its place in the chain; None when another run was first."""
        text = dump(data)
        record = parse_record(text)
        if not isinstance(self.archive, FolderArchive):
            for name in record.files:
                self.archive.write(f"{self.change_id}/{name}", self._text(name))
        with self._without_state():
            self.archive.write(f"{self.change_id}/{RECORD}", text)
        sign(self.archive, record)
        if not self.archive.append(self._links, _link(record)):
            return None
        try:
            keyless.sign(self.archive, record, text)
        except EdgebookError as error:
            print(error, file=sys.stderr, flush=True)
        self.archive.write(INDEX, archive_page(load_records(self.archive)))
        self._owner.leave()
        if not isinstance(self.archive, FolderArchive):
            for name in {*self._uploaded, RUNNING} - set(record.files):
                self.archive.delete(f"{self.change_id}/{name}")
            shutil.rmtree(self.folder)
        return record


def outbox() -> Path:
    """Where drafts for a bucket wait until they are uploaded."""
    return _private(Path(platformdirs.user_state_dir("edgebook")) / "outbox")


def quarantine() -> Path:
    """Where drafts go that held a secret, without it; only their owner can read them."""
    return _private(Path(platformdirs.user_state_dir("edgebook")) / "quarantine")


def _private(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    os.chmod(folder, 0o700)  # noqa: PTH101
    return folder


def _link(record: Record) -> dict[str, Any]:
    link = {
        "sequence": record.sequence,
        "change_id": record.change_id,
        "sha256": record.sha256,
    }
    key = (record.data.get("request") or {}).get("key", "")
    return {**link, "key": key} if key else link


def _join_streams(cell: dict[str, Any]) -> None:
    """Join neighbouring outputs of one stream, so that no secret hides in the gap between two."""
    joined: list[dict[str, Any]] = []
    for output in cell.get("outputs", []):
        last = joined[-1] if joined else {}
        if (
            output.get("output_type") == last.get("output_type") == "stream"
            and output["name"] == last["name"]
        ):
            last["text"] = "".join(last["text"]) + "".join(output["text"])
        else:
            joined.append(output)
    for output in joined:
        if isinstance(output.get("text"), list):
            output["text"] = "".join(output["text"])
        for key, value in output.get("data", {}).items():
            if isinstance(value, list) and all(isinstance(line, str) for line in value):
                output["data"][key] = "".join(value)
    if "outputs" in cell:
        cell["outputs"] = joined
    if isinstance(cell.get("source"), list):
        cell["source"] = "".join(cell["source"])
