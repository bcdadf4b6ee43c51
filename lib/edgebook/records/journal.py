"""The journal of a run: one JSON object a line, appended and synced as things happen.

Each change leaves an intent before its first call and an outcome after its last, so that a run that
was killed is explained (`unfinished`) and resumed. EDGEBOOK_JOURNAL names the file when somebody
records the change; otherwise a run that writes keeps it in the user's state folder.
"""

import json
import os
import threading
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgebook.base.clock import Clock, rfc3339
from edgebook.base.errors import EdgebookError
from edgebook.base.parsing import from_json, json_lines
from edgebook.base.state import state_folder
from edgebook.model.values import Change, CheckResult, Plan, ResourceKey, to_json
from edgebook.records.redact import Redactor

KEPT = 50
_REDACTOR = Redactor()


class Journal:
    """Appends events; without a file it only forwards them to `listeners`."""

    def __init__(self, path: Path | None, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._began: dict[ResourceKey, str] = {}
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, event: str, **data: Any) -> None:
        """One event, on disk when this returns."""
        if self.path is None:
            return
        said = {"event": event, "at": rfc3339(self._clock.utc()), **data}
        line = json.dumps(_REDACTOR.document(json.loads(json.dumps(said, default=str))))
        with self._lock:
            try:
                handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
                try:
                    os.write(handle, line.encode() + b"\n")
                    os.fsync(handle)
                finally:
                    os.close(handle)
            except OSError as error:
                raise EdgebookError(
                    "The journal cannot be written: nothing more is changed",
                    where=str(self.path),
                    why=str(error),
                    next="make room there, then run it again: it goes on from what is there",
                ) from error

    def planned(self, step: str, plan: Plan) -> None:
        changes = [change.to_json() for change in plan.changes]
        self.write("planned", step=step, hash=plan.hash, changes=changes)

    def intent(self, change: Change, request_id: str) -> None:
        """Written before the first call of a change: what may have happened when we are killed."""
        self._began.setdefault(change.key, rfc3339(self._clock.utc()))
        self.write("intent", **_named(change), request_id=request_id)

    def outcome(
        self,
        change: Change,
        *,
        seconds: float,
        error: str = "",
        real: Mapping[str, Any] | None = None,
    ) -> None:
        """What became of a change; `real` are the values that stood symbolic in its plan.

        `began` is the time of its first call; of one that was never tried there is none.
        """
        self.write(
            "change",
            **_named(change),
            sentence=change.sentence,
            disrupts=change.disrupts,
            before=to_json(change.before),
            after=to_json(change.after),
            real=dict(real or {}),
            seconds=round(seconds, 3),
            began=self._began.pop(change.key, ""),
            status="failed" if error else "done",
            error=error,
        )

    def checks(self, results: Iterable[CheckResult], *, step: str = "") -> None:
        for result in results:
            self.write(
                "check",
                step=step or (result.step.value if result.step else "verify"),
                status=result.state.value,
                check=result.check,
                subject=result.subject,
                detail=result.reason,
                remedy=result.remedy,
            )

    def headline(self, step: str, text: str) -> None:
        """The one thing worth a line in a summary."""
        self.write("headline", step=step, text=text)

    def failure(self, step: str, error: EdgebookError) -> None:
        said = error.to_json()
        fields = ("what", "where", "why", "seen", "next", "state")
        self.write("error", step=step, **{name: said.get(name, "") for name in fields})


def _named(change: Change) -> dict[str, str]:
    return {
        "step": change.step.value,
        "action": change.action.value,
        "kind": change.key.kind,
        "name": change.key.name,
        "scope": change.key.scope,
    }


def recorded(clock: Clock) -> Journal:
    """The journal that EDGEBOOK_JOURNAL names, or one that keeps nothing."""
    named = os.environ.get("EDGEBOOK_JOURNAL", "")
    return Journal(Path(named) if named else None, clock)


def for_run(front_door: str, clock: Clock, record: Path | None = None) -> Journal:
    """A journal for a run that writes: the recorded one, else a new file in the state folder.

    `record` is the same file in a change record, where both are on one disk.
    """
    journal = recorded(clock)
    if journal.path is not None:
        return journal
    folder = _folder(front_door)
    for old in sorted(folder.glob("*.jsonl"))[:-KEPT]:
        old.unlink(missing_ok=True)
    stamp = clock.utc().strftime("%Y%m%dT%H%M%S.%f")
    path = folder / f"{stamp}-{uuid.uuid4().hex[:12]}.jsonl"
    if record is not None:
        record.touch(mode=0o600)
        try:
            os.link(record, path)
        except OSError:
            return Journal(record, clock)
    return Journal(path, clock)


def _folder(front_door: str) -> Path:
    folder = state_folder() / "journals" / front_door.replace("/", "_")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@dataclass(frozen=True)
class Unfinished:
    """A run that ended without saying so: what was done, and what may or may not have happened."""

    path: Path
    done: int
    total: int
    open: tuple[Mapping[str, str], ...] = field(default_factory=tuple)

    def __str__(self) -> str:
        text = f"an earlier run stopped after {self.done} of {self.total} changes"
        if self.open:
            named = ", ".join(
                f"{item['action']} {item['kind']} {item['name']}" for item in self.open
            )
            text += f"; under way were: {named}"
        return text


def unfinished(front_door: str) -> Unfinished | None:
    """The newest run of this front door, if it was killed or interrupted."""
    files = sorted(_folder(front_door).glob("*.jsonl"))
    return read_unfinished(files[-1]) if files else None


def read_unfinished(path: Path) -> Unfinished | None:
    """What a journal says of a run that has not finished; None when it has."""
    total, done = 0, 0
    under_way: dict[Any, dict[str, Any]] = {}
    for event in read(path):
        name = (event.get("kind"), event.get("scope"), event.get("name"))
        if event["event"] == "applying":
            total, done, under_way = int(event["total"]), 0, {}
        elif event["event"] == "intent":
            under_way[name] = event
        elif event["event"] == "change":
            under_way.pop(name, None)
            done += event["status"] == "done"
        elif event["event"] in ("applied", "error"):
            total = 0
    if not total:
        return None
    return Unfinished(path, done, total, tuple(under_way.values()))


def read(path: Path) -> list[dict[str, Any]]:
    """The events of a journal; a last line that was cut off by a kill is left out."""
    events = []
    for line in json_lines(path.read_text()):
        try:
            events.append(from_json(line))
        except ValueError:
            continue
    return events
