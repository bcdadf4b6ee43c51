"""The runner with small notebooks of its own: parameters, kernels, failure, time, signals, records.

What the steps do to Google Cloud is tested with the real notebooks; here the journal and the errors
are written by the cells themselves.
"""

import io
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO, cast

import nbformat
import psutil
import pytest
from edgebook.base import paste
from edgebook.base.errors import EdgebookError, RefusedError, UsageError
from edgebook.base.text import Hiding, Unbroken, canvas
from edgebook.records import FolderArchive, load_record, verify_archive
from edgebook.runbook.display import Display
from edgebook.runbook.kernels import RemoteError, WarmProcess
from edgebook.runbook.request import Request, prepare
from edgebook.runbook.run import Outcome, Run
from edgebook.runbook.watch import Signals
from rich.console import Console

from tests import moments
from tests.unit.secret_forms import FORMS, seen_in

PARAMS = """
environment: simulator
project: shop-rehearsal
address: {name: shop-edge}
hostnames: [shop.example.com]
frontends: [{name: mqtt, protocol: TCP, port: 8883, backend: mqtt}]
backends:
  mqtt:
    protocol: TCP
    health_check: {type: TCP}
    neg: {namespace: iot, service: broker, port: 8883, name: shop-mqtt}
    balancing: {mode: CONNECTION, max_connections_per_endpoint: 500}
    active: [blue]
clusters: {blue: {context: blue}}
"""
COMMON = 'params_file = ""\nmode = "plan"  # plan | apply\nchange_id = ""\n'
Notebook = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGEBOOK_STATE", str(tmp_path / "state"))
    (tmp_path / "params.yaml").write_text(PARAMS)
    return tmp_path


@pytest.fixture
def notebook(folder: Path) -> Notebook:
    def write(name: str, *cells: str, parameters: str = COMMON, kernel: str = "python3") -> Path:
        made = nbformat.v4.new_notebook(
            metadata={"kernelspec": {"name": kernel, "display_name": "", "language": "python"}}
        )
        made.cells.append(nbformat.v4.new_markdown_cell(f"# {name}"))
        if parameters:
            made.cells.append(
                nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
            )
        made.cells += [nbformat.v4.new_code_cell(text) for text in cells]
        path = folder / f"{name}.ipynb"
        nbformat.write(made, path)
        return path

    return write


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmProcess]:
    process = WarmProcess(folder=tmp_path_factory.mktemp("warm"))
    yield process
    process.close()


def go(warm: WarmProcess, *notebooks: Path, **options: object) -> Outcome:
    request = Request(params_file="params.yaml", notebooks=notebooks, records="records", **options)  # type: ignore[arg-type]
    display = Display(Console(file=sys.stderr, width=200))
    with Signals() as signals:
        return Run(prepare(request), warm, display, signals).go()


def outputs(name: str, change_id: str = "CHG-") -> list[str]:
    (path,) = Path("records").glob(f"{change_id}*/{name}.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    return [
        str(out.get("data", {}).get("text/plain", out.get("text", out.get("evalue", ""))))
        for cell in cells
        for out in cell.get("outputs", [])
    ]


def test_notebooks_run_in_order_each_in_a_kernel_of_its_own(
    notebook: Notebook, warm: WarmProcess
) -> None:
    one = notebook("10_one", "left_behind = 1\nimport os, edgebook.book\nos.getpid()")
    two = notebook("20_two", "'left_behind' in globals(), __name__, change_id, params_file")
    outcome = go(warm, one, two, mode="plan")
    assert outcome.exit_code == 0
    record = outcome.record
    assert [step["status"] for step in record.steps] == ["ok", "ok"]
    assert outputs("20_two") == [f"(False, '__main__', '{record.change_id}', 'params.yaml')"]
    assert str(verify_archive(FolderArchive(Path("records")))) == "chain of 1 record intact"


