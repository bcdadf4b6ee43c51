"""How a notebook ended, in the words of the record: which step, why, what was changed, what next.

The library's own error comes from the journal; without one, from the error that the notebook was
saved with. Signals, time limits and dead kernels are told by the runner.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgebook.base import errors, paste
from edgebook.base.errors import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_REFUSED,
    EdgebookError,
    RefusedError,
)
from edgebook.records import Draft
from edgebook.records.events import StepEvents
from edgebook.records.pages import duration
from edgebook.runbook.engine import mark_unfinished, raised
from edgebook.runbook.sequence import Runbook
from edgebook.runbook.watch import GRACE

_RESUME = re.compile(r"run --resume CHG-[\d-]+(?![\d-]| --records)")
_RECORDS = re.compile(r"edgebook'? records(?= (?:show|verify|list|diff|index)\b)")
LABELS = ("what", "where", "why", "seen", "next", "state")


@dataclass(frozen=True)
class Ending:
    """What the runner saw when a notebook did not end well."""

    draft: Draft
    runbook: Runbook
    events: StepEvents
    reason: str
    raised: BaseException | None
    limit: float


def failed(end: Ending) -> dict[str, Any]:
    """Status, exit code and error of a step that did not end well."""
    if end.reason == "interrupted" or isinstance(end.raised, KeyboardInterrupt):
        why = "stopped by Ctrl-C or a signal"
        mark_unfinished(end.draft, end.runbook.file, "Interrupted", why)
        under_way = str((end.events.error or {}).get("why") or "")
        why = "\n".join(filter(None, [why, under_way]))
        error = {"what": f"{end.runbook.title} was interrupted", "why": why}
        return _with_way_on(end, "interrupted", EXIT_INTERRUPTED, error)
    if end.reason == "timed out":
        why = f"its time was up (at most {duration(end.limit)} a notebook, or the run's total)"
        mark_unfinished(end.draft, end.runbook.file, "TimedOut", why)
        error = {"what": f"{end.runbook.title} took too long", "why": why}
        return _with_way_on(end, "failed", EXIT_FAILED, error)
    seen = raised(end.draft, end.runbook.file)
    if seen is None:
        why = f"{type(end.raised).__name__}: {end.raised}"
        mark_unfinished(end.draft, end.runbook.file, "KernelDied", why)
        error = {"what": f"{end.runbook.title} lost its kernel", "why": why}
        return _with_way_on(end, "failed", EXIT_FAILED, error)
    name, text = seen
    kind = getattr(errors, name, None)
    known = isinstance(kind, type) and issubclass(kind, EdgebookError)
    code = kind.exit_code if known else EXIT_FAILED  # type: ignore[union-attr]
    error = end.events.error or (parse(text) if known else {"what": f"{name}: {text}"})
    return _with_way_on(end, "failed", code, {k: v for k, v in error.items() if v})


def refusal(error: EdgebookError, done: str) -> dict[str, Any]:
    """A pseudo step for what was refused or went wrong before a notebook could run.

    `done`: what the run had changed by then.
    """
    said = {key: value for key, value in error.to_json().items() if key in LABELS and value}
    said.setdefault("state", done)
    refused = isinstance(error, RefusedError) or error.exit_code == EXIT_REFUSED
    return _pseudo("plan", "refused" if refused else "failed", said)


def stopping(change_id: str) -> str:
    """What is said as soon as a signal came."""
    return (
        f"Stopping: what is under way has {GRACE:g} s to end, then record {change_id} is sealed. "
        "Ctrl-C again ends the notebook at once."
    )


def stopped(change_id: str, done: str) -> dict[str, Any]:
    """A run that was stopped by hand where no notebook ran."""
    on = f"go on: edgebook run --resume {change_id}"
    error = {"why": "stopped by Ctrl-C or a signal", "next": on, "state": done}
    return _pseudo("run", "interrupted", error)


def status(steps: Sequence[dict[str, Any]], exit_code: int) -> str:
    """succeeded, failed, refused or interrupted: how the whole run is called."""
    last = steps[-1]["status"] if steps else "ok"
    if last in ("interrupted", "refused", "failed"):
        return "refused" if exit_code == EXIT_REFUSED else str(last)
    return "succeeded"


def parse(text: str) -> dict[str, str]:
    """The labelled lines of an EdgebookError, read back from its text."""
    found: dict[str, list[str]] = {"what": []}
    current = "what"
    for line in text.splitlines():
        label = line[2:10].strip() if line.startswith("  ") else ""
        if label in LABELS:
            current = label
            found[current] = [line[10:].strip()]
        else:
            found[current].append(line.strip())
    return {label: "\n".join(lines).strip() for label, lines in found.items()}


def pastable(text: str, params_file: str, place: str) -> str:
    """The same advice, its commands with the params of this run and the place of its records.

    `place` is "" where it is the one that commands look in by themselves.
    """
    text = paste.complete(text, paste.path(params_file) if params_file else "")
    if not place:
        return text
    where = shlex.quote(paste.path(place))
    text = _RESUME.sub(lambda found: f"{found[0]} --records {where}", text)
    return _RECORDS.sub(lambda found: f"{found[0]} --records {where}", text)


def _with_way_on(end: Ending, status: str, code: int, error: dict[str, Any]) -> dict[str, Any]:
    """Add what was changed and how to go on or back, where the library did not say it."""
    events = end.events
    if not error.get("state"):
        done = sum(change.get("status") != "failed" for change in events.changes)
        total = f" of {events.total}" if events.total else ""
        error["state"] = f"{done}{total} changes of this step are done and journaled"
    on = f"edgebook run --resume {end.draft.change_id}"
    if status == "interrupted":
        error["next"] = f"go on: {on}"
    elif not error.get("next"):
        error["next"] = "mend what it says"
    if on not in error["next"]:
        error["next"] += f"\nthen go on: {on}"
    if end.runbook.applies and not end.runbook.moves and "teardown" not in error["next"]:
        way = f"edgebook teardown --step {end.runbook.step}"
        error["next"] += f"\nor, while no name leads here yet, go back: {way}"
    return {"status": status, "exit_code": code, "error": error}


def _pseudo(title: str, status: str, error: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": title,
        "title": title,
        "step": title,
        "status": status,
        "seconds": 0.0,
        "changes": [],
        "checks": [],
        "headline": "",
        "error": error,
    }
