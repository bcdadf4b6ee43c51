"""Finding a running gcpsim, or starting one as a subprocess: `connect` is its only user.

It meets gcpsim on the command line and over HTTP, never by import. What is started here is stopped
with this process, unless GCPSIM_KEEP is set; its pid stands in a file of the user's state folder.
"""

import atexit
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import requests

from edgebook.errors import ConnectError
from edgebook.state import state_folder

START_SECONDS = 60.0
_lock = threading.Lock()
_started: dict[str, tuple[subprocess.Popen[str], dict[str, Any]]] = {}


def running(scenario: str, time_scale: float) -> dict[str, Any]:
    """What the simulator says of itself when ready (services, clusters, env), and its `url`."""
    with _lock:
        if url := os.environ.get("GCPSIM_URL", ""):
            return _describe(url.rstrip("/"))
        known = _started.get(scenario)
        if known and known[0].poll() is None:
            return known[1]
        process, ready = _start(scenario, time_scale)
        _started[scenario] = (process, ready)
        return ready


def _describe(url: str) -> dict[str, Any]:
    try:
        answer = requests.get(f"{url}/_sim/ready", timeout=10)
        answer.raise_for_status()
        clock = requests.get(f"{url}/_sim/clock", timeout=10).json()
        return {**answer.json(), "url": url, "time_scale": clock["scale"]}
    except (requests.RequestException, ValueError, KeyError) as error:
        raise ConnectError(
            "No simulator answers",
            where=f"GCPSIM_URL={url}",
            why=str(error),
            next="start one with `gcpsim serve`, or unset GCPSIM_URL to have one started",
        ) from error


def _start(scenario: str, time_scale: float) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    beside = Path(sys.executable).with_name("gcpsim")
    program = [str(beside)] if beside.exists() else [sys.executable, "-m", "gcpsim"]
    command = [*program, "serve", "--port", "0", "--scenario", scenario]
    command += ["--time-scale", f"{time_scale:g}"]
    # Its standard input ends with this process, however that ends: it never outlives a kill.
    lifeline = not os.environ.get("GCPSIM_KEEP")
    if lifeline:
        command.append("--until-stdin-closes")
    log = state_folder() / f"gcpsim-{os.getpid()}.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if lifeline else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    line = _first_line(process)
    try:
        ready = json.loads(line)
    except ValueError:
        process.kill()
        said = log.read_text().strip().splitlines()[-3:]
        raise ConnectError(
            "The simulator did not start",
            where=" ".join(command),
            why="\n".join(said) or f"no ready line within {START_SECONDS:.0f} s",
            next=f"run the command by hand; its log is {log}",
        ) from None
    (state_folder() / f"gcpsim-{process.pid}.pid").write_text(str(process.pid))
    if lifeline:
        owner = os.getpid()
        atexit.register(lambda: stop(process) if os.getpid() == owner else None)
    url = str((ready.get("env") or {}).get("GCPSIM_URL") or ready["services"]["compute"])
    return process, _describe(url.rstrip("/"))


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    stdout = process.stdout
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.append(stdout.readline()), daemon=True)
    reader.start()
    reader.join(START_SECONDS)
    return lines[0] if lines else ""


def stop(process: subprocess.Popen[str]) -> None:
    """End a simulator that was started here."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
    (state_folder() / f"gcpsim-{process.pid}.pid").unlink(missing_ok=True)
