"""Cloud Monitoring v3, as far as reading goes: timeSeries.list and metric descriptors.

A minute becomes visible 210 s after it ended. A series without traffic has no points: not zero.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gcpsim.core.clock import rfc3339
from gcpsim.core.discovery import Method
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import ApiError
from gcpsim.core.filters import FilterError, Predicate, compile_filter
from gcpsim.core.service import Request, RestService
from gcpsim.core.world import World
from gcpsim.observability.alignment import (
    ALIGNERS,
    MINUTE,
    REDUCING,
    Aligned,
    NotPossible,
    align,
    reduce,
)
from gcpsim.observability.descriptors import METRICS, descriptor
from gcpsim.observability.metrics import BOUNDS, PREFIX, Series, Value
from gcpsim.observability.observed import Observed

Doc = dict[str, Any]
Row = tuple[Doc, dict[float, Aligned]]  # labels, and values by the end of their period
SERVICE = "monitoring"
LARGEST_PAGE = 100_000
FINITE_BUCKETS = len(BOUNDS) - 1


class Monitoring(RestService):
    """Answers from the metrics of one world."""

    name, root = SERVICE, "v3/"

    def __init__(self, world: World, observed: Observed) -> None:
        super().__init__(world)
        self.observed = observed

    def implements(self, method: Method) -> bool:
        return method.id in IMPLEMENTED

    def respond(self, request: Request) -> Answer:
        return IMPLEMENTED[request.method.id](self, request.call, request.project)

    def permission(self, request: Request) -> str:
        return f"monitoring.{request.method.collection}.{request.method.name}"

    def unknown(self, call: Call) -> ApiError:
        return ApiError(404, "Method not found.", "notFound")

    @property
    def visible(self) -> float:
        """The end of the last minute that can be seen by now, in POSIX seconds."""
        delay = self.world.duration("monitoring.visible") if self.world.clock.scale else 0.0
        return self.world.clock.now() - delay


@dataclass(frozen=True)
class Asked:
    """What a timeSeries.list asks for, checked."""

    predicate: Predicate
    metric: str
    start: float
    end: float
    period: float
    aligner: str
    reducer: str
    group_by: tuple[str, ...]


def _list(monitoring: Monitoring, call: Call, project: str) -> Answer:
    asked = _asked(call.query)
    end = min(asked.end, monitoring.visible)
    rows: list[Row] = []
    for series, minutes in monitoring.observed.metrics.points(asked.metric):
        labels = _labels(series)
        if labels["resource"]["labels"].get("project_id") != project:
            continue
        if asked.predicate(labels):
            points = _points(minutes, asked, end)
            if points:
                rows.append((labels, points))
    if asked.reducer:
        rows = _reduced(rows, asked)
    rows.sort(key=lambda row: str(row[0]))
    return Answer(body=_page(rows, asked, call.query))


def _asked(query: Mapping[str, str]) -> Asked:
    text = query.get("filter", "")
    try:
        predicate = compile_filter(text, old_style=False)
    except FilterError as error:
        why = f"Field filter had an invalid value of '{text}': {error}"
        raise _invalid(why) from None
    named = [name for name in METRICS if f'"{PREFIX}{name}"' in text or f"={PREFIX}{name}" in text]
    if len(named) != 1:
        why = (
            f"Field filter had an invalid value of '{text}': must specify a restriction on "
            "'metric.type' with exactly one metric that exists"
        )
        raise _invalid(why)
    start = _time(query, "interval.startTime", default=None)
    end = _time(query, "interval.endTime", default="")
    assert end is not None
    aligner = query.get("aggregation.perSeriesAligner", "ALIGN_NONE")
    reducer = query.get("aggregation.crossSeriesReducer", "REDUCE_NONE")
    if any(name.startswith("secondaryAggregation") for name in query):
        raise _invalid("gcpsim has no secondaryAggregation")
    if aligner not in ("ALIGN_NONE", *ALIGNERS) or reducer not in ("REDUCE_NONE", *REDUCING):
        raise _invalid(f"gcpsim has no aggregation {aligner} with {reducer}")
    if reducer != "REDUCE_NONE" and aligner == "ALIGN_NONE":
        raise _invalid("The reducer needs a perSeriesAligner other than ALIGN_NONE.")
    return Asked(
        predicate=predicate,
        metric=named[0],
        start=end if start is None else start,
        end=end,
        period=_period(query, aligner),
        aligner="" if aligner == "ALIGN_NONE" else aligner,
        reducer="" if reducer == "REDUCE_NONE" else reducer,
        group_by=tuple(
            field for field in query.get("aggregation.groupByFields", "").split(",") if field
        ),
    )


def _invalid(why: str) -> ApiError:
    return ApiError(400, why, "invalid")


def _time(query: Mapping[str, str], name: str, default: str | None) -> float | None:
    text = query.get(name, default)
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        raise _invalid(f"Field {name} had an invalid value of '{text}'.") from None


def _period(query: Mapping[str, str], aligner: str) -> float:
    text = query.get("aggregation.alignmentPeriod", "")
    if aligner == "ALIGN_NONE":
        return MINUTE
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        seconds = 0.0
    if seconds < MINUTE:
        why = "must be at least 60 seconds"
        raise _invalid(f"Field aggregation.alignmentPeriod had an invalid value of '{text}': {why}")
    return seconds


def _labels(series: Series) -> Doc:
    return {
        "metric": {"type": f"{PREFIX}{series.metric}", "labels": dict(series.metric_labels)},
        "resource": {"type": series.resource, "labels": dict(series.resource_labels)},
    }


def _points(minutes: Mapping[int, Value], asked: Asked, end: float) -> dict[float, Aligned]:
    if not asked.aligner:
        closes = {(minute + 1) * MINUTE: value for minute, value in minutes.items()}
        return {when: value for when, value in closes.items() if asked.start < when <= end}
    shown = {minute: value for minute, value in minutes.items() if (minute + 1) * MINUTE <= end}
    try:
        return align(shown, asked.aligner, asked.period, asked.start, asked.end)
    except NotPossible as error:
        raise _invalid(str(error)) from None


def _reduced(rows: list[Row], asked: Asked) -> list[Row]:
    """The series in groups of equal values of the groupByFields, each reduced to one."""
    groups: dict[str, tuple[Doc, dict[float, list[Aligned]]]] = {}
    for labels, points in rows:
        kept = _grouped(labels, asked.group_by)
        _, found = groups.setdefault(str(kept), (kept, {}))
        for when, value in points.items():
            found.setdefault(when, []).append(value)
    try:
        return [
            (kept, {when: reduce(values, asked.reducer) for when, values in found.items()})
            for kept, found in groups.values()
        ]
    except NotPossible as error:
        raise _invalid(str(error)) from None


def _grouped(labels: Doc, fields: tuple[str, ...]) -> Doc:
    """Only the labels that are grouped by stay; the resource keeps its project."""
    kept: Doc = {
        "metric": {"type": labels["metric"]["type"], "labels": {}},
        "resource": {
            "type": labels["resource"]["type"],
            "labels": {"project_id": labels["resource"]["labels"]["project_id"]},
        },
    }
    for field in fields:
        where, _, name = field.replace(".label.", ".labels.").partition(".labels.")
        if where in kept and name in labels[where]["labels"]:
            kept[where]["labels"][name] = labels[where]["labels"][name]
    return kept


def _page(rows: list[Row], asked: Asked, query: Mapping[str, str]) -> Doc:
    size, at = _number(query, "pageSize") or LARGEST_PAGE, _number(query, "pageToken")
    headers = query.get("view") == "HEADERS"
    shown, points = [], 0
    while at < len(rows) and points < min(size, LARGEST_PAGE):
        shown.append(_shown(*rows[at], asked, headers=headers))
        points += 1 if headers else len(rows[at][1])
        at += 1
    body: Doc = {"timeSeries": shown} if shown else {}
    body["unit"] = METRICS[asked.metric].unit
    return body | ({"nextPageToken": str(at)} if at < len(rows) else {})


def _number(query: Mapping[str, str], name: str) -> int:
    text = query.get(name, "")
    if text and not text.isdigit():
        raise _invalid(f"Field {name} had an invalid value of '{text}'.")
    return int(text or 0)


def _shown(labels: Doc, points: dict[float, Aligned], asked: Asked, *, headers: bool) -> Doc:
    metric = METRICS[asked.metric]
    gauge = asked.aligner not in ("", "ALIGN_DELTA", "ALIGN_SUM")
    values = list(points.values())
    kind = metric.value if not gauge else "INT64" if isinstance(values[0], int) else "DOUBLE"
    series: Doc = {**labels, "metricKind": "GAUGE" if gauge else "DELTA", "valueType": kind}
    if headers:
        return series
    length = 0.0 if gauge else asked.period
    series["points"] = [
        {
            "interval": {"startTime": _second(when - length), "endTime": _second(when)},
            "value": _value(points[when]),
        }
        for when in sorted(points, reverse=True)
    ]
    return series


def _second(when: float) -> str:
    return rfc3339(when, millis=False)


def _value(value: Aligned) -> Doc:
    if isinstance(value, int):
        return {"int64Value": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    last = max(value.buckets, default=-1)
    return {
        "distributionValue": {
            "count": str(value.count),
            "mean": value.mean,
            "sumOfSquaredDeviation": value.squares,
            "bucketOptions": {
                "exponentialBuckets": {
                    "numFiniteBuckets": FINITE_BUCKETS,
                    "growthFactor": 1.4,
                    "scale": 1,
                }
            },
            "bucketCounts": [str(value.buckets.get(at, 0)) for at in range(last + 1)],
        }
    }


def _descriptors(monitoring: Monitoring, call: Call, project: str) -> Answer:
    try:
        predicate = compile_filter(call.query.get("filter", ""), old_style=False)
    except FilterError as error:
        raise _invalid(f"Field filter had an invalid value: {error}") from None
    shown = [
        one
        for name in sorted(METRICS)
        if predicate({**(one := descriptor(project, name)), "metric": {"type": one["type"]}})
    ]
    return Answer(body={"metricDescriptors": shown} if shown else {})


Handler = Callable[[Monitoring, Call, str], Answer]
IMPLEMENTED: dict[str, Handler] = {
    "monitoring.projects.metricDescriptors.list": _descriptors,
    "monitoring.projects.timeSeries.list": _list,
}
