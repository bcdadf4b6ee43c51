"""A health check and an endpoint as the farm's order for a probe."""

import json
from typing import Any

import pytest
from gcpsim.compute.collections.health import Target
from gcpsim.dataplane.probers import probe_order


def order(kind: str, location: int = 0, **block: Any) -> dict[str, Any]:
    check = {"type": kind, "checkIntervalSec": 10, "timeoutSec": 3, "block": block}
    target = Target("us-central1", "10.4.0.7", 8443, json.dumps(check))
    return probe_order(target, ("127.40.128.9", 18443), location, lambda seconds: seconds / 60)


def test_where_how_often_and_for_how_long() -> None:
    made = order("HTTPS", requestPath="/healthz")
    assert (made["host"], made["port"]) == ("127.40.128.9", 18443)
    assert (made["type"], made["path"], made["timeout"]) == ("HTTPS", "/healthz", 3)
    assert made["every"] == pytest.approx(10 / 60)


def test_the_host_is_the_endpoints_address_unless_it_is_set() -> None:
    assert order("HTTP")["header"] == "10.4.0.7"
    assert order("HTTP", host="shop.example.com")["header"] == "shop.example.com"


def test_each_location_probes_from_an_address_of_googles() -> None:
    sources = {order("TCP", location)["client"].partition(":")[0] for location in (0, 1)}
    assert len(sources) == 2
    assert all(source.startswith("35.191.") for source in sources)


def test_the_proxy_line_is_sent_only_where_the_check_says_so() -> None:
    assert order("TCP", proxyHeader="NONE")["proxy_line"] == ""
    line = order("TCP", proxyHeader="PROXY_V1")["proxy_line"]
    assert line == "PROXY TCP4 35.191.0.1 10.4.0.7 32768 8443\r\n"


def test_what_is_said_and_expected() -> None:
    made = order("TCP", request="PING", response="PONG")
    assert (made["request"], made["response"]) == ("PING", "PONG")
    assert order("GRPC", grpcServiceName="shop.Cart")["service"] == "shop.Cart"
