"""From a failure, and from a line of the timeline, to the row of the change that was under way.

Rows have the id `change-N`, in the order in which they ended. Texts are those of the meter's spans:
action, kind and name.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Change = Mapping[str, Any]


def anchor(number: int) -> str:
    """The id of a row of "What was changed", counted from 1."""
    return f"change-{number}"


def linked(rows: Sequence[Mapping[str, Any]], changes: Sequence[Change]) -> list[dict[str, Any]]:
    """Failures, each with the id of its change's row as `link` ("" when there is none)."""
    return [
        {**row, "link": _row_of(str(row.get("during") or ""), str(row.get("at") or ""), changes)}
        for row in rows
    ]


def timeline(line: Mapping[str, Any], changes: Sequence[Change]) -> dict[str, Any]:
    """The same for the changes of a timeline: those of one text are in the order of the rows."""
    seen: dict[str, int] = {}
    marks = []
    for mark in line["changes"]:
        text = str(mark["text"])
        ids = [anchor(n) for n, one in enumerate(changes, 1) if text_of(one) == text]
        index = seen[text] = seen.get(text, -1) + 1
        marks.append({**mark, "link": ids[index] if index < len(ids) else ""})
    return {**line, "changes": marks}


def text_of(change: Change) -> str:
    """How the meter calls a change."""
    return f"{change.get('action')} {change.get('kind')} {change.get('name')}"


def _row_of(during: str, at: str, changes: Sequence[Change]) -> str:
    """The first row of that text that ended at or after the failure, else the last one before."""
    found = [(str(one.get("at", "")), n) for n, one in enumerate(changes, 1)
             if during and text_of(one) == during]  # fmt: skip
    later = [number for ended, number in found if ended >= at]
    if later:
        return anchor(later[0])
    return anchor(found[-1][1]) if found else ""
