"""One params file, connected: what a book, its steps, its teardown and its moves share.

A Session reads the world, shows plans and verdicts, carries out plans, and leaves all of it in the
journal; errors go up with the lines to paste completed.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeVar

from edgebook.apply.flow import apply_plan
from edgebook.base import paste
from edgebook.base.clock import Clock
from edgebook.base.errors import EdgebookError, StepFailed, UsageError
from edgebook.cloud.worlds import World
from edgebook.front_door import FrontDoor, Moment
from edgebook.model.values import CheckResult, CheckState, Plan, Step
from edgebook.params import Spec
from edgebook.plan import kept, lines
from edgebook.plan import leaks as leaking
from edgebook.plan import make as plans
from edgebook.plan.approvers import SIGNED, how_signed
from edgebook.plan.given import Given
from edgebook.records import journal as journals
from edgebook.records.journal import Journal
from edgebook.show import display, views, watched
from edgebook.show import tables as show
from edgebook.show.applied import Applied
from edgebook.show.banner import banner
from edgebook.show.tables import PlanTable, Table
from edgebook.verify.facts import facts as facts_of

T = TypeVar("T")
MODES = ("plan", "apply")
ALSO = 3  # further failures that an error names; the table has them all


class Session:
    """One params file, connected. Each call reads the world anew."""

    def __init__(self, spec: Spec, file: str, *, change_id: str = "") -> None:
        self.spec = spec
        self.file = file
        self.change_id = change_id
        self.door = FrontDoor(spec, file)
        self._seen: views.Memory = {}

    def __str__(self) -> str:
        hosts = ", ".join(self.spec.hostnames)
        return f"front door {self.door.names.front_door} ({hosts}) on {self.world}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return banner(self.world, self.door.names.front_door, self.spec.hostnames)

    @property
    def world(self) -> World:
        """Google Cloud or a simulated one, and who answers there."""
        world = self.door.connection.world
        assert world is not None  # `connect` says it for every environment
        return world

    @cached_property
    def journal(self) -> Journal:
        return journals.recorded(Clock())

    def leftovers(self, *, torn_down: bool = False) -> list[leaking.Leak]:
        moment = self.door.read(everywhere=True)
        kind = "networkEndpointGroups"
        negs = moment.reader.aggregated(kind, kind).result()
        return leaking.leaks(
            moment.desired, moment.live, moment.observed, negs, torn_down=torn_down
        )

    def facts(self) -> Any:
        return facts_of(self.door, self.door.read())

    def _view(self, make: Callable[[Any], Table]) -> Table:
        return self.told("", lambda: make(self.facts()))

    def shown(self, title: str, table: Table) -> Table:
        """The same table; the record of a run has what it showed last."""
        rows = [{"tone": row.tone, **row.cells} for row in table.rows]
        said = {"title": title, "columns": list(table.columns), "rows": rows}
        self.journal.write("shown", step="", name=title.split(":")[0], **said)
        return table

    def told(self, step: str, work: Callable[[], T]) -> T:
        """Do it; an error is journaled, and what it is about is shown, before it goes up."""
        try:
            return work()
        except EdgebookError as error:
            error.next = paste.complete(error.next, paste.path(self.file))
            error.next = paste.of_project(error.next, self.spec.project)
            error.without_secrets()
            self.journal.failure(step, error)
            if isinstance(error, StepFailed) and error.outcome is not None:
                display.show_now(error.outcome)
            raise

    def plan_table(self, plan: Plan, title: str, steps: tuple[Step, ...] = ()) -> PlanTable:
        """`steps`: those that it is the plan of; none: all of them."""
        self.journal.planned(title, plan)
        kept.show(plan, self.door.connection.place)
        notes = self.refused_notes(plan, self.made(steps))
        return show.plan_table(title, plan, notes=notes)

    def only_planned(self, table: PlanTable, made: lines.Words) -> PlanTable:
        """A plan where an apply was to be: with the lines to paste, when it can be applied.

        `made`: the command that makes the same plan, for params that ask for signatures, which a
        hash in a notebook does not carry.
        """
        goes = not table.empty and not table.notes
        table = show.with_note(table, 'Nothing was changed: mode is "plan".')
        if not goes:
            return table
        if signing := how_signed(self.spec.safety, *made):
            line = paste.line(*lines.carrying_out(made), "--approve", SIGNED)
            return show.with_next(show.with_note(table, signing), "to carry it out, signed", line)
        return into_the_cell(table)

    def made(self, steps: tuple[Step, ...] = ()) -> lines.Words:
        """The command that shows the plan of these steps."""
        some = () if set(steps) == set(Step) else steps
        return lines.of_plan(self.file, [step.value for step in some])

    def refused_notes(self, plan: Plan, made: lines.Words) -> list[str]:
        """Why this plan may not be applied at all, as its table says it; none when it may."""
        refused = self.refusal(plan, made)
        return [paste.complete(str(refused), paste.path(self.file))] if refused else []

    def refusal(self, plan: Plan, made: lines.Words) -> EdgebookError | None:
        return plans.refusal(plan, self.spec.safety, self.file, made=made)

    def checked(self, title: str, make: Callable[[], list[CheckResult]]) -> Table:
        def work() -> Table:
            project = self.spec.project
            results = [replace(one, remedy=paste.of_project(one.remedy, project)) for one in make()]
            self.journal.checks(results, step="preflight" if title == "preflight" else "")
            return raise_failed(title, results)

        return self.told(title, work)

    def apply_steps(
        self, title: str, steps: tuple[Step, ...], mode: str, approve: str | Given, **options: Any
    ) -> Applied | Table:
        if mode not in MODES:
            raise UsageError(f"No mode {mode!r}", where="mode", why='"plan" or "apply"')

        def work() -> Applied | Table:
            moment = self.door.read()
            plan, made = moment.plan.only(steps), self.made(steps)
            if mode == "plan":
                return self.only_planned(self.plan_table(plan, title or "plan", steps), made)
            refused = self.refusal(plan, made)
            if refused is not None:
                raise refused

            def again() -> tuple[Moment, Plan]:
                now = self.door.read()
                return now, now.plan.only(steps)

            options.setdefault("show_traffic", watched.live)
            done = apply_plan(
                self.door, moment, plan, approve, made=made, title=title, again=again, **options
            )
            return Applied(done)

        return self.told(title, work)


def into_the_cell(table: PlanTable) -> PlanTable:
    """What is planned, with the lines by which its notebook carries it out."""
    why = "to do it, paste this into the parameters cell and run the notebook again"
    return show.with_next(table, why, f'mode = "apply"\napprove = "{table.plan.short_hash}"')


def raise_failed(title: str, results: list[CheckResult]) -> Table:
    """The checks as a table; StepFailed, with the table as its outcome, when one failed."""
    table = show.checks_table(title, results)
    failed = [result for result in results if result.state is CheckState.FAILED]
    if not failed:
        return table
    failed.sort(key=lambda r: (r.step.number if r.step else 0, r.check, r.subject))
    first, *others = failed
    also = [f"also {one.check}: {one.subject}: {one.reason}" for one in others[:ALSO]]
    if len(others) > ALSO:
        also.append(f"and {len(others) - ALSO} more, in the table")
    error = StepFailed(
        f"{title}: {len(failed)} of {len(results)} checks failed",
        step=title,
        where=f"{first.check}: {first.subject}",
        why=first.reason,
        next=first.remedy,
        seen="\n".join(also),
    )
    error.outcome = table
    raise error
