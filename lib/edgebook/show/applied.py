"""What an apply did, as it shows itself: one row a change, what came of it, what is left over."""

from dataclasses import dataclass, replace
from typing import Any

from edgebook.apply.flow import Outcome
from edgebook.model.kinds import noun
from edgebook.show import tables as show
from edgebook.show.tables import Pages, Table

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
        results = self.outcome.results
        rows = (
            (
                {
                    "action": done.change.action.value,
                    "kind": noun(done.change.key),
                    "name": done.change.key.name,
                    "what": done.change.sentence,
                    "result": done.status,
                },
                TONES.get(done.status, "quiet"),
            )
            for done in results
        )
        count = sum(done.status == "done" for done in results)
        said = f"{count} of {len(results)} changes done" if results else "nothing to do"
        columns = ("action", "kind", "name", "what", "result")
        title = f"{self.outcome.title}: {said}"
        return show.table(columns, rows, title=title, notes=sorted(self.outcome.headlines))

    @property
    def frame(self) -> Any:
        """One row a change, with how many seconds it took."""
        frame = self.table.frame
        frame["seconds"] = [round(done.seconds, 3) for done in self.outcome.results]
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
