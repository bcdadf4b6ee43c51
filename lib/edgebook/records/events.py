"""The journal of a change read back: what each step planned, changed, checked and said.

The library appends one JSON object a line while it works; the progress display and the change
record are both made from it. A last line that was cut off by a kill is left out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgebook.base.parsing import from_json

CHANGE_FIELDS = (
    "action", "kind", "name", "scope", "sentence", "disrupts", "before", "after", "real", "status",
    "error", "seconds", "began", "at",
)  # fmt: skip
CHECK_FIELDS = ("check", "subject", "reason", "remedy")


@dataclass
class StepEvents:
    """What the journal says about one step, in the order in which it happened."""

    planned: dict[str, Any] | None = None
    total: int = 0
    changes: list[dict[str, Any]] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    headlines: list[str] = field(default_factory=list)
    error: dict[str, Any] | None = None
    world: dict[str, Any] | None = None
    stages: list[dict[str, Any]] = field(default_factory=list)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def done(self) -> int:
        return sum(change.get("status") != "failed" for change in self.changes)

    def count(self, state: str) -> int:
        return sum(check["state"] == state for check in self.checks)


def read_events(path: Path, *, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Whole lines from `offset` on, and the offset after them; none before there is a journal."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], offset
    whole = data[: data.rfind(b"\n") + 1]
    events = []
    for line in whole.splitlines():
        try:
            event = from_json(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            events.append(event)
    return events, offset + len(whole)


def by_step(events: Iterable[Mapping[str, Any]]) -> dict[str, StepEvents]:
    """Group events by their step. A check that ran again replaces what it said before."""
    steps: dict[str, StepEvents] = {}
    for event in events:
        add(steps.setdefault(str(event.get("step") or ""), StepEvents()), event)
    return steps


def in_time(changes: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Changes in the order in which they were begun; older journals only say when they ended."""
    return sorted(changes, key=lambda change: str(change.get("began") or change.get("at") or ""))


def add(step: StepEvents, event: Mapping[str, Any]) -> None:
    """Take one event into a step; unknown ones are left out."""
    kind = event.get("event")
    if kind == "planned":
        step.planned = {"hash": event.get("hash", ""), "changes": event.get("changes", [])}
    elif kind == "applying":
        step.total = int(event.get("total", 0))
    elif kind == "change":
        step.changes.append({name: event[name] for name in CHANGE_FIELDS if name in event})
    elif kind == "check":
        check = _check(event)
        same = (check["check"], check["subject"])
        step.checks = [old for old in step.checks if (old["check"], old["subject"]) != same]
        step.checks.append(check)
    elif kind == "headline":
        step.headlines.append(str(event.get("text", "")))
    elif kind in ("stage", "breach"):
        step.stages.append({k: v for k, v in event.items() if k != "step"})
    elif kind == "shown":
        names = ("title", "columns", "rows")
        step.tables[str(event.get("name"))] = {name: event.get(name) for name in names}
    elif kind == "world":
        step.world = {k: v for k, v in event.items() if k not in ("event", "step", "at")}
    elif kind == "error":
        step.error = {k: v for k, v in event.items() if k not in ("event", "step", "at")}


def _check(event: Mapping[str, Any]) -> dict[str, Any]:
    check = {name: str(event.get(name) or "") for name in CHECK_FIELDS}
    check["reason"] = check["reason"] or str(event.get("detail") or "")
    check["state"] = str(event.get("state") or event.get("status") or "uncertain")
    return check
