"""`edgebook lab` ends with the terminal that it was started in, and a test's lab with its test."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from tests.e2e.conftest import started

ROOT = Path(__file__).resolve().parents[2]
KILLED = """
import sys
from pathlib import Path
from tests.e2e.conftest import started
with started(Path(sys.argv[1])):
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_a_closed_terminal_ends_the_lab_and_all_that_it_started(tmp_path: Path) -> None:
    """The signal comes to the lab alone, as from a terminal's end when it is not in front."""
    with started(tmp_path / "lab", "--fresh", "--params", "params/rehearsal.yaml"):
        (bound,) = [p for p in psutil.Process().children() if "bound.py" in " ".join(p.cmdline())]
        (lab,) = bound.children()
        family = [lab, *lab.children(recursive=True)]
        assert len(family) >= 3, "the lab, JupyterLab, the simulator"
        lab.send_signal(signal.SIGHUP)
        _, left = psutil.wait_procs(family, timeout=60)
        assert not left


def test_a_killed_test_leaves_no_lab(tmp_path: Path) -> None:
    words = [sys.executable, "-c", KILLED, str(tmp_path / "lab")]
    with subprocess.Popen(
        words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as test:
        assert test.stdout is not None and test.stdout.readline() == "ready\n"
        family = psutil.Process(test.pid).children(recursive=True)
        assert len(family) >= 4
        os.kill(test.pid, signal.SIGKILL)
    _, left = psutil.wait_procs(family, timeout=90)
    assert not left
