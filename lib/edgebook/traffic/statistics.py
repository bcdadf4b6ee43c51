"""What a stretch of samples says: counts, percentiles, the longest gap, who answered, each failure.

Pure: a SampleLog and two moments in, a frozen Statistics out. sent = answered + failed always; what
was still open at the end is neither.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise
from typing import Any

from edgebook.base.clock import rfc3339
from edgebook.traffic.samples import SampleLog
from edgebook.traffic.values import Blind, Client, Sample, Series, Who

MOST_FAILURES = 500


@dataclass(frozen=True)
class Failure:
    """One request that failed, and the change that was under way when it began."""

    at: str  # RFC 3339
    frontend: str
    hostname: str
    client: str
    location: str
    kind: str
    detail: str
    ms: float
    during: str = ""
    monotonic: float = 0.0  # when it began, on the clock of this machine

    @property
    def sentence(self) -> str:
        name = f"{self.frontend} {self.hostname}".strip()
        where = f" in {self.location}" if self.location else ""
        return f"{self.kind} at {self.at[11:23]} on {name}{where}: {self.detail or self.kind}"

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "monotonic"}


@dataclass(frozen=True)
class Share:
    """What one kind of client saw of one frontend, by who answered (nobody: it failed)."""

    frontend: str
    client: str
    location: str
    cluster: str
    zone: str
    sent: int
    answered: int
    p50_ms: float
    p99_ms: float

    @property
    def failed(self) -> int:
        return self.sent - self.answered

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "failed": self.failed}


@dataclass(frozen=True)
class Statistics:
    """What users of the front door saw between two moments."""

    sent: int = 0
    answered: int = 0
    failed: int = 0
    longest_gap_s: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    by: tuple[Share, ...] = ()
    failures: tuple[Failure, ...] = ()  # MOST_FAILURES of them: the first of each kind
    blind_s: float = 0.0
    longest_blind_s: float = 0.0
    seconds: float = 0.0
    gap_where: str = ""
    unfinished: int = 0
    cut_as_planned: int = 0  # long streams that a plan ended: neither answered nor failed
    waiting: tuple[Mapping[str, str], ...] = ()  # never answered: not counted, said instead

    @property
    def clusters(self) -> dict[str, int]:
        """Answers by cluster, as far as answers say so."""
        found: dict[str, int] = defaultdict(int)
        for share in self.by:
            if share.cluster:
                found[share.cluster] += share.answered
        return dict(sorted(found.items()))

    @property
    def frontends(self) -> tuple[str, ...]:
        return tuple(sorted({share.frontend for share in self.by}))

    @property
    def sentence(self) -> str:
        """0 of 128,431 requests failed; longest gap 0.2 s."""
        if not self.sent:
            text = "no requests were sent"
        else:
            text = f"{self.failed:,} of {self.sent:,} requests failed; "
            text += f"longest gap {self.longest_gap_s:.1f} s"
        if self.cut_as_planned:
            many = "s" if self.cut_as_planned > 1 else ""
            text += f"; {self.cut_as_planned} long stream{many} cut as planned"
        if self.blind_s >= 0.1:
            text += f"; blind for {self.blind_s:.1f} s"
        return text

    def to_json(self) -> dict[str, Any]:
        return {
            "sent": self.sent,
            "answered": self.answered,
            "failed": self.failed,
            "longest_gap_s": self.longest_gap_s,
            "gap_where": self.gap_where,
            "p50_ms": self.p50_ms,
            "p99_ms": self.p99_ms,
            "seconds": self.seconds,
            "blind_s": self.blind_s,
            "longest_blind_s": self.longest_blind_s,
            "unfinished": self.unfinished,
            "cut_as_planned": self.cut_as_planned,
            "by": [share.to_json() for share in self.by],
            "failures": [failure.to_json() for failure in self.failures],
            "failures_left_out": self.failed - len(self.failures),
            "waiting": [dict(item) for item in self.waiting],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Statistics":
        known = {item.name: data[item.name] for item in fields(cls) if item.name in data}
        shares = [{k: v for k, v in row.items() if k != "failed"} for row in data["by"]]
        return cls(
            **{
                **known,
                "by": tuple(Share(**row) for row in shares),
                "failures": tuple(Failure(**row) for row in data["failures"]),
                "waiting": tuple(data.get("waiting", ())),
            }
        )


@dataclass
class _Group:
    """What one kind of client saw by one kind of answer."""

    sent: int = 0
    seconds: "array[float]" = field(default_factory=lambda: array("f"))


def statistics(
    log: SampleLog, since: float, until: float, *, changes: "Sequence[Span]" = ()
) -> Statistics:
    """Statistics of the samples begun in [since, until); `changes` name what was under way.

    One pass over the samples, which keeps numbers only: there may be a million.
    """
    groups: dict[tuple[int, str], _Group] = defaultdict(_Group)
    answers: dict[tuple[str, str], array[float]] = defaultdict(lambda: array("d"))
    bad: list[Sample] = []
    known = dict(log.series)  # a copy: a running watch may add some
    places = {number: _place(series) for number, series in known.items()}
    for sample in log.counted(since, until):
        group = groups[sample.series, sample.who]
        group.sent += 1
        if sample.kind:
            bad.append(sample)
        else:
            group.seconds.append(sample.seconds)
            answers[places[sample.series]].append(sample.at + sample.seconds)
    blind = [_cut(item, since, until) for item in log.blind]
    gap, where = _longest_gap(log, answers, blind, since, until)
    # A name server's pace is not that of the front door.
    timed = _ordered(group for (n, _), group in groups.items() if known[n].client is not Client.DNS)
    sent = sum(group.sent for group in groups.values())
    return Statistics(
        sent=sent,
        answered=sent - len(bad),
        failed=len(bad),
        longest_gap_s=round(gap, 3),
        gap_where=where,
        p50_ms=percentile(timed, 0.50),
        p99_ms=percentile(timed, 0.99),
        by=tuple(_shares(groups, known)),
        failures=tuple(_failure(log, sample, changes) for sample in told(bad)),
        blind_s=round(_covered(blind) + sum(item.asleep for item in blind), 3),
        longest_blind_s=round(
            max((_covered([item]) + item.asleep for item in blind), default=0.0), 3
        ),
        seconds=round(max(0.0, until - since), 3),
        unfinished=log.unfinished,
        cut_as_planned=log.cut_as_planned(since, until),
        waiting=tuple(
            {**series.described(), "last": log.last_words.get(series.number, "")}
            for series in log.waiting()
        ),
    )


def told(bad: Iterable[Sample], most: int = MOST_FAILURES) -> list[Sample]:
    """The failures that are told one by one, in order: when they are too many, the first of each
    kind, so that a flood of one kind hides no other."""
    by_kind: dict[str, list[Sample]] = defaultdict(list)
    for sample in sorted(bad):
        by_kind[sample.kind].append(sample)
    chosen: list[Sample] = []
    while len(chosen) < most and any(by_kind.values()):
        fair = max(1, (most - len(chosen)) // sum(1 for kind in by_kind.values() if kind))
        for kind in sorted(by_kind):
            chosen += by_kind[kind][: min(fair, most - len(chosen))]
            by_kind[kind] = by_kind[kind][fair:]
    return sorted(chosen)


def _ordered(groups: Iterable[_Group]) -> "array[float]":
    """All latencies of some groups, the shortest first."""
    joined = array("f")
    for group in groups:
        joined.extend(group.seconds)
    return array("f", sorted(joined))


def _failure(log: SampleLog, sample: Sample, changes: "Sequence[Span]") -> Failure:
    return Failure(
        at=rfc3339(log.anchor.date(sample.at)),
        **log.series[sample.series].described(),
        kind=sample.kind,
        detail=sample.detail,
        ms=round(sample.seconds * 1000, 1),
        during=under_way(changes, sample.at),
        monotonic=sample.at,
    )


@dataclass(frozen=True)
class Span:
    """A change of a journal, on the meter's clock."""

    since: float
    until: float
    text: str
    key: str = ""


