"""The table of a hundred forms goes through every sink: in none of them can a secret be read.

Each sink is the one that edgebook writes with; what it was given holds every form once.
"""

import io
import json
import logging
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest
from edgebook.base.clock import SteppedClock
from edgebook.base.errors import ApiError, EdgebookError, StepFailed
from edgebook.base.text import Hiding
from edgebook.cli.commands._output import as_json
from edgebook.model.values import Action, Change, Plan, ResourceKey, Step
from edgebook.plan import kept
from edgebook.records import Draft, FolderArchive, Redactor
from edgebook.records.draft import SecretsFound, quarantine
from edgebook.records.journal import Journal
from rich.console import Console

from tests.unit.secret_forms import FORMS, seen_in

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NAMES = sorted(FORMS)


def every_file(folder: Path) -> str:
    return "\n".join(p.read_text() for p in sorted(folder.rglob("*")) if p.is_file())


def plan() -> Plan:
    changes = [
        Change(
            Action.UPDATE,
            ResourceKey("backendService", "projects/p/global", f"shop-{number}"),
            Step.BACKENDS,
            f"customRequestHeaders: {FORMS[name]} -> none",
            before={"customRequestHeaders": [FORMS[name]], "description": FORMS[name]},
            fields=("customRequestHeaders",),
        )
        for number, name in enumerate(NAMES)
    ]
    return Plan(tuple(changes), "shop", "simulator")


def notebook(text: str) -> nbformat.NotebookNode:
    half = len(text) // 2
    outputs = [
        nbformat.v4.new_output("stream", name="stdout", text=text[:half]),
        nbformat.v4.new_output("stream", name="stdout", text=text[half:]),
        nbformat.v4.new_output("display_data", data={"text/plain": text}),
        nbformat.v4.new_output("error", ename="E", evalue=text, traceback=[f"\x1b[31m{text}"]),
    ]
    return nbformat.v4.new_code_cell(f"connect('''{text}''')", outputs=outputs)


def a_record(folder: Path) -> str:
    """Notebook, its page, journal, record and index, all sealed."""
    draft = Draft.start(FolderArchive(folder), now=NOW, redactor=Redactor())
    cells = [notebook(FORMS[name]) for name in NAMES]
    draft.write_notebook("a.ipynb", nbformat.writes(nbformat.v4.new_notebook(cells=cells)))
    journal = Journal(draft.journal, SteppedClock(NOW))
    for name in NAMES:
        journal.headline("apply", FORMS[name])
    draft.seal({"status": "failed", "steps": [], "said": [FORMS[name] for name in NAMES]})
    assert {"a.ipynb", "a.html", "journal.jsonl", "record.json", "index.html"} <= {
        path.name for path in folder.rglob("*")
    }
    return every_file(folder)


def a_journal(folder: Path) -> str:
    """As it stands while the run goes on."""
    journal = Journal(folder / "j.jsonl", SteppedClock(NOW))
    for name in NAMES:
        journal.headline("apply", FORMS[name])
        journal.failure("apply", failed(FORMS[name]))
    journal.planned("apply", plan())
    return every_file(folder)


def failed(text: str) -> StepFailed:
    return StepFailed(text, where=text, why=text, seen=text, next=text, state=text)


def plan_files(folder: Path) -> str:
    kept.keep(plan())
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files and {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    return every_file(folder) + json.dumps(plan().to_json())


def a_terminal(folder: Path) -> str:
    raw = io.StringIO()
    out: Any = Hiding(raw)
    console = Console(file=out, width=4000)
    for name in NAMES:
        print(FORMS[name], file=out)
        out.writelines([FORMS[name], "\n"])
        console.print(FORMS[name], markup=False, highlight=False)
        print(failed(FORMS[name]), file=out)
        print(as_json({"error": failed(FORMS[name]).to_json(), "said": FORMS[name]}), file=out)
    return raw.getvalue()


def json_of_errors(folder: Path) -> str:
    return "".join(json.dumps(failed(FORMS[name]).to_json()) for name in NAMES)


def what_a_task_logs(folder: Path) -> str:
    """Airflow logs what a task prints, and the traceback of what it raises, with its causes."""
    raw = io.StringIO()
    log = logging.Logger("airflow.task")
    log.addHandler(logging.StreamHandler(raw))
    for name in NAMES:
        try:
            refused(FORMS[name])
        except EdgebookError as error:
            log.error("Task failed", exc_info=error.without_secrets())
    assert raw.getvalue().count("ApiError: refused") == len(NAMES)
    return raw.getvalue()


def refused(text: str) -> None:
    try:
        raise ValueError(f"HTTP 400: {text}")
    except ValueError as error:
        raise ApiError(f"refused: {text}", code=400, message=text) from error


def quarantined(folder: Path) -> str:
    """What the scan still found, in a file that somebody else wrote, is cut out there too."""
    draft = Draft.start(FolderArchive(folder / "records"), now=NOW, redactor=Redactor())
    for number, name in enumerate(NAMES):
        (draft.folder / f"{number}.txt").write_text(f"before\n{FORMS[name]}\nafter")
        (draft.folder / f"{number}.json").write_text(json.dumps({"a": [FORMS[name]], "b": 1}))
    with pytest.raises(SecretsFound) as caught:
        draft.seal({"status": "succeeded", "steps": []})
    kept = quarantine() / draft.change_id
    assert (kept / "0.txt").read_text().startswith("before\n")
    assert json.loads((kept / "0.json").read_text())["b"] == 1
    return every_file(kept) + str(caught.value)


SINKS: dict[str, Callable[[Path], str]] = {
    "notebook, HTML, JSON and journal of a record": a_record,
    "journal": a_journal,
    "plan files": plan_files,
    "terminal": a_terminal,
    "JSON of errors": json_of_errors,
    "Airflow's log": what_a_task_logs,
    "quarantine": quarantined,
}


@pytest.mark.parametrize("sink", SINKS)
def test_no_sink_shows_a_secret_of_the_table(
    sink: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEBOOK_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    folder = tmp_path / "sink" if sink != "plan files" else tmp_path / "state"
    folder.mkdir()
    shown = seen_in(SINKS[sink](folder))
    assert len(FORMS) >= 100 and shown == []
