"""The pages people open: one for the archive, with a search, and one for each record.

Both are made of the records alone, so that the same records always make the same pages and an
edited page shows in `records verify`. The search runs in the page itself.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from html.parser import HTMLParser
from typing import Any

from edgebook.base.text import plain_lines
from edgebook.records import front, traffic
from edgebook.records.pages import duration, instant, render
from edgebook.records.record import Record, sha256

STATES = ("succeeded", "failed", "refused", "interrupted")
CHECK_ORDER = ("failed", "uncertain", "skipped", "ok")


def archive_page(records: Sequence[Record]) -> str:
    """All records, the newest first."""
    return _page(records, maker())


def differs(page: str, records: Sequence[Record]) -> tuple[str, bool]:
    """How a page that is there differs from what the records say, and whether that is all right.

    ("", True) when it does not. A page that another version of edgebook made looks different: of
    that one the rows are compared by the facts that every version shows, the rest is not.
    """
    if page == archive_page(records):
        return "", True
    seen = Rows()
    seen.feed(page)
    facts = [[record.change_id, *_facts(record)] for record in sorted(records, key=_newest_first)]
    told = len(facts) == len(seen.rows) and all(
        row[:2] == wanted[:2] and set(wanted) <= set(row[2:])
        for row, wanted in zip(seen.rows, facts, strict=True)
    )
    if seen.maker == maker() or not told:
        return "is not what the records say", False
    return "was made by another version of edgebook, only its rows were compared", True


@cache
def maker() -> str:
    """The look that this version gives the page: the hash of a page of made-up records."""
    return sha256(_page([Record(one, "0" * 64) for one in _MADE_UP], ""))[:16]


class Rows(HTMLParser):
    """The rows of an archive's page, each change id, state and all its texts; and its maker."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.maker = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "table":
            self.maker = given.get("data-maker") or self.maker
        if tag == "tr" and "data-state" in given:
            self.rows.append([given.get("id") or "", given["data-state"] or ""])

    def handle_data(self, data: str) -> None:
        if self.rows and data.strip():
            self.rows[-1].append(data.strip())


def _page(records: Sequence[Record], made_by: str) -> str:
    after = {str(r.data.get("resumes") or ""): r.change_id for r in records}
    rows = [
        {**_row(record), "resumed_by": after.get(record.change_id, "")}
        for record in sorted(records, key=_newest_first)
    ]
    return render(
        "archive.html.j2", title="Change records", rows=rows, states=STATES, maker=made_by
    )


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


def _newest_first(record: Record) -> int:
    return -record.sequence


def _facts(record: Record) -> list[str]:
    """What the row of a record says in every version."""
    row = _row(record)
    said = (record.status, row["started"], row["who"], row["plan"])
    return [text for text in (plain_lines(item).strip() for item in said) if text]


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
        "who": (data.get("who") or {}).get("user") or "",
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
    if not found or not found["sent"]:
        return ""
    return f"{found.get('failed') or 0:,} of {found['sent']:,}"


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


_MADE_UP: tuple[dict[str, Any], ...] = (
    {
        "change_id": "CHG-2026-01-02-002",
        "sequence": 2,
        "status": "failed",
        "resumes": "CHG-2026-01-02-001",
        "started": "2026-01-02T03:04:05Z",
        "seconds": 3725.5,
        "front_door": "shop",
        "environment": "google-cloud",
        "project": "shop-1",
        "who": {"user": "Ann <ann@example.com>", "host": "h"},
        "plan": {"hash": "0123456789abcdef", "changes": []},
        "traffic": {"sent": 41207, "failed": 3},
        "steps": [
            {
                "title": "30 frontends",
                "status": "failed",
                "changes": [{"status": "done"}, {"status": "failed"}],
                "checks": [{"state": state} for state in CHECK_ORDER],
            }
        ],
    },
    {
        "change_id": "CHG-2026-01-02-001",
        "sequence": 1,
        "status": "interrupted",
        "environment": "simulator",
        "steps": [],
    },
)
