"""What a run of notebooks costs beside the work itself, against papermill's command line.

The notebooks import what the real ones import and call nothing, so that all of the time is
overhead. What a run costs once (its start, its seal) and what each notebook adds are told apart by
runs of one notebook and of nine, all on one simulator. The first paint is from Run of the first
plan's cell to its table, in an ordinary kernel that has opened the front door. Memory is the
proportional share (PSS) of the runner and everything it started.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import nbformat
import psutil
from jupyter_client.manager import start_new_kernel

from bench.edgebook import simulator

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
NOTEBOOKS = 9
PLAIN = 3
PARAMETERS = 'params_file = ""\nmode = "plan"  # plan | apply\nchange_id = ""\n'
OPEN = f"import edgebook\nbook = edgebook.open({str(ROOT / 'params' / 'rehearsal.yaml')!r})\nbook"
PLAN = "book.plan()"
WORK = "import edgebook.book, edgebook.show.pictures\nparams_file"


def run() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [_notebook(folder / f"{number}0_step.ipynb") for number in range(1, NOTEBOOKS + 1)]
        plain = min(_papermill(paths[0], folder / "plain.ipynb") for _ in range(PLAIN))
        with simulator(0):
            one, _ = _ours(folder, paths[:1])
            ours, peak = _ours(folder, paths)
            paint = _first_paint(folder)
    each = (ours - one) / (NOTEBOOKS - 1)
    return [
        _row(f"papermill's command line, a notebook (best of {PLAIN})", plain, "s", "<= 60"),
        _row(f"edgebook run, {NOTEBOOKS} notebooks, a notebook", ours / NOTEBOOKS, "s", "<= 1"),
        _row("edgebook run, what each notebook adds", each, "s", "<= 0.5"),
        _row("first paint of a plan's table", paint, "s", "<= 1"),
        _row("edgebook run, of papermill's time", ours / NOTEBOOKS / plain * 100, "%", "<= 50"),
        _row("edgebook run, peak memory with its kernels", peak / 2**20, "MiB", "<= 1024"),
    ]


def _row(what: str, measured: float, unit: str, limit: str) -> dict[str, Any]:
    return {"what": what, "measured": round(measured, 2), "unit": unit, "limit": limit}


def _notebook(path: Path) -> Path:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    notebook.cells = [
        nbformat.v4.new_markdown_cell("# 10 Step"),
        nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(WORK),
    ]
    nbformat.write(notebook, path)
    return path


def _papermill(source: Path, target: Path) -> float:
    began = time.monotonic()
    command = [BIN / "papermill", "--no-progress-bar", "-p", "mode", "plan", source, target]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    return time.monotonic() - began


def _first_paint(folder: Path) -> float:
    """Seconds from Run of a plan's cell to its table."""
    kernel, client = start_new_kernel(cwd=str(folder), startup_timeout=120)
    try:
        _painted(client, OPEN)
        return _painted(client, PLAN)
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)


def _painted(client: Any, code: str) -> float:
    began, seen = time.monotonic(), []

    def look(message: dict[str, Any]) -> None:
        if message["msg_type"] == "execute_result" and "text/html" in message["content"]["data"]:
            seen.append(time.monotonic() - began)

    answer = client.execute_interactive(code, timeout=120, output_hook=look)
    if answer["content"]["status"] != "ok" or not seen:
        raise RuntimeError(f"{code!r} painted nothing: {answer['content']}")
    return seen[0]


def _ours(folder: Path, paths: list[Path]) -> tuple[float, int]:
    """Seconds and peak bytes of one `edgebook run`, archive and HTML included."""
    params = ROOT / "params" / "rehearsal.yaml"
    command = [BIN / "edgebook", "run", "--params", params, "--records", folder / "records", *paths]
    environment = {**os.environ, "EDGEBOOK_STATE": str(folder / "state")}
    began = time.monotonic()
    runner = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.DEVNULL, env=environment, cwd=folder
    )
    peak = [0]
    over = threading.Event()
    watcher = threading.Thread(target=_follow, args=(runner.pid, peak, over))
    watcher.start()
    code = runner.wait()
    took = time.monotonic() - began
    over.set()
    watcher.join()
    if code:
        raise RuntimeError(f"edgebook run ended with {code}")
    return took, peak[0]


def _follow(pid: int, peak: list[int], over: threading.Event) -> None:
    while not over.wait(0.3):
        total = 0
        try:
            family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for process in family:
            try:
                total += process.memory_full_info().pss
            except (psutil.NoSuchProcess, psutil.AccessDenied, AttributeError):
                continue
        peak[0] = max(peak[0], total)
