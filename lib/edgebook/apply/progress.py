"""How far a run is, for people: a bar in a terminal or a notebook, silence for machines.

Text only, one line at a time; it must not decide anything. `rich` draws it in both places.
"""

import os
import sys
import threading
from typing import Any, Protocol

from edgebook.base.text import canvas, plain


class Progress(Protocol):
    """What a run tells while it works."""

    def __enter__(self) -> Any: ...
    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None: ...
    def total(self, title: str, changes: int) -> None: ...
    def expect(self, changes: int) -> None: ...
    def advance(self) -> None: ...
    def say(self, text: str) -> None: ...


class Quiet:
    """No progress; keeps the last sentence for whoever asks."""

    def __init__(self) -> None:
        self.last = ""

    def __enter__(self) -> "Quiet":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        return None

    def total(self, title: str, changes: int) -> None:
        return None

    def expect(self, changes: int) -> None:
        return None

    def advance(self) -> None:
        return None

    def say(self, text: str) -> None:
        self.last = text


class Bar:
    """A rich progress bar with one line of words behind it."""

    def __init__(self, console: Any = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress
        from rich.table import Column

        self._lock = threading.Lock()
        self._rich = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            # Only the words give way where the line is too narrow.
            TextColumn(
                "{task.fields[words]}",
                markup=False,
                table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
            ),
            console=console or Console(file=canvas(sys.stdout)),
            transient=False,
            expand=True,
            refresh_per_second=4,
        )
        self._task: Any = None

    def __enter__(self) -> "Bar":
        self._rich.start()
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        # In a notebook `stop` leaves what was painted last, which may be a quarter second old.
        self._rich.refresh()
        self._rich.stop()

    def total(self, title: str, changes: int) -> None:
        self._task = self._rich.add_task(plain(title), total=changes, words="")

    def expect(self, changes: int) -> None:
        """So many changes will it be, of which some were made: more is known now."""
        with self._lock:
            self._rich.update(self._task, total=changes)

    def advance(self) -> None:
        with self._lock:
            self._rich.advance(self._task)

    def say(self, text: str) -> None:
        with self._lock:
            if self._task is not None:
                self._rich.update(self._task, words=plain(text))


def choose(*, wanted: bool = True) -> Progress:
    """A bar where somebody watches (a terminal, a notebook's kernel), else silence.

    A run that is recorded is shown by whoever records it, from the journal.
    """
    if os.environ.get("EDGEBOOK_JOURNAL"):
        return Quiet()
    if wanted and (sys.stderr.isatty() or _in_jupyter()):
        return Bar()
    return Quiet()


def _in_jupyter() -> bool:
    shell = sys.modules.get("IPython")
    running = shell.get_ipython() if shell else None
    return type(running).__name__ == "ZMQInteractiveShell"
