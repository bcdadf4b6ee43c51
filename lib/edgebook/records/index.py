"""The pages people open: one for the archive, with a search, and one for each record.

Both are made of the records alone, so that the same records always make the same pages and an
edited page shows in `records verify`. The search runs in the page itself.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from edgebook.records import front, traffic
from edgebook.records.pages import duration, instant, render
from edgebook.records.record import Record

STATES = ("succeeded", "failed", "refused", "interrupted")
CHECK_ORDER = ("failed", "uncertain", "skipped", "ok")


def archive_page(records: Sequence[Record]) -> str:
    """All records, the newest first."""
    after = {str(r.data.get("resumes") or ""): r.change_id for r in records}
    rows = [
        {**_row(record), "resumed_by": after.get(record.change_id, "")}
        for record in sorted(records, key=lambda r: -r.sequence)
    ]
    return render("archive.html.j2", title="Change records", rows=rows, states=STATES)


def record_page(data: Mapping[str, Any]) -> str:
    """One record, from the content of its record.json."""
    rows = [
        {"title": step["title"], "check": check}
        for step in data.get("steps", [])
        for check in step.get("checks", [])
    ]
    plan = (data.get("plan") or {}).get("changes") or ()
    return render(
        "record.html.j2",
        title=f"{data['change_id']} {data.get('status', '')}",
        data=data,
        verdict=front.verdict(data),
        approvals=front.approvals(data),
        moves=front.moves(data),
        changed=front.changes(data),
        tables=front.tables(data),
        to_do=sum(change.get("action") != "report" for change in plan),
        ranked=sorted(rows, key=lambda row: CHECK_ORDER.index(row["check"]["state"])),
        tally=check_tally([row["check"] for row in rows]),
        **traffic.page_values(data),
    )


def check_tally(checks: Sequence[Mapping[str, Any]]) -> str:
    """61 ok, 0 failed, 0 uncertain."""
    counts = Counter(check["state"] for check in checks)
    text = f"{counts['ok']} ok, {counts['failed']} failed, {counts['uncertain']} uncertain"
    return text + (f", {counts['skipped']} skipped" if counts["skipped"] else "")


def _row(record: Record) -> dict[str, Any]:
    data = record.data
    failed = record.failed_step
    checks = record.checks
    return {
        "record": record,
        "failure": f"at {failed['title']}" if failed and record.status != "succeeded" else "",
        "started": instant(data.get("started", "")),
        "took": duration(data.get("seconds")),
        "door": data.get("front_door", ""),
        "environment": data.get("environment", ""),
        "project": data.get("project", ""),
        "seconds": data.get("seconds") or 0,
        "who": data.get("who", {}).get("user", ""),
        "changes": sum(change["made"] for change in front.changes(data)),
        "checks": check_tally(checks) if checks else "",
        "failed_requests": _failed_requests(data),
        "failed_number": (traffic.measured(data) or {}).get("failed", -1),
        "plan": str((data.get("plan") or {}).get("hash", ""))[:8],
        "text": _searchable(record),
    }


def _failed_requests(data: Mapping[str, Any]) -> str:
    """0 of 41,207; empty when nothing was watched."""
    found = traffic.measured(data)
    return f"{found['failed']:,} of {found['sent']:,}" if found and found["sent"] else ""


def _searchable(record: Record) -> str:
    """Every word one may look for, once each, in lower case."""
    words: set[str] = set()
    stack: list[Any] = [
        {
            key: value
            for key, value in record.data.items()
            if key not in ("files", "plan", "traffic")
        }
    ]
    while stack:
        item = stack.pop()
        if isinstance(item, Mapping):
            stack.extend(value for key, value in item.items() if key not in ("before", "after"))
        elif isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, str):
            words.update(item.lower().split())
    return " ".join(sorted(words))
