"""Cloud Monitoring's side of what real users saw: how many, by class, of all, also of old ways.

Counts are plausibility, never proof: a minute is visible 210 s after its end, and a series without
traffic has no points instead of zeros. Types and labels: Google's list of load balancing metrics.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from edgebook.base.errors import ConnectError
from edgebook.cloud.wire import Wire

PREFIX = "loadbalancing.googleapis.com/"
REQUESTS = "https/request_count"
CONNECTIONS = "l4_proxy/tcp/new_connections_count"
PACKETS = "l3/external/ingress_packets_count"
ALIGNMENT = 60
PAGES_AT_MOST = 200


def series(
    wire: Wire, project: str, metric: str, since: str, until: str, *, more: str = ""
) -> Iterator[dict[str, Any]]:
    """All time series of a metric in (since, until], added up by minute, to the last page."""
    params = {
        "filter": f'metric.type="{PREFIX}{metric}"' + (f" AND {more}" if more else ""),
        "interval.startTime": since,
        "interval.endTime": until,
        "aggregation.alignmentPeriod": f"{ALIGNMENT}s",
        "aggregation.perSeriesAligner": "ALIGN_DELTA",
        "view": "FULL",
    }
    for _ in range(PAGES_AT_MOST):
        said = wire.request("monitoring", "GET", f"v3/projects/{project}/timeSeries", params=params)
        yield from said.get("timeSeries") or ()
        token = str(said.get("nextPageToken") or "")
        if not token:
            return
        params["pageToken"] = token
    raise ConnectError(
        f"more than {PAGES_AT_MOST} pages of time series",
        where="monitoring",
        why=f"metric {metric}",
    )


def total(one: Mapping[str, Any]) -> int:
    """What a series counts in all; int64 comes as text."""
    values = [point.get("value") or {} for point in one.get("points") or ()]
    return sum(int(value.get("int64Value") or value.get("doubleValue") or 0) for value in values)


def by_label(found: Iterator[dict[str, Any]], name: str) -> dict[str, int]:
    """Totals by a label of the metric, else of the resource."""
    sums: dict[str, int] = defaultdict(int)
    for one in found:
        labels = {
            **((one.get("resource") or {}).get("labels") or {}),
            **((one.get("metric") or {}).get("labels") or {}),
        }
        sums[str(labels.get(name, ""))] += total(one)
    return dict(sorted(sums.items()))