def test_the_kernel_is_ready_in_a_moment_and_has_done_the_imports(
    notebook: Notebook, warm: WarmProcess
) -> None:
    name = notebook("10_one", "import sys\nloaded = 'edgebook.book' in sys.modules\nloaded")
    go(warm, name, mode="plan")
    began = time.monotonic()
    go(warm, name, mode="plan")
    assert time.monotonic() - began < 5
    assert outputs("10_one", "CHG-*-002") == ["True"]


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ("", "A notebook without a parameters cell"),
        ("params_file = open('x')", "plain assignments of literals"),
        ("params_file = ''\ncluster = None", "cluster: must be given"),
    ],
)
def test_a_notebook_with_odd_parameters_is_an_error_before_anything_runs(
    notebook: Notebook, warm: WarmProcess, parameters: str, says: str
) -> None:
    good = notebook("10_good", "open('ran', 'w').close()")
    bad = notebook("20_bad", "1", parameters=parameters)
    with pytest.raises(UsageError, match=re.escape(says)):
        go(warm, good, bad)
    assert not Path("ran").exists() and not list(Path().glob("records/CHG*"))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"clutser": "blue"}, 'clutser: unknown parameter; did you mean "cluster"?'),
        ({"cluster": "red"}, "cluster: 'red'; allowed: blue, green"),
        ({"count": "many"}, "count: 'many' is no int"),
        ({"approve": "12345678"}, "use --params, --mode, --approve"),
    ],
)
def test_unknown_and_wrong_parameters_are_errors(
    notebook: Notebook, warm: WarmProcess, given: dict[str, str], says: str
) -> None:
    extra = COMMON + 'cluster = "blue"  # blue | green\ncount = 1\n'
    with pytest.raises(UsageError) as caught:
        go(warm, notebook("10_one", "cluster", parameters=extra), given=given)
    assert says in str(caught.value)


def test_a_secret_itself_is_refused_where_its_place_is_wanted_and_kept_nowhere(
    notebook: Notebook, warm: WarmProcess
) -> None:
    extra = COMMON + 'key = ""  # a secret\'s place: env:NAME\n'
    name = notebook("10_one", "key", parameters=extra)
    with pytest.raises(UsageError, match="key: not the place of a secret") as caught:
        go(warm, name, given={"key": "hunter2-hunter2"})
    assert "hunter2" not in str(caught.value)
    assert not list(Path().glob("records/CHG*"))
    go(warm, name, given={"key": "env:OTHER_KEY"})
    assert outputs("10_one", "CHG-*-001") == ["'env:OTHER_KEY'"]


def test_given_parameters_reach_the_notebook_in_their_type(
    notebook: Notebook, warm: WarmProcess
) -> None:
    extra = COMMON + 'cluster = "blue"\ncount = 1\nshare = 0.5\n'
    one = notebook("10_one", "cluster, count, share", parameters=extra)
    go(warm, one, mode="plan", given={"cluster": "5e123456", "count": "7", "share": "1"})
    assert outputs("10_one") == ["('5e123456', 7, 1.0)"]


def test_what_else_is_wrong_is_an_error_before_anything_runs(
    notebook: Notebook, warm: WarmProcess, folder: Path
) -> None:
    one = notebook("10_one", "1")
    with pytest.raises(UsageError, match="No kernel for this notebook"):
        go(warm, notebook("20_r", "1", kernel="ir"))
    with pytest.raises(UsageError, match="No notebook"):
        go(warm, folder / "30_gone.ipynb")
    (folder / "file").write_text("")
    request = Request(params_file="params.yaml", notebooks=(one,), records="file/records")
    with pytest.raises(EdgebookError, match="Change records cannot be written"):
        prepare(request)
    (folder / "params.yaml").write_text(PARAMS.replace("TCP, port", "TLS, port"))
    with pytest.raises(UsageError, match=r"params.yaml: 1 problem"):
        go(warm, one)
    assert not list(folder.glob("records/CHG*"))


FAILS = """
import json, os
from edgebook.base.errors import StepFailed
event = {"event": "change", "step": "firewall", "action": "create", "kind": "firewall",
         "name": "shop-allow-lb", "sentence": "tcp:443", "status": "done"}
with open(os.environ["EDGEBOOK_JOURNAL"], "a") as journal:
    journal.write(json.dumps({"event": "applying", "step": "firewall", "total": 2}) + "\\n")
    journal.write(json.dumps(event) + "\\n")
raise StepFailed("Port 8443 is closed", step="firewall", why="rule allows tcp:443",
                 seen="the pods listen on 8443", next="run 50 firewall again")
"""


