"""The folder where edgebook keeps what outlives a command: pid files, journals, locks, plans."""

import os
from pathlib import Path

import platformdirs


def state_folder() -> Path:
    """Where edgebook keeps what outlives a command: pid files, journals, locks."""
    folder = Path(os.environ.get("EDGEBOOK_STATE") or platformdirs.user_state_dir("edgebook"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
