"""How a run is shown: one line a notebook, live in a terminal, plain lines elsewhere.

Where nobody looks on live, what takes long says each minute that it still runs, as pipelines end
what is silent. It goes to standard error when the summary is for machines. What it shows comes from
the runner and the journal; it must not decide anything.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from edgebook.base.text import plain, safe
from edgebook.model.kinds import named
from edgebook.model.values import BY_HAND, Plan
from edgebook.records.events import StepEvents
from edgebook.records.pages import duration

STYLES = {"ok": "green", "failed": "red", "interrupted": "yellow", "refused": "yellow"}
WIDTH = 19
PULSE = 60.0  # seconds after which a log hears that something still runs


class Display:
    """The lines of a run, to `console`."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live: Live | None = None
        self._title = ""
        self._since = 0.0
        self._heading = ""
        self._events = StepEvents()
        self._pulse: threading.Event | None = None  # set: no more of it
        self.users: Callable[[], str] = lambda: ""  # what the meter says now

    def say(self, text: str, style: str = "") -> None:
        self.console.print(Text(safe(text), style=style), soft_wrap=True)

    def line(self, title: str, state: str = "", took: str = "", text: str = "") -> None:
        """20 certificate     ok    6 s   7 changes"""
        row = Text("  ")
        row.append(f"{plain(title):<{WIDTH}} ")
        row.append(f"{state:<11} " if state in ("interrupted", "refused") else f"{state:<6} ",
                   STYLES.get(state, ""))  # fmt: skip
        row.append(f"{took:>6}  {safe(plain(text))}".rstrip())
        self.console.print(row, soft_wrap=True)

    def plan(self, plan: Plan, approval: Mapping[str, Any]) -> None:
        """The whole change in a line, and by what it is approved."""
        self._stop()
        number = len(plan.to_do)
        text = f"{number} change{'' if number == 1 else 's'}"
        cut = [change for change in plan.to_do if change.disrupts]
        if number:
            text += f", {len(cut)} disrupt traffic" if cut else ", none disrupts traffic"
        self.line("plan", text=f"{text:<40} {_approved(approval)}")
        for change in cut:
            name = f"{change.action.value} {named(change.key)}"
            self.say(plain(f"    disrupts: {name}: {change.disrupts}"), "yellow")

    def ladder(self, said: Mapping[str, Any], approval: Mapping[str, Any]) -> None:
        """A move in a line, where it stands, and by what it is approved."""
        self._stop()
        stages = said.get("stages") or ()
        text = f"{len(stages)} stages, {said['standing']}"
        self.line("plan", text=f"{text:<40} {_approved(approval)}")
        for stage in stages:
            if stage.get("disrupts"):
                self.say(plain(f"    disrupts: {stage['name']}: {stage['disrupts']}"), "yellow")

    def begin(self, title: str) -> None:
        self._stop()
        self._title, self._since, self._heading = title, time.monotonic(), ""
        self._events = StepEvents()
        if not self.console.is_terminal:
            self._pulse = threading.Event()
            beat = threading.Thread(target=self._beat, args=(self._pulse,), daemon=True)
            beat.start()
        else:
            self._live = Live(
                self._running(),
                console=self.console,
                refresh_per_second=8,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def heading(self, text: str) -> None:
        self._heading = text
        self.update(self._events)

    def update(self, events: StepEvents) -> None:
        self._events = events
        if self._live is not None:
            self._live.update(self._running())

    def end(self, step: Mapping[str, Any]) -> None:
        """The finished line of a step as the record has it, and what went wrong if it failed."""
        self._stop()
        took = duration(step["seconds"])
        self.line(step["title"], step["status"], took, in_short(step))
        for check in step.get("checks") or ():
            if BY_HAND in check.get("remedy", ""):
                self.say(plain(f"    by hand: {check['remedy']}"), "yellow")
        if error := step.get("error"):
            self.failure(error)

    def pause(self) -> None:
        """Nothing runs for now."""
        self._stop()

    def failure(self, error: Mapping[str, Any]) -> None:
        """What, why, seen, next, state: as far as it is known."""
        if what := str(error.get("what") or ""):
            self.say(plain(f"    {what}"), "bold")
        for label in ("where", "why", "seen", "next", "state"):
            for number, text in enumerate(safe(error.get(label) or "").splitlines()):
                name = label if number == 0 else ""
                self.console.print(Text(f"    {name:<7} {text}"), soft_wrap=True)

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
        if self._pulse is not None:
            self._pulse.set()
            self._pulse = None

    def _beat(self, over: threading.Event) -> None:
        while not over.wait(PULSE):
            self.still()

    def still(self) -> None:
        """40 certificate map  still    2 min  1/4 changes  create map entry shop"""
        self.line(self._title, "still", duration(time.monotonic() - self._since), self._words())

    def _words(self) -> str:
        """How far the running step is, and what users have seen so far."""
        events, words = self._events, self._heading
        if events.total:
            last = events.changes[-1]["sentence"] if events.changes else ""
            words = f"{events.done}/{events.total} changes  {last}"
        elif events.checks:
            words = f"{len(events.checks)} checks"
        return "   ".join(filter(None, [words, self.users()]))

    def _running(self) -> Table:
        row = Table.grid(padding=(0, 1))
        passed = duration(time.monotonic() - self._since)
        said = safe(plain(self._words()))
        title = Text(f"{plain(self._title):<{WIDTH}}")
        text = Text(said, overflow="ellipsis", no_wrap=True)
        row.add_row("", title, Spinner("dots"), f"{passed:>6}", text)
        return row


def in_short(step: Mapping[str, Any]) -> str:
    """What one line says of a finished step: changes, checks, headline."""
    parts = []
    if changes := step.get("changes"):
        parts.append(f"{len(changes)} change{'s' if len(changes) > 1 else ''}")
    if step.get("headline"):
        parts.append(str(step["headline"]))
    elif not changes and (checks := step.get("checks")):
        counts = {state: sum(c["state"] == state for c in checks) for state in
                  ("failed", "uncertain", "skipped")}  # fmt: skip
        bad = [f"{number} {state}" for state, number in counts.items() if number]
        parts.append(", ".join([f"{len(checks)} checks", *bad]))
    return "   ".join(parts)


def _approved(approval: Mapping[str, Any]) -> str:
    """By what, and by whom where more than one person was asked."""
    people = [str(person["name"]) for person in approval.get("approvers", ())]
    by = f" by {safe(', '.join(people))}" if len(people) > 1 else ""
    return f"approved {approval['hash'][:8]}{by} ({approval['how']})"
