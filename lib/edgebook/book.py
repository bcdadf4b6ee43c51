"""The facade of notebooks and commands: a Book is one front door, a BookStep one of its parts.

Every method is one call whose value shows itself: `_repr_html_` in JupyterLab, `str()` in a
terminal, `.frame` (pandas) for further work, `.to_json()` for machines. What fails raises an
EdgebookError. Only `apply` and `teardown(...).apply` write anything outside this process.
"""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from edgebook import paste
from edgebook.apply.flow import apply_plan
from edgebook.clock import Clock
from edgebook.cloud.identity import identity
from edgebook.cloud.worlds import World
from edgebook.errors import EdgebookError, StepFailed, UsageError
from edgebook.front_door import FrontDoor, Moment
from edgebook.model.values import Change, CheckResult, CheckState, Plan, ResourceKey, Step
from edgebook.params import Spec, load_file
from edgebook.plan import kept, teardown
from edgebook.plan import leaks as leftovers
from edgebook.plan import make as plans
from edgebook.plan.approval import Given
from edgebook.records import journal as journals
from edgebook.records.journal import Journal
from edgebook.show import display, views, watched
from edgebook.show import status as statuses
from edgebook.show import tables as show
from edgebook.show.applied import Applied
from edgebook.show.banner import banner
from edgebook.show.tables import Pages, PlanTable, Table
from edgebook.verify import checks, preflight
from edgebook.verify.facts import facts as facts_of

if TYPE_CHECKING:
    from edgebook.movebook import Move
    from edgebook.traffic import Watch

T = TypeVar("T")
MODES = ("plan", "apply")
ALSO = 3  # further failures that an error names; the table has them all


