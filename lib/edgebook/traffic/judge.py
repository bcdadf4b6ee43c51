"""Whether what users saw is good enough: a pure comparison of two times by the params' limits."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from edgebook.traffic.statistics import Statistics


class VerdictState(StrEnum):
    OK = "ok"
    BREACH = "breach"
    BLIND = "blind"


@dataclass(frozen=True)
class TrafficLimits:
    """`safety.traffic`: None means that it is not judged."""

    max_failed: int = 0
    max_gap_s: float = 5.0
    max_latency_rise: float | None = 0.5  # of p99; 0.5 is half as much again
    max_blind_s: float = 2.0  # and a tenth of the time, if that is longer
    least_rise_ms: float = 50.0  # a rise of less is noise, whatever its share


@dataclass(frozen=True)
class Verdict:
    """ok, breach or blind, with a sentence for each limit that is not kept."""

    state: VerdictState
    reasons: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.state is VerdictState.OK

    def __str__(self) -> str:
        return (
            f"{self.state.value}: {'; '.join(self.reasons)}" if self.reasons else self.state.value
        )

    def to_json(self) -> dict[str, Any]:
        return {"state": self.state.value, "reasons": list(self.reasons)}


def judge(before: Statistics, during: Statistics, limits: TrafficLimits) -> Verdict:
    """Breach outranks blind: what was seen is bad, whatever else was not seen.

    A time in which nothing was sent, or nobody looked, is blind: it proves nothing.
    """
    broken = tuple(_broken(before, during, limits))
    if broken:
        return Verdict(VerdictState.BREACH, broken)
    allowed = max(limits.max_blind_s, during.seconds / 10)
    if during.blind_s > allowed or during.longest_blind_s > limits.max_gap_s:
        words = f"the meter was blind for {during.blind_s:.1f} s of {during.seconds:.1f} s"
        return Verdict(VerdictState.BLIND, (words,))
    if not during.sent:
        return Verdict(VerdictState.BLIND, ("the meter sent nothing",))
    return Verdict(VerdictState.OK)


def _broken(before: Statistics, during: Statistics, limits: TrafficLimits) -> list[str]:
    found = []
    if during.failed > limits.max_failed:
        first = during.failures[0] if during.failures else None
        named = f", first {first.sentence}" if first else ""
        found.append(
            f"{during.failed} of {during.sent} requests failed, {limits.max_failed} allowed{named}"
        )
    if during.longest_gap_s > limits.max_gap_s:
        where = f" ({during.gap_where})" if during.gap_where else ""
        found.append(
            f"{during.longest_gap_s:.1f} s without a success{where}, {limits.max_gap_s:g} s allowed"
        )
    rise = limits.max_latency_rise
    if rise is not None and before.answered and during.answered:
        allowed = max(before.p99_ms * (1 + rise), before.p99_ms + limits.least_rise_ms)
        if during.p99_ms > allowed:
            found.append(
                f"p99 rose from {before.p99_ms:.0f} to {during.p99_ms:.0f} ms, "
                f"{allowed:.0f} ms allowed"
            )
    return found
