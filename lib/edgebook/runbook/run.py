"""A change, run: notebooks in order, in kernels that are already there, sealed into one record.

Everything is saved before it is raised, and every way to end (success, failure, refusal, time,
signal) leaves a sealed record that says how to go on. The runner knows notebooks, plans and
records; what the steps do is the library's business, in the kernels.
"""

import asyncio
import contextlib
import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from edgebook.apply.leases import Holder
from edgebook.base.errors import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EdgebookError,
)
from edgebook.records import Draft, Record, anchors, facts, proof
from edgebook.records.draft import RUNNING
from edgebook.records.events import StepEvents, in_time
from edgebook.records.leftovers import seal_remote
from edgebook.records.sealing import done, seal_or_keep
from edgebook.runbook import engine, outcome
from edgebook.runbook.approved import APPROVAL, Approved
from edgebook.runbook.display import Display
from edgebook.runbook.kernels import WarmProcess, kernel_manager
from edgebook.runbook.meter import RunMeter, failed_step
from edgebook.runbook.request import Prepared
from edgebook.runbook.sequence import Runbook
from edgebook.runbook.watch import Signals, Watch
from edgebook.traffic.archive import FILE
from edgebook.traffic.targets import limits

if TYPE_CHECKING:
    from edgebook.front_door import FrontDoor

HURRIED = 2.0  # so long a run that was stopped by hand asks what real users saw


@dataclass(frozen=True)
class Outcome:
    """How a run ended: its sealed record and the exit code for pipelines."""

    record: Record
    exit_code: int


