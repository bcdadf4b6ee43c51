"""Which simulators run: one file each in the user's cache folder, named by process id.

A simulator is found by the place it was started in (its state folder, or the working folder), so
that several can run at once. Other tools read these files too: a file is the ready document. What
a killed simulator left behind is swept when somebody looks.
"""

import contextlib
import json
import os
from pathlib import Path
from typing import Any


def folder() -> Path:
    """Where running simulators say that they run."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("gcpsim")) / "running"


def remember(ready: dict[str, Any]) -> None:
    """Say that this simulator runs; the file is readable by its user only."""
    with contextlib.suppress(OSError):
        path = folder() / f"{ready['pid']}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(ready))


def forget(ready: dict[str, Any]) -> None:
    """Say that it has ended; the files of others stay."""
    with contextlib.suppress(OSError):
        (folder() / f"{ready['pid']}.json").unlink()


def running() -> list[dict[str, Any]]:
    """The ready documents of the simulators that run, the oldest first."""
    found = []
    for path in folder().glob("*.json"):
        try:
            ready = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        if alive(int(ready.get("pid", 0))):
            found.append((path.stat().st_mtime, ready["pid"], ready))
        else:
            path.unlink(missing_ok=True)
    return [ready for _, _, ready in sorted(found, key=lambda item: item[:2])]


def alive(pid: int) -> bool:
    """Whether a process of this id runs."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return pid > 0


def nearest(found: list[dict[str, Any]], here: Path) -> list[dict[str, Any]]:
    """Those started in this folder or the nearest one above it; all when none was."""
    for place in (here, *here.parents):
        if near := [ready for ready in found if ready.get("place") == str(place)]:
            return near
    return found
