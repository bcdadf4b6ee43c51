"""Carries out a plan: in dependency order, as much at once as the dependencies allow.

One thread a change: it waits for its predecessors, for its gates, for its object (writes to one
object are serialised), does the work, and journals intent and outcome. What the API refuses for a
moment is repeated; what somebody else changed is read and planned again, never overwritten. After
the first failure nothing new is started. `Run` must not know what the changes mean.
"""

import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any

from edgebook.apply.gates import Explain, Gates
from edgebook.apply.progress import Progress
from edgebook.apply.proofs import touched
from edgebook.apply.values import Values
from edgebook.apply.writers import Writers
from edgebook.base.clock import Budget, Cancelled, backoff
from edgebook.base.errors import (
    ApiError,
    ApprovalError,
    EdgebookError,
    InterruptedRun,
    OwnershipError,
)
from edgebook.cloud import refusals
from edgebook.cloud.compute import operation_failed
from edgebook.cloud.google import Cloud
from edgebook.cloud.refusals import Passing
from edgebook.live.reader import Reader
from edgebook.model.kinds import kind_of, named, noun
from edgebook.model.links import canonical, link
from edgebook.model.observed import Observed
from edgebook.model.values import Action, Change, Live, Plan, ResourceKey, each_negs, to_json
from edgebook.plan import order
from edgebook.plan.holders import neg_name
from edgebook.plan.successors import leads, probes_anew, proven
from edgebook.records.journal import Journal
from edgebook.verify.failures import explained
from edgebook.verify.health import GroupHealth

TRIES = 6
ANNOTATIONS = ("serviceAnnotation", "unexposure")
RELEASE_SECONDS = 300
# Configuration reaches all of Google's front ends 30 to 120 s after its operation is done: public
# reports of 502s and cut handshakes when what was replaced went at once.
SPREAD_SECONDS = 120
THREADS = 64
# What the plan would say of this resource now: a change, or None when nothing is left to do.
Replan = Callable[[ResourceKey], Change | None]


@dataclass(frozen=True)
class Done:
    """How one change ended: done, failed, or not started."""

    change: Change
    status: str
    seconds: float = 0.0
    error: EdgebookError | None = None


