"""Who runs what, from which code: the facts of a change record that are not about Google Cloud."""

import getpass
import os
import platform
import socket
import subprocess
from collections.abc import Mapping
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

PIPELINES = {
    "GITHUB_RUN_ID": ("GitHub Actions run", "GITHUB_ACTOR"),
    "BUILD_ID": ("Cloud Build", "BUILD_TRIGGERED_BY"),
    "GITLAB_CI": ("GitLab CI", "GITLAB_USER_LOGIN"),
    "AIRFLOW_CTX_DAG_RUN_ID": ("Airflow", "AIRFLOW_CTX_DAG_OWNER"),
}


def who(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """User, host, and the pipeline if it is one; a pipeline's own user goes before the system's."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    found = {"user": user, "host": socket.gethostname()}
    for variable, (name, actor) in PIPELINES.items():
        if number := environ.get(variable):
            found["pipeline"] = f"{name} {number}"
            found["user"] = environ.get(actor) or user
            break
    return found


def git(folder: Path | None = None) -> dict[str, Any]:
    """Commit of the checkout, and whether it has changes; empty outside of one."""
    where = folder or Path.cwd()
    commit = _git(where, "rev-parse", "HEAD")
    if not commit:
        return {"commit": "", "changed": False}
    return {"commit": commit, "changed": bool(_git(where, "status", "--porcelain", "-uno"))}


def tool() -> dict[str, str]:
    """Versions of what ran."""
    return {"edgebook": metadata.version("edgebook"), "python": platform.python_version()}


def stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
