"""How things look: tables for notebooks (HTML), terminals (text), further work (pandas), machines.

Nothing here reads or decides anything, and nothing shown depends on the time of day.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from edgebook.base.text import escaped, plain_lines
from edgebook.model.kinds import noun
from edgebook.model.values import Action, CheckResult, CheckState, Plan
from edgebook.plan import details
from edgebook.show import html, terminal
from edgebook.show.grid import Grid, Grids, Row

T = TypeVar("T", bound="Table")
FORMULA = re.compile(r"[=+\-@\t](?=.)(?![\d.,]+$)")


@dataclass(frozen=True, repr=False)
class Table(Grid):
    """A Grid that shows itself."""

    @property
    def frame(self) -> Any:
        """The rows as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame([dict(row.cells) for row in self.rows], columns=list(self.columns))

    def to_csv(self, path: str | None = None) -> str | None:
        """The rows as comma-separated values: the text, or None when it went to a file.

        A cell that a spreadsheet would take for a formula begins with an apostrophe there.
        """
        text: str | None = self.frame.map(_no_formula).to_csv(path, index=False)
        return text

    def to_json(self) -> dict[str, Any]:
        rows = [{key(name): value for name, value in row.cells.items()} for row in self.rows]
        return {"title": self.title, **self.data, "rows": rows, "notes": list(self.notes)}

    def __str__(self) -> str:
        return terminal.render(self, verbose=False)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html.table(self)


def _no_formula(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    said = plain_lines(value)
    return f"'{said}" if FORMULA.match(said) else said


def key(column: str) -> str:
    """A column's head as an identifier, for machines."""
    return re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_")


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
            details.of(change) if change.action is not Action.REPORT else (),
        )
        for change in plan.changes
    )
    return PlanTable(
        ("action", "kind", "name", "what", "disrupts"),
        rows,
        title=f"{title}: {', '.join(said) or 'nothing to change'}{_allowed(plan)}",
        aside=f"plan {plan.short_hash}" if plan.to_do else "",
        notes=tuple(notes),
        data=plan.to_json(),
        detailed="what",
        plan=plan,
    )


def _allowed(plan: Plan) -> str:
    """What the approval of this plan allows users to notice beyond the usual."""
    if not plan.allows or plan.empty:
        return ""
    return f"; safety.traffic allows: {', '.join(plan.allows)}"


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


def with_next(one: T, why: str, paste: str) -> T:
    """The same table with what to paste to go on."""
    return replace(one, paste=paste, paste_why=why)


@dataclass(frozen=True, repr=False)
class Pages(Grids):
    """Several tables, one below the other."""

    tables: tuple[Table, ...]

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
        return terminal.render(self, verbose=False)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = f"<div><b>{escaped(self.title)}</b></div>" if self.title else ""
        return head + "".join(html.table(one) for one in self.tables)
