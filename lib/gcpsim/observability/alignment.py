"""Aligners and reducers of time series: points of minutes into points of periods. Pure.

An alignment period ends at a multiple of the period counted back from the end of the interval; its
points lie in (start, end]. Aligned deltas stay deltas, rates and percentiles become gauges.
"""

from collections.abc import Callable, Mapping, Sequence

from gcpsim.observability.metrics import Distribution, Value

Number = int | float
Aligned = Number | Distribution
MINUTE = 60.0
PERCENTILES = {"99": 0.99, "95": 0.95, "50": 0.50, "05": 0.05}
NUMERIC = ("ALIGN_DELTA", "ALIGN_SUM", "ALIGN_RATE", "ALIGN_MEAN", "ALIGN_COUNT")


class NotPossible(ValueError):
    """An aligner or reducer that does not go with the values."""


def total(values: Sequence[Value]) -> Aligned:
    """Everything that happened in some minutes."""
    if isinstance(values[0], Distribution):
        merged = Distribution()
        for value in values:
            assert isinstance(value, Distribution)
            merged = merged.merged(value)
        return merged
    return sum(value for value in values if isinstance(value, int))


def align(
    minutes: Mapping[int, Value], aligner: str, period: float, start: float, end: float
) -> dict[float, Aligned]:
    """Values by the end of their period, in POSIX seconds; periods without points are left out."""
    periods: dict[float, list[Value]] = {}
    for minute, value in minutes.items():
        closes = (minute + 1) * MINUTE
        if start < closes <= end:
            back = (end - closes) // period
            periods.setdefault(end - back * period, []).append(value)
    found: dict[float, Aligned] = {}
    for closes, values in periods.items():
        if aligner == "ALIGN_COUNT":
            found[closes] = len(values)
        else:
            found[closes] = _aligned(total(values), len(values), aligner, period)
    return found


def _aligned(value: Aligned, points: int, aligner: str, period: float) -> Aligned:
    if aligner.startswith("ALIGN_PERCENTILE_"):
        if not isinstance(value, Distribution):
            raise NotPossible(f"{aligner} goes with distributions only")
        return value.percentile(PERCENTILES[aligner[-2:]])
    if aligner in ("ALIGN_DELTA", "ALIGN_SUM"):
        return value
    if isinstance(value, Distribution):
        raise NotPossible(f"{aligner} does not go with distributions")
    return value / period if aligner == "ALIGN_RATE" else value / points


def reduce(values: Sequence[Aligned], reducer: str) -> Aligned:
    """One value of several series at one time."""
    if isinstance(values[0], Distribution):
        if reducer == "REDUCE_SUM":
            merged = Distribution()
            for value in values:
                assert isinstance(value, Distribution)
                merged = merged.merged(value)
            return merged
        raise NotPossible(f"{reducer} does not go with distributions")
    numbers = sorted(value for value in values if not isinstance(value, Distribution))
    if reducer.startswith("REDUCE_PERCENTILE_"):
        share = PERCENTILES[reducer[-2:]]
        return numbers[min(len(numbers) - 1, int(share * len(numbers)))]
    return REDUCERS[reducer](numbers)


REDUCERS: dict[str, Callable[[Sequence[Number]], Number]] = {
    "REDUCE_SUM": sum,
    "REDUCE_MEAN": lambda numbers: sum(numbers) / len(numbers),
    "REDUCE_MIN": min,
    "REDUCE_MAX": max,
    "REDUCE_COUNT": len,
}
ALIGNERS = (*NUMERIC, *(f"ALIGN_PERCENTILE_{share}" for share in PERCENTILES))
REDUCING = (*REDUCERS, *(f"REDUCE_PERCENTILE_{share}" for share in PERCENTILES))