def test_a_failed_step_stops_the_run_and_leaves_a_record_that_says_why(
    notebook: Notebook, warm: WarmProcess, folder: Path
) -> None:
    notebooks = [
        notebook("40_before", "1"),
        notebook("50_firewall", FAILS),
        notebook("60_after", "open('ran', 'w').close()"),
    ]
    outcome = go(warm, *notebooks)
    assert outcome.exit_code == 1
    assert not (folder / "ran").exists()
    record = load_record(FolderArchive(folder / "records"), outcome.record.change_id)
    assert record.status == "failed"
    step = record.failed_step
    assert step is not None
    assert [change["name"] for change in step["changes"]] == ["shop-allow-lb"]
    assert step["error"] == {
        "what": "Port 8443 is closed",
        "why": "rule allows tcp:443",
        "seen": "the pods listen on 8443",
        "next": "run 50 firewall again\n"
        f"then go on: {paste.program()} run --resume {record.change_id} --records records",
        "state": "1 of 2 changes of this step are done and journaled",
    }
    page = (folder / "records" / record.change_id / "50_firewall.html").read_text()
    assert "Port 8443 is closed" in page
    assert verify_archive(FolderArchive(folder / "records")).intact


def test_a_run_is_resumed_at_the_failed_step(
    notebook: Notebook, warm: WarmProcess, folder: Path
) -> None:
    count = "open('log', 'a').write(change_id[-3:] + ' ')"
    notebooks = [
        notebook("10_one", count),
        notebook("20_two", "import os\nassert os.path.exists('mended'), 'not yet'", count),
        notebook("30_three", count),
    ]
    first = go(warm, *notebooks)
    assert first.exit_code == 1
    (folder / "mended").touch()
    second = go_on(warm, first.record.change_id)
    assert (second.exit_code, second.record.data["resumes"]) == (0, first.record.change_id)
    assert [step["name"] for step in second.record.steps] == ["20_two", "30_three"]
    assert (folder / "log").read_text() == "001 002 002 "
    with pytest.raises(UsageError, match="succeeded: there is nothing to resume"):
        go_on(warm, second.record.change_id)
    (folder / "params.yaml").write_text(PARAMS.replace("shop-rehearsal", "other-project"))
    with pytest.raises(RefusedError, match="project is other-project, was shop-rehearsal"):
        go_on(warm, first.record.change_id)


def go_on(warm: WarmProcess, change_id: str) -> Outcome:
    request = Request(resume=change_id, records="records")
    with Signals() as signals:
        return Run(prepare(request), warm, Display(Console(file=sys.stderr)), signals).go()


def test_a_notebook_has_its_time_and_then_is_interrupted(
    notebook: Notebook, warm: WarmProcess
) -> None:
    one = notebook("10_slow", "import threading\nthreading.Event().wait(60)")
    outcome = go(warm, one, notebook_seconds=1.0)
    assert (outcome.exit_code, outcome.record.status) == (1, "failed")
    assert "took too long" in outcome.record.steps[0]["error"]["what"]
    assert (
        "KeyboardInterrupt"
        in (Path("records") / outcome.record.change_id / "10_slow.ipynb").read_text()
    )


def test_a_kernel_that_dies_is_a_failed_step_with_its_notebook_saved(
    notebook: Notebook, warm: WarmProcess
) -> None:
    one = notebook("10_dies", "'before'", "import os\nos.kill(os.getpid(), 9)")
    outcome = go(warm, one)
    assert outcome.exit_code == 1
    assert "lost its kernel" in outcome.record.steps[0]["error"]["what"]
    assert outputs("10_dies") == ["'before'", "DeadKernelError: Kernel died"]


