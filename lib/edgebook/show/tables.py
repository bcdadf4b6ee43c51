"""How things look: tables for notebooks (HTML), terminals (text), further work (pandas), machines.

The only module that knows HTML and DataFrames. A Table is rows of plain values; the colours come
from a row's tone and suit light and dark JupyterLab. Nothing here reads or decides anything, and
nothing shown depends on the time of day.
"""

import html
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from edgebook.model.kinds import noun
from edgebook.model.values import Action, CheckResult, CheckState, Plan

# Half-transparent, so that they work on a light and on a dark page.
TONES = {
    "good": "rgba(34,160,84,.14)",
    "bad": "rgba(220,38,38,.22)",
    "warn": "rgba(217,140,10,.20)",
    "new": "rgba(34,160,84,.14)",
    "gone": "rgba(220,38,38,.16)",
    "quiet": "",
}
LINE = "1px solid var(--jp-border-color2, rgba(128,128,128,.35))"
FONT = "var(--jp-code-font-family, ui-monospace, monospace)"
MUTED = "var(--jp-ui-font-color2, #777)"
STICKY = "position:sticky;top:0;background:var(--jp-layout-color0,inherit)"
WIDEST = 110
T = TypeVar("T", bound="Table")


@dataclass(frozen=True)
class Row:
    """Cells by column, and how the row should look."""

    cells: Mapping[str, Any]
    tone: str = "quiet"


@dataclass(frozen=True, repr=False)
class Table:
    """Rows under columns, with a headline above and notes below."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...] = ()
    title: str = ""
    aside: str = ""  # at the end of the title's line
    notes: tuple[str, ...] = ()
    heading: bool = True
    data: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def frame(self) -> Any:
        """The rows as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame([dict(row.cells) for row in self.rows], columns=list(self.columns))

    def to_json(self) -> dict[str, Any]:
        rows = [dict(row.cells) for row in self.rows]
        return {"title": self.title, **self.data, "rows": rows, "notes": list(self.notes)}

    def __str__(self) -> str:
        lines = text_lines(self)
        if self.title:
            gap = max(2, max((len(line) for line in lines), default=0) - len(self.title))
            head = f"{self.title}{self.aside:>{gap}}" if self.aside else self.title
            if self.aside and gap < len(self.aside) + 2:
                head = f"{self.title}  {self.aside}"
            lines.insert(0, head)
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return as_html(self)


def _text(value: Any) -> str:
    if value is None or value == "":
        return "-"
    return str(value)


def text_lines(table: Table) -> list[str]:
    """The rows as aligned text; the last column is not cut."""
    body = [[_text(row.cells.get(column)) for column in table.columns] for row in table.rows]
    if not body:
        return []
    lines = [list(table.columns), *body] if table.heading else body
    widths = [
        min(WIDEST, max(len(line[index]) for line in lines)) for index in range(len(table.columns))
    ]
    cut = [
        [_fit(cell, width) for cell, width in zip(line[:-1], widths, strict=False)] + [line[-1]]
        for line in lines
    ]
    return [
        "  " + "  ".join(f"{cell:<{w}}" for cell, w in zip(line, widths, strict=True)).rstrip()
        for line in cut
    ]


