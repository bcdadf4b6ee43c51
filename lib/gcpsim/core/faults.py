"""Scripted faults: what goes wrong, for which calls, and how often.

A fault matches by service, HTTP method, collection, method and path, skips `nth` - 1 matches and
then strikes `times` times (0: for ever). Effects: `http` (an error answer instead of the work),
`operation` (the work starts, its operation fails), `latency` (seconds of real time), `drop_before`
and `drop_after` (the connection dies before or after the effect took place), `permission` (403).
"""

import fnmatch
import itertools
import random
from dataclasses import asdict, dataclass
from typing import Any

from gcpsim.core.errors import ApiError

EFFECTS = ("http", "operation", "latency", "drop_before", "drop_after", "permission")


@dataclass
class Fault:
    """One scripted fault. Patterns are shell-style (`*`); an empty one matches everything."""

    id: int = 0
    effect: str = "http"
    service: str = ""
    verb: str = ""
    collection: str = ""
    method: str = ""
    path: str = ""
    permission: str = ""
    nth: int = 1
    times: int = 1
    probability: float = 1.0
    code: int = 503
    reason: str = "backendError"
    message: str = "Backend Error"
    error: str = "INTERNAL_ERROR"
    seconds: float = 0.0
    retry_after: int = 0
    seen: int = 0
    struck: int = 0

    def as_error(self) -> ApiError:
        headers = {"Retry-After": str(self.retry_after)} if self.retry_after else {}
        return ApiError(self.code, self.message, self.reason, headers=headers)

    @property
    def spent(self) -> bool:
        return bool(self.times) and self.struck >= self.times

    def count(self) -> bool:
        """Count a match; True when the fault strikes this time."""
        self.seen += 1
        strikes = self.seen >= self.nth and not self.spent
        self.struck += strikes
        return strikes


class Faults:
    """The faults in force, in the order in which they were given."""

    def __init__(self) -> None:
        self.active: list[Fault] = []
        self._ids = itertools.count(1)
        self._random = random.Random(0)

    def add(self, wanted: dict[str, Any]) -> Fault:
        """Put a fault in force; ApiError 400 for an unknown field or effect."""
        given = dict(wanted)
        # In a script `method` may be an HTTP method or a method name: POST, or setUrlMap.
        method = given.get("method", "")
        if isinstance(method, str) and method.isupper() and "verb" not in given:
            given["verb"] = given.pop("method")
        blank = Fault()
        names = set(asdict(blank)) - {"id", "seen", "struck"}
        for name, value in given.items():
            if name not in names:
                allowed = ", ".join(sorted(names))
                raise ApiError(400, f"fault: unknown field {name!r}; allowed: {allowed}", "invalid")
            kind = type(getattr(blank, name))
            right = isinstance(value, int | float) if kind is float else isinstance(value, kind)
            if not right or isinstance(value, bool):
                why = f"fault: {name} must be {kind.__name__}, not {value!r}"
                raise ApiError(400, why, "invalid")
        if given.get("effect", "http") not in EFFECTS:
            raise ApiError(400, f"fault: effect must be one of {', '.join(EFFECTS)}", "invalid")
        fault = Fault(**given)
        fault.id = next(self._ids)
        self.active.append(fault)
        return fault

    def clear(self, fault_id: int | None = None) -> None:
        self.active = [] if fault_id is None else [f for f in self.active if f.id != fault_id]

    def seed(self, seed: int) -> None:
        self._random.seed(seed)

    def strike(
        self, *, service: str, verb: str, collection: str, method: str, path: str
    ) -> list[Fault]:
        """The faults that hit this call; each is counted.

        A fault on a permission is only counted by who knows which permission a call needs.
        """
        hits = []
        for fault in self.active:
            pairs = (
                (fault.service, service),
                (fault.verb, verb),
                (fault.collection, collection),
                (fault.method, method),
                (fault.path, path),
            )
            if not all(fnmatch.fnmatchcase(value, want) for want, value in pairs if want):
                continue
            if fault.probability < 1 and self._random.random() >= fault.probability:
                continue
            if (fault.effect == "permission" and fault.permission) or fault.count():
                hits.append(fault)
        return hits

    def table(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self.active]
