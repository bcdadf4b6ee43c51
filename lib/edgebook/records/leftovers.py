"""Records of runs that were killed: sealed as interrupted by whichever command comes next.

What is there is sealed as it is: saved notebooks, the journal, and the last state of the run.
A draft whose run lives is left alone, one in which nothing happened is removed. It must not decide
whether anybody may go on: a state that this machine did not write is marked as unproven.
"""

import contextlib
import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edgebook.base.errors import EdgebookError
from edgebook.records import proof
from edgebook.records.archive import RECORD, Archive, FolderArchive, write_atomically
from edgebook.records.draft import Draft, outbox
from edgebook.records.events import by_step, read_events
from edgebook.records.ownership import FILE, Owner
from edgebook.records.record import Record
from edgebook.records.redact import Redactor, environment_secrets

RUNNING = "run.json"
WHY = "it was killed; the next command sealed what was there"


def seal_leftovers(archive: Archive) -> list[Record]:
    """Seal the drafts of dead runs in a folder; what cannot be sealed is left as it is."""
    if not isinstance(archive, FolderArchive):
        return []
    sealed = []
    for change_id in archive.change_ids():
        folder = archive.folder / change_id
        if (folder / RECORD).exists():
            continue
        owner = Owner(folder)
        if not owner.take():
            continue
        try:
            with contextlib.suppress(EdgebookError, OSError):
                record = _seal(archive, folder, change_id)
                sealed += [record] if record else []
        finally:
            owner.leave()
    return sealed


def _seal(archive: FolderArchive, folder: Path, change_id: str) -> Record | None:
    try:
        data = json.loads((folder / RUNNING).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        data = None
    names = {path.name for path in folder.iterdir()} - {FILE}
    if not isinstance(data, dict):
        if not names - {".reserve"}:
            shutil.rmtree(folder, ignore_errors=True)
            return None
        data = {}
    draft = Draft(archive, folder, change_id, Redactor(environment_secrets()))
    (folder / RUNNING).unlink(missing_ok=True)
    return draft.seal(interrupted(data, draft.journal))


def seal_remote(archive: Archive, change_id: str) -> Record:
    """Seal the draft of another machine in a bucket; the caller knows that its run is dead."""
    folder = outbox() / change_id
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    names = [name for name in archive.names(change_id) if not name.startswith(".")]
    for name in names:
        write_atomically(folder / name, archive.read(f"{change_id}/{name}") or "")
    data = json.loads((folder / RUNNING).read_text(encoding="utf-8"))
    (folder / RUNNING).unlink()
    draft = Draft(archive, folder, change_id, Redactor(environment_secrets()))
    record = draft.seal(interrupted(data, draft.journal))
    archive.delete(f"{change_id}/{RUNNING}")
    return record


def interrupted(data: Mapping[str, Any], journal: Path) -> dict[str, Any]:
    """The facts of a killed run: its last state, what the journal says since, and that it ended."""
    facts = {**BLANK, **{name: value for name, value in data.items() if name != proof.FIELD}}
    steps = [step for step in facts["steps"] if isinstance(step, dict)]
    known = {step.get("step") for step in steps}
    events, _ = read_events(journal)
    for name, step in by_step(events).items():
        if name and name not in known and (step.changes or step.planned):
            steps.append(
                {**STEP, "name": name, "title": name, "step": name, "changes": step.changes,
                 "checks": step.checks, "error": {"why": WHY}}
            )  # fmt: skip
    if not any(step["status"] == "interrupted" for step in steps):
        steps.append({**STEP, "name": "run", "title": "run", "step": "run", "error": {"why": WHY}})
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    unproven = {} if proof.holds(data) else {"unproven": "not written by who sealed it"}
    return {**facts, "status": "interrupted", "steps": steps, "finished": now, **unproven}


STEP = {"status": "interrupted", "seconds": 0.0, "changes": [], "checks": [], "headline": ""}
BLANK: dict[str, Any] = {
    "title": "a run that was killed",
    "who": {"user": "", "host": ""},
    "started": "",
    "seconds": 0.0,
    "environment": "",
    "project": "",
    "front_door": "",
    "params": {"file": "", "sha256": "", "values": {}},
    "plan": None,
    "approval": None,
    "resumes": "",
    "request": {"notebooks": [], "mode": "apply", "given": {}},
    "steps": [],
    "traffic": None,
}
