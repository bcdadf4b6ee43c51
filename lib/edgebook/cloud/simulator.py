"""Finding a running gcpsim, or starting one as a subprocess.

It meets gcpsim on the command line, over HTTP and in the folder where simulators say that they run,
never by import. GCPSIM_URL names one; else the one started in this folder or above it is taken;
else one is started here and stopped with this process, unless GCPSIM_KEEP is set.
"""

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import platformdirs
import requests

from edgebook.base.clock import Clock, FollowingClock
from edgebook.base.errors import ConnectError, RefusedError
from edgebook.base.state import state_folder
from edgebook.cloud.reach import Way

START_SECONDS = 60.0
ANSWER_SECONDS = 10.0
_lock = threading.Lock()
_started: dict[str, tuple[subprocess.Popen[str], dict[str, Any]]] = {}


def running(
    scenario: str,
    time_scale: float,
    *,
    fresh: bool = False,
    lasting: bool = False,
    patience: float = ANSWER_SECONDS,
) -> dict[str, Any]:
    """What a simulator says of itself when ready (services, clusters, env), its `url`, and `how`.

    A `fresh` one is started whatever runs, and nobody else finds it. A `lasting` one is none that
    ends with another command. One that runs and does not answer for `patience` seconds is refused:
    another world in its place would answer for things that are not there.
    """
    with _lock:
        if fresh:
            return _start(scenario, time_scale, private=True)[1]
        if url := os.environ.get("GCPSIM_URL", ""):
            return _describe(url.rstrip("/"), how="GCPSIM_URL", patience=patience)
        known = _started.get(scenario)
        if known and known[0].poll() is None:
            return known[1]
        if found := _of_this_folder(lasting=lasting, patience=patience):
            return found
        process, ready = _start(scenario, time_scale)
        _started[scenario] = (process, ready)
        return ready


def clock(url: str, scale: float) -> Clock:
    """The clock of the simulator at that URL, which is slower while its machine is busy."""
    session = requests.Session()
    session.trust_env = False

    def ask() -> float | None:
        try:
            return float(session.get(f"{url}/_sim/clock", timeout=2).json()["seconds"])
        except (requests.RequestException, ValueError, KeyError, TypeError):
            return None  # whoever needs it next says that it is gone

    return FollowingClock(rate=scale, ask=ask)


def registered() -> list[dict[str, Any]]:
    """What the simulators of this user that run said when they were ready."""
    found = []
    for path in sorted((Path(platformdirs.user_cache_dir("gcpsim")) / "running").glob("*.json")):
        with contextlib.suppress(OSError, ValueError, KeyError):
            ready = json.loads(path.read_text(encoding="utf-8"))
            os.kill(int(ready["pid"]), 0)
            found.append(ready)
    return found


def environments(environ: Mapping[str, str]) -> list[dict[str, str]]:
    """What running simulators export, also that of GCPSIM_URL as far as it answers."""
    found = [dict(ready.get("env") or {}) for ready in registered()]
    if url := environ.get("GCPSIM_URL", ""):
        with contextlib.suppress(ConnectError):
            found.append(dict(_describe(url.rstrip("/"), how="").get("env") or {}))
    return found


def _of_this_folder(*, lasting: bool, patience: float) -> dict[str, Any] | None:
    """The simulator that was started here or in the nearest folder above; else the only one."""
    others = [ready for ready in registered() if not (lasting and ready.get("owned"))]
    here = Path.cwd().resolve()
    for place in (here, *here.parents):
        near = [ready for ready in others if ready.get("place") == str(place)]
        if near:
            others = near
            break
    if not others:
        return None
    if len(others) > 1:
        why = "\n".join(
            f"export GCPSIM_URL={ready['env']['GCPSIM_URL']}   # {ready.get('scenario')}, "
            f"started in {ready.get('place')}, process {ready['pid']}"
            for ready in others
        )
        raise RefusedError(
            f"{len(others)} simulators are running, and nothing says which is meant",
            where="environment: simulator",
            why=why,
            next="export one of these, or stop the others",
        )
    ready = others[0]
    url = str(ready["env"]["GCPSIM_URL"]).rstrip("/")
    how = f"found running: scenario {ready.get('scenario')}, process {ready['pid']}"
    try:
        return _describe(url, how=how, patience=patience)
    except ConnectError as error:
        if not isinstance(error.__cause__, requests.Timeout):
            return None  # it is ending
        error.where = f"{url}, process {ready['pid']}, started in {ready.get('place')}"
        error.next = f"wait until it answers, or end it: kill {ready['pid']}"
        raise


