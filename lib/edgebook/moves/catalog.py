"""The moves there are: what each takes, how its ladder is made, what must be true beforehand.

A move is named by its runbook's step. `prepare` turns a runbook's parameters into a `Prepared`;
wrong parameters are UsageErrors, before anything is read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from edgebook.errors import UsageError
from edgebook.front_door import FrontDoor, Moment
from edgebook.model.values import CheckResult
from edgebook.moves import cut_overs, swaps, wish
from edgebook.moves.retires import Retirement
from edgebook.moves.stages import Gate, Ladder
from edgebook.params import Spec
from edgebook.traffic.targets import TODAY

More = Callable[[Moment], Moment]


@dataclass(frozen=True)
class Prepared:
    """A move that can be planned: `more` reads what only it needs, `after` is the params then."""

    make: Callable[[Moment], Ladder]
    require: Callable[[Moment, Ladder], None] = lambda moment, ladder: None
    after: Spec | None = None
    more: More = lambda moment: moment
    still: Callable[[Gate], int | None] | None = None
    unwatched: tuple[str, ...] = ()  # frontends of the meter that are no users of this move
    checks: Callable[[Moment], list[CheckResult]] = lambda moment: []


def prepare(door: FrontDoor, name: str, options: Mapping[str, Any]) -> Prepared:
    """Raises UsageError for an unknown move or wrong options."""
    try:
        maker = MOVES[name]
    except KeyError:
        why = f"moves are: {', '.join(sorted(MOVES))}"
        raise UsageError(f"No move {name!r}", where="book.move", why=why) from None
    return maker(door, options)


def _swap(door: FrontDoor, options: Mapping[str, Any]) -> Prepared:
    asked = swaps.wish(door.spec, options)

    def make(moment: Moment) -> Ladder:
        return swaps.ladder(door.spec, moment.observed, moment.live, asked)

    def require(moment: Moment, ladder: Ladder) -> None:
        swaps.require(door.spec, moment, asked)

    backends = {
        name: replace(door.spec.backends[name], active=asked.to)
        for name in wish.backends(asked.backends, door.spec)
    }
    after = replace(door.spec, backends={**door.spec.backends, **backends})
    return Prepared(make, require, after)


def _cut_over(door: FrontDoor, options: Mapping[str, Any]) -> Prepared:
    asked = cut_overs.asked(door.spec, options)

    def make(moment: Moment) -> Ladder:
        return cut_overs.ladder(door, moment, asked)

    def require(moment: Moment, ladder: Ladder) -> None:
        cut_overs.require(door, moment, asked)

    def checks(moment: Moment) -> list[CheckResult]:
        return cut_overs.answers(door, moment, asked)

    return Prepared(make, require, checks=checks)


def _retire(door: FrontDoor, options: Mapping[str, Any]) -> Prepared:
    asked = Retirement(door, options)
    return Prepared(
        asked.ladder,
        asked.require,
        more=asked.more,
        still=asked.still,
        unwatched=(TODAY,),
    )


# Where a move's runbook is, when it is not operate/<name>.
RUNBOOKS = {"cut-over": "80_cut_over", "retire": "90_retire"}
MOVES: dict[str, Callable[[FrontDoor, Mapping[str, Any]], Prepared]] = {
    "cut-over": _cut_over,
    "retire": _retire,
    "swap": _swap,
}
