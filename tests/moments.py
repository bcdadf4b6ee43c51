"""A signal at a chosen moment: when this process opens or renames a file of that name.

Python tells audit hooks of every file that is opened or renamed, whoever does it, so that a moment
needs no change in what is tested and no waiting. The hook stays for the life of the process and
does nothing outside of `at`.
"""

import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_waiting: list[tuple[str, str, signal.Signals]] = []
_installed: list[bool] = []


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if not _waiting or event not in ("open", "os.rename"):
        return
    wanted, name, number = _waiting[0]
    path = args[1 if event == "os.rename" else 0]
    if event == wanted and isinstance(path, str | Path) and Path(path).name == name:
        _waiting.clear()
        signal.raise_signal(number)


@contextlib.contextmanager
def at(event: str, name: str, number: signal.Signals) -> Iterator[list[Any]]:
    """Inside, the first such event sends the signal; the list is empty once it was sent.

    `event` is "open" or "os.rename" (to that name).
    """
    if not _installed:
        sys.addaudithook(_hook)
        _installed.append(True)
    _waiting[:] = [(event, name, number)]
    try:
        yield _waiting
    finally:
        _waiting.clear()
