"""The meter of a run: one watch from before the first notebook until after the last.

What there is to watch is told to it by those who have Google's clients: the warm process at the
start and after each notebook, and the kernels while they apply. It must not decide what a breach
means for a run; it says what was seen.
"""

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgebook.base.errors import EdgebookError
from edgebook.cloud.reach import nowhere
from edgebook.records.events import read_events
from edgebook.runbook.kernels import WarmProcess
from edgebook.traffic import (
    Report,
    Statistics,
    TrafficLimits,
    Verdict,
    VerdictState,
    Watch,
    judge,
    users,
)
from edgebook.traffic.archive import write
from edgebook.traffic.desk import VARIABLE, Desk
from edgebook.traffic.own import own_requests
from edgebook.traffic.timeline import spans, timeline

LEAST = 30  # answers that a latency is judged by


class RunMeter:
    """Watches while a run changes something; `wanted` is False for runs that only look."""

    def __init__(
        self,
        warm: WarmProcess,
        params_file: str,
        limits: TrafficLimits,
        *,
        wanted: bool,
        real_users: bool = True,
    ) -> None:
        self._warm = warm
        self._params_file = params_file
        self._limits = limits
        self._watch = Watch(reach=nowhere) if wanted else None
        self._desk: Desk | None = None
        self._telling: threading.Thread | None = None
        self._real_users = real_users
        self._time: dict[str, float] = {}  # the environment's, at one of our moments
        self.samples = ""
        self.trouble = ""

    def begin(self) -> None:
        if self._watch is None:
            return
        self._watch.start()
        self._desk = Desk(self._watch)
        self.look_again()

    @property
    def environment(self) -> dict[str, str]:
        """What kernels need to ask it."""
        return {VARIABLE: self._desk.path} if self._desk else {}

    def look_again(self) -> None:
        """Find out in the background what there is to watch now."""
        if self._desk is None or (self._telling and self._telling.is_alive()):
            return
        path = self._desk.path

        def ask() -> None:
            try:
                self._time = self._warm.call(
                    "edgebook.apply.metering:tell_run", params_file=self._params_file, path=path
                )
            except EdgebookError as error:
                self.trouble = error.what

        self._telling = threading.Thread(target=ask, daemon=True, name="meter-targets")
        self._telling.start()

    @property
    def watching(self) -> str:
        """21 clients on 3 frontends, 640 requests/s; empty when nothing is watched."""
        series = list(self._watch.log.series.values()) if self._watch else []
        if not series:
            return ""
        frontends = {item.target.frontend for item in series}
        rate = sum(1 / item.interval for item in series)
        places = {item.location for item in series if item.location}
        where = f" in {len(places)} locations" if len(places) > 1 else ""
        return (
            f"{len(series)} clients on {', '.join(sorted(frontends))}{where}, {rate:.0f} requests/s"
        )

    @property
    def so_far(self) -> str:
        """0 of 1,234 requests failed, while it runs."""
        if self._watch is None or not self._watch.log.answered:
            return ""
        log = self._watch.log
        return f"{log.failed:,} of {log.answered + log.failed:,} requests failed"

    def end(
        self, journal: Path, *, patient: bool = True, seconds: float | None = None
    ) -> dict[str, Any] | None:
        """Stop, and say what was seen, as the record has it; None when this run only looked.

        `patient`: wait until Google's logs have what real users saw, if anything was changed.
        `seconds`: so long everything outside is waited for, where somebody wants to go.
        """
        if self._watch is None:
            return None
        if self._telling is not None:
            self._telling.join(5 if seconds is None else 0)
        if self._desk is not None:
            self._desk.close()
            self._desk = None
        report = self._watch.stop()
        events, _ = read_events(journal)
        changes = spans(events, report.log)
        whole = report.window(report.since, report.until, changes=changes)
        first = min((span.since for span in changes), default=report.until)
        before = report.window(report.since, first)
        during = report.window(first, report.until, changes=changes)
        self.samples = write(report.log) if len(report.log) else ""
        verdict = self._verdict(before, during)
        seen = self._users(report, whole, patient=patient and bool(changes), seconds=seconds)
        if said := (seen or {}).pop("explained", []):
            told = users.explained(whole.failures, said, self._there)
            whole = replace(whole, failures=tuple(told))
        return {
            **whole.to_json(),
            "sentence": sentence(whole),
            "verdict": verdict.to_json(),
            "before": _figures(before),
            "during": _figures(during),
            "clusters": whole.clusters,
            "users": seen,
            "timeline": timeline(report.log, report.since, report.until, changes=changes),
            "trouble": sorted({*self._watch.trouble, *filter(None, [self.trouble])}),
        }

    def _users(
        self, report: Report, seen: Statistics, *, patient: bool, seconds: float | None
    ) -> dict[str, Any] | None:
        """What logs and metrics say of the same time; None when nobody was to look."""
        if not self._real_users or not self._time or not seen.sent:
            return None
        try:
            found: dict[str, Any] = self._warm.call(
                "edgebook.apply.metering:read_users",
                seconds=seconds,
                params_file=self._params_file,
                since=self._there(report.since),
                until=self._there(report.until),
                own=own_requests(report.log, report.since, report.until),
                patient=patient,
                explain=any(failure.kind == "status" for failure in seen.failures),
            )
        except EdgebookError as error:
            self.trouble = error.what
            return None
        return found

    def _there(self, at: float) -> float:
        """A moment of ours in the environment's time."""
        passed = (at - self._time["monotonic"]) * self._time["rate"]
        return self._time["now"] + passed

    def _verdict(self, before: Statistics, during: Statistics) -> Verdict:
        """ok where nothing could be watched: there was nothing that users could lose."""
        if not during.sent and not during.blind_s:
            return Verdict(VerdictState.OK, ("nothing could be watched",))
        enough = min(before.answered, during.answered) >= LEAST
        return judge(before if enough else Statistics(), during, self._limits)


def sentence(seen: Statistics) -> str:
    """0 of 41,207 requests failed; longest gap 0.1 s; mqtt never answered."""
    silent = sorted({item["frontend"] for item in seen.waiting} - set(seen.frontends))
    return seen.sentence + (f"; {', '.join(silent)} never answered" if silent else "")


def failed_step(traffic: Mapping[str, Any], change_id: str) -> dict[str, Any] | None:
    """What a run that ended well has to say when its users noticed it."""
    verdict = traffic["verdict"]
    if verdict["state"] == VerdictState.OK.value:
        return None
    breach = verdict["state"] == VerdictState.BREACH.value
    what = "Users noticed this change" if breach else "Whether users noticed cannot be told"
    seen = [f"{f['kind']} {f['at']} {f['frontend']} {f['hostname']}: {f['detail']}"
            + (f" (during {f['during']})" if f["during"] else "")
            for f in traffic["failures"][:5]]  # fmt: skip
    return {
        "name": "traffic",
        "title": "traffic",
        "step": "traffic",
        "status": "failed",
        "seconds": 0.0,
        "changes": [],
        "checks": [],
        "headline": traffic["sentence"],
        "error": {
            "what": what,
            "where": "safety.traffic",
            "why": "; ".join(verdict["reasons"]),
            "seen": "\n".join(seen),
            "next": f"edgebook records show {change_id} --traffic has every failure and its change",
            "state": "all changes are done and journaled",
        },
    }


def _figures(seen: Statistics) -> dict[str, Any]:
    names = ("sent", "answered", "failed", "longest_gap_s", "p50_ms", "p99_ms", "blind_s",
             "seconds")  # fmt: skip
    data = seen.to_json()
    return {name: data[name] for name in names}
