"""No traceback, wherever a command is run: words and an exit code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PARAMS = Path(__file__).resolve().parents[3] / "params" / "rehearsal.yaml"


def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edgebook", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "GCPSIM_URL": "http://127.0.0.1:9", **env},
        timeout=60,
    )


def nested(path: Path, opened: str, closed: str) -> str:
    path.write_text(opened * 100_000 + closed * 100_000)
    return str(path)


@pytest.mark.parametrize("what", ["params", "plan", "notebook"])
def test_files_that_are_nested_a_hundred_thousand_times(what: str, tmp_path: Path) -> None:
    words = {
        "params": ["plan", "--params", nested(tmp_path / "p.yaml", "[", "]")],
        "plan": ["approve", nested(tmp_path / "p.json", "[", "]"), "--out", str(tmp_path / "o"),
                 "--as", "ann", "--key", str(tmp_path / "none")],
        "notebook": ["run", nested(tmp_path / "n.ipynb", "[", "]"), "--params", str(PARAMS)],
    }[what]  # fmt: skip
    done = run(*words)
    assert done.returncode in (1, 2, 3)
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()


def test_a_chain_that_is_nested_a_hundred_thousand_times_is_named(tmp_path: Path) -> None:
    nested(tmp_path / "chain.jsonl", "[", "]")
    done = run("records", "--records", str(tmp_path), "verify")
    assert done.returncode == 1
    assert "chain.jsonl: cannot be read: it is nested thousands of levels deep" in done.stdout


@pytest.mark.parametrize("words", [["plan", "--params", str(PARAMS)], ["lab", "--no-browser"]])
def test_a_home_that_cannot_be_written(words: list[str], tmp_path: Path) -> None:
    nowhere = {"HOME": "/proc", "XDG_STATE_HOME": "/proc/x", "XDG_CACHE_HOME": "/proc/x"}
    done = run(*words, **nowhere)
    assert done.returncode in (1, 2, 3)
    assert "Traceback" not in done.stderr


def test_a_reader_that_is_gone() -> None:
    ours = f"{sys.executable} -m edgebook"
    command = f"{ours} --help | true; {ours} completion bash | head -1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["doctor", "--offline"], 0),
        (["doctor", "--offline", "--json"], 0),
        (["plan", "--params", "nowhere.yaml"], 2),
        (["plan", "--params", "nowhere.yaml", "--json"], 2),
    ],
)
@pytest.mark.parametrize("both", [False, True])
def test_the_exit_code_does_not_depend_on_who_reads(
    words: list[str], code: int, *, both: bool
) -> None:
    """Standard output, or errors as well, go to somebody who is gone."""
    with subprocess.Popen(
        [sys.executable, "-m", "edgebook", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if both else subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        program.stdout.close()
        said = program.stderr.read() if program.stderr else ""
        assert program.wait(60) == code
    assert "Traceback" not in said and "BrokenPipe" not in said


def test_standard_output_that_is_closed() -> None:
    command = f"{sys.executable} -m edgebook doctor --offline >&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_a_file_that_cannot_be_written() -> None:
    done = run("init", "--params", "/proc/nowhere/p.yaml", "--project", "p", "--hostnames",
               "a.test", "--zone", "z", "--cluster", "l/c")  # fmt: skip
    assert done.returncode == 1
    assert "/proc/nowhere" in done.stderr
    assert "Traceback" not in done.stderr
