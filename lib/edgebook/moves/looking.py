"""What the engine asks of whoever measures the traffic: a verdict, and whether a side is quiet.

`Unwatched` stands in where there is nothing to measure (a simulator without its data plane): it
says so, and judges nothing. The meter itself is `edgebook.traffic`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Seen:
    """ok, breach, blind, or unwatched; with what was seen."""

    state: str
    reasons: tuple[str, ...] = ()
    figures: str = ""

    def __str__(self) -> str:
        return "; ".join(self.reasons) or self.figures or self.state


class Watcher(Protocol):
    """Runs from before the first stage to after the last one."""

    def __enter__(self) -> Any: ...
    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None: ...
    def mark(self, text: str, cuts: tuple[str, ...] = ()) -> None: ...
    def look(self) -> Seen: ...
    def answered_by(self, clusters: Iterable[str]) -> int | None: ...
    def to_json(self) -> dict[str, Any]: ...


class Unwatched:
    """No meter: nothing is known of the traffic."""

    def __init__(self, why: str) -> None:
        self.why = why

    def __enter__(self) -> "Unwatched":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        return None

    def mark(self, text: str, cuts: tuple[str, ...] = ()) -> None:
        """A new stretch begins; long streams of the frontends `cuts` end in it as planned."""
        return

    def look(self) -> Seen:
        return Seen("unwatched", (self.why,))

    def answered_by(self, clusters: Iterable[str]) -> int | None:
        """Requests that these clusters answered since the last mark; None: nobody knows."""
        return None

    def to_json(self) -> dict[str, Any]:
        return {}
