"""papermill's engine for our runner: a kernel that already runs, and saving through the redactor.

`execute` is papermill's own `execute_notebook` with both: it saves after each cell and on failure
before it raises. A notebook that ends in the middle of a cell gets an error output there, so that
the saved copy says why. It must not know what the notebooks do.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edgebook.cloud.lightimport import without
from edgebook.records import Draft

# A run reads and writes here, and records go by clients of our own (`records.buckets`).
with without("boto3", "gcsfs"):
    import papermill
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import Engine, papermill_engines
    from papermill.iorw import papermill_io
    from papermill.log import logger

ENGINE = "edgebook"
SCHEME = "edgebook-draft://"
START_SECONDS = 60


class WarmEngine(Engine):  # type: ignore[misc]
    """Runs a notebook in the kernel of a manager that was started before."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> None:
        cell_begins = options["cell_begins"]

        def begins(cell: Any, cell_index: int) -> None:
            cell_begins(heading(nb_man.nb.cells, cell_index))

        PapermillNotebookClient(
            nb_man,
            km=options["kernel"],
            kernel_name=kernel_name,
            startup_timeout=START_SECONDS,
            timeout=None,
            coalesce_streams=True,
            on_cell_start=begins,
            log=logger,
        ).execute(cleanup_kc=True)


class DraftHandler:
    """papermill's way to write, into a draft: everything goes through its redactor."""

    def __init__(self) -> None:
        self.drafts: dict[str, Draft] = {}

    def write(self, text: str, path: str) -> None:
        draft, name = self._find(path)
        draft.write_notebook(name, text)

    def read(self, path: str) -> str:
        draft, name = self._find(path)
        return (draft.folder / name).read_text(encoding="utf-8")

    def listdir(self, path: str) -> list[str]:
        raise NotImplementedError

    def pretty_path(self, path: str) -> str:
        return path.removeprefix(SCHEME)

    def _find(self, path: str) -> tuple[Draft, str]:
        change_id, _, name = path.removeprefix(SCHEME).partition("/")
        return self.drafts[change_id], name


_handler = DraftHandler()
papermill_engines.register(ENGINE, WarmEngine)
papermill_io.register(SCHEME, _handler)


def execute(
    source: Path,
    draft: Draft,
    parameters: Mapping[str, Any],
    kernel: Any,
    cell_begins: Callable[[str], None],
) -> None:
    """Run a notebook into the draft; raises what papermill raises, after it was saved."""
    _handler.drafts[draft.change_id] = draft
    logger.setLevel("CRITICAL")
    papermill.execute_notebook(
        str(source),
        f"{SCHEME}{draft.change_id}/{source.name}",
        dict(parameters),
        engine_name=ENGINE,
        kernel_name="python3",
        progress_bar=False,
        kernel=kernel,
        cell_begins=cell_begins,
    )


def heading(cells: list[Any], index: int) -> str:
    """The last heading above a cell."""
    for cell in reversed(cells[: index + 1]):
        if cell.cell_type == "markdown":
            for line in reversed(cell.source.splitlines()):
                if line.startswith("#"):
                    return str(line.lstrip("# "))
    return ""


def mark_unfinished(draft: Draft, name: str, kind: str, why: str) -> None:
    """Put an error into the cell in which a saved notebook stopped without one."""
    path = draft.folder / name
    if not path.exists():
        return
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    begun = [cell for cell in code if cell["metadata"].get("papermill", {}).get("start_time")]
    if not begun or any(out["output_type"] == "error" for out in begun[-1]["outputs"]):
        return
    error = {"output_type": "error", "ename": kind, "evalue": why, "traceback": [f"{kind}: {why}"]}
    begun[-1]["outputs"].append(error)
    draft.write_notebook(name, json.dumps(notebook))


def raised(draft: Draft, name: str) -> tuple[str, str] | None:
    """The name and text of the error that a saved notebook ended with."""
    path = draft.folder / name
    if not path.exists():
        return None
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                return str(output["ename"]), str(output["evalue"])
    return None
