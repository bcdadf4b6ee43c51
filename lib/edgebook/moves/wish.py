"""What a swap is asked for: where to, which backends, in which steps. Wrong wishes are refused.

Also where clusters are, since what a step does depends on whether two of them share a region.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from edgebook.base.errors import UsageError
from edgebook.params.backend_checks import location
from edgebook.params.types import Spec

STEPS = (5.0, 25.0, 50.0, 100.0)
SOAK = 600
SPREAD = 120  # seconds until a change counts as known in every location (facts: several minutes)
MARGIN = 60  # a drain lasts up to a minute longer than its timeout
PATIENCE = 3600  # how long streams of the old side are waited for
NAMES = {5.0: "first", 25.0: "quarter", 50.0: "half", 100.0: "all"}
_DURATION = re.compile(r"(\d+)\s*(s|m|h)?")
_UNITS = {None: 1, "s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Wish:
    """`source` is where each backend is served now; it is read from live, not asked for."""

    to: tuple[str, ...]
    backends: tuple[str, ...] = ()
    steps: tuple[float, ...] = STEPS
    soak_s: int = SOAK
    spread_s: int = SPREAD
    patience_s: int = PATIENCE
    canary: str = ""  # Name: value of the header whose requests go first
    mirror: bool = False
    allow_fewer: bool = False
    source: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def seconds(text: str | int, name: str) -> int:
    """`90`, `90s`, `10m`, `1h` as seconds."""
    found = _DURATION.fullmatch(str(text).strip())
    if not found:
        raise UsageError("Not a duration", where=name, why=f"{text!r}; such as 90s, 10m or 1h")
    return int(found.group(1)) * _UNITS[found.group(2)]


def clusters(text: str | Iterable[str], spec: Spec, name: str = "to") -> tuple[str, ...]:
    """`green`, or `blue,green`: clusters of the params, sorted."""
    parts = text.split(",") if isinstance(text, str) else list(text)
    words = sorted({str(part).strip() for part in parts} - {""})
    known = ", ".join(sorted(spec.clusters))
    if not words:
        raise UsageError("No cluster to move to", where=name, why=f"clusters are: {known}")
    if stray := [word for word in words if word not in spec.clusters]:
        raise UsageError(f"No cluster {', '.join(stray)}", where=name, why=f"clusters are: {known}")
    return tuple(words)


def backends(names: Iterable[str], spec: Spec) -> tuple[str, ...]:
    """The named backends, or all of them, sorted."""
    wanted = sorted(set(names)) or sorted(spec.backends)
    if stray := [name for name in wanted if name not in spec.backends]:
        known = ", ".join(sorted(spec.backends))
        raise UsageError(
            f"No backend {', '.join(stray)}", where="backends", why=f"backends are: {known}"
        )
    return tuple(wanted)


def steps(shares: Iterable[float]) -> tuple[float, ...]:
    """Growing shares of which the last is 100."""
    found = tuple(float(share) for share in shares) or STEPS
    if any(not 0 < share <= 100 for share in found) or sorted(set(found)) != list(found):
        why = f"{', '.join(f'{s:g}' for s in found)}; growing shares above 0, at most 100"
        raise UsageError("Not a ladder", where="steps", why=why)
    if found[-1] != 100:
        raise UsageError(
            "A ladder that does not end at 100",
            where="steps",
            why=f"the last step is {found[-1]:g}: the old side could not be drained",
            next="add 100; to serve from both, give both clusters: -p to blue,green",
        )
    return found


def step_name(share: float) -> str:
    return NAMES.get(share, f"{share:g} %")


def region(spec: Spec, cluster: str) -> str:
    return location(spec.clusters[cluster])


def place(spec: Spec, cluster: str) -> str:
    """`green (europe-west1)`."""
    where = region(spec, cluster)
    return f"{cluster} ({where})" if where else cluster


def header(text: str) -> tuple[str, str]:
    """`X-Canary: yes` as name and value."""
    name, _, value = text.partition(":")
    if not name.strip() or not value.strip():
        raise UsageError("Not a header", where="first", why=f"{text!r}; such as X-Canary: yes")
    return name.strip(), value.strip()
