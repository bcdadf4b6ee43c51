"""What a move comes to: where it stands, how its stages went, and what ended it early."""

from dataclasses import dataclass, field
from typing import Any

from edgebook.apply.run import Done
from edgebook.front_door import Moment
from edgebook.model.values import Plan
from edgebook.moves.looking import Seen
from edgebook.moves.position import Position
from edgebook.moves.stages import Ladder

# What ends a move without a way back: nothing is wrong with where the traffic is.
STOPS = {
    "blind": "the meter sees nothing, so nothing is moved",
    "busy": "it is not quiet yet, so nothing is taken from it",
}


@dataclass(frozen=True)
class Situation:
    """One look: what is live, the ladder as it follows from the params, and where it stands."""

    moment: Moment
    ladder: Ladder
    position: Position

    def words(self) -> str:
        return self.position.words(self.ladder)

    def arrived(self, *, back: bool) -> bool:
        """At the end, or on the way back at the start. What is deleted is no stage any more."""
        return self.position == Position(0 if back else len(self.ladder.stages) - 1)


@dataclass(frozen=True)
class StageDone:
    """How one stage went."""

    name: str
    number: int
    share: float | None
    results: tuple[Done, ...]
    seconds: float
    seen: Seen

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "number": self.number,
            "share": self.share,
            "changes": [
                {**done.change.to_json(), "status": done.status, "seconds": round(done.seconds, 3)}
                for done in self.results
            ],
            "seconds": round(self.seconds, 1),
            "seen": {"state": self.seen.state, "text": str(self.seen)},
        }


@dataclass(frozen=True)
class Moved:
    """What a move did: the stages of this run, and where the traffic is now."""

    title: str
    plan: Plan
    stages: tuple[StageDone, ...]
    standing: str
    traffic: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "hash": self.plan.hash,
            "title": self.title,
            "stages": [stage.to_json() for stage in self.stages],
            "standing": self.standing,
            "traffic": self.traffic,
        }


class Breach(Exception):
    """The meter or a gate says that the stage hurts."""

    def __init__(self, seen: Seen) -> None:
        super().__init__(str(seen))
        self.seen = seen