class Run:
    """One run over one plan. `created` is called after each change that was done."""

    def __init__(
        self,
        cloud: Cloud,
        reader: Reader,
        *,
        journal: Journal,
        progress: Progress,
        replan: Replan,
        observe: Callable[[], Observed],
        own_negs: Mapping[str, frozenset[str]],
        explain: Explain,
        on_done: Callable[[Change], None] = lambda change: None,
        await_health: bool = True,
        guard: Callable[[], object] = lambda: None,
        hurts: Callable[[], str] = lambda: "",
    ) -> None:
        self._guard = guard  # asked before each write: it raises when users notice this run
        self._cloud = cloud
        self._clock = cloud.wire.clock
        self._journal = journal
        self._progress = progress
        self._replan = replan
        self._on_done = on_done
        self._await_health = await_health
        self._own_negs = own_negs
        self._values = Values(cloud, reader)
        self._writers = Writers(
            cloud, reader, self._values, own_negs=own_negs, observe=observe, say=progress.say
        )
        self._gates = Gates(cloud, reader, progress.say, explain, hurts, services=own_negs)
        self._objects: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._releases: dict[ResourceKey, Budget] = {}
        self._failed = threading.Event()
        self._seen: list[GroupHealth] = []
        self._last: frozenset[ResourceKey] = frozenset()
        # By the environment's clock: the beginning, and the last change but those that come last.
        self._began = self._clock.passed()
        self._made_at = 0.0

    def carry_out(self, plan: Plan, live: Live) -> list[Done]:
        """Do all changes; the results in the plan's order. InterruptedRun after Ctrl-C."""
        waits = order.before(plan.changes, live)
        self._last = order.last(plan.changes, waits)
        by_key = {change.key: change for change in plan.to_do}
        results: dict[ResourceKey, Done] = {}
        running: dict[Future[Done], ResourceKey] = {}
        todo = dict.fromkeys(by_key)
        with ThreadPoolExecutor(THREADS, thread_name_prefix="edgebook-apply") as pool:
            try:
                while todo or running:
                    for key in self._ready(todo, waits, results):
                        running[pool.submit(self._one, by_key[key])] = key
                        del todo[key]
                    if not running:
                        break
                    finished, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in finished:
                        results[running.pop(future)] = future.result()
                self._afterwards(pool, by_key, results, live)
            except KeyboardInterrupt:
                self._progress.say("stopping: what is under way ends, the record will be sealed")
                self._failed.set()
                self._clock.cancel()
                for future, key in running.items():
                    results[key] = future.result()
                self._interrupted(plan, results)
        return [results.get(c.key) or Done(c, "not started") for c in plan.to_do]

    def _afterwards(
        self,
        pool: ThreadPoolExecutor,
        by_key: Mapping[ResourceKey, Change],
        results: dict[ResourceKey, Done],
        live: Live,
    ) -> None:
        """What only comes about when all changes are made, awaited at the same time.

        Google looks at health only when a forwarding rule leads there; GKE deletes NEGs only when
        nobody holds them.
        """
        if self._failed.is_set() or not self._await_health:
            return
        waits: list[tuple[Change, Future[None]]] = []
        for service, change in touched(by_key.values(), live, self._own_negs).items():
            waits.append((change, pool.submit(self._health, service, change)))
        for change in by_key.values():
            if change.key.kind in ANNOTATIONS and change.action is Action.DELETE:
                waits.append((change, pool.submit(self._gates.collected, change)))
        for change, future in waits:
            try:
                future.result()
            except Cancelled:
                continue
            except EdgebookError as error:
                self._journal.outcome(change, seconds=0.0, error=str(error))
                results[change.key] = Done(change, "failed", 0.0, error)

    @property
    def headlines(self) -> tuple[str, ...]:
        """What is worth a line in a summary: certificates, then the health of what was attached."""
        endpoints = [endpoint for seen in self._seen for endpoint in seen.endpoints]
        if not endpoints:
            return tuple(self._gates.reached)
        healthy = sum(endpoint.health == "HEALTHY" for endpoint in endpoints)
        zones = len({endpoint.zone for endpoint in endpoints})
        text = (
            f"{healthy} of {len(endpoints)} endpoints HEALTHY "
            f"in {zones} zone{'s' if zones != 1 else ''}"
        )
        return (*self._gates.reached, text)

    def _ready(
        self, todo: Iterable[ResourceKey], waits: order.Order, results: dict[ResourceKey, Done]
    ) -> list[ResourceKey]:
        if self._failed.is_set():
            return []
        done = {key for key, result in results.items() if result.status == "done"}
        return [key for key in todo if waits[key] <= done]

    def _one(self, change: Change) -> Done:
        began = self._clock.monotonic()
        error: EdgebookError | None = None
        done = change
        try:
            done = self._with_gates(change)
        except Cancelled:
            error = InterruptedRun("stopped by hand", why="it may or may not have happened")
        except EdgebookError as raised:
            error = explained(raised)
        except BaseException:
            self._failed.set()
            raise
        seconds = self._clock.monotonic() - began
        if change.key not in self._last:
            self._made_at = self._clock.passed()
        if error is not None:
            self._failed.set()
            self._journal.outcome(change, seconds=seconds, error=str(error))
            return Done(change, "failed", seconds, error)
        if probes_anew(done):
            self._gates.probed_anew()
        self._journal.outcome(done, seconds=seconds, real=self._values.real(done.after))
        self._progress.advance()
        return Done(done, "done", seconds)

    def _with_gates(self, change: Change) -> Change:
        for gate in change.waits:
            self._gates.wait(gate, change)
        if change.key in self._last:
            self._spread(change, "goes when every location has its successor", self._made_at)
        elif change.action is Action.UPDATE and change.waits and (leads(change) or proven(change)):
            # What it waited for is there since then at the latest, which no earlier run tells.
            issued = change.key.kind == "certificateMapEntry"
            since = self._clock.passed() if issued else max(self._began, self._made_at)
            self._spread(change, "follows when every location knows what it leads to", since)
        self._guard()
        with self._objects[_object(change.key)]:
            done = self._until_done(change)
        self._on_done(change)
        return done

    def _spread(self, change: Change, words: str, since: float) -> None:
        """What is done is not everywhere yet: some locations still serve as they did before."""
        passed = max(0.0, self._clock.passed() - since)
        if passed < SPREAD_SECONDS:
            self._progress.say(f"{noun(change.key)} {change.key.name}: {words}")
            self._clock.wait(SPREAD_SECONDS - passed)

    def _until_done(self, change: Change) -> Change:
        """Try until it is done; each kind of refusal has its own way on."""
        attempt = -1
        while True:
            attempt += 1
            request_id = str(uuid.uuid4())
            self._journal.intent(change, request_id)
            try:
                return self._writers.carry_out(change, request_id)
            except ApiError as error:
                last = attempt == TRIES - 1
                again = refusals.conflicted(error) or refusals.not_there(error)
                if (again or refusals.already_there(error)) and not last:
                    fresh = self._replan(change.key)
                    if fresh is None:
                        return change
                    change = _same_intent(change, fresh)
                    self._clock.wait(backoff(attempt, first=0.2, limit=5))
                elif change.action is Action.DELETE and refusals.in_use(error):
                    self._released(change, error)
                elif not last and _passes(error):
                    self._clock.wait(backoff(attempt, first=2.0))
                    fresh = self._replan(change.key)
                    if fresh is None:
                        return change
                    change = _same_intent(change, fresh)
                else:
                    raise

    def _released(self, change: Change, error: ApiError) -> None:
        """Who held it is gone or going; Google notices minutes later (maps above all)."""
        if not self._release_budget(change.key).pause(least=2, most=20):
            raise error
        self._progress.say(f"{noun(change.key)} {change.key.name}: still held")

    def _release_budget(self, key: ResourceKey) -> Budget:
        return self._releases.setdefault(key, Budget(self._clock, RELEASE_SECONDS))

    def _health(self, service: ResourceKey, change: Change) -> None:
        live = self._cloud.fetch(service) or {}
        own = self._own_negs.get(service.name, frozenset())
        groups = [str(e["group"]) for e in live.get("backends") or () if neg_name(e) in own]
        attached = each_negs(change.after) if change.key.kind == "backends" else ()
        if groups:
            parts = [part for each in attached if (part := self._values.links(each))]
            self._seen.append(self._gates.health(service, groups, parts))

    def _interrupted(self, plan: Plan, results: dict[ResourceKey, Done]) -> None:
        done = sum(result.status == "done" for result in results.values())
        open_ones = [named(r.change.key) for r in results.values() if r.status == "failed"]
        why = f"under way were {', '.join(sorted(open_ones))}" if open_ones else "nothing was open"
        raise InterruptedRun(
            f"Stopped by hand: {done} of {len(plan.to_do)} changes are done",
            where=str(self._journal.path or ""),
            why=why,
            next="run it again: it reads what is there and goes on",
        )


