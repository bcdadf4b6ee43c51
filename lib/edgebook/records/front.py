"""What the first page of a record says without a click: verdict, approvals, changes, states.

Only what the record holds, in the words of the plan. A record that is not sealed says so, an
attempt is no change, and changes stand in the order in which they were made.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from edgebook.model.kinds import KINDS
from edgebook.model.paths import record_of
from edgebook.model.values import Plan, Step
from edgebook.plan import details
from edgebook.records import events

Data = Mapping[str, Any]
CHECKS = ("ok", "failed", "uncertain", "skipped")


def changes(data: Data) -> list[dict[str, Any]]:
    """All attempted changes in the order in which they began, with their step's title."""
    found = [
        {**change, "title": step["title"], "made": change.get("status") != "failed"}
        for step in data.get("steps") or []
        for change in step.get("changes") or []
    ]
    return events.in_time(found)


def verdict(data: Data) -> list[str]:
    """The record in a few words: what was changed, checked, and how the front door is now."""
    tried = changes(data)
    made = sum(change["made"] for change in tried)
    steps = data.get("steps", [])
    said = [f"{made} change{'' if made == 1 else 's'} made"]
    if failed := len(tried) - made:
        said.append(f"{failed} attempted and failed")
    cut = [change for change in tried if change["made"] and change.get("disrupts")]
    planned = f"{len(cut)} of them with an effect on traffic, as planned"
    said.append(planned if cut else "none disrupts traffic")
    counts = Counter(c["state"] for step in steps for c in step.get("checks", []))
    if counts:
        words = [f"{counts[name]} {name}" for name in CHECKS if counts[name] or name == "failed"]
        said.append(f"checks: {', '.join(words)}")
    said += [str(table["title"]) for name, table in tables(data) if name == "backends"]
    return said


def tables(data: Data) -> list[tuple[str, dict[str, Any]]]:
    """The tables that were shown last: certificates, backends with their health, names."""
    last: dict[str, dict[str, Any]] = {}
    for step in data.get("steps", []):
        last |= step.get("tables") or {}
    return sorted(last.items())


def noun(kind: str) -> str:
    """A kind in the words of the plan."""
    return KINDS[kind].noun if kind in KINDS else kind


def name(item: Data) -> str:
    """A resource's name; of a record set, name and type."""
    text = str(item.get("name", ""))
    if item.get("kind") != "dnsRecordSet":
        return text
    real = (item.get("real") or {}).get("name")
    host, kind = record_of(text)
    return f"{real or host} {kind}" if kind else text


def fields(change: Data) -> list[dict[str, str]]:
    """Path, before, after of a change; symbolic values with what they turned out to be."""
    real = change.get("real") or {}
    return [{**item.to_json(), "real": _real(item.path, real)} for item in details.told(change)]


def _real(path: str, real: Data) -> str:
    found = [value for name, value in real.items() if name == path or name.startswith(f"{path}.")]
    return ", ".join(str(value) for value in found)


def approvals(data: Data) -> list[dict[str, Any]]:
    """Each approval of the record: for what, which plan, how, and by whom, proven or not."""
    given = [("", data.get("approval"))]
    given += [
        (str(step["title"]), (step.get("ladder") or {}).get("approval"))
        for step in data.get("steps", [])
    ]
    return [
        {**one, "of": title, "approvers": _approvers(one)}
        for title, one in given
        if one is not None
    ]


def _approvers(approval: Data) -> list[dict[str, Any]]:
    found = [dict(item) for item in approval.get("approvers") or ()]
    alone = {"name": approval.get("by", ""), "proof": approval.get("how", ""), "proven": False}
    return found or [alone]


def part_of(step: Data, data: Data) -> str:
    """The hash of a step's plan, and whether it is an approved one or just a part of it."""
    planned = str((step.get("planned") or {}).get("hash", ""))
    if not planned:
        return ""
    if any(one.get("hash") == planned for one in approvals(data)):
        return f"{planned[:8]}, approved"
    approved = str((data.get("approval") or {}).get("hash", ""))
    if approved and _part(data, str(step.get("step", ""))) == planned:
        return f"{planned[:8]}, part of {approved[:8]}"
    return planned[:8]


def _part(data: Data, name: str) -> str:
    """The hash of what the approved plan has for a step; "" where that cannot be told."""
    try:
        return Plan.from_json(data["plan"]).only(Step(name)).hash
    except (KeyError, TypeError, ValueError):
        return ""


def moves(data: Data) -> list[dict[str, Any]]:
    """The stages of each move as they went: share, result, and what users saw meanwhile."""
    return [
        {
            "title": (step.get("ladder") or {}).get("title") or step["title"],
            "stages": [stage for stage in step["stages"] if stage.get("event") == "stage"],
        }
        for step in data.get("steps", [])
        if step.get("stages")
    ]


def state_tone(row: Mapping[str, Any]) -> str:
    """The class of a table's row."""
    return {"good": "good", "bad": "bad", "warn": "warn"}.get(str(row.get("tone", "")), "")


def cells(row: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    return [str(row.get(column, "") if row.get(column) is not None else "") for column in columns]