class Run:
    """One run of prepared notebooks. `go` is called once."""

    def __init__(
        self, prepared: Prepared, warm: WarmProcess, display: Display, signals: Signals
    ) -> None:
        self.prepared = prepared
        self.warm = warm
        self.display = display
        self.signals = signals
        self.started = datetime.now(UTC)
        self.began = time.monotonic()
        self.draft = Draft.start(
            prepared.archive,
            now=self.started,
            redactor=prepared.redactor,
            change_id=prepared.request.change_id,
        )
        signals.tell = lambda: display.say(outcome.stopping(self.draft.change_id), "yellow")
        self.steps: list[dict[str, Any]] = []
        self.approved = Approved(prepared, warm, self.draft, display)
        self.offset = 0
        self.world: dict[str, Any] | None = None
        self.exit_code = EXIT_OK
        self.traffic: dict[str, Any] | None = None
        self.meter = RunMeter(
            warm,
            prepared.request.params_file,
            limits(prepared.spec.safety.traffic),
            wanted=prepared.request.mode != "plan" and any(r.applies for r in prepared.runbooks),
            real_users=prepared.spec.safety.traffic.real_users,
        )
        self._watching_told = False
        self.holder = Holder.new()
        self._lease = contextlib.ExitStack()
        self._door: FrontDoor | None = None  # whose lease is held
        self._unused: list[Future[Any]] = []
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="kernel-start")

    def go(self) -> Outcome:
        """Run, seal, and say how it went; raises only when the record itself cannot be sealed.

        A signal ends the notebooks, never the sealing.
        """
        with self.signals.deferred(), self._lease:
            try:
                with self.signals.direct_again():
                    self._keep_state()
                    self.meter.begin()
                    self.display.users = lambda: self.meter.so_far
                    self._notebooks()
            except EdgebookError as error:
                self.exit_code = error.exit_code
                self._note(outcome.refusal(error, done(self.draft.journal)))
            except KeyboardInterrupt:
                self.exit_code = EXIT_INTERRUPTED
                self._note(outcome.stopped(self.draft.change_id, done(self.draft.journal)))
            finally:
                if self.signals.wanted.is_set():
                    self._hurry()
                self._let_go()
                self._end_meter()
            record = seal_or_keep(self.draft, self._facts())
            self._anchor(record)
            return Outcome(record, self.exit_code)

    def _hurry(self) -> None:
        """Stopped by hand: nothing waits any longer for an API, or for kernels that come up."""
        if self._door is not None:
            self._door.connection.clock.cancel()
        if not self.warm.ready:
            self.warm.close()

    def _anchor(self, record: Record) -> None:
        """Note the head of the chain elsewhere; a place that cannot be written to is said."""
        if not (place := self.prepared.spec.records.anchor):
            return
        try:
            self.display.say(f"Anchored: {anchors.note(place, record)}")
        except EdgebookError as error:
            self.display.say(f"Not anchored: {error.what}: {error.why}", "yellow")

    def _hold(self) -> None:
        """The lease of the front door, from before the plan that counts until after the seal."""
        if self._door is not None:
            return
        from edgebook.apply.flow import hold
        from edgebook.front_door import FrontDoor

        request = self.prepared.request
        door = FrontDoor(self.prepared.spec, request.params_file)
        self._lease.enter_context(hold(door, wait=request.wait_lock, holder=self.holder))
        self._door = door
        before = self.prepared.before
        if before is not None and not before.sealed:
            # Whoever wrote it would hold the lease: it is dead.
            seal_remote(self.prepared.archive, before.change_id)

    def _end_meter(self) -> None:
        """What users saw goes into the record; a run that hurt them has not succeeded."""
        patient = self.exit_code == EXIT_OK
        self.display.begin("real users")
        self.display.heading("waits for what Google's logs say of them")
        try:
            with self.signals.direct_again():
                self.traffic = self.meter.end(self.draft.journal, patient=patient)
        except KeyboardInterrupt:  # nobody has to wait for logs
            self.traffic = self.meter.end(self.draft.journal, patient=False, seconds=HURRIED)
        finally:
            self.display.pause()
        if self.traffic is None:
            return
        if self.meter.samples:
            self.draft.write(FILE, self.meter.samples)
        failed = failed_step(self.traffic, self.draft.change_id)
        if failed and self.exit_code == EXIT_OK:
            self.exit_code = EXIT_FAILED
            self._note(failed)

    def _notebooks(self) -> None:
        runbooks = self.prepared.runbooks
        kernel = self._start_kernel()
        for runbook, following in zip(runbooks, [*runbooks[1:], None], strict=True):
            if runbook.applies and self.prepared.request.mode != "plan":
                self._hold()
                self.approved.ask(runbook, runbooks[runbooks.index(runbook) + 1 :])
            self._keep_state()
            now = kernel
            if following:
                kernel = self._start_kernel()
            step = self._run(runbook, now)
            self._note(step)
            self.meter.look_again()
            if step["status"] != "ok":
                self.exit_code = step.pop("exit_code", EXIT_FAILED)
                return
            if following and self.signals.wanted.is_set():
                raise KeyboardInterrupt

    def _start_kernel(self) -> "Future[Any]":
        env = {
            **os.environ,
            "EDGEBOOK_JOURNAL": str(self.draft.journal.resolve()),
            "EDGEBOOK_CHANGE_ID": self.draft.change_id,
            "EDGEBOOK_LEASE": self.holder.id,
            **self.meter.environment,
            "EDGEBOOK_APPROVAL": str((self.draft.folder / APPROVAL).resolve()),
        }

        def start() -> Any:
            manager = kernel_manager(self.warm)
            asyncio.run(manager.start_kernel(env=env))
            return manager

        self._unused.append(self._starter.submit(start))
        return self._unused[-1]

    def _let_go(self) -> None:
        """End the kernels that no notebook has had: started ahead, or for one that was stopped."""
        self._starter.shutdown(wait=True, cancel_futures=True)
        for kernel in self._unused:
            if not kernel.cancelled() and not kernel.exception():
                asyncio.run(kernel.result().shutdown_kernel(now=True))

    def _run(self, runbook: Runbook, kernel: "Future[Any]") -> dict[str, Any]:
        """One notebook, executed and saved; the step as the record has it."""
        self.display.begin(runbook.title)
        began = time.monotonic()
        values = dict(self.prepared.values[runbook.name])
        values |= {"change_id": self.draft.change_id} if "change_id" in runbook.known else {}
        if approve := self.approved.given_to(runbook):
            values["approve"] = approve
        manager = kernel.result()
        watch = Watch(
            pid=manager.provisioner.pid,
            deadline=self._deadline(time.monotonic()),
            signals=self.signals,
            journal=self.draft.journal,
            offset=self.offset,
            show=self.display.update,
        )
        ended: BaseException | None = None
        with watch, self.signals.deferred(hurried=True):
            self._unused.remove(kernel)
            try:
                engine.execute(runbook.path, self.draft, values, manager, self.display.heading)
            except (Exception, KeyboardInterrupt) as error:
                ended = error
        self.offset = watch.offset
        self.world = watch.events.world or self.world
        seconds = round(time.monotonic() - began, 1)
        return self._step(runbook, watch.events, watch.reason, ended, seconds)

    def _step(
        self,
        runbook: Runbook,
        events: StepEvents,
        reason: str,
        ended: BaseException | None,
        seconds: float,
    ) -> dict[str, Any]:
        step: dict[str, Any] = {
            "name": runbook.name,
            "title": runbook.title,
            "step": runbook.step,
            "status": "ok",
            "seconds": seconds,
            "changes": in_time(events.changes),
            "checks": events.checks,
            "headline": "; ".join(events.headlines[-1:]),
            "tables": events.tables,
            "planned": events.planned and {"hash": events.planned["hash"]},
        }
        if ladder := self.approved.ladders.get(runbook.name):
            step |= {"ladder": ladder, "stages": events.stages}
        if ended is not None or reason:
            end = outcome.Ending(
                self.draft, runbook, events, reason, ended, self.prepared.request.notebook_seconds
            )
            step |= outcome.failed(end)
        if (self.draft.folder / runbook.file).exists():
            step |= {"notebook": runbook.file, "html": f"{runbook.name}.html"}
            self.draft.done_with(runbook.file)
        return step

    def _deadline(self, began: float) -> float:
        request = self.prepared.request
        return min(began + request.notebook_seconds, self.began + request.total_seconds)

    def _note(self, step: dict[str, Any]) -> None:
        if not self._watching_told and (watching := self.meter.watching):
            self._watching_told = True
            self.display.line("watching", text=watching)
        if error := step.get("error"):
            request, place = self.prepared.request, self.prepared.place
            said = str(error.get("next") or "")
            error["next"] = outcome.pastable(said, request.params_file, place)
        self.steps.append(step)
        self.display.end(step)

    def _keep_state(self) -> None:
        """What a resume needs when this process is killed."""
        state = self.draft.redactor.document(self._facts() | {"status": "running"})
        self.draft.write_json(RUNNING, proof.prove(state))
        self.draft.upload()

    def _facts(self) -> dict[str, Any]:
        prepared, request, now = self.prepared, self.prepared.request, datetime.now(UTC)
        plan, approval = self.approved.plan, self.approved.approval
        looks = not any(runbook.applies for runbook in prepared.runbooks)
        title = (
            request.title
            or f"{'view' if looks else request.mode} {prepared.door}: "
            + ", ".join(runbook.title for runbook in prepared.runbooks)
        )
        return {
            "title": title,
            "status": outcome.status(self.steps, self.exit_code),
            "who": facts.who(),
            "started": facts.stamp(self.started),
            "finished": facts.stamp(now),
            "seconds": round(time.monotonic() - self.began, 1),
            "environment": prepared.environment,
            "project": prepared.spec.project,
            "front_door": prepared.door,
            "world": self.world,
            "git": facts.git(),
            "tool": facts.tool(),
            "params": prepared.params,
            "plan": plan.to_json() if plan else None,
            "approval": approval.to_json() if approval else None,
            "resumes": request.resume,
            "request": {
                "notebooks": [str(runbook.path) for runbook in prepared.runbooks],
                "mode": request.mode,
                "given": dict(request.given),
                "key": request.key,
            },
            "steps": self.steps,
            "traffic": self.traffic,
        }
