"""Copies of the notebooks to work in, so that the committed ones stay clean.

A copy's params file is the one that the lab was opened with. A copy that somebody has worked in is
kept when the runbook changes, and named; one that is as it was made is made anew.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from edgebook.base.parsing import from_json
from edgebook.runbook.sequence import notebooks_folder

MADE = ".copies.json"
PARAMETERS = "params_file = "


@dataclass(frozen=True)
class Workspace:
    """The folder with the copies, and those that are behind their runbook but were worked in."""

    folder: Path
    behind: tuple[str, ...]


def prepare(folder: Path, params_file: Path, *, fresh: bool = False) -> Workspace:
    """Bring the copies in `folder` up to date; with `fresh`, also those that were worked in."""
    source = notebooks_folder()
    params_file = _near(params_file, folder)
    folder.mkdir(parents=True, exist_ok=True)
    made = _read(folder / MADE)
    behind = []
    for path in sorted(source.rglob("*.ipynb")):
        name = path.relative_to(source).as_posix()
        if any(part.startswith(("_", ".")) for part in Path(name).parts):
            continue
        copy = folder / name
        text = _with_params(path.read_text(encoding="utf-8"), params_file, copy.parent)
        there = copy.read_text(encoding="utf-8") if copy.exists() else ""
        if fresh or not there or _digest(there) == made.get(name):
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(text, encoding="utf-8")
            made[name] = _digest(text)
        elif made.get(f"{name} from") != _digest(text):
            behind.append(name)
            continue
        made[f"{name} from"] = _digest(text)
    (folder / MADE).write_text(json.dumps(made, indent=1, sort_keys=True), encoding="utf-8")
    return Workspace(folder, tuple(behind))


def _near(params_file: Path, folder: Path) -> Path:
    """Params from elsewhere, copied into the workspace once, with what they refer to."""
    if params_file.resolve().is_relative_to(folder.resolve().parent):
        return params_file
    beside = folder / "params"
    beside.mkdir(parents=True, exist_ok=True)
    for path in (params_file, params_file.with_name("schema.json")):
        if path.exists() and not (beside / path.name).exists():
            (beside / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    return beside / params_file.name


def _with_params(text: str, params_file: Path, folder: Path) -> str:
    """The notebook with its default params file set to this one, as seen from the copy."""
    notebook = from_json(text)
    near = Path(os.path.relpath(params_file.resolve(), folder.resolve())).as_posix()
    for cell in notebook["cells"]:
        if "parameters" in cell["metadata"].get("tags", []):
            cell["source"] = [
                f"{PARAMETERS}{json.dumps(near)}\n" if line.startswith(PARAMETERS) else line
                for line in cell["source"]
            ]
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _read(path: Path) -> dict[str, str]:
    try:
        return dict(from_json(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}