def _describe(url: str, *, how: str, patience: float = ANSWER_SECONDS) -> dict[str, Any]:
    try:
        with requests.Session() as session:
            session.trust_env = False  # never through a proxy
            answer = session.get(f"{url}/_sim/ready", timeout=patience)
            answer.raise_for_status()
            clock = session.get(f"{url}/_sim/clock", timeout=patience).json()
        return {**answer.json(), "url": url, "how": how, "time_scale": clock["scale"]}
    except (requests.RequestException, ValueError, KeyError) as error:
        raise ConnectError(
            "No simulator answers",
            where=f"GCPSIM_URL={url}",
            why=_shortly(error, patience),
            next="start one with `gcpsim serve`, or unset GCPSIM_URL to have one started",
        ) from error


def answers(ready: Mapping[str, Any], *, patience: float) -> bool:
    """Whether a simulator that says it runs also answers."""
    try:
        _describe(str(ready["env"]["GCPSIM_URL"]).rstrip("/"), how="", patience=patience)
    except (ConnectError, KeyError):
        return False
    return True


def _shortly(error: Exception, patience: float) -> str:
    if isinstance(error, requests.Timeout):
        return f"no answer within {patience:g} s"
    if isinstance(error, requests.ConnectionError):
        return "nothing listens there: that simulator has ended"
    return str(error)


def now(session: requests.Session, url: str) -> float:
    """The simulator's own time, in seconds since 1970: it passes as fast as its scale says."""
    try:
        answer = session.get(f"{url}/_sim/clock", timeout=10)
        answer.raise_for_status()
        return float(answer.json()["seconds"])
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        raise ConnectError(
            "The simulator does not say what time it is there",
            where=f"{url}/_sim/clock",
            why=str(error),
            next="start gcpsim anew, of the same version as edgebook",
        ) from error


def ways(session: requests.Session, url: str) -> dict[tuple[str, int], list[Way]]:
    """Where each simulated address and port is served on this machine, by location."""
    try:
        answer = session.get(f"{url}/_sim/reach", timeout=10)
        answer.raise_for_status()
        found: dict[tuple[str, int], list[Way]] = {}
        for item in answer.json():
            host, _, port = str(item["connect"]).rpartition(":")
            way = Way(str(item.get("location") or ""), host.strip("[]"), int(port))
            found.setdefault((str(item["ip"]), int(item["port"])), []).append(way)
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        raise ConnectError(
            "The simulator does not say how its addresses are reached",
            where=f"{url}/_sim/reach",
            why=str(error),
            next="start gcpsim anew, of the same version as edgebook",
        ) from error
    return {place: sorted(items) for place, items in sorted(found.items())}


def _start(
    scenario: str, time_scale: float, *, private: bool = False
) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    beside = Path(sys.executable).with_name("gcpsim")
    program = [str(beside)] if beside.exists() else [sys.executable, "-m", "gcpsim"]
    command = [*program, "serve", "--port", "0", "--scenario", scenario]
    command += ["--time-scale", f"{time_scale:g}"]
    # Its standard input ends with this process, however that ends: it never outlives a kill.
    lifeline = not os.environ.get("GCPSIM_KEEP")
    if lifeline:
        command.append("--until-stdin-closes")
    if private:
        command.append("--private")
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
    us = _what_we_are()
    how = f"started for this {us}: scenario {scenario} as it begins; it ends with the {us}"
    return process, _describe(url.rstrip("/"), how=how)


def _what_we_are() -> str:
    return "notebook" if "ipykernel" in sys.modules else "command"


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
