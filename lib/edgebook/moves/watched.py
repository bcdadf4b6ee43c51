"""The meter as the engine's watcher: each stage is judged since its mark, by `safety.traffic`."""

import time
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

from edgebook.apply.metering import LEAST, OPEN, Meter, metered
from edgebook.front_door import FrontDoor
from edgebook.moves.looking import Seen
from edgebook.traffic import Statistics, VerdictState, judge
from edgebook.traffic.samples import CUTS

BASELINE_SECONDS = 3.0  # of this machine: what users saw before the first stage
SHORTEST = 1.0  # a stretch that is judged for blindness


class Watched:
    """The watch of the run that this is a part of, or one for as long as the move lasts."""

    def __init__(self, door: FrontDoor, *, drop: tuple[str, ...] = ()) -> None:
        self._door = door
        self._drop = drop  # frontends that are taken away on purpose
        self._stack = ExitStack()
        self._meter: Meter | None = None
        self._before = Statistics()
        self._began = self._marked = 0.0

    def __enter__(self) -> "Watched":
        self._meter = meter = self._stack.enter_context(metered(self._door))
        meter.watch.drop(*self._drop)
        self._began = meter.watch.began
        missing = BASELINE_SECONDS - (time.monotonic() - self._began)
        if missing > 0:
            time.sleep(missing)
        self._before = meter.watch.window(self._began, None)
        self._marked = meter.watch.mark("before the move").at
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        assert self._meter is not None
        self._meter.watch.judged = max(self._marked, time.monotonic() - OPEN)
        self._stack.__exit__(kind, error, trace)

    def mark(self, text: str, cuts: tuple[str, ...] = ()) -> None:
        assert self._meter is not None
        self._meter.look_again()
        self._marked = self._meter.watch.mark(text, key=f"{CUTS}{','.join(cuts)}").at

    def look(self) -> Seen:
        """What users saw since the last mark; a stretch too short to see anything is ok."""
        assert self._meter is not None
        during = self._meter.watch.window(self._marked, None)
        if not during.sent and not self._before.sent:
            return Seen("unwatched", ("nothing of this front door is served yet",))
        if during.seconds < SHORTEST and not during.failed:
            return Seen("ok", figures="just begun")
        enough = min(self._before.answered, during.answered) >= LEAST
        before = self._before if enough else Statistics()
        verdict = judge(before, during, self._meter.limits)
        state = "ok" if verdict.state is VerdictState.OK else verdict.state.value
        return Seen(state, verdict.reasons, during.sentence)

    def answered_by(self, clusters: Iterable[str]) -> int | None:
        """Answers of these clusters since the last mark; None when answers do not say whose."""
        assert self._meter is not None
        ours = {frontend.name for frontend in self._door.spec.frontends}
        seen = [
            share
            for share in self._meter.watch.window(self._marked, None).by
            if share.cluster and share.frontend in ours
        ]
        wanted = set(clusters)
        return sum(s.answered for s in seen if s.cluster in wanted) if seen else None

    def to_json(self) -> dict[str, Any]:
        return self._meter.to_json() if self._meter else {}