def _fit(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def as_html(table: Table) -> str:
    """One table with inline styles: JupyterLab takes style sheets out of what it does not trust."""
    cell = f"text-align:left;padding:2px 10px;border-bottom:{LINE};vertical-align:top"
    parts = [f'<div style="font-family:{FONT};font-size:12px">']
    if table.title:
        aside = f'<span style="float:right;color:{MUTED}">{html.escape(table.aside)}</span>'
        title = html.escape(table.title)
        parts.append(
            f'<div style="margin:4px 0"><b>{title}</b> {aside if table.aside else ""}</div>'
        )
    if table.rows:
        parts.append('<div style="max-height:32em;overflow:auto">')
        parts.append(
            '<table style="border-collapse:collapse;table-layout:auto;width:100%;margin:0">'
        )
        if table.heading:
            heads = "".join(
                f'<th scope="col" style="{cell};{STICKY};color:{MUTED};font-weight:normal">'
                f"{html.escape(column)}</th>"
                for column in table.columns
            )
            parts.append(f"<thead><tr>{heads}</tr></thead>")
        parts.append("<tbody>")
        for row in table.rows:
            colour = TONES.get(row.tone, "")
            style = f' style="background:{colour}"' if colour else ""
            cells = "".join(
                f'<td style="{cell}">{html.escape(_text(row.cells.get(column)))}</td>'
                for column in table.columns
            )
            parts.append(f"<tr{style}>{cells}</tr>")
        parts.append("</tbody></table></div>")
    parts += [
        f'<div style="color:{MUTED};margin:4px 0">{html.escape(note)}</div>' for note in table.notes
    ]
    return "".join(parts) + "</div>"


PLAN_TONES = {
    Action.CREATE: "new",
    Action.UPDATE: "warn",
    Action.REPLACE: "bad",
    Action.DELETE: "gone",
    Action.REPORT: "quiet",
}
COUNTED = {
    Action.CREATE: "to create",
    Action.UPDATE: "to change",
    Action.REPLACE: "to replace",
    Action.DELETE: "to delete",
    Action.REPORT: "to know",
}


@dataclass(frozen=True, repr=False)
class PlanTable(Table):
    """A plan that shows itself; `.plan` is the plan, `.hash` what is approved."""

    plan: Plan = field(default_factory=Plan)

    @property
    def hash(self) -> str:
        return self.plan.hash

    @property
    def empty(self) -> bool:
        return self.plan.empty

    def only(self, plan: Plan) -> "PlanTable":
        """The same for another part of the plan."""
        return plan_table(self.title.split(":")[0], plan)


def plan_table(title: str, plan: Plan, *, notes: Iterable[str] = ()) -> PlanTable:
    """A plan as a table."""
    counts = [f"{plan.count(action)} {words}" for action, words in COUNTED.items()]
    said = [text for text in counts if not text.startswith("0 ")]
    rows = tuple(
        Row(
            {
                "action": change.action.value,
                "kind": noun(change.key),
                "name": change.key.name,
                "what": change.sentence,
                "disrupts": _disrupts(change.action, change.disrupts),
            },
            "bad" if change.blocks else PLAN_TONES[change.action],
        )
        for change in plan.changes
    )
    return PlanTable(
        ("action", "kind", "name", "what", "disrupts"),
        rows,
        title=f"{title}: {', '.join(said) or 'nothing to change'}",
        aside=f"plan {plan.short_hash}" if plan.to_do else "",
        notes=tuple(notes),
        data=plan.to_json(),
        plan=plan,
    )


def _disrupts(action: Action, disrupts: str) -> str:
    if action is Action.REPORT:
        return ""
    return disrupts or "no"


CHECK_TONES = {
    CheckState.OK: "quiet",
    CheckState.FAILED: "bad",
    CheckState.SKIPPED: "quiet",
    CheckState.UNCERTAIN: "warn",
}
WORST_FIRST = (CheckState.FAILED, CheckState.UNCERTAIN, CheckState.OK, CheckState.SKIPPED)


def checks_table(title: str, results: Sequence[CheckResult]) -> Table:
    """Checks, the failed ones first, each with its remedy."""
    ordered = sorted(results, key=lambda r: (WORST_FIRST.index(r.state), r.check, r.subject))
    rows = tuple(
        Row(
            {
                "state": result.state.value,
                "check": result.check,
                "subject": result.subject,
                "reason": f"{result.reason}; {result.remedy}"
                if result.remedy and result.state is not CheckState.OK
                else result.reason,
            },
            CHECK_TONES[result.state],
        )
        for result in ordered
    )
    counts = Counter(result.state for result in results)
    said = ", ".join(f"{counts[state]} {state.value}" for state in WORST_FIRST if counts[state])
    return Table(
        ("state", "check", "subject", "reason"),
        rows,
        title=f"{title}: {said or 'nothing to check'}",
        heading=False,
        data={
            "checks": [result.to_json() for result in ordered],
            "counts": {state.value: counts[state] for state in WORST_FIRST},
        },
    )


def table(
    columns: Sequence[str],
    rows: Iterable[tuple[Mapping[str, Any], str]],
    *,
    title: str = "",
    notes: Iterable[str] = (),
    data: Mapping[str, Any] | None = None,
) -> Table:
    """A Table of (cells, tone)."""
    made = tuple(Row(cells, tone) for cells, tone in rows)
    return Table(tuple(columns), made, title, notes=tuple(notes), data=data or {})


def with_note(one: T, note: str) -> T:
    """The same table with one more line below."""
    return replace(one, notes=(*one.notes, note))


@dataclass(frozen=True, repr=False)
class Pages:
    """Several tables, one below the other."""

    tables: tuple[Table, ...]
    title: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def frame(self) -> Any:
        """The first table as a DataFrame; `.frames` has all of them by title."""
        return self.tables[0].frame if self.tables else None

    @property
    def frames(self) -> dict[str, Any]:
        return {one.title: one.frame for one in self.tables}

    def to_json(self) -> dict[str, Any]:
        return {**self.data, "tables": [one.to_json() for one in self.tables]}

    def __str__(self) -> str:
        blocks = [str(one) for one in self.tables]
        return "\n\n".join([self.title, *blocks] if self.title else blocks)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = f"<div><b>{html.escape(self.title)}</b></div>" if self.title else ""
        return head + "".join(as_html(one) for one in self.tables)
