"""Whether targets answer steadily: so many answers in a row from each of them, by every way.

A short watch of its own. It ends as soon as everything answers in a row, or when patience is over:
what answers now and then is not broken and not well, but changing.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from edgebook.traffic.samples import SampleLog
from edgebook.traffic.values import Series, Target, Who
from edgebook.traffic.watch import Reach, Watch

IN_A_ROW = 3


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


def steady(
    targets: Iterable[Target],
    reach: Reach,
    *,
    rate: float,
    patience: float,
    wanted: int = IN_A_ROW,
    enough: Callable[[Mapping[int, Streak]], bool] = lambda found: True,
) -> list[Streak]:
    """One streak a series, sorted; `enough` may want more than answers in a row."""
    with Watch(targets, rate=rate, reach=reach) as watch:
        ends = time.monotonic() + patience

        def well() -> bool:
            found = streaks(watch.log)
            return all(item.in_a_row >= wanted for item in found.values()) and enough(found)

        if watch.log.series:
            watch.wait_until(well, ends - time.monotonic())
            found = streaks(watch.log)
        else:
            found = {}
    return [streak for _, streak in sorted(found.items())]


def streaks(log: SampleLog) -> dict[int, Streak]:
    found = {number: Streak(series) for number, series in sorted(log.series.items())}
    for sample in sorted(log.all(), key=lambda item: item.at + item.seconds):
        streak = found[sample.series]
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
