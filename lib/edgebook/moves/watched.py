"""The meter as the engine's watcher: limits of the params, the time before the move as measure."""

from collections.abc import Callable, Iterable
from typing import Any

from edgebook.moves.looking import Seen
from edgebook.traffic import Statistics, TrafficLimits, Watch, judge

BASELINE_SECONDS = 3.0  # of this machine: what users saw before the first stage


class Watched:
    """Watches from before the first stage to after the last; `start` makes a watch that runs."""

    def __init__(
        self, start: Callable[[], Watch], limits: TrafficLimits, *, own: bool = True
    ) -> None:
        self._start = start
        self._limits = limits
        self._own = own
        self._watch: Watch | None = None
        self._before = Statistics()
        self._marked = 0.0

    def __enter__(self) -> "Watched":
        self._watch = watch = self._start()
        watch.wait_until(lambda: watch.window().seconds >= BASELINE_SECONDS, BASELINE_SECONDS + 5)
        self._before = watch.window()
        self._marked = watch.mark("before the move").at
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        if self._watch is not None and self._own:
            self._watch.stop()

    def mark(self, text: str) -> None:
        assert self._watch is not None
        self._marked = self._watch.mark(text).at

    def look(self) -> Seen:
        """What was seen since the last mark, judged by the limits."""
        assert self._watch is not None
        during = self._watch.window(self._marked)
        if during.seconds < 1.0 and not during.failed:
            return Seen("ok", figures="just begun")
        verdict = judge(self._before, during, self._limits)
        return Seen(verdict.state.value, verdict.reasons, during.sentence)

    def answered_by(self, clusters: Iterable[str]) -> int | None:
        assert self._watch is not None
        found = self._watch.window(self._marked).clusters
        return sum(found.get(cluster, 0) for cluster in clusters) if found else None

    def to_json(self) -> dict[str, Any]:
        return self._watch.window().to_json() if self._watch else {}
