"""The facade of notebooks and commands: a Book is one front door.

Every method is one call whose value shows itself: `_repr_html_` in JupyterLab, `str()` in a
terminal, `.frame` (pandas) for further work, `.to_json()` for machines. What fails raises an
EdgebookError. Only `apply` and `teardown(...).apply` write anything outside this process.
"""

import contextlib
from typing import TYPE_CHECKING, Any

from edgebook.base.errors import UsageError
from edgebook.book.moves import Move
from edgebook.book.session import Session
from edgebook.book.steps import BookStep, Teardown
from edgebook.model.values import Step
from edgebook.plan.given import Given
from edgebook.show import status as statuses
from edgebook.show import views, watched
from edgebook.show.applied import Applied
from edgebook.show.tables import Pages, PlanTable, Table
from edgebook.verify import checks, preflight

if TYPE_CHECKING:
    from edgebook.traffic import Watch


class Book(Session):
    """One params file, connected. Each call reads the world anew."""

    def step(self, name: str) -> BookStep:
        """address-and-dns, certificate, frontends, certificate-map, firewall or backends."""
        try:
            return BookStep(self, Step(name))
        except ValueError:
            known = ", ".join(step.value for step in Step)
            raise UsageError(f"No step {name!r}", why=f"steps are: {known}") from None

    def plan(self) -> PlanTable:
        """What would change in all steps. Writes nothing."""
        return self.told("", lambda: self.plan_table(self.door.read().plan, "plan"))

    def apply(
        self,
        mode: str,
        approve: str | Given = "",
        *,
        steps: tuple[Step, ...] = tuple(Step),
        **options: Any,
    ) -> Applied | Table:
        """Several steps overlapping. With mode "plan" it only says what it would do."""
        return self.apply_steps("", steps, mode, approve, **options)

    def preflight(self) -> Table:
        """Checks before anything is changed; raises StepFailed when one failed."""
        return self.checked("preflight", lambda: preflight.run(self.door))

    def verify(self) -> Table:
        """All checks of all steps; raises StepFailed when one failed."""
        return self.checked("verify", lambda: checks.run(self.facts()))

    def certificates(self) -> Table:
        """Domain, certificate, state, authorization, issue, expires in, map entry, attached to."""
        return self.shown("certificates", self._view(views.certificates))

    def endpoints(self) -> Table:
        """Backend, cluster, zone, NEG, endpoint, health, since when this book has seen it so."""

        def work() -> Table:
            facts = self.facts()
            seen = views.endpoints(facts, self._seen)
            self.shown(f"backends: {seen.title}", views.backends_short(facts, seen))
            return seen

        return self.told("", work)

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
        pages = self.told("", lambda: statuses.status(self.facts(), self._seen))
        for table in pages.tables:
            self.shown(table.title, table)
        return pages

    def topology(self) -> Any:
        """From the names down to the NEGs, as a picture; `.data` has its nodes and edges."""
        from edgebook.show import pictures, topology

        return self.told("", lambda: pictures.topology(topology.topology(self.facts())))

    def expiry(self) -> Any:
        """How long ours and today's certificates are valid, as a picture."""
        from edgebook.show import pictures, topology

        return self.told("", lambda: pictures.expiry(topology.expiry(self.facts())))

    def leaks(self) -> Table:
        """What nothing wants any more: marked but not in the params, NEGs without a cluster."""
        return self.told("", lambda: views.leaks(self.leftovers()))

    def teardown(self, *steps: str) -> Teardown:
        """Taking down these steps, or everything: `.plan()`, then `.apply(mode, approve)`."""
        return Teardown(self, tuple(self.step(name).name for name in steps) or tuple(Step))

    def move(self, name: str, **options: Any) -> Move:
        """Moving live traffic: `.plan()` is the ladder, then `.apply(mode, approve)`."""
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
