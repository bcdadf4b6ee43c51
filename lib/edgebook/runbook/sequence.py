"""Which notebooks a run takes, in which order, and what each of them is for.

A notebook says what it is in its metadata: `{"edgebook": {"step": "certificate"}}`. The front door
is the numbered notebooks that move no traffic, in the order of their numbers.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from edgebook.base import paste, shipped
from edgebook.base.errors import UsageError
from edgebook.plan import lines
from edgebook.runbook.parameters import Parameter, check, read_parameters

KERNELS = ("python3", "python", "")
COMMON = ("params_file", "mode", "approve", "change_id")


@dataclass(frozen=True)
class Runbook:
    """A notebook of a run: `name` is its file's stem, `step` what it builds or shows."""

    path: Path
    name: str
    title: str
    step: str
    moves: bool = False  # its plan is a ladder of its own, approved by its own hash
    known: Mapping[str, Parameter] = field(default_factory=dict)

    @property
    def file(self) -> str:
        return f"{self.name}.ipynb"

    @property
    def applies(self) -> bool:
        """True when it can change something."""
        return "approve" in self.known


def notebooks_folder() -> Path:
    """`notebooks` of the current folder, else those that came with edgebook."""
    return shipped.folder("notebooks")


def front_door() -> list[Path]:
    """The numbered notebooks that build it, in order; one that moves traffic is run by its name."""
    numbered = sorted(notebooks_folder().glob("[0-9][0-9]_*.ipynb"))
    return [path for path in numbered if not _moves(path)]


def find(path: Path) -> Path:
    """A notebook by its file, or by its name in the notebooks folder: `operate/swap`."""
    if path.suffix == ".ipynb" or path.exists():
        return path
    return notebooks_folder() / f"{path}.ipynb"


def load(paths: Sequence[Path]) -> list[Runbook]:
    """Read the notebooks of a run. Raises UsageError for one that cannot be run."""
    runbooks = [_load(find(path)) for path in paths]
    names = [runbook.name for runbook in runbooks]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError("A notebook is given twice", why=", ".join(twice))
    if not runbooks:
        raise UsageError("No notebook to run")
    return runbooks


def assign(
    runbooks: Sequence[Runbook], common: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Each notebook's values: the common ones where it takes them, given ones where it knows them.

    Raises UsageError when a given name is known to none of them, or a value is wrong or missing.
    """
    everything = {name: p for runbook in runbooks for name, p in runbook.known.items()}
    where = ", ".join(runbook.file for runbook in runbooks[:3])
    stray = {name: value for name, value in given.items() if name not in everything}
    if stray:
        optional = {name: Parameter(name, "") for name in everything}
        check(stray, optional, where + (", ..." if len(runbooks) > 3 else ""))
    values = {}
    for runbook in runbooks:
        wanted = {**common, **given}
        mine = {name: value for name, value in wanted.items() if name in runbook.known}
        values[runbook.name] = check(mine, runbook.known, runbook.file)
    return values


def planned_by(
    runbook: Runbook, values: Mapping[str, Any], given: Mapping[str, Any], file: str
) -> lines.Words:
    """The command that shows what is approved for a notebook: its ladder, or what it is part of.

    `values` are all that it takes, `given` those that were asked for.
    """
    if runbook.step == lines.TEARDOWN:
        return lines.of_teardown(file, values.get("steps") or ())
    if not runbook.moves:
        return lines.of_plan(file)
    own = {name: value for name, value in given.items() if name in runbook.known}
    return lines.of_move(_called(runbook.path), own, file)


def _called(path: Path) -> str:
    """A notebook as commands take it: by its name when it is one of ours, else by its file."""
    ours = notebooks_folder().resolve()
    whole = path.resolve()
    return (
        str(whole.relative_to(ours).with_suffix(""))
        if ours in whole.parents
        else paste.path(str(path))
    )


def _moves(path: Path) -> bool:
    about = json.loads(path.read_text(encoding="utf-8")).get("metadata", {}).get("edgebook", {})
    return bool(about.get("moves"))


def _load(path: Path) -> Runbook:
    known = read_parameters(path)
    notebook = nbformat.read(path, as_version=4)
    kernel = notebook.metadata.get("kernelspec", {}).get("name", "")
    if kernel not in KERNELS:
        why = f"it wants the kernel {kernel!r}; runbooks use python3"
        raise UsageError("No kernel for this notebook", where=str(path), why=why)
    about = notebook.metadata.get("edgebook", {})
    return Runbook(
        path=path,
        name=path.stem,
        title=_title(notebook, path),
        step=str(about.get("step", path.stem)),
        moves=bool(about.get("moves", False)),
        known=known,
    )


def _title(notebook: Any, path: Path) -> str:
    """The first heading, in lower case after its number: 10 address and DNS."""
    first = notebook.cells[0].source.splitlines()[0] if notebook.cells else ""
    if not first.startswith("# "):
        return path.stem.replace("_", " ")
    number, _, rest = first[2:].strip().partition(" ")
    if not number.isdigit():
        number, rest = "", first[2:].strip()
    return f"{number} {rest[:1].lower()}{rest[1:]}".strip()
