"""Cloud Monitoring: load balancing metrics, counted exactly, aligned and late as documented."""

from typing import Any

import pytest
from gcpsim.core.clock import rfc3339
from gcpsim.core.seen import Request
from gcpsim.observability.service import observe

START = 1_800_000_000.0  # where the clock of `cloud` stands

VISIBLE = 210.0
COUNT = "loadbalancing.googleapis.com/https/request_count"
LATENCY = "loadbalancing.googleapis.com/https/total_latencies"
BACKENDS = "loadbalancing.googleapis.com/https/backend_request_count"


@pytest.fixture
def watched(cloud: Any) -> Any:
    observe(cloud.world)
    return cloud


def tell(cloud: Any, number: int = 1, **fields: Any) -> None:
    base: Request = {
        "time": cloud.world.clock.now(),
        "latency": 0.1,
        "backend_latency": 0.08,
        "project": "shop",
        "location": "europe-west1",
        "forwarding_rule": "web",
        "url_map": "shop",
        "backend_service": "web",
        "backend_group": "projects/shop/zones/europe-west1-b/networkEndpointGroups/web",
        "scheme": "EXTERNAL_MANAGED",
        "protocol": "HTTP/2",
        "status": 200,
        "request_size": 10,
        "response_size": 100,
    }
    for _ in range(number):
        cloud.world.observability.request({**base, **fields})  # type: ignore[typeddict-item]


def ask(cloud: Any, metric: str = COUNT, more: str = "", **query: str) -> list[dict[str, Any]]:
    now = cloud.world.clock.now()
    asked = {
        "filter": f'metric.type="{metric}"{more}',
        "interval.startTime": rfc3339(START - 3600),
        "interval.endTime": rfc3339(now),
        **{name.replace("__", "."): value for name, value in query.items()},
    }
    body = cloud.request("monitoring", "GET", "projects/shop/timeSeries", None, **asked)
    found: list[dict[str, Any]] = body.get("timeSeries", [])
    return found


def total(series: list[dict[str, Any]]) -> int:
    return sum(int(point["value"]["int64Value"]) for one in series for point in one["points"])


def test_every_request_is_counted_by_its_labels(watched: Any) -> None:
    tell(watched, 7)
    tell(watched, 2, status=503, backend_group="")
    watched.advance(VISIBLE + 60)
    found = ask(watched)
    by_class = {one["metric"]["labels"]["response_code_class"]: total([one]) for one in found}
    assert by_class == {"200": 7, "500": 2}
    names = {one["resource"]["labels"]["backend_name"] for one in found}
    assert names == {"web", "FRONTEND_5XX"}
    assert found[0]["resource"]["type"] == "https_lb_rule"
    assert found[0]["metricKind"] == "DELTA"
    assert found[0]["metric"]["labels"]["proxy_continent"] == "Europe"


def test_a_minute_is_visible_210_seconds_after_its_end(watched: Any) -> None:
    tell(watched)
    watched.advance(60 + VISIBLE - 1)
    assert ask(watched) == []
    watched.advance(1)
    assert total(ask(watched)) == 1


def test_no_traffic_is_no_series_rather_than_zero(watched: Any) -> None:
    tell(watched)
    watched.advance(1000)
    (series,) = ask(watched)
    assert len(series["points"]) == 1
    assert ask(watched, more=' AND resource.labels.url_map_name="other"') == []


def test_filters_know_labels_and_functions(watched: Any) -> None:
    tell(watched, 3)
    tell(watched, 5, url_map="other", status=404)
    watched.advance(300)
    assert total(ask(watched, more=' AND resource.labels.url_map_name = "shop"')) == 3
    assert total(ask(watched, more=' AND metric.labels.response_code != "200"')) == 5
    either = ' AND resource.labels.url_map_name = one_of("shop", "other")'
    assert total(ask(watched, more=either)) == 8


def test_series_are_aligned_and_reduced(watched: Any) -> None:
    for minute in range(4):
        tell(watched, minute + 1)
        tell(watched, 10, status=500)
        watched.advance(60)
    watched.advance(VISIBLE)
    found = ask(
        watched,
        aggregation__alignmentPeriod="3600s",
        aggregation__perSeriesAligner="ALIGN_DELTA",
        aggregation__crossSeriesReducer="REDUCE_SUM",
        aggregation__groupByFields="metric.labels.response_code_class",
    )
    sums = {one["metric"]["labels"]["response_code_class"]: total([one]) for one in found}
    assert sums == {"200": 10, "500": 40}
    (rate,) = ask(
        watched,
        aggregation__alignmentPeriod="60s",
        aggregation__perSeriesAligner="ALIGN_RATE",
        aggregation__crossSeriesReducer="REDUCE_SUM",
    )
    assert rate["metricKind"] == "GAUGE"
    newest, oldest = rate["points"][0], rate["points"][-1]
    assert newest["interval"]["endTime"] > oldest["interval"]["endTime"]
    assert newest["value"]["doubleValue"] == pytest.approx(14 / 60)


