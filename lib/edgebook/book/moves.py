"""Moves as notebooks and commands see them: `book.move("swap", to="green")`.

`.plan()` is the ladder, `.apply(mode, approve)` carries it out, forward or back, `.verify()` looks
at the front door as the params will say it then. Only `apply` writes.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from edgebook.base import paste
from edgebook.base.errors import UsageError
from edgebook.book.session import Session, into_the_cell, raise_failed
from edgebook.front_door import FrontDoor
from edgebook.moves import catalog, swaps
from edgebook.moves.engine import Engine
from edgebook.moves.looking import Unwatched, Watcher
from edgebook.moves.watched import Watched
from edgebook.plan import kept, lines
from edgebook.plan.approvers import handed_over, how_signed
from edgebook.plan.given import Given
from edgebook.show.ladders import LadderPages, ladder_pages, moved_table
from edgebook.show.tables import PlanTable, Table, checks_table, with_note
from edgebook.verify import checks
from edgebook.verify.facts import facts as facts_of

T = TypeVar("T")
MODES = ("plan", "apply", "back")
NOT_YET = "not carried out yet: what fails here is what this runbook is for"


class Move:
    """One move of a book."""

    def __init__(self, book: Session, name: str, options: Mapping[str, Any]) -> None:
        self._book = book
        self.name = name
        self._options = dict(options)
        self.prepared = catalog.prepare(book.door, name, options)

    def plan(self) -> LadderPages:
        """The ladder from where the traffic stands now. Writes nothing."""
        return self._told(self._pages)

    def apply(
        self, mode: str, approve: str | Given = "", *, wait_lock: float = 0.0, **options: Any
    ) -> Table:
        """mode "apply" goes on to the last stage, "back" to the start; both under one hash."""
        if mode not in MODES:
            raise UsageError(f"No mode {mode!r}", where="mode", why='"plan", "apply" or "back"')

        def work() -> Table:
            if mode == "plan":
                return self._only_planned(self._pages().ladder)
            engine = self._engine(self._watcher(), wait_lock=wait_lock, **options)
            return moved_table(engine.apply(approve, back=mode == "back"))

        return self._told(work)

    def verify(self) -> Table:
        """The checks of the backends as the params will have them after the move.

        Raises StepFailed when one failed, but not while what it mends is not mended yet.
        """
        book = self._book

        def work() -> Table:
            there = self._engine(Unwatched("only looked at")).situate().arrived(back=False)
            seen = book.door.read()
            after = (there and self.prepared.after) or swaps.served(
                book.spec, seen.observed, seen.live
            )
            door = FrontDoor(after, book.file, share=book.door)
            moment = door.read()
            steps = self.prepared.steps
            results = checks.run(facts_of(door, moment), steps) if steps else []
            results += self.prepared.checks(moment)
            book.journal.checks(results)
            if self.prepared.mends and not there:
                return with_note(checks_table(self.name, results), NOT_YET)
            return raise_failed(self.name, results)

        return self._told(work)

    def _engine(self, watcher: Watcher, **options: Any) -> Engine:
        prepared = self.prepared
        return Engine(
            self._book.door,
            prepared.make,
            watcher,
            require=prepared.require,
            more=prepared.more,
            assumed=prepared.assumed,
            still=prepared.still,
            made=self._made,
            **options,
        )

    def _pages(self) -> LadderPages:
        now = self._engine(Unwatched("only planned")).situate()
        plan = now.ladder.plan
        self._book.journal.planned(self.name, plan)
        kept.show(plan, self._book.door.connection.place)
        safety = self._book.spec.safety
        approve = handed_over(safety, plan.short_hash)
        return ladder_pages(
            now.ladder,
            now.position,
            next_line=paste.line(*lines.carrying_out(self._made), "--approve", approve),
            asks=how_signed(safety, *self._made),
        )

    def _only_planned(self, ladder: PlanTable) -> PlanTable:
        """With the lines for the parameters cell, where a hash is enough and something is left."""
        told = with_note(ladder, 'nothing was changed: mode is "plan"')
        signed = how_signed(self._book.spec.safety, *self._made)
        if signed or not ladder.paste:
            return told
        return into_the_cell(told)

    @property
    def _made(self) -> lines.Words:
        """The command that shows its ladder."""
        return lines.of_move(lines.runbook_of(self.name), self._options, self._book.file)

    def _watcher(self) -> Watcher:
        connection = self._book.door.connection
        if not connection.data_plane:
            return Unwatched(connection.no_data_plane or "not watched")
        return Watched(self._book.door, drop=self.prepared.unwatched)

    def _told(self, work: Callable[[], T]) -> T:
        return self._book.told(self.name, work)
