"""One watch around an edit: from before its first change until every location knows the last."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from edgebook.apply.metering import tell
from edgebook.apply.run import SPREAD_SECONDS
from edgebook.book import Book
from edgebook.cloud.reach import nowhere
from edgebook.traffic import Statistics, Watch
from edgebook.traffic.desk import VARIABLE, Desk
from edgebook.verify.watching import watched

FIRST_ANSWERS = 20.0  # seconds that clients may take to begin on a busy machine


class Seen:
    """What clients saw; `statistics` is there when the watch is over.

    `newcomers`: failures, after a first answer, at addresses and ports that did not serve before.
    """

    def __init__(self) -> None:
        self.statistics = Statistics()
        self.newcomers = 0


@contextmanager
def watching(before: Book, after: Book) -> Iterator[Seen]:
    """Watch what `before` has and `after` still wants; `after` is carried out within.

    Its runs use this watch. What a target of one of them alone saw is not counted.
    """
    seen = Seen()
    if not before.door.connection.data_plane:
        yield seen
        return
    with Watch(reach=nowhere) as watch:
        desk = Desk(watch)
        os.environ[VARIABLE] = desk.path
        try:
            served = watched(before.door)
            tell(watch, served)
            watch.wait_until(lambda: watch.window().answered > 0, FIRST_ANSWERS)
            began = time.monotonic()
            yield seen
            clock = after.door.connection.clock
            clock.wait(SPREAD_SECONDS)
            wanted = set(watched(after.door).targets)
        finally:
            del os.environ[VARIABLE]
            desk.close()
        report = watch.stop()
        gone = [n for n, one in report.log.series.items() if one.target not in wanted]
        report.log.drop(gone, began)
        whole = report.window(began, report.until)
        known = {(target.ip, target.port) for target in served.targets}
        new = [
            n
            for n, one in report.log.series.items()
            if one.target not in served.targets and (one.target.ip, one.target.port) not in known
        ]
        report.log.drop(new, began)
        seen.statistics = report.window(began, report.until)
        seen.newcomers = whole.failed - seen.statistics.failed