def under_way(changes: Iterable[Span], at: float, *, after: float = 120.0) -> str:
    """The change under way at a moment, else the last one within `after` seconds before it."""
    found = [span for span in changes if span.since <= at <= span.until + after]
    if not found:
        return ""
    now = [span for span in found if at <= span.until]
    return max(now or found, key=lambda span: span.since if now else span.until).text


def percentile(ordered: Sequence[float], share: float) -> float:
    """Milliseconds; the value at or above `share` of the ordered seconds, 0 without any."""
    if not ordered:
        return 0.0
    index = min(len(ordered) - 1, int(share * len(ordered)))
    return round(ordered[index] * 1000, 2)


def _shares(groups: Mapping[tuple[int, str], _Group], series: Mapping[int, Series]) -> list[Share]:
    joined: dict[tuple[str, str, str, str, str], list[_Group]] = defaultdict(list)
    for (number, said), group in groups.items():
        of, who = series[number], Who.parse(said)
        key = (of.target.frontend, of.client.value, of.location, who.cluster, who.zone)
        joined[key].append(group)
    found = []
    for key, parts in sorted(joined.items()):
        good, sent = _ordered(parts), sum(part.sent for part in parts)
        p50, p99 = percentile(good, 0.50), percentile(good, 0.99)
        found.append(Share(*key, sent, len(good), p50, p99))
    return found


def _longest_gap(
    log: SampleLog,
    answers: Mapping[tuple[str, str], Sequence[float]],
    blind: Sequence[Blind],
    since: float,
    until: float,
) -> tuple[float, str]:
    """The longest time without a success on one frontend through one location, and where.

    Looked at per frontend and location: there, all its clients together. Blind time is no gap.
    """
    spans: dict[tuple[str, str], tuple[float, float]] = {}
    for number, (begins, ends) in log.counts(since, until).items():
        place = _place(log.series[number])
        known = spans.get(place, (begins, ends))
        spans[place] = (min(known[0], begins), max(known[1], ends))
    longest, where = 0.0, ""
    for place, (begins, ends) in sorted(spans.items()):
        inside = (time for time in answers.get(place, ()) if begins < time < ends)
        moments = array("d", [begins, *sorted(inside), ends])
        for one, next_one in pairwise(moments):
            if next_one - one <= longest:
                continue
            unseen = _covered([_cut(item, one, next_one) for item in blind])
            if next_one - one - unseen > longest:
                longest, where = next_one - one - unseen, " in ".join(filter(None, place))
    return longest, where


def _place(series: Series) -> tuple[str, str]:
    return series.target.frontend, series.location


def _cut(item: Blind, since: float, until: float) -> Blind:
    asleep = item.asleep if since <= item.since < until else 0.0
    return Blind(max(item.since, since), min(item.until, until), item.why, asleep)


def _covered(blind: Iterable[Blind]) -> float:
    """Seconds that at least one of them covers."""
    total, reached = 0.0, float("-inf")
    for item in sorted(blind, key=lambda one: one.since):
        if item.until > max(item.since, reached):
            total += item.until - max(item.since, reached)
            reached = item.until
    return total
