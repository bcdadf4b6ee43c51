"""Records of runs that were killed: sealed as interrupted by whichever command comes next.

What is there is sealed as it is: saved notebooks, the journal, and the last state of the run.
A draft whose run lives is left alone, one in which nothing happened is removed; a run that came to
its end and could not be sealed (a full disk, a bucket that was gone) is sealed as it ended. It must
not decide whether anybody may go on: a state that this machine did not write is marked as unproven.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edgebook.base.errors import EdgebookError
from edgebook.base.ownership import FILE, Owner
from edgebook.base.parsing import from_json
from edgebook.records import proof
from edgebook.records.archive import RECORD, Archive, FolderArchive, write_atomically
from edgebook.records.draft import PLACE, RESERVE, RUNNING, Draft, outbox
from edgebook.records.events import by_step, in_time, read_events
from edgebook.records.record import Record
from edgebook.records.redact import Redactor, environment_secrets

ENDED = ("succeeded", "failed", "refused", "interrupted")
WHY = "it was killed; the next command sealed what was there"


def seal_leftovers(archive: Archive) -> list[Record]:
    """Seal what dead runs of this machine left; what cannot be sealed is left as it is.

    Drafts of other machines are in buckets too: `seal_remote` is for whoever knows that they died.
    """
    if isinstance(archive, FolderArchive):
        drafts = [archive.folder / name for name in archive.change_ids()]
        drafts = [folder for folder in drafts if not (folder / RECORD).exists()]
    else:
        drafts = _waiting(archive)
    sealed = []
    for folder in drafts:
        change_id = folder.name
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


def _waiting(archive: Archive) -> list[Path]:
    """The drafts for this bucket in the outbox."""
    found = []
    for folder in sorted(outbox().iterdir()):
        with contextlib.suppress(OSError, ValueError):
            if (folder / PLACE).read_text(encoding="utf-8") == archive.location:
                found.append(folder)
    return found


def _seal(archive: Archive, folder: Path, change_id: str) -> Record | None:
    try:
        data = from_json((folder / RUNNING).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        data = None
    names = {path.name for path in folder.iterdir()} - {FILE, RESERVE, PLACE}
    if not isinstance(archive, FolderArchive) and archive.read(f"{change_id}/{RECORD}"):
        # It was sealed, and killed before it had cleaned up.
        archive.delete(f"{change_id}/{RUNNING}")
        shutil.rmtree(folder, ignore_errors=True)
        return None
    if not isinstance(data, dict):
        if not names:
            shutil.rmtree(folder, ignore_errors=True)
            archive.unclaim(change_id)
            return None
        data = {}
    draft = Draft(archive, folder, change_id, Redactor(environment_secrets()))
    if data.get("status") in ENDED and proof.holds(data):
        return draft.seal(data)
    return draft.seal(interrupted(data, draft.journal))


def seal_remote(archive: Archive, change_id: str) -> Record:
    """Seal the draft of another machine in a bucket; the caller knows that its run is dead."""
    # Not under its id: a draft of that name for another archive may be written here just now.
    with tempfile.TemporaryDirectory(dir=outbox(), prefix="sealing-") as place:
        folder = Path(place) / change_id
        names = [name for name in archive.names(change_id) if not name.startswith(".")]
        for name in names:
            write_atomically(folder / name, archive.read(f"{change_id}/{name}") or "")
        data = from_json((folder / RUNNING).read_text(encoding="utf-8"))
        draft = Draft(archive, folder, change_id, Redactor(environment_secrets()))
        return draft.seal(interrupted(data, draft.journal))


def interrupted(data: Mapping[str, Any], journal: Path) -> dict[str, Any]:
    """The facts of a killed run: its last state, what the journal says since, and that it ended."""
    facts = {**BLANK, **{name: value for name, value in data.items() if name != proof.FIELD}}
    steps = [step for step in facts["steps"] if isinstance(step, dict)]
    known = {step.get("step") for step in steps}
    events, _ = read_events(journal)
    for name, step in by_step(events).items():
        if name and name not in known and (step.changes or step.planned):
            steps.append(
                {
                    **STEP,
                    **dict.fromkeys(("name", "title", "step"), name),
                    "changes": in_time(step.changes),
                    "checks": step.checks,
                    "error": {"why": WHY},
                }
            )
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
