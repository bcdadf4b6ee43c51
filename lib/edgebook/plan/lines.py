"""The commands that show a plan, and those that carry it out: whole, to be read and pasted. Pure.

`Words` are what stands behind `edgebook`. A refusal names the command that shows the very plan that
was asked for: a ladder and a teardown have hashes of their own, which the build's plan never shows.
"""

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from edgebook.base import paste

Words = tuple[str, ...]
TEARDOWN = "teardown"
RUNBOOKS = {"cut-over": "80_cut_over", "retire": "90_retire"}


def of_plan(file: str, steps: Iterable[str] = ()) -> Words:
    """The plan of these steps, or of all of them."""
    return ("plan", "--params", paste.path(file), *_steps(steps))


def of_teardown(file: str, steps: Iterable[str] = ()) -> Words:
    """What a teardown of these steps, or of everything, would take away."""
    return (TEARDOWN, "--params", paste.path(file), *_steps(steps))


def runbook_of(move: str) -> str:
    """The name of a move's runbook."""
    return RUNBOOKS.get(move, f"operate/{move}")


def of_move(runbook: str, options: Mapping[str, Any], file: str) -> Words:
    """The ladder of a runbook, by its name or file, with these parameters."""
    given = (
        word
        for name, value in sorted(options.items())
        if value not in ("", None, False) and value != []
        for word in ("-p", name, str(value))
    )
    return ("plan", runbook, *given, "--params", paste.path(file))


def carrying_out(made: Words) -> Words:
    """What carries out the plan that these words show, still without an approval."""
    if made[0] == TEARDOWN:
        return made
    return ("apply" if "--step" in made else "run", *made[1:])


def line(words: Words) -> str:
    """As one line; `paste.complete` gives it the program that is found where it is shown."""
    return f"edgebook {shlex.join(words)}"


def read(made: Words, how: str, hash_: str) -> str:
    """How somebody gets on who has not approved this plan: read it, then give its hash.

    `how`: "approve" in a notebook, whose parameters cell takes it; else a command does.
    """
    give = f'approve = "{hash_}"' if how == "approve" else f"its hash: --approve {hash_}"
    return f"read `{line(made)}`, then give {give}"


def _steps(steps: Iterable[str]) -> Words:
    return tuple(word for name in steps for word in ("--step", name))
