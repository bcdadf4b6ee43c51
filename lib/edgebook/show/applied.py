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
    def table(self) -> Table:
        results = sorted(self.outcome.results, key=lambda done: done.status != "failed")
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
            for done in results
        ]
        count = sum(done.status == "done" for done in results)
        said = f"{count} of {len(results)} changes done" if results else "nothing to do"
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
        results = sorted(self.outcome.results, key=lambda done: done.status != "failed")
        frame["seconds"] = [round(done.seconds, 3) for done in results]
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
