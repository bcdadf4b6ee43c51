"""Level-triggered work: controllers mark keys as dirty, a worker reconciles each once, a bit later.

However often a key is marked, one pass looks at the state as it is then. So thousands of changes
cost thousands of cheap steps. A refused call (ApiError, StatusError) is retried with growing delay;
so is a key on which the controller itself fails, which touches no other key.
"""

from collections.abc import Callable, Iterable

from gcpsim.core.clock import Clock
from gcpsim.core.errors import ApiError
from gcpsim.k8s.types.status import StatusError

Attempt = Callable[[str, Callable[[], None]], bool]
FIRST_RETRY, LAST_RETRY, CONFLICTS = 0.5, 60.0, 3


class Worker:
    """Dirty keys and the function that brings one in order."""

    def __init__(
        self,
        clock: Clock,
        lag: float,
        reconcile: Callable[[str], None],
        attempt: Attempt,
    ) -> None:
        self.clock = clock
        self._attempt = attempt
        self.lag = lag
        self._reconcile = reconcile
        self._dirty: dict[str, None] = {}
        self._scheduled = False
        self._failures: dict[str, int] = {}

    def mark(self, key: str) -> None:
        """Have `key` reconciled after the lag, together with all that gets dirty until then."""
        self._dirty[key] = None
        if not self._scheduled:
            self._scheduled = True
            self.clock.after(self.lag, self._run)

    def mark_all(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.mark(key)

    def mark_at(self, when: float, key: str) -> None:
        """Have `key` reconciled at a date (POSIX seconds of simulated time)."""
        self.clock.at(when, lambda: self.mark(key))

    def mark_after(self, seconds: float, key: str) -> None:
        """Have `key` reconciled when a process of `seconds` is over."""
        self.clock.after(seconds, lambda: self.mark(key))

    def _run(self) -> None:
        self._scheduled = False
        keys, self._dirty = self._dirty, {}
        for key in keys:
            self._one(key)

    def _one(self, key: str) -> None:
        refused: list[ApiError | StatusError] = []

        def work() -> None:
            try:
                self._reconcile(key)
            except (ApiError, StatusError) as error:
                refused.append(error)

        if not self._attempt(f"{self.name} on {key}", work):
            self._again(key)
        elif refused and refused[0].code == 409 and self._failures.get(key, 0) < CONFLICTS:
            self._failures[key] = self._failures.get(key, 0) + 1
            self.mark(key)  # someone else wrote first: look again
        elif refused:
            self._again(key)
        else:
            self._failures.pop(key, None)

    def _again(self, key: str) -> None:
        tries = self._failures.get(key, 0)
        self._failures[key] = tries + 1
        self.mark_at(self.clock.now() + min(LAST_RETRY, FIRST_RETRY * 2.0 ** min(tries, 10)), key)

    @property
    def name(self) -> str:
        """Whose work it is, for the log."""
        owner = getattr(self._reconcile, "__self__", None)
        return type(owner).__name__ if owner is not None else "a controller"
