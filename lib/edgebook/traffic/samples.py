"""All samples of a watch in columns of numbers: 18 bytes each, whatever they say in words.

What is counted is decided here, once: a series counts from its first answer until it is dropped.
Before that it is `waiting` - a frontend that is being made, or a host that cannot be reached from
here - and what it saw is no failure of a change.
"""

import copy
import threading
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from edgebook.traffic.values import Blind, Kind, Sample, Series

T = TypeVar("T")
CUTS = "cuts:"
CUT_BEGAN = 5.0  # a ping that the cut left open was sent a little before


@dataclass(frozen=True)
class Anchor:
    """One moment on both clocks; everything else is told from the monotonic one."""

    monotonic: float
    utc: float

    def date(self, at: float) -> datetime:
        return datetime.fromtimestamp(self.utc + at - self.monotonic, UTC)

    def monotonic_at(self, moment: datetime) -> float:
        return moment.timestamp() - self.utc + self.monotonic


@dataclass(frozen=True)
class Mark:
    """A moment that somebody wants to find again: the beginning of a stage, a change."""

    at: float
    text: str
    key: str = ""


class SampleLog:
    """Samples, blind times and marks of one watch. Any thread may add and read."""

    def __init__(self, anchor: Anchor) -> None:
        self.anchor = anchor
        self.series: dict[int, Series] = {}
        self.blind: list[Blind] = []
        self.marks: list[Mark] = []
        self.first_answer: dict[int, float] = {}
        self.dropped: dict[int, float] = {}
        self.last_words: dict[int, str] = {}  # of a series that has not answered yet
        self.answered = self.failed = 0  # so far, of series that count: for looking while it runs
        self.unfinished = 0  # requests that a stop or a blind time left open
        self._at = array("d")
        self._seconds = array("f")
        self._series = array("H")
        self._outcome = array("H")
        self._who = array("H")
        self._heard = array("d")  # per batch: by when it had ended, and where it ends
        self._until = array("L")
        self._outcomes: dict[tuple[str, str], int] = {("", ""): 0}
        self._whos: dict[str, int] = {"": 0}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._who)  # the column that is filled last

    def add_series(self, series: Iterable[Series]) -> None:
        with self._lock:
            self.series.update({item.number: item for item in series})

    def extend(self, samples: Iterable[Iterable[object]], *, heard: float | None = None) -> None:
        """Samples as lists, in the order of Sample; `heard`: all of them had ended by then."""
        with self._lock:
            for item in samples:
                self._add(Sample(*item))  # type: ignore[arg-type]
            if heard is not None:
                self._heard.append(heard)
                self._until.append(len(self._who))

    def _from(self, since: float) -> int:
        """The first sample that can have begun at `since` or later: it ended after that too."""
        batch = bisect_left(self._heard, since)
        return self._until[batch - 1] if batch else 0

    def _add(self, sample: Sample) -> None:
        at, series, seconds, kind, detail, who = sample
        self._at.append(at)
        self._seconds.append(seconds)
        self._series.append(series)
        self._outcome.append(_interned(self._outcomes, (kind, detail)))
        self._who.append(_interned(self._whos, who))
        if not kind:
            self.answered += 1
        elif series in self.first_answer and series not in self.dropped:
            self.failed += 1
        if kind and series not in self.first_answer:
            self.last_words[series] = f"{kind}: {detail}" if detail else kind
        elif not kind and at < self.first_answer.get(series, float("inf")):
            self.first_answer[series] = at
            self.last_words.pop(series, None)

    def drop(self, numbers: Iterable[int], at: float) -> None:
        """From `at` on these series are not counted: what they watched is taken down on purpose."""
        with self._lock:
            for number in numbers:
                self.dropped.setdefault(number, at)

    def blinded(self, more: Blind) -> "SampleLog":
        """The same samples with one more blind time: a view, for one look at them."""
        seen = copy.copy(self)
        seen.blind = [*self.blind, more]
        return seen

    def planned_cuts(self) -> list[tuple[float, float, frozenset[str]]]:
        """(since, until, frontends): when long streams are cut because a plan says so.

        A mark with the key `cuts:mqtt,web` begins such a time, the next one of its kind ends it.
        """
        marks = [mark for mark in list(self.marks) if mark.key.startswith(CUTS)]
        ends = [*(mark.at for mark in marks[1:]), float("inf")]
        found = []
        for mark, end in zip(marks, ends, strict=False):
            if names := frozenset(filter(None, mark.key.removeprefix(CUTS).split(","))):
                found.append((mark.at - CUT_BEGAN, end, names))
        return found

    def counted(self, since: float, until: float) -> Iterator[Sample]:
        """Samples begun in [since, until) by series that count then."""
        outcomes, whos, end = self._words()
        cuts = self.planned_cuts()
        for number in range(self._from(since), end):
            at, series = self._at[number], self._series[number]
            if cuts and self._as_planned(at, series, outcomes[self._outcome[number]], cuts):
                continue
            if not since <= at < until or at < self.first_answer.get(series, float("inf")):
                continue
            if at < self.dropped.get(series, float("inf")):
                kind, detail = outcomes[self._outcome[number]]
                who = whos[self._who[number]]
                yield Sample(at, series, self._seconds[number], kind, detail, who)

    def cut_as_planned(self, since: float, until: float) -> int:
        """How many long streams ended in that time because a plan ended them."""
        cuts = self.planned_cuts()
        outcomes, _, end = self._words()
        return sum(
            since <= self._at[number] < until
            and self._as_planned(
                self._at[number], self._series[number], outcomes[self._outcome[number]], cuts
            )
            for number in (range(self._from(since), end) if cuts else ())
        )

    def _as_planned(
        self,
        at: float,
        series: int,
        outcome: tuple[str, str],
        cuts: list[tuple[float, float, frozenset[str]]],
    ) -> bool:
        """A long stream that ended when a plan ended it: no failure, and no success."""
        kind, detail = outcome
        if kind != Kind.RESET or not detail.startswith("cut after"):
            return False
        name = self.series[series].target.frontend
        return any(since <= at < until and name in names for since, until, names in cuts)

    def all(self) -> Iterator[Sample]:
        """Every sample, also of series that do not count."""
        return self.since(float("-inf"))

    def since(self, since: float) -> Iterator[Sample]:
        """Every sample that was begun then or later."""
        outcomes, whos, end = self._words()
        for number in range(self._from(since), end):
            if self._at[number] < since:
                continue
            kind, detail = outcomes[self._outcome[number]]
            at, series, seconds = self._at[number], self._series[number], self._seconds[number]
            yield Sample(at, series, seconds, kind, detail, whos[self._who[number]])

    def counts(self, since: float, until: float) -> Mapping[int, tuple[float, float]]:
        """From when until when each series counts within [since, until)."""
        found = {}
        for number, first in sorted(self.first_answer.items()):
            begins, ends = max(since, first), min(until, self.dropped.get(number, until))
            if begins < ends:
                found[number] = (begins, ends)
        return found

    def waiting(self) -> list[Series]:
        """Series that have not had one answer and are not dropped."""
        return [
            series
            for number, series in sorted(self.series.items())
            if number not in self.first_answer and number not in self.dropped
        ]

    def _words(self) -> tuple[list[tuple[str, str]], list[str], int]:
        """What the columns' numbers stand for, and up to which sample: later ones may have more."""
        with self._lock:
            return list(self._outcomes), list(self._whos), len(self)


def _interned(table: dict[T, int], words: T) -> int:
    """The number of some words; past the width of a column they share the last number."""
    number = table.get(words)
    if number is None:
        if len(table) >= 0xFFFF:
            return 0xFFFE
        number = table[words] = len(table)
    return number
