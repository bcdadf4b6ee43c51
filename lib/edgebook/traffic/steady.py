"""Whether targets answer steadily: so many answers in a row from each of them, by every way.

A short watch of its own. It ends as soon as everything answers in a row, or when patience is over:
what answers now and then is not broken and not well, but changing.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgebook.traffic.desk import RemoteWatch
from edgebook.traffic.samples import SampleLog
from edgebook.traffic.values import Series, Target, Who
from edgebook.traffic.watch import Reach, Watch

IN_A_ROW = 3
LOOK = 0.25  # seconds between two looks at a run's watch


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


def steady(
    targets: Iterable[Target],
    reach: Reach,
    *,
    rate: float,
    patience: float,
    wanted: int = IN_A_ROW,
    enough: Callable[[Mapping[int, Streak]], bool] = lambda found: True,
    shared: RemoteWatch | None = None,
) -> list[Streak]:
    """One streak a series, sorted; `enough` may want more than answers in a row.

    `shared` is the watch of a run: it asks already, so that nobody asks more than was allowed.
    """
    asked = tuple(targets)

    def well(found: Mapping[int, Streak]) -> bool:
        return all(item.in_a_row >= wanted for item in found.values()) and enough(found)

    if shared is not None:
        found = _of_the_run(shared, asked, reach, patience, well)
        return [streak for _, streak in sorted(found.items())]
    with Watch(asked, rate=rate, reach=reach) as watch:
        if watch.log.series:
            watch.wait_until(lambda: well(streaks(watch.log)), patience)
        return [streak for _, streak in sorted(streaks(watch.log).items())]


def _of_the_run(
    shared: RemoteWatch,
    asked: Iterable[Target],
    reach: Reach,
    patience: float,
    well: Callable[[Mapping[int, Streak]], bool],
) -> dict[int, Streak]:
    """What the run's watch sees of these targets from now on."""
    targets = set(asked)
    places = {(target.ip, target.port) for target in targets}
    shared.add(targets, ways={place: reach(*place) for place in sorted(places)})
    since, pause = time.monotonic(), threading.Event()
    while True:
        seen = [Streak.from_json(item) for item in shared.streaks(since)]
        found = {item.series.number: item for item in seen if item.series.target in targets}
        if well(found) or not found or time.monotonic() - since >= patience:
            return found
        pause.wait(LOOK)


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
