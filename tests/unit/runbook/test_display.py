"""What a run shows of its steps is data: one line each, whatever titles, errors and changes say."""

import io
from typing import Any

import pytest
from edgebook.records.events import StepEvents
from edgebook.runbook.display import Display
from rich.console import Console

from tests.unit.hostile import EVIL, HOSTILE, acts

CHANGE = {"action": "create", "kind": "address", "name": EVIL, "sentence": EVIL, "status": "done"}
STEP: dict[str, Any] = {
    "title": EVIL,
    "status": "failed",
    "seconds": 1,
    "headline": EVIL,
    "changes": [CHANGE],
    "checks": [{"state": "failed", "check": EVIL, "subject": EVIL, "remedy": f"by hand: {EVIL}"}],
    "error": dict.fromkeys(("what", "where", "why", "seen", "next", "state"), EVIL),
}
LADDER = {"stages": [{"name": EVIL, "disrupts": EVIL}], "standing": EVIL}
APPROVAL = {"hash": "a" * 64, "how": EVIL, "approvers": [{"name": EVIL}, {"name": EVIL}]}


@pytest.fixture
def shown() -> tuple[Display, io.StringIO]:
    text = io.StringIO()
    return Display(Console(file=text, width=200, highlight=False)), text


def test_a_finished_step_is_told_as_data(shown: tuple[Display, io.StringIO]) -> None:
    display, text = shown
    display.ladder(LADDER, APPROVAL)
    display.end(STEP)
    assert text.getvalue().count("evil") > 10
    assert acts(text.getvalue()) == []


def test_where_nobody_looks_on_live_a_long_step_says_that_it_still_runs(
    shown: tuple[Display, io.StringIO],
) -> None:
    display, text = shown
    display.begin("40 certificate map")
    display.users = lambda: "0 of 1,234 requests failed"
    display.update(StepEvents(total=4, changes=[{**CHANGE, "status": "done", "sentence": EVIL}]))
    assert text.getvalue() == ""  # what is quick says nothing
    display.still()
    display.pause()
    assert text.getvalue().startswith("  40 certificate map  still     0 s  1/4 changes  ")
    assert text.getvalue().rstrip().endswith("0 of 1,234 requests failed")
    assert text.getvalue().count("\n") == 1 and acts(text.getvalue()) == []


@pytest.mark.parametrize("words", HOSTILE[:-1])
def test_a_running_step_is_told_as_data(words: str) -> None:
    """Also what rich would take for its own markup."""
    text = io.StringIO()
    display = Display(Console(file=text, force_terminal=True, width=400))
    display.users = lambda: words
    display._title = words
    display.heading(words)
    for events in (StepEvents(), StepEvents(total=1, changes=[{**CHANGE, "sentence": words}])):
        display.update(events)
        display.console.print(display._running())
    said = text.getvalue()
    for mark in ("\x1b]", "\x1b[2J", "\x9b", "\u202e", "\u200b", "\x00", "\r"):
        assert mark not in said
    if words == "[/bold][red]markup[link=http://e.example]":
        assert said.count(words) >= 3