def test_latencies_are_distributions_with_percentiles(watched: Any) -> None:
    tell(watched, 98, latency=0.010)
    tell(watched, 2, latency=2.0)
    watched.advance(300)
    (series,) = ask(watched, LATENCY)
    value = series["points"][0]["value"]["distributionValue"]
    assert value["count"] == "100"
    assert value["mean"] == pytest.approx(0.98 * 10 + 0.02 * 2000)
    assert sum(int(count) for count in value["bucketCounts"]) == 100
    (p99,) = ask(
        watched,
        LATENCY,
        aggregation__alignmentPeriod="60s",
        aggregation__perSeriesAligner="ALIGN_PERCENTILE_99",
    )
    assert 1400 < p99["points"][0]["value"]["doubleValue"] < 2800


def test_requests_without_a_backend_count_at_the_front_only(watched: Any) -> None:
    unanswered: Any = {"backend_group": "", "status": 503}
    seen: Request = {"time": START, "project": "shop", "latency": 0.1, **unanswered}
    watched.world.observability.request(seen)
    watched.advance(300)
    assert total(ask(watched)) == 1
    assert ask(watched, BACKENDS) == []


def test_passthrough_packets_and_proxy_connections_are_counted(watched: Any) -> None:
    watched.world.observability.packets(
        {
            "time": START,
            "project": "shop",
            "region": "us-central1",
            "forwarding_rule": "a1",
            "protocol": "TCP",
            "ingress_packets": 4,
            "egress_packets": 3,
        }
    )
    connection: Any = {
        "time": START,
        "project": "shop",
        "scheme": "EXTERNAL_MANAGED",
        "backend_group": "projects/shop/zones/us-central1-a/networkEndpointGroups/n",
    }
    tell = watched.world.observability.connection
    tell(connection)
    tell({**connection, "ended": START + 5, "bytes_sent": 9})
    # Those that found no backend are told once, when they end.
    tell({**connection, "ended": START + 1, "backend_group": ""})
    tell({**connection, "ended": START + 1, "proxy_status": 'error="destination_unavailable"'})
    watched.advance(300)
    prefix = "loadbalancing.googleapis.com/"
    assert total(ask(watched, f"{prefix}l3/external/ingress_packets_count")) == 4
    assert total(ask(watched, f"{prefix}l4_proxy/tcp/new_connections_count")) == 3
    assert total(ask(watched, f"{prefix}l4_proxy/tcp/closed_connections_count")) == 3
    assert total(ask(watched, f"{prefix}l4_proxy/egress_bytes_count")) == 9


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"filter": 'metric.type="loadbalancing.googleapis.com/none"'}, "metric.type"),
        ({"filter": "metric.type="}, "filter"),
        ({"interval.endTime": "yesterday"}, "interval.endTime"),
        (
            {
                "aggregation.perSeriesAligner": "ALIGN_DELTA",
                "aggregation.alignmentPeriod": "30s",
            },
            "60 seconds",
        ),
        ({"aggregation.crossSeriesReducer": "REDUCE_SUM"}, "perSeriesAligner"),
        ({"pageSize": "many"}, "pageSize"),
    ],
)
def test_what_cannot_be_answered_is_refused(watched: Any, change: dict[str, str], why: str) -> None:
    query = {"filter": f'metric.type="{COUNT}"', "interval.endTime": rfc3339(START), **change}
    refused = watched.refusal("monitoring", "GET", "projects/shop/timeSeries", None, **query)
    assert refused.code == 400
    assert why in refused.message


def test_series_are_paged_and_descriptors_listed(watched: Any) -> None:
    for number in range(3):
        tell(watched, url_map=f"map-{number}")
    watched.advance(300)
    first = watched.request(
        "monitoring",
        "GET",
        "projects/shop/timeSeries",
        None,
        **{
            "filter": f'metric.type="{COUNT}"',
            "interval.startTime": rfc3339(START - 60),
            "interval.endTime": rfc3339(START + 300),
            "pageSize": "2",
        },
    )
    assert len(first["timeSeries"]) == 2
    assert first["nextPageToken"]
    listed = watched.request("monitoring", "GET", "projects/shop/metricDescriptors")
    assert COUNT in {one["type"] for one in listed["metricDescriptors"]}
