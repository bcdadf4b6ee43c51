"""How moves look: the ladder before it is approved, and what a run of it did."""

from dataclasses import replace
from typing import Any

from edgebook.model.kinds import noun
from edgebook.model.values import to_json
from edgebook.moves.outcomes import Moved
from edgebook.moves.position import Position
from edgebook.moves.stages import Gate, Ladder, Stage
from edgebook.records.pages import duration
from edgebook.show.grid import Row
from edgebook.show.tables import Pages, PlanTable, Table, table

NOTHING = "nothing to do"
TONES = {"ok": "good", "unwatched": "quiet", "breach": "bad", "blind": "warn"}


def ladder_table(
    ladder: Ladder, position: Position, *, next_line: str = "", asks: str = ""
) -> PlanTable:
    """One row a stage; `next_line` is the command that carries it out, `asks` who must sign."""
    to = ", ".join(ladder.to)
    share = f"share {to}" if to else "share"
    rows = [_row(ladder, index, position, share) for index in range(1, len(ladder.stages))]
    notes = [*ladder.notes]
    if rows:
        notes.append(f"now: {position.words(ladder)}; takes at least {duration(ladder.seconds)}")
        notes.append("Nothing has been changed.")
        notes += [asks] if asks else []
    plan = ladder.plan
    made = PlanTable(
        ("stage", share, "what", "gate", "soak", "back"),
        tuple(rows),
        title=ladder.title,
        aside=f"plan {plan.short_hash}" if rows else "",
        notes=tuple(notes),
        data={
            **plan.to_json(),
            "standing": position.words(ladder),
            "seconds": ladder.seconds,
            "left": len(rows) - position.done,
        },
        plan=plan,
    )
    if not next_line or not rows or position.done == len(rows):
        return made
    return replace(made, paste=next_line, paste_why="to carry it out")


def _row(ladder: Ladder, index: int, position: Position, share: str) -> Row:
    stage = ladder.stages[index]
    progress = ladder.progress(index)
    done = index <= position.done
    cells = {
        "stage": f"{index} {stage.name}",
        share: "" if progress is None else f"{progress:g} %",
        "what": stage.what,
        "gate": "done" if done else _gates(stage),
        "soak": duration(stage.soak_s) if stage.soak_s else "",
        "back": stage.back,
    }
    tone = "good" if done else "warn" if stage.disrupts else "new"
    return Row(cells, tone)


def _gates(stage: Stage) -> str:
    parts = [str(gate) for gate in (stage.before, stage.gate) if gate != Gate()]
    return "; ".join(part for part in parts if part != "-")


def changes_table(ladder: Ladder) -> Table:
    """What each stage changes against the one before it."""
    rows = (
        (
            {
                "stage": f"{index} {stage.name}",
                "action": change.action.value,
                "kind": noun(change.key),
                "name": change.key.name,
                "what": change.sentence,
                "disrupts": stage.disrupts or "no",
            },
            "warn" if stage.disrupts else "quiet",
        )
        for index, stage in enumerate(ladder.stages)
        if index
        for change in ladder.told(index)
    )
    columns = ("stage", "action", "kind", "name", "what", "disrupts")
    return table(columns, rows, title="stage by stage")


class LadderPages(Pages):
    """The ladder and its changes; `.plan` and `.hash` are what is approved."""

    @property
    def ladder(self) -> PlanTable:
        first = self.tables[0]
        assert isinstance(first, PlanTable)
        return first

    @property
    def plan(self) -> Any:
        return self.ladder.plan

    @property
    def hash(self) -> str:
        return self.ladder.hash

    def to_json(self) -> dict[str, Any]:
        """What `edgebook plan NOTEBOOK --json` prints: hash, changes, stages."""
        data: dict[str, Any] = to_json(dict(self.ladder.data))
        return {"title": self.ladder.title, **data, "notes": list(self.ladder.notes)}


def ladder_pages(
    ladder: Ladder, position: Position, *, next_line: str = "", asks: str = ""
) -> LadderPages:
    shown = ladder_table(ladder, position, next_line=next_line, asks=asks)
    return LadderPages((shown, changes_table(ladder)) if len(ladder.stages) > 1 else (shown,))


def moved_table(moved: Moved) -> Table:
    """What a run of a move did, stage by stage."""
    rows = (
        (
            {
                "stage": f"{stage.number} {stage.name}",
                "share": "" if stage.share is None else f"{stage.share:g} %",
                "changes": len(stage.results),
                "took": duration(stage.seconds),
                "seen": str(stage.seen),
            },
            TONES.get(stage.seen.state, "quiet"),
        )
        for stage in moved.stages
    )
    title, said = moved.title, f"{NOTHING}: {moved.standing}"
    if moved.stages:  # of a ladder of what is left, nothing is left
        title = title.removesuffix(f": {NOTHING}")
        said = "done" if moved.standing == NOTHING else moved.standing
    columns = ("stage", "share", "changes", "took", "seen")
    return table(columns, rows, title=f"{title}: {said}", data=moved.to_json())
