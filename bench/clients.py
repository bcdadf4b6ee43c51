"""Unmodified clients of others against gcpsim: octoDNS, certbot, lexicon, c7n, libcloud, Ansible.

Each gets a virtual environment of its own from `bench/_clients/NAME.txt` (kept below
~/.cache/edgebook-bench; a few minutes and 600 MB the first time), and its script there is run
with what `gcpsim env` exports. CLIENTS="octodns c7n" runs some of them.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.gke import Bench

FOLDER = Path(__file__).with_name("_clients")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgebook-bench"
PATIENCE = 4 * 1500  # seconds for one client, which may run a few programs


def python_of(name: str) -> Path:
    """The Python of a client's environment, which is made when its pins have changed."""
    pins, place = FOLDER / f"{name}.txt", CACHE / name
    made, python = place / "pins.txt", place / "bin" / "python"
    if not made.exists() or made.read_text() != pins.read_text():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "-r", str(pins)]
        subprocess.run(install, check=True)
        made.write_text(pins.read_text())
    return python


def _checks(name: str, env: dict[str, str]) -> list[dict[str, Any]]:
    command = [str(python_of(name)), str(FOLDER / f"drive_{name}.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False,
                          env={**os.environ, **env})  # fmt: skip
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"check"')]
    if done.returncode:
        found.append({"check": "the whole script", "ok": False, "said": done.stderr[-1000:]})
    return found


def run() -> list[dict[str, Any]]:
    """A row for each client: how many of its checks failed."""
    every = sorted(path.stem for path in FOLDER.glob("*.txt"))
    names = os.environ.get("CLIENTS", "").split() or every
    rows = []
    for name in names:
        bench = Bench("--time-scale", "0")
        try:
            checks = _checks(name, bench.ready["env"])
        finally:
            bench.close()
        failed = [one for one in checks if not one["ok"]]
        for one in failed:
            print(f"  {name}: {one['check']}\n    {one['said'][-600:]}")
        what = f"{name}: failing of {len(checks)} checks"
        missed = len(failed) if checks else 1
        rows.append({"what": what, "measured": missed, "unit": "checks", "limit": "<= 0"})
    return rows
