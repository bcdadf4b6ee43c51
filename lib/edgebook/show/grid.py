"""What a table is made of: rows of plain values under columns, before anything paints it.

The colours come from a row's tone, and a row may have details that unfold.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgebook.base.shapes import hide
from edgebook.base.text import plain
from edgebook.plan.details import Detail

WIDEST = 110


@dataclass(frozen=True)
class Row:
    """Cells by column, and how the row should look."""

    cells: Mapping[str, Any]
    tone: str = "quiet"
    details: tuple[Detail, ...] = ()

    def text(self, column: str) -> str:
        """A cell as people read it."""
        value = self.cells.get(column)
        return "-" if value is None or value == "" else hide(plain(value))


@dataclass(frozen=True, repr=False)
class Grid:
    """Rows under columns, with a headline above and notes below."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...] = ()
    title: str = ""
    aside: str = ""  # at the end of the title's line
    notes: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    detailed: str = ""  # the column whose cells unfold a row's details
    paste: str = ""  # what a reader pastes to go on
    paste_why: str = ""

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def headline(self) -> str:
        """The title with what belongs at the end of its line."""
        return f"{self.title}  {self.aside}".rstrip() if self.title else ""

    @property
    def widths(self) -> list[int]:
        """How many characters wide each column is; the last one takes what it needs."""
        body = [[row.text(column) for column in self.columns] for row in self.rows]
        lines = [list(self.columns), *body]
        return [
            min(WIDEST, max(len(line[index]) for line in lines))
            for index in range(len(self.columns))
        ]


@dataclass(frozen=True, repr=False)
class Grids:
    """Several of them, one below the other."""

    tables: tuple[Grid, ...]
    title: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