def _passes(error: ApiError) -> bool:
    """A failed operation may pass with a new request; other repetitions were made already."""
    return operation_failed(error) and refusals.passing(error) is not Passing.NEVER


def _object(key: ResourceKey) -> str:
    """What is really written: a backend service and its backends are one object."""
    kind = kind_of(key)
    return f"{kind.object_kind or kind.name}|{key.scope}|{key.name}"


def _same_intent(old: Change, fresh: Change) -> Change:
    """The change as it must be made now; refused when it is no longer what was approved."""
    if fresh.action is Action.REPORT:
        raise OwnershipError(
            f"{noun(old.key)} {old.key.name} is not ours",
            where=link(old.key) if kind_of(old.key).collection else str(old.key),
            why=fresh.sentence,
            next="choose another name in the params, or list it under `adopt`",
        )
    if old.key.kind == "detachment":
        return replace(fresh, before={"backends": _still(old, fresh)})
    if old.key.kind == "backends" or fresh.action is not old.action:
        return fresh  # a merge; or a create that was made half is now an update of our own
    grown = set(fresh.fields) - set(old.fields)
    moved = [
        name
        for name in fresh.fields
        if name in old.before and to_json(fresh.before.get(name)) != to_json(old.before[name])
    ]
    if old.action is Action.UPDATE and (grown or moved):
        raise ApprovalError(
            f"{noun(old.key)} {old.key.name} changed since the plan was approved",
            why=f"changed by somebody else: {', '.join(sorted(grown | set(moved)))}",
            next="plan again and approve what it shows",
        )
    return fresh


def _still(old: Change, fresh: Change) -> list[Any]:
    """The entries that were approved to go and are still to go."""
    approved = {canonical(str(entry["group"])) for entry in old.before.get("backends") or ()}
    entries = fresh.before.get("backends") or ()
    return [entry for entry in entries if canonical(str(entry["group"])) in approved]
