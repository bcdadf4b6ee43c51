"""The parts of a book: one step of the way, and the way back."""

from typing import Any

from edgebook.apply.flow import apply_plan
from edgebook.base.errors import UsageError
from edgebook.book.session import MODES, Session
from edgebook.front_door import Moment
from edgebook.model.values import Change, Plan, ResourceKey, Step
from edgebook.plan import kept, lines, teardown
from edgebook.plan.given import Given
from edgebook.show import tables as show
from edgebook.show import views
from edgebook.show.applied import Applied
from edgebook.show.tables import PlanTable, Table
from edgebook.verify import checks


class BookStep:
    """One step of a Book."""

    def __init__(self, book: Session, name: Step) -> None:
        self._book = book
        self.name = name

    def plan(self) -> PlanTable:
        """What would change in this step. Writes nothing."""
        book, title = self._book, self.name.value

        def work() -> PlanTable:
            plan = book.door.read().plan.only(self.name)
            return book.plan_table(plan, title, (self.name,))

        return book.told(title, work)

    def apply(self, mode: str, approve: str | Given = "", **options: Any) -> Applied | Table:
        """With mode "plan" say what would be done; with "apply" do it, for this plan's hash."""
        return self._book.apply_steps(self.name.value, (self.name,), mode, approve, **options)

    def verify(self) -> Table:
        """The checks of this step; raises StepFailed when one failed."""
        book = self._book
        return book.checked(self.name.value, lambda: checks.run(book.facts(), (self.name,)))


class Teardown:
    """The way back: deletes in reverse order."""

    def __init__(self, book: Session, steps: tuple[Step, ...]) -> None:
        self._book = book
        self._steps = steps

    def plan(self) -> PlanTable:
        """What would be deleted, and what holds what. Writes nothing."""
        book = self._book

        def work() -> PlanTable:
            found = self._plan(book.door.read(everywhere=True))
            book.journal.planned("teardown", found)
            kept.show(found, book.door.connection.place)
            return show.plan_table("teardown", found, notes=book.refused_notes(found, self._made))

        return book.told("teardown", work)

    def apply(self, mode: str, approve: str | Given = "", **options: Any) -> Applied | Table:
        """With mode "apply" and the hash of this teardown's plan: take it down, then look again."""
        book = self._book
        if mode not in MODES:
            raise UsageError(f"No mode {mode!r}", where="mode", why='"plan" or "apply"')
        if mode == "plan":
            return book.only_planned(self.plan(), self._made)

        def work() -> Applied:
            moment = book.door.read(everywhere=True)
            found = self._plan(moment)
            done = apply_plan(
                book.door,
                moment,
                found,
                approve,
                made=self._made,
                title="teardown",
                replan=self._again,
                again=self._anew,
                **options,
            )
            applied = Applied(done)
            left = book.leftovers(torn_down=True)
            if set(self._steps) == set(Step) and left:
                applied = applied.with_leaks(views.leaks(left))
            return applied

        return book.told("teardown", work)

    @property
    def _made(self) -> lines.Words:
        """The command that shows its plan."""
        some = () if set(self._steps) == set(Step) else self._steps
        return lines.of_teardown(self._book.file, [step.value for step in some])

    def _plan(self, moment: Moment) -> Plan:
        where = self._book.spec.environment.value
        return teardown.plan(moment.desired, moment.live, self._steps, environment=where)

    def _anew(self) -> tuple[Moment, Plan]:
        moment = self._book.door.read(everywhere=True)
        return moment, self._plan(moment)

    def _again(self, key: ResourceKey) -> Change | None:
        moment = self._book.door.read(everywhere=True)
        return teardown.replan(moment.desired, moment.live, key, self._steps)
