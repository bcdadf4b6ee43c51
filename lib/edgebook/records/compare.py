"""What differs between two change records, by step and resource instead of by JSON.

Both are read as tables of outcomes: step -> result, (step, resource) -> what was done to it,
(step, check, subject) -> verdict, parameter -> value. Times, ids and hashes are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgebook.records.front import noun
from edgebook.records.record import Record


@dataclass(frozen=True, order=True)
class Difference:
    """One line: where, what, and the two sides; an empty side means that it is not there."""

    step: str
    what: str
    left: str
    right: str

    def to_json(self) -> dict[str, str]:
        return {"step": self.step, "what": self.what, "left": self.left, "right": self.right}


def compare(left: Record, right: Record) -> list[Difference]:
    """All differences, in the order of the steps, then by resource."""
    order = [str(step.get("name", "")) for record in (left, right) for step in record.steps]
    rank = {name: number for number, name in reversed(list(enumerate(order)))}
    tables = (_table(left), _table(right))
    found = []
    for step, what in tables[0].keys() | tables[1].keys():
        sides = [table.get((step, what), "") for table in tables]
        if sides[0] != sides[1]:
            found.append(Difference(step, what, *sides))
    return sorted(found, key=lambda d: (rank.get(d.step, -1), d.step, d.what))


def _table(record: Record) -> dict[tuple[str, str], str]:
    table = {("", f"parameter {path}"): text for path, text in _leaves(_params(record))}
    table["", "result"] = record.status
    table["", "approved plan"] = _approved(record)[:8]
    for step in record.steps:
        name = str(step.get("name", ""))
        table[name, "result"] = step["status"]
        if error := step.get("error"):
            table[name, "failure"] = str(error.get("why") or error.get("what") or "")
        for change in step.get("changes") or []:
            table[name, f"{noun(change['kind'])} {change['name']}"] = _change(change)
        for check in step.get("checks") or []:
            why = check.get("reason") or ""
            reason = f": {why}" if check["state"] != "ok" and why else ""
            table[name, f"check {check['check']}, {check.get('subject')}"] = check["state"] + reason
    return table


def _approved(record: Record) -> str:
    """The hash that was approved: a resumed run goes on with that of the run before."""
    said = record.data.get("approval") or record.data.get("plan") or {}
    return str(said.get("hash") or "")


def _params(record: Record) -> Any:
    return (record.data.get("params") or {}).get("values") or {}


def _change(change: Mapping[str, Any]) -> str:
    text = f"{change['action']}: {change.get('sentence', '')}".rstrip(": ")
    return text + (" (failed)" if change.get("status") == "failed" else "")


def _leaves(value: Any, path: str = "") -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        inner = ((f"{path}.{key}" if path else str(key), item) for key, item in value.items())
        return [leaf for where, item in inner for leaf in _leaves(item, where)]
    if isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
        return [leaf for n, item in enumerate(value) for leaf in _leaves(item, f"{path}[{n}]")]
    return [(path, ", ".join(map(str, value)) if isinstance(value, list) else str(value))]
