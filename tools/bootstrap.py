"""Make .venv from requirements.lock, with nothing but Python 3.11+ and a network.

Reads uv's own pinned and hashed entry out of the lock, installs it with pip, and lets uv install
the rest in seconds. Does nothing when .venv already matches the lock. Must not need any package.
"""

import hashlib
import json
import ssl
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


def certificates() -> list[str]:
    """Trust whom this machine trusts, as pip does where a network has an authority of its own."""
    paths = ssl.get_default_verify_paths()
    return ["--system-certs"] if paths.cafile or paths.capath else []


def fill(python: Path) -> None:
    """Install uv by pip, and everything else by uv."""
    with tempfile.TemporaryDirectory() as folder:
        entry = Path(folder) / "uv.lock.txt"
        entry.write_text(uv_entry(LOCK.read_text()))
        pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        run(*pip, "--no-deps", "--require-hashes", "-r", entry)
    uv = (VENV / "bin" / "uv", "pip")
    common = ("--quiet", *certificates(), "--python", python)
    run(*uv, "sync", *common, "--require-hashes", LOCK)
    run(*uv, "install", *common, "--no-deps", "--no-build-isolation", "-e", ROOT)


def main() -> int:
    if sys.version_info < (3, 11):
        print(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}", file=sys.stderr)
        return 2
    if STAMP.exists() and STAMP.read_text() == fingerprint():
        return 0
    print("Setting up .venv from requirements.lock ...", file=sys.stderr, flush=True)
    python = VENV / "bin" / "python"
    try:
        if not python.exists():
            venv.create(VENV, with_pip=True, clear=VENV.exists())
        fill(python)
    except subprocess.CalledProcessError as error:
        print(
            f"Setting up .venv failed: {Path(error.cmd[0]).name} exited with {error.returncode}; "
            "what it said is above.\nIt needs a network and the venv module of Python "
            "(Debian: apt-get install python3-venv). Run it again when that is mended.",
            file=sys.stderr,
        )
        return 1
    STAMP.write_text(fingerprint())
    return 0


if __name__ == "__main__":
    sys.exit(main())
