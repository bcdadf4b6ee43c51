"""Where the traffic stands, read from live: at a stage, between two, or somewhere else. Pure.

Each resource of the move must be as one of two neighbouring stages has it; then a killed run lies
between them. Anything else is the work of another hand: it is named, and the move stops.
"""

from dataclasses import dataclass

from edgebook.base.errors import OwnershipError
from edgebook.model.kinds import noun
from edgebook.model.observed import Observed
from edgebook.model.values import Live, Plan, ResourceKey
from edgebook.moves.stages import Ladder
from edgebook.plan.live_index import IndexedLive


@dataclass(frozen=True)
class Position:
    """`done` is the last stage that is wholly there; `partly` says whether the next was begun."""

    done: int
    partly: bool = False

    def words(self, ladder: Ladder) -> str:
        """at stage 4 of 7 (half), 50 %"""
        stage = ladder.stages[self.done]
        last = len(ladder.stages) - 1
        if not last:
            return "nothing to do"
        share = ladder.progress(self.done)
        at = f"at stage {self.done} of {last} ({stage.name})" if self.done else "not begun"
        text = f"{at}, {share:g} %" if share is not None and self.done else at
        return f"{text}; {ladder.stages[self.done + 1].name} is half done" if self.partly else text


def find(ladder: Ladder, live: Live, observed: Observed) -> Position:
    """Raises OwnershipError when live is at none of the stages and between no two of them."""
    seen = live if isinstance(live, IndexedLive) else IndexedLive(live)
    plans: list[Plan] = []  # of the last stage first: most runs are near their end
    for index in reversed(range(len(ladder.stages))):
        plans.insert(0, ladder.plan_of(index, seen, observed))
        if not _differing(plans[0]):
            return Position(index)
    open_keys = [_differing(plan) for plan in plans]
    for index in reversed(range(len(plans) - 1)):
        if not open_keys[index] & open_keys[index + 1]:
            return Position(index, partly=True)
    raise _foreign(ladder, plans)


def _differing(plan: Plan) -> set[tuple[ResourceKey, str]]:
    """What is not as the stage wants it; a list of backends may be half of one and the other."""
    return {(change.key, "") for change in plan.to_do} | {
        (change.key, "blocked") for change in plan.blockers
    }


def _foreign(ladder: Ladder, plans: list[Plan]) -> OwnershipError:
    nearest = min(range(len(plans)), key=lambda index: len(plans[index].to_do))
    stage = ladder.stages[nearest]
    lines = [
        f"{noun(change.key)} {change.key.name}: {change.sentence}"
        for change in (*plans[nearest].blockers, *plans[nearest].to_do)
    ]
    return OwnershipError(
        f"{ladder.title}: what is there is no stage of this move",
        where=f"nearest is stage {nearest}, {stage.name}; to be there it would take",
        why="\n".join(lines),
        next="somebody else changed it, or another move is half done: end that one "
        "(its own -p to, or --mode back), or put these back, then plan again",
    )
