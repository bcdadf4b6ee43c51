"""Progress ends at the truth, not at the line that was painted last."""

import io

import pytest
from edgebook.apply.flow import _in_the_end
from edgebook.apply.progress import Bar
from edgebook.apply.run import Done
from edgebook.model.values import Action, Change, ResourceKey, Step
from rich.console import Console

from tests.unit.hostile import EVIL

SHORT = EVIL[:900]
DONE = Done(Change(Action.CREATE, ResourceKey("address", "s", "shop"), Step.BACKENDS, "x"), "done")
FAILED = Done(DONE.change, "failed")


def test_the_last_line_has_all_changes_and_the_last_words() -> None:
    text = io.StringIO()
    with Bar(Console(file=text, force_terminal=True, width=120)) as bar:
        bar.total("backends", 8)
        for number in range(8):
            bar.advance()
            bar.say(f"{number} of 21 endpoints HEALTHY")
        bar.say("21 of 21 endpoints HEALTHY in 3 zones")
    last = text.getvalue().rsplit("backends", 1)[-1]
    assert "8/8" in last
    assert "21 of 21 endpoints HEALTHY in 3 zones" in last


def test_words_are_no_markup_and_no_orders() -> None:
    text = io.StringIO()
    with Bar(Console(file=text, force_terminal=True, width=4000)) as bar:
        bar.total(f"{SHORT} [/bold]", 1)
        bar.say(f"update {SHORT} [/red][link=http://e.example]x[/]")
        bar.advance()
    last = text.getvalue()
    assert "[/red][link=http://e.example]x[/]" in last and "[/bold]" in last
    assert "\x1b[2J" not in last and "\x1b]" not in last and "\x9b" not in last
    assert "\u202e" not in last


def test_what_becomes_known_on_the_way_is_the_truth_at_the_end() -> None:
    """A move's way back, or one that goes on in the middle, makes other changes than the ladder."""
    text = io.StringIO()
    with Bar(Console(file=text, force_terminal=True, width=120)) as bar:
        bar.total("swap", 33)
        for made in range(3):
            bar.expect(made + 1)
            bar.advance()
        bar.say("back at stage 0")
    last = text.getvalue().rsplit("swap", 1)[-1]
    assert "3/3" in last
    assert "back at stage 0" in last


@pytest.mark.parametrize("width", [60, 80, 115])
def test_long_words_give_way_and_numbers_stay(width: int) -> None:
    text = io.StringIO()
    with Bar(Console(file=text, force_terminal=False, width=width)) as bar:
        bar.total("teardown", 34)
        for _ in range(12):
            bar.advance()
        bar.say(
            "backend service shop-web is held by a rule of somebody else in another project " * 3
        )
    last = text.getvalue().rsplit("teardown", 1)[-1]
    assert "12/34" in last
    assert "backend" in last
    assert "…" in last


def test_in_a_notebook_the_end_is_painted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """There `rich` paints now and then, and not when it stops: it has to be told to."""
    bar, said = Bar(Console(file=io.StringIO(), width=120)), []
    stop = bar._rich.stop
    monkeypatch.setattr(
        bar._rich, "refresh", lambda: said.append(f"painted {bar._rich.tasks[0].completed:g}")
    )
    monkeypatch.setattr(bar._rich, "stop", lambda: (said.append("stopped"), stop()))
    with bar:
        bar.total("backends", 2)
        bar.advance()
        bar.advance()
    assert said[-2:] == ["painted 2", "stopped"]


def test_the_last_words_are_failures_or_headlines() -> None:
    assert _in_the_end([DONE], ["21 of 21"]) == "21 of 21"
    assert _in_the_end([DONE], []) == "done"
    assert _in_the_end([DONE, FAILED], ["21 of 21"]) == "address shop failed"