class Book:
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

    def step(self, name: str) -> "BookStep":
        """address-and-dns, certificate, frontends, certificate-map, firewall or backends."""
        try:
            return BookStep(self, Step(name))
        except ValueError:
            known = ", ".join(step.value for step in Step)
            raise UsageError(f"No step {name!r}", why=f"steps are: {known}") from None

    def plan(self) -> PlanTable:
        """What would change in all steps. Writes nothing."""
        return self._told("", lambda: self._plan_table(self.door.read().plan, "plan"))

    def apply(
        self,
        mode: str,
        approve: str | Given = "",
        *,
        steps: tuple[Step, ...] = tuple(Step),
        **options: Any,
    ) -> Applied | Table:
        """Several steps overlapping. With mode "plan" it only says what it would do."""
        return self._apply("", steps, mode, approve, **options)

    def preflight(self) -> Table:
        """Checks before anything is changed; raises StepFailed when one failed."""
        return self._checked("preflight", lambda: preflight.run(self.door))

    def verify(self) -> Table:
        """All checks of all steps; raises StepFailed when one failed."""
        return self._checked("verify", lambda: checks.run(self._facts()))

    def certificates(self) -> Table:
        """Domain, certificate, state, authorization, issue, expires in, map entry, attached to."""
        return self._kept("certificates", self._view(views.certificates))

    def endpoints(self) -> Table:
        """Backend, cluster, zone, NEG, endpoint, health, since when this book has seen it so."""

        def work() -> Table:
            facts = self._facts()
            seen = views.endpoints(facts, self._seen)
            self._kept(f"backends: {seen.title}", views.backends_short(facts, seen))
            return seen

        return self._told("", work)

    def dns(self) -> Table:
        """Name, type, TTL, what it should answer, what it answers."""
        return self._view(views.dns)

    def frontends(self) -> Table:
        """Frontend, protocol, address, port, where it leads, certificate map, TLS policy."""
        return self._view(views.frontends)

    def firewall(self) -> Table:
        """Cluster, port, source range, verdict, the rules that made it."""
        return self._view(views.firewall)

    def backends(self) -> Table:
        """Backend, cluster, zone, NEG, balancing, capacity, endpoints, healthy, whose."""
        return self._view(views.backends)

    def status(self) -> Pages:
        """The tables above on one page, with what is left to change."""
        pages = self._told("", lambda: statuses.status(self._facts(), self._seen))
        for table in pages.tables:
            self._kept(table.title, table)
        return pages

    def topology(self) -> Any:
        """From the names down to the NEGs, as a picture; `.data` has its nodes and edges."""
        from edgebook.show import pictures, topology

        return self._told("", lambda: pictures.topology(topology.topology(self._facts())))

    def expiry(self) -> Any:
        """How long ours and today's certificates are valid, as a picture."""
        from edgebook.show import pictures, topology

        return self._told("", lambda: pictures.expiry(topology.expiry(self._facts())))

    def leaks(self) -> Table:
        """What nothing wants any more: marked but not in the params, NEGs without a cluster."""
        return self._told("", lambda: views.leaks(self._leaks()))

    def teardown(self, *steps: str) -> "Teardown":
        """Taking down these steps, or everything: `.plan()`, then `.apply(mode, approve)`."""
        return Teardown(self, tuple(self.step(name).name for name in steps) or tuple(Step))

    def move(self, name: str, **options: Any) -> "Move":
        """Moving live traffic: `.plan()` is the ladder, then `.apply(mode, approve)`."""
        from edgebook.movebook import Move

        return Move(self, name, options)

    def watch(self, *, rate: float | None = None) -> "Watch":
        """The meter, as a context: `with book.watch() as watch: ...; watch.window()`.

        `rate` is requests a second for each frontend; politely few when it is not given.
        """
        from edgebook.verify import watching

        return watching.watch(self.door, rate=rate)

    def traffic(self, seconds: float = 60.0, *, rate: float | None = None) -> Any:
        """Watch for so long and show it, live in a notebook; Ctrl-C ends it earlier."""
        draw, watch = watched.in_a_cell(), self.watch(rate=rate)
        with contextlib.suppress(KeyboardInterrupt), watch:  # what was seen until then is shown
            watched.follow(watch, seconds, draw)
        draw(None)
        return watched.of_report(watch.stop())

    def _leaks(self, *, torn_down: bool = False) -> list[leftovers.Leak]:
        moment = self.door.read()
        kind = "networkEndpointGroups"
        negs = moment.reader.aggregated(kind, kind).result()
        return leftovers.leaks(
            moment.desired, moment.live, moment.observed, negs, torn_down=torn_down
        )

    def _facts(self) -> Any:
        return facts_of(self.door, self.door.read())

    def _view(self, make: Callable[[Any], Table]) -> Table:
        return self._told("", lambda: make(self._facts()))

    def _kept(self, title: str, table: Table) -> Table:
        """The same table; the record of a run has what it showed last."""
        rows = [{"tone": row.tone, **row.cells} for row in table.rows]
        said = {"title": title, "columns": list(table.columns), "rows": rows}
        self.journal.write("shown", step="", name=title.split(":")[0], **said)
        return table

    def _told(self, step: str, work: Callable[[], T]) -> T:
        """Do it; an error is journaled, and what it is about is shown, before it goes up."""
        try:
            return work()
        except EdgebookError as error:
            error.next = paste.complete(error.next, paste.path(self.file))
            self.journal.failure(step, error)
            if isinstance(error, StepFailed) and error.outcome is not None:
                display.show_now(error.outcome)
            raise

    def _plan_table(self, plan: Plan, title: str) -> PlanTable:
        self.journal.planned(title, plan)
        kept.reopen(plan, self.door.connection.place)
        notes = [str(refused)] if (refused := self._refusal(plan)) else []
        return show.plan_table(title, plan, notes=notes)

    @staticmethod
    def _only_planned(table: PlanTable) -> PlanTable:
        """A plan where an apply was to be: with the lines to paste, when it can be applied."""
        if table.empty or table.notes:
            return show.with_note(table, 'Nothing was changed: mode is "plan".')
        table = show.with_note(table, 'Nothing was changed: mode is "plan".')
        why = "to do it, paste this into the parameters cell and run the notebook again"
        return show.with_next(table, why, f'mode = "apply"\napprove = "{table.plan.short_hash}"')

    def _refusal(self, plan: Plan) -> EdgebookError | None:
        return plans.refusal(plan, self.spec.safety, self.file)

    def _checked(self, title: str, make: Callable[[], list[CheckResult]]) -> Table:
        def work() -> Table:
            results = make()
            self.journal.checks(results, step="preflight" if title == "preflight" else "")
            return raise_failed(title, results)

        return self._told(title, work)

    def _apply(
        self, title: str, steps: tuple[Step, ...], mode: str, approve: str | Given, **options: Any
    ) -> Applied | Table:
        if mode not in MODES:
            raise UsageError(f"No mode {mode!r}", where="mode", why='"plan" or "apply"')

        def work() -> Applied | Table:
            moment = self.door.read()
            plan = moment.plan.only(steps)
            if mode == "plan":
                return self._only_planned(self._plan_table(plan, title or "plan"))
            refused = self._refusal(plan)
            if refused is not None:
                raise refused

            def again() -> tuple[Moment, Plan]:
                now = self.door.read()
                return now, now.plan.only(steps)

            options.setdefault("show_traffic", watched.live)
            done = apply_plan(self.door, moment, plan, approve, title=title, again=again, **options)
            return Applied(done)

        return self._told(title, work)


class BookStep:
    """One step of a Book."""

    def __init__(self, book: Book, name: Step) -> None:
        self._book = book
        self.name = name

    def plan(self) -> PlanTable:
        """What would change in this step. Writes nothing."""
        book, title = self._book, self.name.value

        def work() -> PlanTable:
            return book._plan_table(book.door.read().plan.only(self.name), title)

        return book._told(title, work)

    def apply(self, mode: str, approve: str | Given = "", **options: Any) -> Applied | Table:
        """With mode "plan" say what would be done; with "apply" do it, for this plan's hash."""
        return self._book._apply(self.name.value, (self.name,), mode, approve, **options)

    def verify(self) -> Table:
        """The checks of this step; raises StepFailed when one failed."""
        book = self._book
        return book._checked(self.name.value, lambda: checks.run(book._facts(), (self.name,)))


