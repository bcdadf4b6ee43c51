"""What a move that ends early says: what was seen, where the traffic is, and the way on."""

from edgebook.base.errors import EdgebookError, InterruptedRun, StepFailed
from edgebook.moves import byhand
from edgebook.moves.looking import Seen
from edgebook.moves.outcomes import Situation
from edgebook.moves.stages import Ladder, Stage


def stopped(now: Situation, stage: Stage, seen: Seen, how: str) -> StepFailed:
    """A stage that did not hold; `how` is what was done about it, "" where nothing was."""
    return StepFailed(
        f"{now.ladder.title}: stage {stage.name} did not hold{': ' if how else ''}{how}",
        step=now.ladder.move,
        why=str(seen),
        seen=seen.figures,
        next="mend it and run it again: it goes on from here; or undo everything: --mode back",
        state=f"traffic is {now.words()}",
    )


def failed(now: Situation, index: int, error: EdgebookError) -> StepFailed:
    """A change of a stage that failed."""
    stage = now.ladder.stages[index]
    raised = StepFailed(
        f"{now.ladder.title}: stage {stage.name}: {error.what}",
        step=now.ladder.move,
        where=error.where,
        why=error.why,
        next=error.next or "run it again: it goes on from where the traffic stands",
        state=f"before this stage traffic was {now.words()}",
    )
    raised.exit_code = error.exit_code
    return raised


def back_failed(
    now: Situation, stage: Stage, seen: Seen, target: int, error: Exception
) -> StepFailed:
    """What is known, and what to do by hand, in which order."""
    plan = now.ladder.plan_of(target, now.moment.live, now.moment.observed)
    return StepFailed(
        f"{now.ladder.title}: stage {stage.name} did not hold, and the way back failed",
        step=now.ladder.move,
        why=f"{seen}\nway back: {error}",
        next="by hand, in this order:\n" + "\n".join(byhand.lines(plan, now.moment.live)),
        state=f"traffic is between {stage.name} and {now.ladder.stages[target].name}",
    )


def by_hand(ladder: Ladder) -> InterruptedRun:
    """Ctrl-C, or a signal."""
    return InterruptedRun(
        f"{ladder.title}: stopped by hand",
        why="the stage that was under way may be half done",
        next="run it again: it reads where the traffic stands and goes on, or --mode back",
    )
