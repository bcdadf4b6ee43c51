"""Lines of Envoy's access log in Google's words (facts: traffic.md 8)."""

import json
from typing import Any

import pytest
from gcpsim.core.seen import Connection, Request
from gcpsim.dataplane import access

RULE = "projects/p/global/forwardingRules/web"
LINE = {
    "t": "1000.5",
    "ms": 1500,
    "backend_ms": 1200,
    "method": "GET",
    "scheme": "https",
    "host": "shop.example.com",
    "path": "/a?b=1",
    "status": 200,
    "details": "via_upstream",
    "flags": None,
    "received": 10,
    "request_head": 90,
    "sent": 20,
    "response_head": 80,
    "client": "203.0.113.7:4711",
    "cluster": "projects/p/global/backendServices/bs",
    "upstream": "127.34.128.1:8080",
    "route": "urlMaps/um|m|/a/*",
    "protocol": "HTTP/2",
    "rule": RULE,
}


class Told:
    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.connections: list[Connection] = []

    def request(self, entry: Request) -> None:
        self.requests.append(entry)

    def connection(self, entry: Connection) -> None:
        self.connections.append(entry)


@pytest.fixture
def told() -> Told:
    return Told()


def read(told: Told, **changes: Any) -> None:
    proxy = {"urlMap": "projects/p/global/urlMaps/um"}
    rule = {
        "IPAddress": "203.0.113.1",
        "portRange": "443-443",
        "target": "projects/p/global/targetHttpsProxies/proxy",
        "loadBalancingScheme": "EXTERNAL_MANAGED",
    }
    group = ("projects/p/zones/z/networkEndpointGroups/n", "10.0.0.1:8080")
    reader = access.Reader(
        "us-central1", lambda real: real + 1e6, lambda service, socket: group, [told],
        {RULE: access.names_of(RULE, rule, proxy)},
    )  # fmt: skip
    line = {key: value for key, value in {**LINE, **changes}.items() if value != "-"}
    reader.take(json.dumps(line).encode())


def test_a_request(told: Told) -> None:
    read(told)
    (entry,) = told.requests
    assert entry == {
        "time": 1001000.5,
        "latency": 1.5,
        "backend_latency": 1.2,
        "location": "us-central1",
        "project": "p",
        "forwarding_rule": "web",
        "target_proxy": "proxy",
        "url_map": "um",
        "backend_service": "bs",
        "backend_group": "projects/p/zones/z/networkEndpointGroups/n",
        "path_rule": "/a/*",
        "scheme": "EXTERNAL_MANAGED",
        "method": "GET",
        "url": "https://shop.example.com/a?b=1",
        "protocol": "HTTP/2",
        "request_size": 100,
        "response_size": 100,
        "status": 200,
        "status_details": "response_sent_by_backend",
        "redirect": False,
        "user_agent": "",
        "referer": "",
        "remote_ip": "203.0.113.7",
        "remote_port": 4711,
        "server_ip": "10.0.0.1",
        "trace": "",
    }


@pytest.mark.parametrize(
    ("flags", "details", "words"),
    [
        ("UH", "no_healthy_upstream", "failed_to_pick_backend"),
        ("NC", "cluster_not_found", "failed_to_pick_backend"),
        ("UF", "upstream_reset_before_response_started", "failed_to_connect_to_backend"),
        (
            "UC",
            "upstream_reset_before_response_started",
            "backend_connection_closed_before_data_sent_to_client",
        ),
        ("UT", "response_timeout", "backend_timeout"),
        ("FI", "fault_filter_abort", "fault_filter_abort"),
        ("RL", "local_rate_limited", "throttled_by_security_policy"),
        ("NR", "route_not_found", "config_not_found"),
        (None, "direct_response", "direct_response"),
        (None, "rbac_access_denied_matched_policy[deny-403]", "denied_by_security_policy"),
        (None, "request_headers_too_large", "headers_too_long"),
        (None, "request_overall_timeout", "client_timed_out"),
        ("DC", "via_upstream", "client_disconnected_after_partial_response"),
        ("DC", "downstream_remote_disconnect", "client_disconnected_before_any_response"),
        (None, "http2.remote_reset", "client_disconnected_before_any_response"),
        (None, "http1.codec_error", "failed_parsing_client_headers"),
        (None, "of_no_kind", "internal_error"),
    ],
)
def test_status_details(told: Told, flags: str | None, details: str, words: str) -> None:
    read(told, flags=flags, details=details, status=503)
    assert told.requests[0]["status_details"] == words


def test_a_client_that_left_has_status_0(told: Told) -> None:
    read(told, flags="DC", details="downstream_remote_disconnect", status=0, upstream=None)
    assert told.requests[0]["status"] == 0
    assert "backend_latency" not in told.requests[0]


def test_redirects_are_marked(told: Told) -> None:
    read(told, status=301, details="direct_response", cluster=None, upstream=None)
    read(told, status=501, details="direct_response", cluster=None, upstream=None)
    assert [one["redirect"] for one in told.requests] == [True, False]
    assert told.requests[0]["backend_service"] == ""


def test_a_denial_names_policy_and_rule(told: Told) -> None:
    where = "rbac_access_denied_matched_policy[deny-403_securityPolicies/armor_rule_7]"
    read(told, status=403, details=where)
    assert told.requests[0]["security_policy"] == {
        "name": "armor",
        "priority": 7,
        "configuredAction": "DENY",
        "outcome": "DENY",
    }


def test_connections_are_told_twice(told: Told) -> None:
    read(told, method="-", kind="TcpUpstreamConnected", ms=0)
    read(told, method="-", kind="TcpConnectionEnd", ms=2000)
    read(told, method="-", kind="TcpConnectionEnd", flags="UF")
    opened, ended, failed = told.connections
    assert "ended" not in opened
    assert ended["ended"] == ended["time"] + 2
    assert (ended["server_ip"], ended["server_port"]) == ("203.0.113.1", 443)
    assert (ended["bytes_received"], ended["bytes_sent"]) == (10, 20)
    assert ended["proxy_status"] == ""
    assert 'error="destination_unavailable"' in failed["proxy_status"]


@pytest.mark.parametrize("line", [b"", b"not JSON", b'{"rule": "projects/p/other"}', b"{}"])
def test_other_lines_are_passed_over(told: Told, line: bytes) -> None:
    reader = access.Reader("x", lambda real: real, lambda a, b: ("", ""), [told])
    reader.take(line)
    assert told.requests == []
