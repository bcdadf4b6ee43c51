"""What each series of a watch saw: all answers, and those in a row at the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgebook.traffic.samples import SampleLog
from edgebook.traffic.values import Series, Who


@dataclass
class Streak:
    """What one series saw: all answers, those in a row at the end, and the last failure."""

    series: Series
    sent: int = 0
    answered: int = 0
    in_a_row: int = 0
    failure: str = ""
    clusters: set[str] = field(default_factory=set)
    zones: set[str] = field(default_factory=set)

    def to_json(self) -> dict[str, Any]:
        sets = {"clusters": sorted(self.clusters), "zones": sorted(self.zones)}
        return {**vars(self), **sets, "series": self.series.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Streak":
        sets = {name: set(data[name]) for name in ("clusters", "zones")}
        return cls(**{**data, **sets, "series": Series.from_json(data["series"])})


def streaks(log: SampleLog, since: float = 0.0) -> dict[int, Streak]:
    """What each series saw of what it began at `since` or later."""
    found = {number: Streak(series) for number, series in sorted(log.series.items())}
    for sample in sorted(log.since(since), key=lambda item: item.at + item.seconds):
        if (streak := found.get(sample.series)) is None:
            continue
        streak.sent += 1
        if sample.kind:
            streak.in_a_row = 0
            streak.failure = sample.detail or sample.kind
            continue
        streak.answered += 1
        streak.in_a_row += 1
        who = Who.parse(sample.who)
        streak.clusters |= {who.cluster} - {""}
        streak.zones |= {who.zone} - {""}
    return found