class Teardown:
    """The way back: deletes in reverse order."""

    def __init__(self, book: Book, steps: tuple[Step, ...]) -> None:
        self._book = book
        self._steps = steps

    def plan(self) -> PlanTable:
        """What would be deleted, and what holds what. Writes nothing."""
        book = self._book

        def work() -> PlanTable:
            found = self._plan(book.door.read())
            book.journal.planned("teardown", found)
            kept.reopen(found, book.door.connection.place)
            refused = plans.refusal(found, book.spec.safety, book.file, teardown=True)
            return show.plan_table("teardown", found, notes=[str(refused)] if refused else [])

        return book._told("teardown", work)

    def apply(self, mode: str, approve: str | Given = "", **options: Any) -> Applied | Table:
        """With mode "apply" and the hash of this teardown's plan: take it down, then look again."""
        book = self._book
        if mode not in MODES:
            raise UsageError(f"No mode {mode!r}", where="mode", why='"plan" or "apply"')
        if mode == "plan":
            return book._only_planned(self.plan())

        def work() -> Applied:
            moment = book.door.read()
            found = self._plan(moment)
            done = apply_plan(
                book.door,
                moment,
                found,
                approve,
                title="teardown",
                replan=self._again,
                again=self._anew,
                **options,
            )
            applied = Applied(done)
            left = book._leaks(torn_down=True)
            if set(self._steps) == set(Step) and left:
                applied = applied.with_leaks(views.leaks(left))
            return applied

        return book._told("teardown", work)

    def _plan(self, moment: Moment) -> Plan:
        where = self._book.spec.environment.value
        return teardown.plan(moment.desired, moment.live, self._steps, environment=where)

    def _anew(self) -> tuple[Moment, Plan]:
        moment = self._book.door.read()
        return moment, self._plan(moment)

    def _again(self, key: ResourceKey) -> Change | None:
        moment = self._book.door.read()
        return teardown.replan(moment.desired, moment.live, key, self._steps)


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


def open(params_file: str, *, change_id: str = "") -> Book:
    """Read the params and connect; everything wrong with them is listed at once (ParamsError)."""
    book = Book(load_file(params_file), str(params_file), change_id=change_id)
    book.journal.write("world", step="", **book.world.to_json())
    return book


def open_many(params_files: Iterable[str]) -> list[Book]:
    """Front doors of one environment and project that share one connection."""
    books = [Book(load_file(file), str(file)) for file in params_files]
    shared: dict[tuple[str, str], FrontDoor] = {}
    for book in books:
        key = (book.spec.environment.value, book.spec.project)
        first = shared.setdefault(key, book.door)
        if first is not book.door:
            book.door = FrontDoor(book.spec, book.file, share=first)
    return books


def plan_many(books: Iterable[Book]) -> dict[str, Plan]:
    """The plan of each front door by its file, from one reading of each project.

    Front doors share a reading when the same names mean the same clusters to them.
    """
    sharing: dict[Any, list[FrontDoor]] = {}
    for book in books:
        clusters = frozenset(book.spec.clusters.items())
        sharing.setdefault((id(book.door.wire), clusters), []).append(book.door)
    found: dict[str, Plan] = {}
    for doors in sharing.values():
        reader, live = doors[0].reader.again(), None
        zones = tuple(sorted({zone for door in doors for zone in door.zones}))
        maps = tuple(sorted({name for door in doors for name in door.maps}))
        for door in doors:
            reader.add_clusters(door.open_clusters())
            moment = door.read(reader, zones=zones, maps=maps, live=live)
            live, found[door.file] = moment.live, moment.plan
    return found


def plan_change(params_file: str) -> dict[str, Any]:
    """A whole change as JSON: hash, changes with their digests, and each step's hash and size.

    Besides, what a decision about its approval must know: which world it is, and who runs it.
    """
    door = open(params_file).door
    about = {
        "place": door.connection.place,
        "author": identity(door.connection).to_json(),
    }
    return {**change_json(door.read().plan), **about}


def plan_teardown(params_file: str, steps: Sequence[str] = ()) -> dict[str, Any]:
    """The same of a teardown: what its notebook will compare with what was approved."""
    book = open(params_file)
    found = book.teardown(*steps).plan().plan
    about = {
        "place": book.door.connection.place,
        "author": identity(book.door.connection).to_json(),
        "steps": {"teardown": {"hash": found.hash, "changes": len(found.to_do)}},
    }
    return {**found.to_json(), **about}


def change_json(plan: Plan) -> dict[str, Any]:
    """What `edgebook plan --json` prints."""
    changes = [{**change.to_json(), "digest": change.digest} for change in plan.changes]
    steps = {
        step.value: {"hash": plan.only(step).hash, "changes": len(plan.only(step).to_do)}
        for step in Step
    }
    return {**plan.to_json(), "changes": changes, "steps": steps}
