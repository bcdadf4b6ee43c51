"""The moves there are: what each takes, how its ladder is made, what must be true beforehand.

A move is named by its runbook's step. `prepare` turns a runbook's parameters into a `Prepared`;
wrong parameters are UsageErrors, before anything is read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from edgebook.base.errors import UsageError
from edgebook.front_door import FrontDoor, Moment
from edgebook.model.values import CheckResult, Live, Step
from edgebook.moves import clusters, cut_overs, ordinary, proxies, rotation, swaps, wish, zonal
from edgebook.moves.retires import Retirement
from edgebook.moves.schemes import SchemeOf
from edgebook.moves.stages import Gate, Ladder
from edgebook.moves.zonal import ZoneFailover
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
    assumed: Callable[[Live], tuple[str, ...]] = lambda live: ()
    still: Callable[[Gate], int | None] | None = None
    unwatched: tuple[str, ...] = ()  # frontends of the meter that are no users of this move
    checks: Callable[[Moment], list[CheckResult]] = lambda moment: []
    steps: tuple[Step, ...] = (Step.BACKENDS,)  # whose checks say that the front door is well
    mends: bool = False  # what is not as the params say: before it is done, checks fail


Maker = Callable[[FrontDoor, Mapping[str, Any]], Prepared]


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
    source: dict[str, tuple[str, ...]] = {}  # one move has one start, however far it has come

    def from_there(moment: Moment) -> wish.Wish:
        if not source:
            source.update(swaps.sources(door.spec, moment.observed, moment.live, asked))
        return replace(asked, source=source)

    def make(moment: Moment) -> Ladder:
        return swaps.ladder(door.spec, moment.observed, moment.live, from_there(moment))

    def require(moment: Moment, ladder: Ladder) -> None:
        swaps.require(door.spec, moment, from_there(moment))

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


def _ordinary(make: Callable[[Spec, Moment], Ladder], name: str) -> Maker:
    def prepare_(door: FrontDoor, options: Mapping[str, Any]) -> Prepared:
        _none(name, options)
        return Prepared(lambda moment: make(door.spec, moment), mends=True)

    return prepare_


def _none(name: str, options: Mapping[str, Any]) -> None:
    if options:
        what = f"{name} takes no {', '.join(sorted(options))}"
        raise UsageError(what, where="book.move", why="it takes nothing")


def _zones(spec: Spec, moment: Moment) -> Ladder:
    return ordinary.zones(spec, moment.desired, moment.live, moment.plan)


def _certificates(door: FrontDoor, options: Mapping[str, Any]) -> Prepared:
    """What the params want; a self-managed one is exchanged; or proxies leave classic ones."""
    rest = {name: value for name, value in options.items() if name not in proxies.TAKES}
    wanted, spec = rotation.asked(rest), door.spec
    if proxies.words(options.get("proxies")) or proxies.words(options.get("classic")):
        rotation.alone(wanted)
        leaving = proxies.LeavingOf(door, options)
        return Prepared(leaving.ladder, leaving.require, checks=leaving.checks, steps=())
    if wanted is None:
        return Prepared(
            lambda m: ordinary.certificates(spec, m.desired, m.live, m.plan), mends=True
        )
    given = wanted

    def require(moment: Moment, ladder: Ladder) -> None:
        rotation.require(spec, given, door.connection.clock.utc())

    return Prepared(lambda m: rotation.ladder(spec, m.desired, m.live, given), require)


def _failover(door: FrontDoor, options: Mapping[str, Any]) -> Prepared:
    asked = clusters.asked_failover(door.spec, options)
    if isinstance(asked, ZoneFailover):
        zone, spec = asked, door.spec
        return Prepared(
            lambda moment: zonal.ladder(spec, moment.observed, moment.live, zone),
            assumed=lambda live: zonal.assumed(spec, live, zone),
        )
    return Prepared(
        lambda moment: clusters.failover_ladder(door, moment, asked),
        after=clusters.after_failover(door.spec, asked),
    )


def _upgrade(door: FrontDoor, options: Mapping[str, Any]) -> Prepared:
    asked = clusters.UpgradeOf(door, options)
    return Prepared(asked.ladder, asked.require, more=asked.more)


def _scheme(door: FrontDoor, options: Mapping[str, Any]) -> Prepared:
    """Of a load balancer that need not be the front door: its own checks only."""
    asked = SchemeOf(door, options)
    return Prepared(asked.ladder, checks=asked.checks, steps=())


MOVES: dict[str, Maker] = {
    "certificates": _certificates,
    "cut-over": _cut_over,
    "failover": _failover,
    "retire": _retire,
    "scheme": _scheme,
    "swap": _swap,
    "upgrade": _upgrade,
    "zones": _ordinary(_zones, "zones"),
}
