"""Cloud Logging: what front ends did, read as the documented API gives it."""

from typing import Any

import pytest
from gcpsim.core.edge import Call
from gcpsim.core.errors import ApiError
from gcpsim.core.seen import Connection, Request
from gcpsim.observability.service import observe

PROJECT = "shop"
READABLE = 20.0  # seconds until an entry can be read: durations, logging.ingestion


@pytest.fixture
def logged(cloud: Any) -> Any:
    """A project whose backend service `web` logs everything and `quiet` nothing."""
    observe(cloud.world)
    for name, config in (("web", {"enable": True}), ("quiet", {})):
        body = {"name": name, "protocol": "HTTP", "logConfig": config, "timeoutSec": 30}
        body["loadBalancingScheme"] = "EXTERNAL_MANAGED"
        cloud.request("compute", "POST", f"projects/{PROJECT}/global/backendServices", body)
    cloud.advance(60)
    return cloud


def request(cloud: Any, **fields: Any) -> None:
    base: Request = {
        "time": cloud.world.clock.now(),
        "latency": 0.25,
        "project": PROJECT,
        "forwarding_rule": "shop-web",
        "url_map": "shop",
        "target_proxy": "shop-web",
        "backend_service": "web",
        "scheme": "EXTERNAL_MANAGED",
        "method": "GET",
        "url": "https://shop.example.com/cart",
        "status": 200,
        "status_details": "response_sent_by_backend",
        "remote_ip": "198.51.100.7",
    }
    cloud.world.observability.request({**base, **fields})  # type: ignore[typeddict-item]


def read(cloud: Any, text: str = "", **body: Any) -> Any:
    asked = {"resourceNames": [f"projects/{PROJECT}"], "filter": text, **body}
    return cloud.request("logging", "POST", "entries:list", asked)


def test_an_entry_is_spelled_as_google_spells_it(logged: Any) -> None:
    request(logged, status=503, status_details="failed_to_pick_backend")
    logged.advance(READABLE)
    (entry,) = read(logged)["entries"]
    assert entry["logName"] == "projects/shop/logs/requests"
    assert entry["severity"] == "WARNING"
    assert entry["httpRequest"]["requestUrl"] == "https://shop.example.com/cart"
    assert entry["httpRequest"]["status"] == 503
    assert entry["httpRequest"]["latency"] == "0.250000s"
    assert entry["jsonPayload"]["statusDetails"] == "failed_to_pick_backend"
    assert entry["resource"]["type"] == "http_load_balancer"
    assert entry["resource"]["labels"]["backend_service_name"] == "web"


def test_entries_are_readable_only_after_a_while(logged: Any) -> None:
    request(logged)
    logged.advance(READABLE - 1)
    assert read(logged) == {}
    logged.advance(1)
    assert len(read(logged)["entries"]) == 1


def test_only_services_that_log_are_logged_and_redirects_never(logged: Any) -> None:
    request(logged, backend_service="quiet")
    request(logged, backend_service="")
    request(logged, redirect=True)
    logged.advance(READABLE)
    assert read(logged) == {}


def test_a_sample_rate_below_one_hides_some(logged: Any) -> None:
    path = f"projects/{PROJECT}/global/backendServices/web"
    logged.request("compute", "PATCH", path, {"logConfig": {"enable": True, "sampleRate": 0.5}})
    logged.advance(60)
    for _ in range(200):
        request(logged)
    logged.advance(READABLE)
    assert 60 < len(read(logged, pageSize=1000)["entries"]) < 140