def test_secrets_in_a_cell_reach_neither_notebook_nor_html_nor_record(
    notebook: Notebook, warm: WarmProcess, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PASSWORD", "correct-horse-battery")
    forms = folder / "forms.txt"
    forms.write_text("\n\n".join(FORMS.values()))
    one = notebook(
        "10_leaks",
        "import os\nprint(os.environ['DB_PASSWORD'], 'ya29' + '.a0AfB' + 'x1y2z3' * 2)",
        f"print(open({str(forms)!r}).read())",
        "raise ValueError('Bearer ' + 'abcdef01' * 3)",
    )
    outcome = go(warm, one)
    assert outcome.exit_code == 1
    assert "[redacted: " in outputs("10_leaks")[1]
    for path in (folder / "records").rglob("*"):
        text = path.read_text() if path.is_file() else ""
        assert seen_in(text) == [], path
        for secret in ("correct-horse", "x1y2z3x1", "abcdef01abcdef01"):
            assert secret not in text, path
    assert "[redacted: DB_PASSWORD]" in outputs("10_leaks")[0]


def test_a_call_in_the_warm_process_returns_json_or_the_error(warm: WarmProcess) -> None:
    assert warm.call("json:loads", s="[1]") == [1]
    with pytest.raises(RemoteError, match="JSONDecodeError"):
        warm.call("json:loads", s="{")


CLI = """
import sys
from pathlib import Path
from rich.console import Console
from edgebook.runbook.display import Display
from edgebook.runbook.kernels import WarmProcess
from edgebook.runbook.request import Request, prepare
from edgebook.runbook.run import Run
from edgebook.runbook.watch import Signals
warm = WarmProcess(folder=Path("warm"))
request = Request(params_file="params.yaml", records="records",
                  notebooks=tuple(map(Path, sys.argv[1:])))
try:
    with Signals() as signals:
        code = Run(prepare(request), warm, Display(Console()), signals).go().exit_code
finally:
    warm.close()
sys.exit(code)
"""


def wait_for(path: Path, seconds: float = 60) -> None:
    give_up = time.monotonic() + seconds
    while not path.exists() or not path.read_text():
        assert time.monotonic() < give_up, f"{path} did not appear"
        time.sleep(0.05)


def start(folder: Path, *notebooks: Path, **options: Any) -> subprocess.Popen[bytes]:
    (folder / "warm").mkdir()
    words = [sys.executable, "-c", CLI, *map(str, notebooks)]
    return subprocess.Popen(words, cwd=folder, **options)


WAITS = """
import os, threading
open('pid.part', 'w').write(str(os.getpid()))
os.rename('pid.part', 'pid')
threading.Event().wait(120)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run_with_a_sealed_record_and_no_orphans(
    notebook: Notebook, folder: Path, number: signal.Signals
) -> None:
    runner = start(folder, notebook("10_waits", WAITS), notebook("20_next", "1"))
    wait_for(folder / "pid")
    family = psutil.Process(runner.pid).children(recursive=True)
    assert len(family) >= 3  # the warm process, this kernel, the next one
    runner.send_signal(number)
    assert runner.wait(30) == 130
    psutil.wait_procs(family, timeout=10)
    assert not [process for process in family if process.is_running()]
    (change_id,) = FolderArchive(folder / "records").change_ids()
    record = load_record(FolderArchive(folder / "records"), change_id)
    assert record.status == "interrupted"
    assert record.steps[0]["error"]["next"].endswith(
        f"edgebook run --resume {change_id} --records records"
    )


STUBBORN = """
import os, signal, threading
signal.signal(signal.SIGINT, signal.SIG_IGN)
open('pid.part', 'w').write(str(os.getpid()))
os.rename('pid.part', 'pid')
threading.Event().wait(120)
"""


def test_words_come_at_once_and_a_second_signal_does_not_wait_for_the_notebook(
    notebook: Notebook, folder: Path
) -> None:
    """The notebook would not end by itself: whoever waits has been told what happens."""
    runner = start(folder, notebook("10_stubborn", STUBBORN), stdout=subprocess.PIPE)
    wait_for(folder / "pid")
    runner.send_signal(signal.SIGINT)
    assert runner.stdout is not None
    said = next(line.decode() for line in runner.stdout if line.startswith(b"Stopping"))
    (change_id,) = FolderArchive(folder / "records").change_ids()
    assert f"then record {change_id} is sealed" in said
    assert runner.poll() is None and psutil.pid_exists(int((folder / "pid").read_text()))
    runner.send_signal(signal.SIGINT)
    assert runner.wait(60) == 130
    runner.stdout.close()
    assert verify_archive(FolderArchive(folder / "records")).intact


MAKES = """
import json, os
event = {"event": "change", "step": "x", "action": "create", "kind": "firewall", "name": "a",
         "sentence": "", "status": "done"}
with open(os.environ["EDGEBOOK_JOURNAL"], "a") as journal:
    journal.write(json.dumps(event) + "\\n")
"""


def test_a_disk_that_fills_up_in_the_middle_is_said_with_what_was_done_and_gone_on_with(
    notebook: Notebook, warm: WarmProcess, folder: Path
) -> None:
    """The kernel refuses to let any file of ours grow, as a full disk does."""
    notebooks = [notebook("10_one", MAKES), notebook("20_two", "open('ran', 'w').close()")]
    request = Request(params_file="params.yaml", notebooks=tuple(notebooks), records="records")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    class Filling(Display):
        def end(self, step: Any) -> None:
            super().end(step)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1, limits[1]))

    try:
        with Signals() as signals, pytest.raises(EdgebookError, match="not sealed yet") as told:
            Run(prepare(request), warm, Filling(Console(file=io.StringIO())), signals).go()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "1 change is done and journaled" in told.value.why
    assert not (folder / "ran").exists(), "nothing goes on without its record"
    archive = FolderArchive(folder / "records")
    (change_id,) = archive.change_ids()
    outcome = go_on(warm, change_id)
    assert outcome.exit_code == 0 and (folder / "ran").exists()
    first = load_record(archive, change_id)
    assert first.status == "interrupted" and [c["name"] for c in first.changes] == ["a"]
    assert str(verify_archive(archive)) == "chain of 2 records intact"


class Told(Display):
    """Sends this process a signal when the display is told of a moment."""

    def __init__(self, moment: tuple[str, str], number: signal.Signals) -> None:
        super().__init__(Console(file=io.StringIO()))
        self.moment: tuple[str, str] | None = moment
        self.number = number

    def begin(self, title: str) -> None:
        self._now("begin", title)
        super().begin(title)

    def end(self, step: Any) -> None:
        super().end(step)
        self._now("end", step["title"])

    def _now(self, what: str, title: str) -> None:
        if self.moment == (what, title):
            self.moment = None
            signal.raise_signal(self.number)


MOMENTS = {
    "before the first notebook": (("begin", "10_one"), 1),
    "between two notebooks": (("end", "10_one"), 1),
    "after the last notebook": (("end", "20_two"), 2),
    "while what users saw is asked for": (("begin", "real users"), 2),
    "while it is sealed": (("os.rename", "index.html"), 2),
    "when the record is written": (("os.rename", "record.json"), 2),
    "when the chain is written": (("os.rename", "chain.jsonl"), 2),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_signal_at_any_moment_of_a_run_leaves_a_sealed_record(
    notebook: Notebook, warm: WarmProcess, folder: Path, moment: str
) -> None:
    (where, most), archive = MOMENTS[moment], FolderArchive(folder / "records")
    notebooks = [notebook("10_one"), notebook("20_two")]
    for count, number in enumerate((signal.SIGTERM, signal.SIGINT, signal.SIGHUP), 1):
        request = Request(params_file="params.yaml", mode="plan", notebooks=tuple(notebooks),
                          records="records")  # fmt: skip
        display = Told(where, number)
        with moments.at(where[0], where[1], number) as left, Signals() as signals:
            outcome = Run(prepare(request), warm, display, signals).go()
        assert display.moment is None or not left, "the moment never came"
        assert signals.wanted.is_set()
        assert outcome.record.status in ("interrupted", "succeeded")
        assert (outcome.exit_code == 0) == (outcome.record.status == "succeeded")
        assert len([s for s in outcome.record.steps if s["status"] == "ok"]) <= most
        assert str(verify_archive(archive)) == f"chain of {count} record{'s' * (count > 1)} intact"
        assert len(archive.change_ids()) == count, "a draft was left"


def test_a_run_whose_reader_is_gone_goes_on_to_its_end(
    notebook: Notebook, warm: WarmProcess, folder: Path
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    request = Request(params_file="params.yaml", mode="plan", records="records",
                      notebooks=(notebook("10_one"),))  # fmt: skip
    with os.fdopen(writer, "w") as gone, Signals() as signals:
        stream = canvas(cast(TextIO, Unbroken(cast(TextIO, Hiding(gone)))))  # as commands have it
        outcome = Run(prepare(request), warm, Display(Console(file=stream)), signals).go()
    assert (outcome.exit_code, outcome.record.status) == (0, "succeeded")


def test_kill_9_leaves_no_orphans_and_a_draft_that_can_be_resumed(
    notebook: Notebook, folder: Path, warm: WarmProcess
) -> None:
    first = notebook("10_first", "open('log', 'a').write('first ')")
    runner = start(folder, first, notebook("20_waits", WAITS))
    wait_for(folder / "pid")
    family = psutil.Process(runner.pid).children(recursive=True)
    os.kill(runner.pid, signal.SIGKILL)
    runner.wait(10)
    psutil.wait_procs(family, timeout=10)
    assert not [process for process in family if process.is_running()]
    archive = FolderArchive(folder / "records")
    (change_id,) = archive.change_ids()
    assert "is not sealed" in str(verify_archive(archive))
    notebook("20_waits", "open('log', 'a').write('second')")
    outcome = go_on(warm, change_id)
    assert outcome.exit_code == 0
    assert (folder / "log").read_text() == "first second"
    assert load_record(archive, change_id).status == "interrupted"
    assert str(verify_archive(archive)) == "chain of 2 records intact"
