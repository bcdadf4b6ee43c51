"""A column of kubectl's tables, and short ways to make one."""

from dataclasses import dataclass
from typing import Any

from gcpsim.k8s.print.cells import Cell, at
from gcpsim.k8s.print.morecells import truth
from gcpsim.k8s.print.shown import age

Doc = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column; priority 1 is shown with `-o wide` only."""

    name: str
    cell: Cell
    type: str = "string"
    priority: int = 0

    def definition(self) -> Doc:
        return {
            "name": self.name,
            "type": self.type,
            "format": "name" if self.name == "Name" else "",
            "description": "",
            "priority": self.priority,
        }


def age_of(obj: Doc, now: float) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now)


def columns(*own: Column, aged: bool = True, wide: tuple[Column, ...] = ()) -> list[Column]:
    name = Column("Name", at("metadata", "name"))
    last = (Column("Age", age_of),) if aged else ()
    return [name, *own, *last, *wide]


def number(name: str, *path: str) -> Column:
    return Column(name, at(*path, default=0), "integer")


def wide(name: str, cell: Cell) -> Column:
    return Column(name, cell, priority=1)


def flag(name: str, *path: str, default: bool = False) -> Column:
    return Column(name, truth(*path, default=default), "boolean")


def count(name: str, *path: str) -> Column:
    return Column(name, lambda obj, now: len(at(*path, default=())(obj, now) or ()), "integer")
