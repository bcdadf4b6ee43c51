"""Whether targets answer steadily: so many answers in a row from each of them, by every way.

A short watch of its own. It ends as soon as everything answers in a row, or when patience is over:
what answers now and then is not broken and not well, but changing.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping

from edgebook.traffic.desk import RemoteWatch
from edgebook.traffic.streaks import Streak, streaks
from edgebook.traffic.values import Target
from edgebook.traffic.watch import Reach, Watch

IN_A_ROW = 3
LOOK = 0.25  # seconds between two looks at a run's watch


def steady(
    targets: Iterable[Target],
    reach: Reach,
    *,
    rate: float,
    patience: float,
    wanted: int = IN_A_ROW,
    enough: Callable[[Mapping[int, Streak]], bool] = lambda found: True,
    shared: RemoteWatch | None = None,
    longest: float | None = None,
) -> list[Streak]:
    """One streak a series, sorted; `enough` may want more than answers in a row.

    `shared` is the watch of a run: it asks already, so that nobody asks more than was allowed;
    with `longest` no series waits longer until then, where that hurts nobody.
    """
    asked = tuple(targets)

    def well(found: Mapping[int, Streak]) -> bool:
        return all(item.in_a_row >= wanted for item in found.values()) and enough(found)

    if shared is not None:
        shared.hurry(longest)
        try:
            found = _of_the_run(shared, asked, reach, patience, well)
        finally:
            shared.hurry(None)
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
