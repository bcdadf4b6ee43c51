"""From an approved plan to a finished step: approval, lease, journal, run, and what came of it."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edgebook.apply import lock as locks
from edgebook.apply import metering
from edgebook.apply import progress as progresses
from edgebook.apply.leases import Holder, holder_of
from edgebook.apply.lock import FrontDoorLock
from edgebook.apply.recording import recorded
from edgebook.apply.run import Done, Run
from edgebook.base.errors import EdgebookError, InterruptedRun, StepFailed
from edgebook.cloud.identity import identity
from edgebook.front_door import FrontDoor, Moment
from edgebook.model.kinds import named
from edgebook.model.paths import compute_scope, name_of, zone_of
from edgebook.model.values import Change, Plan, ResourceKey
from edgebook.plan import kept, lines, order
from edgebook.plan import make as plans
from edgebook.plan.approval import (
    Approval,
    Asked,
    Circumstances,
    base_hash,
    decide,
    way_to_approve,
)
from edgebook.plan.approvers import Rules
from edgebook.plan.given import Given, parse_hash, read_given
from edgebook.plan.proving import proof_name
from edgebook.plan.successors import proven
from edgebook.records import journal as journals
from edgebook.records.journal import Journal
from edgebook.verify import causes, failures
from edgebook.verify.facts import facts as facts_of
from edgebook.verify.failures import Failure
from edgebook.verify.health import GroupHealth

APPROVAL_FILE = "EDGEBOOK_APPROVAL"  # the signed approvals of the run that started this kernel


@dataclass(frozen=True)
class Outcome:
    """What an apply did: one result a change, and the few things worth a line in a summary."""

    title: str
    plan: Plan
    results: tuple[Done, ...]
    headlines: tuple[str, ...] = ()
    seconds: float = 0.0
    journal: str = ""
    traffic: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        changes = [
            {**done.change.to_json(), "status": done.status, "seconds": round(done.seconds, 3)}
            for done in self.results
        ]
        return {
            "hash": self.plan.hash,
            "changes": changes,
            "headlines": sorted(self.headlines),
            "seconds": round(self.seconds, 3),
            "journal": self.journal,
            "traffic": dict(self.traffic),
        }


def apply_plan(
    door: FrontDoor,
    moment: Moment,
    plan: Plan,
    approve: str | Given,
    *,
    made: lines.Words,
    title: str = "",
    replan: Callable[[ResourceKey], Change | None] | None = None,
    show_progress: bool = True,
    wait_lock: float = 0.0,
    await_health: bool = True,
    again: Callable[[], tuple[Moment, Plan]] | None = None,
    show_traffic: metering.Show | None = None,
) -> Outcome:
    """Carry the plan out when it is approved; StepFailed or InterruptedRun when it ends early.

    `again` reads and plans anew: what counts is the plan that is made while the lease is held.
    `made`: the words of the command that shows this plan.
    """
    door.connection.clock.resume()
    title = title or "apply"
    if plan.empty:
        _sweep(door, moment)
        return Outcome(title, plan, ())
    approve_plan(door, plan, approve, made=made)
    with hold(door, wait=wait_lock):
        if again is not None:
            moment, plan = again()
        if plan.empty:
            return Outcome(title, plan, ())
        return _carry_out(
            door,
            moment,
            plan,
            approve,
            made=made,
            title=title,
            replan=replan,
            show_progress=show_progress,
            await_health=await_health,
            show_traffic=show_traffic,
        )


def _carry_out(
    door: FrontDoor,
    moment: Moment,
    plan: Plan,
    approve: str | Given,
    *,
    made: lines.Words,
    title: str,
    replan: Callable[[ResourceKey], Change | None] | None,
    show_progress: bool,
    await_health: bool,
    show_traffic: metering.Show | None,
) -> Outcome:
    """The same under the lease."""
    clock = door.connection.clock
    plan = order.at_once(plan, moment.live)
    refused = plans.refusal(plan, door.spec.safety, door.file, made=made)
    if refused is not None:
        raise refused
    approval = approve_plan(door, plan, approve, made=made)
    kept.keep(plan)
    earlier = journals.unfinished(door.id) if not _recorded() else None
    began = clock.monotonic()
    with (
        recorded(door, title, plan, approval) as recording,
        progresses.choose(wanted=show_progress) as progress,
        metering.around(door, taken_down=title == "teardown", show=show_traffic) as meter,
    ):
        journal = recording.journal
        journal.planned(title, plan)
        journal.write("applying", step=title, total=len(plan.to_do), earlier=str(earlier or ""))
        progress.total(title, len(plan.to_do))
        run = Run(
            door.cloud,
            moment.reader,
            journal=journal,
            progress=progress,
            replan=replan or door.replan,
            observe=door.observe_now,
            own_negs=moment.desired.own_negs,
            explain=lambda service, seen: explain_health(door, service, seen),
            on_done=lambda change: kept.note_done(approval.hash, door.connection.place, change.key),
            await_health=await_health,
            guard=meter.guard,
            hurts=meter.hurts,
        )
        try:
            results = run.carry_out(plan, moment.live)
            progress.say(_in_the_end(results, run.headlines))
            if all(done.status == "done" for done in results):
                meter.gate()
        except (StepFailed, InterruptedRun) as error:
            progress.say(error.what)
            journal.failure(title, error)
            raise
        except KeyboardInterrupt:
            stopped = _stopped(title, journal)
            progress.say(stopped.what)
            journal.failure(title, stopped)
            raise stopped from None
        for text in run.headlines:
            journal.headline(title, text)
        recording.traffic = meter.to_json()
        applied = Outcome(
            title,
            plan,
            tuple(results),
            run.headlines,
            clock.monotonic() - began,
            str(journal.path or ""),
            meter.to_json(),
        )
        _raise_failure(applied, journal)
        journal.write("applied", step=title)
        return applied


def _in_the_end(results: Sequence[Done], headlines: Sequence[str]) -> str:
    """What the progress says when nothing moves any more."""
    failed = [f"{named(done.change.key)} failed" for done in results if done.status == "failed"]
    return "; ".join(failed or headlines) or "done"


def explain_health(door: FrontDoor, service: ResourceKey, seen: GroupHealth) -> tuple[Failure, str]:
    """The likeliest reason why endpoints are not healthy, from a fresh look at everything."""
    unhealthy = [item for item in seen.endpoints if item.health != "HEALTHY"]
    names = {door.names.backend_service(name): name for name in door.spec.backends}
    proved = {proof_name(service): name for service, name in names.items()}
    name = {**proved, **names}.get(service.name)
    if name is None:
        return failures.NEG_EMPTY, failures.NEG_EMPTY.cause
    if not unhealthy:
        empty = ", ".join(f"{name_of(group)} {zone_of(group)}"
                          for group in seen.empty)  # fmt: skip
        facts = facts_of(door, door.read())
        trouble, words = causes.why_empty(facts, name, door.spec.backends[name], seen.empty)
        return trouble, f"no endpoint in {empty}: {words}"
    facts = facts_of(door, door.read())
    if service.name in proved:  # it has the check of the params, unlike the live one
        others = tuple(change for change in facts.plan.changes if not proven(change))
        facts = replace(facts, plan=replace(facts.plan, changes=others))
    first, backend = unhealthy[0], door.spec.backends[name]
    trouble, words = causes.why_unhealthy(facts, name, backend, first, seen.endpoints)
    count = sum(item.group == first.group for item in unhealthy)
    return trouble, f"{count} of NEG {first.neg} ({first.zone}) are not HEALTHY: {words}"


def _stopped(title: str, journal: Journal) -> InterruptedRun:
    """Stopped between two changes, or impatiently, a second time."""
    return InterruptedRun(
        f"{title}: stopped by hand",
        where=str(journal.path or ""),
        why="what was under way may or may not have happened; the journal names it",
        next="run it again: it reads what is there and goes on",
    )


def _recorded() -> bool:
    return bool(os.environ.get("EDGEBOOK_JOURNAL"))


@contextmanager
def hold(door: FrontDoor, *, wait: float = 0.0, holder: Holder | None = None) -> Iterator[None]:
    """The lease of this front door, for as long as something is written to it.

    In a process that a run has started it is the run's: then it is only watched, not taken.
    """
    key, ours = lease_key(door), not door.spec.address.adopt
    of_the_run = holder_of() if holder is None else None
    if of_the_run is not None:
        lock = FrontDoorLock(door.wire, key, ours=ours, holder=of_the_run)
        if lock.follow():
            try:
                yield
            finally:
                lock.unfollow()
            return
    # No run, or one whose notebooks were not to change anything: then this one holds its own.
    with FrontDoorLock(door.wire, key, ours=ours, wait=wait, holder=holder, say=_say):
        yield


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _sweep(door: FrontDoor, moment: Moment) -> None:
    """Take away what a killed run left of its lease, when this reading shows any."""
    key = lease_key(door)
    for name in (key.name, f"{key.name[:58]}-lock"):
        found = moment.live.get(ResourceKey("address", key.scope, name))
        labels = (found.body.get("labels") or {}) if found else {}
        if found and ("edgebook-lock" in labels or name != key.name):
            locks.sweep(door.wire, key, ours=not door.spec.address.adopt)
            return


def lease_key(door: FrontDoor) -> ResourceKey:
    """The address whose labels carry the lease; when it is adopted, only its name counts."""
    version = sorted(door.spec.address.ip_versions)[0]
    return ResourceKey("address", compute_scope(door.spec.project), door.names.address(version))


def approve_plan(
    door: FrontDoor, plan: Plan | Asked, approve: str | Given, *, made: lines.Words
) -> Approval:
    """Raise ApprovalError unless it is approved, or the rest of what was approved."""
    recorded = os.environ.get(APPROVAL_FILE, "")
    about = Circumstances(
        identity(door.connection), datetime.now(UTC), Rules.of(door.spec.safety), made=made
    )
    if isinstance(approve, Given):
        given, how = approve, "--approve"
    elif recorded and Path(recorded).exists() and approve != "auto":
        given, how = read_given(recorded), "the approval of the run"
    else:
        how = "approve"
        instead = way_to_approve(replace(about, how=how), plan.hash)
        hash_ = parse_hash(approve, instead=instead)
        given = Given(hash_, kept.find(hash_))
    base = base_hash(given, plan)
    spent = kept.spent(base, door.connection.place) if base else ()
    return decide(given, plan, replace(about, spent=spent, how=how))


def _raise_failure(applied: Outcome, journal: Journal) -> None:
    """The first failure, with what is done and what is not."""
    failed = [done for done in applied.results if done.status == "failed" and done.error]
    if not failed:
        return
    first = failed[0]
    done = sum(item.status == "done" for item in applied.results)
    state = (
        f"{done} of {len(applied.results)} changes are done and journaled; run it again to go on"
    )
    error = first.error
    assert error is not None
    others = [f"{d.change.key}: {d.error.what}" for d in failed if d is not first and d.error]
    seen = "\n".join([str(getattr(error, "seen", "")), *others]).strip()
    raised = StepFailed(
        f"{applied.title}: {error.what}",
        step=applied.title,
        where=error.where,
        why=error.why,
        seen=seen,
        next=error.next or _where_to_look(error),
        state=state,
    )
    raised.exit_code = error.exit_code
    raised.outcome = applied
    raise raised from error


def _where_to_look(error: EdgebookError) -> str:
    return "run it again; edgebook status shows how far it got"
