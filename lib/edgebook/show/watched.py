"""What users see, live while it is watched and as a result: sentence, picture, table.

In JupyterLab the picture is drawn anew every second in its cell; in a terminal there is one line a
frontend. Nothing here decides anything: it shows a Watch.
"""

import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from edgebook.base.text import plain
from edgebook.show.pictures import INK
from edgebook.traffic import Report, Statistics, Watch, picture
from edgebook.traffic.timeline import timeline

EVERY = 1.0
BLOCKS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Seen:
    """A stretch of a watch: its numbers, and its timeline."""

    statistics: Statistics
    line: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return self.statistics.to_json()

    def __str__(self) -> str:
        return "\n".join(lines(self.statistics, self.line))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        sentence = self.statistics.sentence
        drawn = picture.figure(self.line, sentence)
        return f'<div style="color:{INK}"><p><b>{sentence}</b></p>{drawn}</div>'


def of_report(report: Report) -> Seen:
    """The whole of a finished watch."""
    line = timeline(report.log, report.since, report.until)
    return Seen(report.statistics, line)


def now(watch: Watch) -> Seen:
    """A running watch until now."""
    until = time.monotonic()
    return Seen(watch.window(until=until), timeline(watch.log, watch.began, until))


def follow(watch: Watch, seconds: float | None, update: Callable[[Seen], object]) -> None:
    """Show a running watch every second, for so long or until Ctrl-C."""
    ends = time.monotonic() + seconds if seconds is not None else float("inf")
    while (left := ends - time.monotonic()) > 0:
        watch.wait_until(lambda: False, min(EVERY, left))
        update(now(watch))


def in_a_cell() -> Callable[[Seen | None], object]:
    """A picture in the running cell that is drawn anew, and taken away by None."""
    if not in_a_notebook():
        return lambda seen: None
    from IPython.display import HTML, display

    handle = display(HTML(""), display_id=True)
    return lambda seen: handle.update(HTML(seen._repr_html_() if seen else ""))


def in_a_notebook() -> bool:
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


def live(watch: Watch) -> Callable[[], None]:
    """Draw a running watch in the running cell until the returned function is called.

    A run that is recorded is shown by whoever records it.
    """
    if not in_a_notebook() or os.environ.get("EDGEBOOK_JOURNAL"):
        return lambda: None
    update, over = in_a_cell(), threading.Event()

    def draw() -> None:
        while not over.wait(EVERY):
            update(now(watch))

    thread = threading.Thread(target=draw, daemon=True, name="traffic-live")
    thread.start()

    def stop() -> None:
        over.set()
        thread.join()
        update(None)

    return stop


def lines(seen: Statistics, line: Mapping[str, Any]) -> list[str]:
    """One line a frontend, then what failed."""
    found = [seen.sentence, _spark(line)]
    grouped: dict[str, list[Any]] = defaultdict(list)
    for share in seen.by:
        grouped[share.frontend].append(share)
    width = max((len(name) for name in grouped), default=0)
    for name, shares in sorted(grouped.items()):
        sent, failed = sum(s.sent for s in shares), sum(s.failed for s in shares)
        by = sorted({s.cluster for s in shares if s.cluster})
        places = sorted({s.location for s in shares if s.location})
        p99 = max(s.p99_ms for s in shares)
        more = [f"by {', '.join(by)}"] if by else []
        more += [f"from {', '.join(places)}"] if places else []
        found.append(
            f"  {name:<{width}}  {sent:>7,} sent  {failed:>5,} failed  p99 {p99:>7.1f} ms  "
            + "  ".join(more)
        )
    for failure in seen.failures[:10]:
        found.append(f"  {failure.sentence}" + (f" ({failure.during})" if failure.during else ""))
    if seen.failed > 10:
        found.append(f"  and {seen.failed - 10:,} more")
    names = sorted({f"{i['frontend']} {i['hostname']}".strip() for i in seen.waiting})
    if names:
        found.append(f"  never answered, and not counted: {', '.join(names)}")
    return [plain(text).rstrip() for text in found if text.strip()]


def _spark(line: Mapping[str, Any]) -> str:
    """The timeline in one line: answers as blocks, a bucket with failures as x."""
    sums = [sum(bucket) for bucket in zip(*line["answered"].values(), strict=True)]
    if not sums or not max(sums):
        return ""
    shown = [
        "x" if failed else BLOCKS[round(count / max(sums) * (len(BLOCKS) - 1))]
        for count, failed in zip(sums, line["failed"], strict=True)
    ]
    return "  " + "".join(shown)