def test_the_query_of_a_change_finds_exactly_the_failures_of_the_load_balancer(
    logged: Any,
) -> None:
    start = logged.world.clock.now()
    request(logged, url="https://a/ok")
    request(logged, url="https://a/app", status=500)
    request(logged, url="https://a/gone", status=0, status_details="client_timed_out")
    request(
        logged,
        url="https://a/cut",
        status_details="backend_connection_closed_after_partial_response_sent",
    )
    logged.advance(READABLE)
    text = (
        'resource.type="http_load_balancer" AND resource.labels.url_map_name="shop" '
        f'AND timestamp>="{stamp(start)}" AND (httpRequest.status>=500 OR httpRequest.status=0 '
        'OR NOT jsonPayload.statusDetails=~"^(response_sent_by_backend|response_from_cache)")'
    )
    found = [entry["httpRequest"]["requestUrl"] for entry in read(logged, text)["entries"]]
    assert found == ["https://a/app", "https://a/gone", "https://a/cut"]
    assert read(logged, text.replace('"shop"', '"other"')) == {}


def stamp(seconds: float) -> str:
    from gcpsim.core.clock import rfc3339

    return rfc3339(seconds)


def test_pages_follow_each_other_and_order_can_be_turned(logged: Any) -> None:
    for number in range(5):
        request(logged, url=f"https://a/{number}")
        logged.advance(1)
    logged.advance(READABLE)
    first = read(logged, orderBy="timestamp desc", pageSize=3)
    rest = read(logged, orderBy="timestamp desc", pageSize=3, pageToken=first["nextPageToken"])
    urls = [entry["httpRequest"]["requestUrl"] for entry in first["entries"] + rest["entries"]]
    assert urls == [f"https://a/{number}" for number in (4, 3, 2, 1, 0)]
    assert "nextPageToken" not in rest


def test_a_connection_is_logged_when_it_ends(logged: Any) -> None:
    open_now: Connection = {
        "time": logged.world.clock.now(),
        "project": PROJECT,
        "forwarding_rule": "mqtt",
        "backend_service": "web",
        "backend_group": "projects/shop/zones/us-central1-a/networkEndpointGroups/mqtt",
        "scheme": "EXTERNAL_MANAGED",
        "remote_ip": "198.51.100.7",
        "server_ip": "203.0.113.9",
        "server_port": 8883,
    }
    logged.world.observability.connection(open_now)
    logged.advance(100)
    assert read(logged) == {}
    details = 'error="connection_terminated"; details="backend_connection_closed"'
    logged.world.observability.connection(
        {**open_now, "ended": logged.world.clock.now(), "bytes_sent": 7, "proxy_status": details}
    )
    logged.advance(READABLE)
    (entry,) = read(logged)["entries"]
    assert entry["logName"] == "projects/shop/logs/loadbalancing.googleapis.com%2Fconnections"
    assert entry["resource"]["type"] == "l4_proxy_rule"
    assert entry["resource"]["labels"]["backend_scope"] == "us-central1-a"
    assert entry["jsonPayload"]["proxyStatus"] == details
    assert entry["jsonPayload"]["bytesSent"] == "7"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, "at least one resource"),
        ({"resourceNames": ["folders/1"]}, "folders/1"),
        ({"resourceNames": ["projects/shop"], "filter": "timestamp>="}, "filter"),
        ({"resourceNames": ["projects/shop"], "filter": "a =~ '('"}, "filter"),
        ({"resourceNames": ["projects/shop"], "orderBy": "name"}, "order_by"),
        ({"resourceNames": ["projects/shop"], "pageToken": "x"}, "page_token"),
        ({"resourceNames": ["projects/shop"], "pagesize": 3}, "pagesize"),
    ],
)
def test_what_cannot_be_read_is_refused(logged: Any, body: dict[str, Any], why: str) -> None:
    refused = logged.refusal("logging", "POST", "entries:list", body)
    assert refused.code == 400
    assert why in refused.message


def test_reading_needs_a_permission(logged: Any) -> None:
    logged.world.stage["permissions"]({"project": PROJECT, "deny": ["logging.logEntries.*"]})
    call = Call("logging", "POST", "entries:list", {}, {}, b'{"resourceNames": ["projects/shop"]}')
    with pytest.raises(ApiError) as caught:
        logged.world.services["logging"].handle(call)
    assert caught.value.code == 403
