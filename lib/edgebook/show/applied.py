"""What an apply did, as it shows itself: one row a change, what came of it, what is left over."""

from dataclasses import dataclass, replace
from typing import Any

from edgebook.apply.flow import Outcome
from edgebook.apply.run import Done
from edgebook.model.kinds import noun
from edgebook.plan import details
from edgebook.show.grid import Row
from edgebook.show.tables import Pages, Table


def _what(done: Done) -> str:
    """The sentence of a change; of a failed one also why it failed and what to do."""
    parts = [done.change.sentence]
    if done.error:
        parts += [done.error.what, done.error.why, done.error.next]
    return "; ".join(part for part in parts if part)


TONES = {"done": "good", "failed": "bad"}


@dataclass(frozen=True, repr=False)
class Applied:
    """An Outcome with the looks of a table."""

    outcome: Outcome
    leaks: Table | None = None

    def with_leaks(self, leaks: Table) -> "Applied":
        return replace(self, leaks=leaks)

    @property
    def results(self) -> tuple[Any, ...]:
        return self.outcome.results

    @property
    def _ordered(self) -> list[Done]:
        """Failed ones first, then what was done in order, then what was not begun."""
        places = {c.key: n for n, c in enumerate(self.outcome.plan.changes)}
        states = {"failed": 0, "done": 1}
        return sorted(
            self.outcome.results,
            key=lambda done: (states.get(done.status, 2), places.get(done.change.key, 0)),
        )

    @property
    def table(self) -> Table:
        rows = [
            Row(
                {
                    "result": done.status,
                    "action": done.change.action.value,
                    "kind": noun(done.change.key),
                    "name": done.change.key.name,
                    "what": _what(done),
                },
                TONES.get(done.status, "quiet"),
                details.of(done.change),
            )
            for done in self._ordered
        ]
        count, total = sum(done.status == "done" for done in self.results), len(self.results)
        said = f"{count} of {total} changes done" if total else "nothing to do"
        return Table(
            ("result", "action", "kind", "name", "what"),
            tuple(rows),
            f"{self.outcome.title}: {said}",
            notes=tuple(sorted(self.outcome.headlines)),
            detailed="what",
        )

    @property
    def frame(self) -> Any:
        """One row a change, with how many seconds it took."""
        frame = self.table.frame
        frame["seconds"] = [round(done.seconds, 3) for done in self._ordered]
        return frame

    def to_json(self) -> dict[str, Any]:
        left = self.leaks.to_json()["rows"] if self.leaks else []
        return {**self.outcome.to_json(), "leaks": left}

    @property
    def pages(self) -> Pages:
        return Pages((self.table, self.leaks) if self.leaks else (self.table,))

    def __str__(self) -> str:
        return str(self.pages)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.pages._repr_html_()
