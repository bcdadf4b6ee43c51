"""What a run is allowed to do: its plan or a move's ladder, compared with what was approved.

Approvals are decided by `edgebook.plan.approval` alone; here is only what a run knows of them.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from edgebook.base.errors import ApprovalError, UsageError
from edgebook.model.people import Person
from edgebook.model.values import Plan, Step
from edgebook.plan import kept, lines
from edgebook.plan.approval import (
    Approval,
    Asked,
    Circumstances,
    base_hash,
    decide,
    decide_rest,
)
from edgebook.plan.approvers import Rules
from edgebook.plan.given import AUTO, Given, bundle
from edgebook.records import Draft
from edgebook.records.pages import duration
from edgebook.runbook.display import Display
from edgebook.runbook.kernels import WarmProcess
from edgebook.runbook.request import Prepared
from edgebook.runbook.sequence import COMMON, Runbook, planned_by

APPROVAL = "approval.json"


class Approved:
    """The plan of a run, the ladders of its moves, and their approvals, as its notebooks need."""

    def __init__(
        self, prepared: Prepared, warm: WarmProcess, draft: Draft, display: Display
    ) -> None:
        self._prepared, self._warm, self._draft, self._display = prepared, warm, draft, display
        self.plan: Plan | None = None
        self.approval: Approval | None = None
        self.ladders: dict[str, dict[str, Any]] = {}  # by notebook: what moves were approved
        self._step_hashes: Mapping[str, str] = {}

    def ask(self, runbook: Runbook, following: Sequence[Runbook]) -> None:
        """Before a notebook that changes something; raises ApprovalError."""
        if runbook.moves:
            self._move(runbook)
        elif runbook.step == lines.TEARDOWN or not self.approval:
            self._change([runbook, *following])

    def given_to(self, runbook: Runbook) -> str:
        """What a notebook gets as `approve`; empty when nothing was approved for it."""
        if ladder := self.ladders.get(runbook.name):
            given = self._prepared.given.hash
            return given if given == AUTO else str(ladder["hash"])
        if runbook.applies and self.approval:
            return self._step_hashes.get(runbook.step, self.approval.hash)
        return ""

    def _change(self, runbooks: Sequence[Runbook]) -> None:
        """Plan the whole change and compare it with what was approved."""
        prepared = self._prepared
        self._display.begin("plan")
        said = self._planned(runbooks[0])
        self.plan = Plan.from_json(said)
        self._step_hashes = {name: str(step["hash"]) for name, step in said["steps"].items()}
        before, given = prepared.before, prepared.given
        if before is not None and before.plan is not None and not given.hash:
            anew = self._anew(before.change_id, self._made(runbooks[0]))
            self._refuse_unproven(anew)
            names = {str(step) for step in Step}
            steps = [Step(runbook.step) for runbook in runbooks if runbook.step in names]
            self.plan = self.plan.only(steps)
            self.approval = decide_rest(before.plan, self.plan, before.done, before.approval, anew)
        else:
            self.approval = self._decide(self.plan, said, self._made(runbooks[0]))
            kept.keep(self.plan)
        if given.signed:
            self._draft.write_json(APPROVAL, bundle(given, given.plan or self.plan))
        self._display.plan(self.plan, self.approval.to_json())

    def _planned(self, runbook: Runbook) -> dict[str, Any]:
        """What would be done: the whole change, or the teardown that this notebook is."""
        file = self._prepared.request.params_file
        if runbook.step != lines.TEARDOWN:
            return dict(self._warm.call("edgebook.book:plan_change", params_file=file))
        steps = self._prepared.values[runbook.name].get("steps") or []
        return dict(self._warm.call("edgebook.book:plan_teardown", params_file=file, steps=steps))

    def _move(self, runbook: Runbook) -> None:
        """A move's ladder is planned when its turn comes: it starts from what is live then."""
        self._display.begin("plan")
        values = self._prepared.values[runbook.name]
        said = self._warm.call(
            "edgebook.book:plan_move",
            params_file=self._prepared.request.params_file,
            name=runbook.step,
            options={name: value for name, value in values.items() if name not in COMMON},
        )
        request = self._prepared.request
        require_time(said, request.notebook_seconds, request.total_seconds)
        plan = Plan.from_json(said)
        size = len(plan.to_do) if said["left"] or self._prepared.request.mode == "back" else 0
        asked = Asked(plan.hash, size, plan.environment, plan.front_door, runbook.step, plan)
        approval = self._decide(asked, said, self._made(runbook))
        self.ladders[runbook.name] = {"hash": plan.hash, "approval": approval.to_json()} | {
            name: said[name] for name in ("title", "stages", "notes", "standing") if name in said
        }
        if self.approval is None:
            self.plan, self.approval = plan, approval
            if self._prepared.given.signed:
                self._draft.write_json(APPROVAL, bundle(self._prepared.given, plan))
        self._display.ladder(said, approval.to_json())

    def _made(self, runbook: Runbook) -> lines.Words:
        """The command that shows what this notebook is approved by."""
        prepared = self._prepared
        values, asked = prepared.values[runbook.name], prepared.request
        return planned_by(runbook, values, asked.given, asked.params_file)

    def _anew(self, change_id: str, made: lines.Words) -> str:
        """How a run that is gone on with is approved anew, for all that is left."""
        assert self.plan is not None
        hash_ = self.plan.short_hash
        resumed = f"edgebook run --resume {change_id} --approve {hash_}"
        return f"read `{lines.line(made)}`, then approve what it shows: `{resumed}`"

    def _refuse_unproven(self, anew: str) -> None:
        """Nobody goes on with an approval that anybody could have written into the archive."""
        before = self._prepared.before
        if before is None or before.proven:
            return
        raise ApprovalError(
            f"The approval of {before.change_id} cannot be proven here",
            where=self._prepared.archive.where(before.change_id),
            why="this machine did not write it, and no key under records.signers signed it",
            next=anew,
        )

    def _decide(self, asked: Plan | Asked, said: Mapping[str, Any], made: lines.Words) -> Approval:
        given, before = self._prepared.given, self._prepared.before
        done = frozenset[str]()
        if before is not None and before.plan is not None:
            done = before.done
            if given.plan is None and len(given.hash) >= 8:
                known = before.plan if before.plan.hash.startswith(given.hash) else None
                given = Given(given.hash, known, given.signed)
        base = base_hash(given, asked)
        about = Circumstances(
            Person(**said["author"]),
            datetime.now(UTC),
            Rules.of(self._prepared.spec.safety),
            done | (kept.spent(base, said["place"]) if base else frozenset()),
            made=made,
        )
        return decide(given, asked, about)


def require_time(said: Mapping[str, Any], notebook_s: float, total_s: float) -> None:
    """Raises UsageError for a ladder whose waits are longer than its notebook, or the run, may be.

    `said` has `title`, `left` (stages to go), `seconds` of the environment's time, and `rate`, how
    much faster that goes than ours (0: waits take no time).
    """
    limit, name = min((notebook_s, "--timeout"), (total_s, "--total-timeout"))
    waits = said["seconds"] / said["rate"] if said["rate"] else 0.0
    if said["left"] and waits > limit:
        whole = round(2 * waits)
        raise UsageError(
            f"{said['title']}: takes longer than it may",
            where=name,
            why=f"its waits alone are {duration(waits)}, the limit is {duration(limit)}",
            next=f"give it time: --timeout {whole} --total-timeout {whole}; or shorter soaks",
        )
