"""Make .venv from requirements.lock, with nothing but Python 3.11+ and a network.

Reads uv's own pinned and hashed entry out of the lock, installs it with pip, and lets uv install
the rest in seconds. Does nothing when .venv already matches the lock. Must not need any package.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / ".lock-sha256"


def fingerprint() -> str:
    """What the environment depends on: the lock, what the project installs, and the Python."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = LOCK.read_text() + json.dumps(project, sort_keys=True) + sys.version
    return hashlib.sha256(text.encode()).hexdigest()


def uv_entry(lock: str) -> str:
    """The lines of the lock that pin uv itself, hashes included."""
    lines = lock.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("uv=="))
    end = start + 1
    while end < len(lines) and lines[end].startswith("    --hash"):
        end += 1
    return "\n".join(lines[start:end]) + "\n"


def run(*command: str | Path) -> None:
    subprocess.run([str(part) for part in command], check=True, cwd=ROOT)


def main() -> int:
    if sys.version_info < (3, 11):
        print(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}", file=sys.stderr)
        return 2
    if STAMP.exists() and STAMP.read_text() == fingerprint():
        return 0
    print("Setting up .venv from requirements.lock ...", file=sys.stderr, flush=True)
    python = VENV / "bin" / "python"
    if not python.exists():
        venv.create(VENV, with_pip=True, clear=VENV.exists())
    with tempfile.TemporaryDirectory() as folder:
        entry = Path(folder) / "uv.lock.txt"
        entry.write_text(uv_entry(LOCK.read_text()))
        run(
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--require-hashes",
            "-r",
            entry,
        )
    uv = VENV / "bin" / "uv"
    run(uv, "pip", "sync", "--quiet", "--python", python, "--require-hashes", LOCK)
    run(
        uv,
        "pip",
        "install",
        "--quiet",
        "--python",
        python,
        "--no-deps",
        "--no-build-isolation",
        "-e",
        ROOT,
    )
    STAMP.write_text(fingerprint())
    return 0


if __name__ == "__main__":
    sys.exit(main())
