"""Whatever writes leaves a record: applies, teardowns and moves by hand, as runs do.

A run has a record of its own, and its notebooks write into that one's journal. Everything else
opens a draft here before the first change and seals it however it ends; a kill leaves it to the
next command. It must not decide what may be done.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from edgebook.base.errors import EdgebookError, InterruptedRun, RefusedError
from edgebook.base.interrupts import shielded
from edgebook.front_door import FrontDoor
from edgebook.model.values import Plan
from edgebook.plan.approval import Approval
from edgebook.records import (
    Archive,
    Draft,
    Redactor,
    anchors,
    environment_secrets,
    facts,
    journal,
    marked_secrets,
    open_archive,
    proof,
)
from edgebook.records.draft import RUNNING
from edgebook.records.events import CHANGE_FIELDS, StepEvents, add, in_time, read_events
from edgebook.records.journal import Journal
from edgebook.records.leftovers import seal_leftovers
from edgebook.records.record import sha256
from edgebook.records.sealing import seal_or_keep


@dataclass
class Recording:
    """What the one who writes tells: events to the journal, and at the end what users saw."""

    journal: Journal
    traffic: Mapping[str, Any] | None = None


@contextlib.contextmanager
def recorded(
    door: FrontDoor, title: str, plan: Plan, approval: Approval, *, mode: str = "apply"
) -> Iterator[Recording]:
    """Sealed into a record of its own unless a run records it."""
    clock = door.connection.clock
    if os.environ.get("EDGEBOOK_JOURNAL"):
        yield Recording(journal.recorded(clock))
        return
    archive, redactor, values = _ready(door)
    draft: Draft | None = None
    kept: Recording | None = None
    begun: dict[str, Any] = {}
    error: BaseException | None = None
    try:
        with shielded():  # a signal finds no draft, or one that can be sealed
            draft = Draft.start(archive, now=datetime.now(UTC), redactor=redactor)
            begun = _facts(door, title, plan, approval, mode, values)
            state = draft.redactor.document(begun | {"status": "running"})
            draft.write_json(RUNNING, proof.prove(state))
            kept = Recording(journal.for_run(door.id, clock, draft.journal))
        draft.upload()
        yield kept
    except BaseException as raised:
        error = raised
        raise
    finally:
        if draft is not None and kept is not None:
            with shielded():
                _seal(door, draft, _ended(begun, draft.journal, title, error), kept, error)
        elif draft is not None:
            draft.discard()


def _seal(
    door: FrontDoor,
    draft: Draft,
    ended: Mapping[str, Any],
    kept: Recording,
    error: BaseException | None,
) -> None:
    try:
        record = seal_or_keep(draft, {**ended, "traffic": kept.traffic or None})
    except EdgebookError as unsealed:
        if error is not None:
            unsealed.why += f"\nbefore that: {_words(error)['what']}"
        raise
    if anchor := door.spec.records.anchor:
        anchors.note(anchor, record)


def _ready(door: FrontDoor) -> tuple[Archive, Redactor, Any]:
    """The archive of the params, and their values; one that cannot be written is said now."""
    archive = open_archive(door.spec.records.archive)
    archive.check_writable()
    seal_leftovers(archive)
    values: Any = {}
    with contextlib.suppress(OSError, ValueError, yaml.YAMLError):
        text = Path(door.file).read_text(encoding="utf-8")
        values = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return archive, Redactor({**environment_secrets(), **marked_secrets(values)}), values


def _facts(
    door: FrontDoor, title: str, plan: Plan, approval: Approval, mode: str, values: Any
) -> dict[str, Any]:
    text = ""
    with contextlib.suppress(OSError, ValueError):
        text = Path(door.file).read_text(encoding="utf-8")
    world = door.connection.world
    return {
        "title": f"{title} {door.names.front_door}, by hand",
        "who": facts.who(),
        "started": facts.stamp(datetime.now(UTC)),
        "environment": door.spec.environment.value,
        "project": door.spec.project,
        "front_door": door.spec.address.name,
        "world": world.to_json() if world else None,
        "git": facts.git(),
        "tool": facts.tool(),
        "params": {"file": door.file, "sha256": sha256(text), "values": values},
        "plan": plan.to_json(),
        "approval": approval.to_json(),
        "resumes": "",
        "request": {"notebooks": [], "mode": mode, "given": {}, "key": ""},
        "steps": [],
        "seconds": 0.0,
        "traffic": None,
    }


def _ended(
    begun: Mapping[str, Any], path: Path, title: str, error: BaseException | None
) -> dict[str, Any]:
    events, _ = read_events(path)
    seen, changes = StepEvents(), []
    for event in events:
        add(seen, event)
        if event.get("event") == "change":
            changes.append({name: event[name] for name in CHANGE_FIELDS if name in event})
    status = _status(error)
    now = datetime.now(UTC)
    began = datetime.fromisoformat(str(begun["started"]))
    seconds = round((now - began).total_seconds(), 1)
    step = {
        "name": title,
        "title": title,
        "step": title,
        "status": "ok" if status == "succeeded" else status,
        "seconds": seconds,
        "changes": in_time(changes),
        "checks": seen.checks,
        "headline": "; ".join(seen.headlines[-1:]),
        "planned": {"hash": (begun["plan"] or {}).get("hash", "")},
    }
    if error is not None:
        step["error"] = _words(error)
    return {
        **begun,
        "status": status,
        "finished": facts.stamp(now),
        "seconds": seconds,
        "steps": [step],
    }


def _status(error: BaseException | None) -> str:
    if error is None:
        return "succeeded"
    if isinstance(error, InterruptedRun) or not isinstance(error, Exception):
        return "interrupted"
    return "refused" if isinstance(error, RefusedError) else "failed"


def _words(error: BaseException) -> dict[str, str]:
    if not isinstance(error, EdgebookError):
        return {"what": "stopped by hand"} if not str(error) else {"what": str(error)}
    labels = ("what", "where", "why", "seen", "next", "state")
    return {name: str(getattr(error, name)) for name in labels if getattr(error, name, "")}
