"""Carries a ladder out: stage by stage plan, apply, wait, look, soak; back at once on a breach.

Each stage starts from a fresh look at what is live, so a killed run goes on where the traffic
stands. One approval and one lease cover the whole ladder, its way back included. The engine knows
no protocol and no DNS: what a stage means is in the ladder.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from edgebook.apply import progress as progresses
from edgebook.apply.flow import approve_plan, explain_health, hold
from edgebook.apply.progress import Progress
from edgebook.apply.recording import recorded
from edgebook.apply.run import Done, Run
from edgebook.base.errors import ApprovalError, EdgebookError, StepFailed
from edgebook.front_door import FrontDoor, Moment
from edgebook.model.kinds import named
from edgebook.model.observed import Observed
from edgebook.model.values import Change, Live, ResourceKey
from edgebook.moves import assume, position, stops
from edgebook.moves.gates import MoveGates
from edgebook.moves.looking import Seen, Watcher
from edgebook.moves.outcomes import STOPS, Breach, Moved, Situation, StageDone
from edgebook.moves.position import Position
from edgebook.moves.stages import Gate, Ladder, Stage
from edgebook.plan import kept, lines
from edgebook.plan.allowances import allowances
from edgebook.plan.approval import Approval
from edgebook.plan.given import AUTO, Given
from edgebook.records.journal import Journal

MakeLadder = Callable[[Moment], Ladder]
# How much those who must be quiet still serve; None when nobody can tell.
Still = Callable[[Gate], int | None]
Require = Callable[[Moment, Ladder], None]
# Clusters of which only the attached NEGs count, though their Kubernetes API may answer.
Assumed = Callable[[Live], tuple[str, ...]]


class Engine:
    """One move of one front door."""

    def __init__(
        self,
        door: FrontDoor,
        make: MakeLadder,
        watcher: Watcher,
        *,
        require: Require = lambda moment, ladder: None,
        more: Callable[[Moment], Moment] = lambda moment: moment,
        assumed: Assumed = lambda live: (),
        still: Still | None = None,
        made: lines.Words = (),
        show_progress: bool = True,
        wait_lock: float = 0.0,
    ) -> None:
        self._door = door
        self._make = make
        self._watcher = watcher
        self._require = require
        self._more = more
        self._assumed = assumed
        self._still = still or (lambda gate: watcher.answered_by(gate.quiet))
        self._show = show_progress
        self._patience = wait_lock
        self._clock = door.connection.clock
        self._words = made or lines.of_plan(door.file)  # the command that shows its ladder
        self._done: list[StageDone] = []
        self._lost: tuple[str, ...] = ()
        self._made = 0  # changes of this run so far
        self._journal = Journal(None, self._clock)
        self._progress: Progress = progresses.Quiet()
        self._gates: MoveGates | None = None

    def situate(self) -> Situation:
        """Look anew; raises OwnershipError when live is no stage of the ladder."""
        moment = self._read()
        allows = allowances(self._door.spec.safety.traffic)
        ladder = replace(self._make(moment).without(self._lost), allows=allows)
        return Situation(moment, ladder, position.find(ladder, moment.live, moment.observed))

    def _read(self) -> Moment:
        moment = self._more(self._door.read())
        self._lost = assume.lost(moment.observed)
        return replace(moment, observed=self._attached(moment.observed, moment.live))

    def _attached(self, observed: Observed, live: Live) -> Observed:
        """With the attached NEGs of clusters that are lost, or that this move does not ask."""
        return assume.with_attached(observed, live, self._door.spec, self._assumed(live))

    def apply(self, approve: str | Given, *, back: bool = False) -> Moved:
        """To the last stage, or with `back` to the start; StepFailed when it ends elsewhere."""
        self._clock.resume()
        now = self.situate()
        if now.arrived(back=back):
            return self._moved(now)
        if not back and not now.position.done:
            self._require(now.moment, now.ladder)
        approval = self._approve(now.ladder, approve)
        with self._running(now, approval):
            while not now.arrived(back=back):
                index = _next_back(now) if back else now.position.done + 1
                self._stage(now, index, back=back)
                now = self.situate()
            kept.note_done(now.ladder.hash, self._door.connection.place, _carried_out(now.ladder))
            self._progress.say(self._headline(now))
            self._journal.headline(now.ladder.move, self._headline(now))
            self._journal.write("applied", step=now.ladder.move)
        return self._moved(now)

    def _approve(self, ladder: Ladder, approve: str | Given) -> Approval:
        """By the ladder's very hash; one that was carried out to its end is spent."""
        if approve != AUTO:
            spent = kept.spent(ladder.hash, self._door.connection.place)
            if _carried_out(ladder).id in spent:
                raise ApprovalError(
                    f"Ladder {ladder.hash[:8]} was carried out to its end already",
                    why="its approval does not hold for a second time",
                    next="plan again and approve it anew: "
                    + lines.read(self._words, "--approve", ladder.hash[:8]),
                )
        return approve_plan(self._door, ladder.asked, approve, made=self._words)

    @contextmanager
    def _running(self, now: Situation, approval: Approval) -> Iterator[None]:
        """Lease, journal, progress and meter around all stages."""
        door, ladder = self._door, now.ladder
        with (
            hold(door, wait=self._patience),
            recorded(door, ladder.move, ladder.plan, approval) as recording,
            progresses.choose(wanted=self._show) as self._progress,
            self._watcher,
        ):
            self._journal = recording.journal
            self._gates = MoveGates(
                door, self._progress.say, lambda key, seen: explain_health(door, key, seen)
            )
            self._journal.planned(ladder.move, ladder.plan)
            self._made = 0
            total = self._ahead(now.ladder, now.position.done)
            self._journal.write("applying", step=ladder.move, total=total)
            self._progress.total(ladder.move, total)
            try:
                yield
            except (EdgebookError, KeyboardInterrupt) as error:
                raised = error if isinstance(error, EdgebookError) else stops.by_hand(ladder)
                self._progress.say(raised.what)
                self._journal.failure(ladder.move, raised)
                raise raised from None

    def _stage(self, now: Situation, index: int, *, back: bool = False) -> None:
        """One stage: its gate before, its plan, its gates after, its soak."""
        stage = now.ladder.stages[index]
        began = self._clock.monotonic()
        self._progress.say(f"{index} {stage.name}: {stage.what}")
        self._watcher.mark(f"{now.ladder.move}: {stage.name}")
        self._reachable(now, stage)
        try:
            self._drain(stage.before if not back or index == 0 else Gate())
            if stage.cuts:
                self._watcher.mark(f"{now.ladder.move}: {stage.name}", stage.cuts)
            ahead = 0 if back else self._ahead(now.ladder, index)
            results = self._carry_out(now, index, ahead)
            side = now.ladder.stages[0 if back else index].gate.healthy
            seen = self._after(stage, side, soak=not back)
        except Breach as breach:
            if back or not stage.back:
                raise stops.stopped(now, stage, breach.seen, "") from None
            self._go_back(now, stage, breach.seen)
            raise AssertionError("unreachable") from None
        took = (self._clock.monotonic() - began) * (self._clock.rate or 1.0)
        done = StageDone(stage.name, index, now.ladder.progress(index), tuple(results), took, seen)
        self._done.append(done)
        last = len(now.ladder.stages) - 1
        status = "back" if back else "done"
        said = {name: value for name, value in done.to_json().items() if name != "changes"}
        self._journal.write("stage", step=now.ladder.move, of=last, status=status, **said)

    @staticmethod
    def _ahead(ladder: Ladder, index: int) -> int:
        """How many changes the stages after this one make."""
        return sum(len(ladder.told(later)) for later in range(index + 1, len(ladder.stages)))

    def _carry_out(self, now: Situation, index: int, ahead: int = 0) -> list[Done]:
        """The stage's plan as an ordinary run; its first failure is raised.

        `ahead`: how many changes come after it.
        """
        ladder, door, moment = now.ladder, self._door, now.moment
        plan = ladder.plan_of(index, moment.live, moment.observed)
        if plan.blockers:
            raise StepFailed(
                f"{ladder.title}: stage {ladder.stages[index].name} is blocked",
                step=ladder.move,
                why="\n".join(
                    f"{named(change.key)}: {change.sentence}" for change in plan.blockers
                ),
                state=f"traffic stays {now.words()}",
            )

        def replan(key: ResourceKey) -> Change | None:
            fresh = self._read()
            again = ladder.plan_of(index, fresh.live, fresh.observed)
            return next((c for c in again.to_do if c.key == key), None)

        run = Run(
            door.cloud,
            moment.reader,
            journal=self._journal,
            progress=self._progress,
            replan=replan,
            observe=lambda: self._attached(door.observe_now(), moment.live),
            own_negs=ladder.stages[index].desired.own_negs,
            explain=lambda service, seen: explain_health(door, service, seen),
            await_health=ladder.stages[index].gate.collected,
        )
        self._progress.expect(self._made + len(plan.to_do) + ahead)
        results = run.carry_out(plan, moment.live)
        self._made += sum(done.status == "done" for done in results)
        for done in results:
            if done.status == "failed" and done.error:
                raise stops.failed(now, index, done.error)
        return results

    def _drain(self, gate: Gate) -> None:
        words = f"draining {', '.join(gate.quiet)}" if gate.quiet else "waiting out the old TTL"
        self._wait(gate.drain_s, words)
        waited = gate.drain_s
        while gate.quiet and (left := self._still(gate) or 0) > 0:
            if waited >= gate.patience_s:
                if not gate.strict:
                    return
                raise Breach(Seen("busy", (f"{', '.join(gate.quiet)} still serves: {left} seen",)))
            self._watcher.mark(f"waiting for {', '.join(gate.quiet)} to be quiet")
            self._wait(30, f"{', '.join(gate.quiet)} still serves")
            waited += 30

    def _after(self, stage: Stage, side: tuple[str, ...], *, soak: bool) -> Seen:
        """Health of the new side, the spread, the meter, the soak; raises Breach."""
        gates = self._gates
        assert gates is not None
        try:
            gates.healthy(stage, side)
        except StepFailed as error:
            raise Breach(Seen("breach", (str(error.what), str(error.why)))) from error
        self._wait(stage.gate.spread_s, f"{stage.name}: spreads to every location")
        if soak:
            self._wait(stage.soak_s, f"{stage.name}: soaks")
        return self._look(stage.gate)

    def _wait(self, seconds: float, words: str) -> None:
        """Wait, and look at the meter all the time."""
        left = seconds
        while left > 0:
            piece = min(left, 15.0)
            self._progress.say(f"{words}, {left:.0f} s left")
            self._clock.wait(piece)
            left -= piece
            self._look(Gate(judged=True))

    def _look(self, gate: Gate) -> Seen:
        seen = self._watcher.look()
        if gate.judged and seen.state in ("breach", "blind"):
            raise Breach(seen)
        return seen

    def _reachable(self, now: Situation, stage: Stage) -> None:
        """A cluster that the stage must look at, and cannot."""
        gone = [name for name in stage.gate.healthy if name in self._lost]
        if gone:
            raise StepFailed(
                f"{now.ladder.title}: the Kubernetes API of {', '.join(gone)} does not answer",
                step=now.ladder.move,
                why="what its pods and NEGs are cannot be seen",
                next="run it again when it answers, or go back: --mode back; to leave a lost "
                f"cluster: edgebook plan operate/failover -p leave {gone[0]}",
                state=f"nothing more was changed; traffic stays {now.words()}",
            )

    # The way back

    def _go_back(self, now: Situation, stage: Stage, seen: Seen) -> None:
        """A breach goes back at once, is drained, and ends the run. Blind only stops it."""
        ladder = now.ladder
        if seen.state in STOPS:
            raise stops.stopped(self.situate(), stage, seen, STOPS[seen.state])
        target = ladder.stage(stage.back)
        self._journal.write("breach", step=ladder.move, name=stage.name, seen=str(seen))
        self._watcher.mark(f"{ladder.move}: back to {stage.back}")
        moment = self._read()
        back = Situation(moment, ladder, Position(target))
        try:
            self._carry_out(back, target)
        except (EdgebookError, Breach) as error:
            raise stops.back_failed(back, stage, seen, target, error) from error
        self._clock.wait(ladder.stages[target].gate.spread_s)
        self._journal.write("stage", step=ladder.move, name=stage.back, number=target,
                            of=len(ladder.stages) - 1, status="back")  # fmt: skip
        raise stops.stopped(self.situate(), stage, seen, f"went back to {stage.back} at once")

    def _headline(self, now: Situation) -> str:
        words = self._gates.words if self._gates and self._gates.seen else self._standing(now)
        return f"{len(self._done)} stages, {words}"

    def _standing(self, now: Situation) -> str:
        """Where the traffic stands. A last stage that only took things away is no stage any more
        once they are gone: then what was done says it."""
        last = self._done[-1] if self._done else None
        if last is not None and len(now.ladder.stages) > 1 and last.number > now.position.done:
            return f"at stage {last.number} of {last.number} ({last.name})"
        return now.words()

    def _moved(self, now: Situation) -> Moved:
        return Moved(
            now.ladder.title,
            now.ladder.plan,
            tuple(self._done),
            self._standing(now),
            traffic=self._watcher.to_json(),
        )


def _carried_out(ladder: Ladder) -> ResourceKey:
    """What is noted under an approval when its ladder has come to an end."""
    return ResourceKey("ladder", ladder.front_door, ladder.move)


def _next_back(now: Situation) -> int:
    """The next stage on the way back: where the stage says, else the one before it."""
    at = now.position.done + now.position.partly
    stage = now.ladder.stages[at]
    return now.ladder.stage(stage.back) if stage.back else at - 1
