"""What logs and metrics say of real users, from a server that speaks as Google's do."""

import http.server
import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from edgebook.base.clock import SteppedClock
from edgebook.cloud.connect import Connection
from edgebook.cloud.wire import Wire
from edgebook.traffic import logs, users
from edgebook.traffic.statistics import Failure
from google.auth.credentials import AnonymousCredentials

from tests.unit.params_edits import spec_of

SINCE = datetime(2026, 11, 23, 14, 0, 30, tzinfo=UTC)
WINDOW = users.Window(SINCE, SINCE + timedelta(minutes=10))
LOGGED = {"logConfig": {"enable": True, "sampleRate": 1.0}}


class Google(http.server.ThreadingHTTPServer):
    """Logging and Monitoring: pages of entries, series by metric, and what was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        self.pages: list[dict[str, Any]] = [{}]
        self.series: dict[str, list[dict[str, Any]]] = {}
        self.denied: set[str] = set()
        self.asked: list[tuple[str, dict[str, Any]]] = []
        super().__init__(("127.0.0.1", 0), Answers)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answers(http.server.BaseHTTPRequestHandler):
    server: Google

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(("logging", body))
        if "logging" in self.server.denied:
            self.refuse()
        elif "l4_proxy_rule" in body["filter"]:
            self.say({})
        else:
            self.say(self.server.pages[int(body.get("pageToken") or 0)])

    def do_GET(self) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        self.server.asked.append(("monitoring", query))
        if "monitoring" in self.server.denied:
            self.refuse()
            return
        found = [
            series
            for metric, rows in self.server.series.items()
            for series in rows
            if metric in query["filter"]
            and series["resource"]["labels"]["forwarding_rule_name"] in query["filter"]
            and query["interval.startTime"].startswith(series["day"])
        ]
        self.say({"timeSeries": found})

    def refuse(self) -> None:
        error = {"code": 403, "message": "Permission denied", "status": "PERMISSION_DENIED"}
        self.say({"error": error}, 403)

    def say(self, body: dict[str, Any], status: int = 200) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        return None


@pytest.fixture
def google() -> Iterator[Google]:
    server = Google()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def read(google: Google, services: dict[str, Any] | None = None, **own: int) -> dict[str, Any]:
    endpoints = {"logging": google.url, "monitoring": google.url}
    connection = Connection("shop-rehearsal", endpoints, AnonymousCredentials(), SteppedClock())
    with connection.session:
        return users.read(
            Wire(connection), spec_of(), WINDOW, own=own,
            services=services if services is not None else {"shop-web": LOGGED},
        )  # fmt: skip


def request(status: int | None, details: str, **more: Any) -> dict[str, Any]:
    http_request = {"requestUrl": "https://shop.example.com/cart?card=4111", **more}
    if status is not None:
        http_request["status"] = status
    return {
        "timestamp": "2026-11-23T14:03:00Z",
        "httpRequest": http_request,
        "jsonPayload": {"statusDetails": details},
        "resource": {
            "type": "http_load_balancer",
            "labels": {"forwarding_rule_name": "shop-web", "backend_service_name": "shop-web"},
        },
    }


def counted(rule: str, values: list[str], day: str = "2026-11-23", **labels: str) -> dict[str, Any]:
    points = [{"value": {"int64Value": value}} for value in values]
    resource = {"type": "x", "labels": {"forwarding_rule_name": rule}}
    return {"metric": {"labels": labels}, "resource": resource, "points": points, "day": day}


def test_failures_are_read_to_the_last_page_and_told_apart(google: Google) -> None:
    google.pages = [
        {"entries": [request(502, "failed_to_connect_to_backend")], "nextPageToken": "1"},
        {"nextPageToken": "2"},  # a page without entries is not the end
        {
            "entries": [
                request(500, "response_sent_by_backend"),
                request(None, "client_disconnected_before_any_response"),
                request(200, "backend_connection_closed_after_partial_response_sent"),
            ]
        },
    ]
    found = read(google)
    web = next(item for item in found["frontends"] if item["name"] == "web")
    assert web["real"] is True
    assert web["failures"] == {
        "application": 1, "cut body": 1, "gave up": 1, "load balancer": 1,
    }  # fmt: skip
    assert {item["url"] for item in found["failures"]} == {"shop.example.com/cart"}
    asked = [
        body for service, body in google.asked
        if service == "logging" and "url_map_name" in body["filter"]
    ]  # fmt: skip
    assert 'timestamp>="2026-11-23T14:00:30.000Z"' in asked[0]["filter"]
    assert "httpRequest.status=0" in asked[0]["filter"]
    assert f'userAgent=~"^{logs.AGENT}"' in asked[0]["filter"]
    assert [body.get("pageToken") for body in asked[:3]] == [None, "1", "2"]


def test_logs_without_an_end_are_blindness_and_no_quiet_site(
    google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "PAGES_AT_MOST", 3)
    google.pages = [{"entries": [request(502, "failed_to_pick_backend")], "nextPageToken": "0"}]
    found = read(google)
    assert next(item for item in found["frontends"] if item["name"] == "web")["failures"] is None
    (told,) = [text for text in found["blind"] if "logging" in text]
    assert told == "logging cannot be read: more than 3 pages of entries"


def test_requests_are_counted_and_the_meter_s_told_apart(google: Google) -> None:
    google.series = {
        "https/request_count": [
            counted("shop-web", ["100", "20"], response_code_class="200"),
            counted("shop-web", ["3"], response_code_class="500"),
            counted("shop-web", ["90"], day="2026-11-22", response_code_class="200"),
        ],
        "l4_proxy/tcp/new_connections_count": [counted("shop-mqtt", ["7"])],
    }
    found = {item["name"]: item for item in read(google, web=50)["frontends"]}
    assert (found["web"]["requests"], found["web"]["by_class"]) == (123, {"200": 120, "500": 3})
    assert (found["web"]["of_the_meter"], found["web"]["real"]) == (50, False)
    assert found["mqtt"]["real"] is None  # who connects is in no log
    assert found["web"]["day_before"] == 90
    assert found["web"]["compared"]["state"] == "unknown"  # 90 are too few to compare with
    assert found["mqtt"]["requests"] == 7
    assert found["postgres"]["requests"] == 0
    ask = next(query for service, query in google.asked if service == "monitoring")
    assert ask["interval.startTime"] == "2026-11-23T14:00:00.000Z"  # whole minutes
    assert ask["interval.endTime"] == "2026-11-23T14:11:00.000Z"


def test_what_is_not_logged_is_blindness(google: Google) -> None:
    said = read(
        google,
        {
            "shop-api": {"logConfig": {"enable": True, "sampleRate": 0.1}},
            "shop-mqtt": {},
            "shop-web": LOGGED,
        },
    )["blind"]
    assert said == [
        "shop-api logs 10% of its requests: failures of the others are not seen",
        "shop-mqtt writes no request logs",
    ]


def test_what_may_not_be_read_is_said_with_the_role_that_gives_it(google: Google) -> None:
    google.denied = {"logging", "monitoring"}
    found = read(google)
    assert [text.rsplit("; ", 1)[1] for text in found["blind"]] == [
        "roles/logging.viewer lets you",
        "roles/monitoring.viewer lets you",
    ]
    assert all(item["failures"] is None for item in found["frontends"])
    assert all(item["requests"] is None for item in found["frontends"])


def test_ingestion_is_waited_out() -> None:
    clock = SteppedClock(WINDOW.until)
    users.wait_out(clock, WINDOW, clock.utc() + timedelta(minutes=1))
    assert clock.monotonic() == pytest.approx(4 * 60)
    users.wait_out(clock, WINDOW, WINDOW.until + timedelta(hours=1))
    assert clock.monotonic() == pytest.approx(4 * 60)


def test_a_failure_of_the_meter_gets_the_load_balancer_s_reason(google: Google) -> None:
    def failure(at: float, detail: str = "HTTP 502", kind: str = "status") -> Failure:
        return Failure("", "web", "shop.example.com", "http/1.1", "", kind, detail, 1.0, "", at)

    google.pages = [{"entries": [request(502, "failed_to_connect_to_backend")]}]
    endpoints = {"logging": google.url, "monitoring": google.url}
    connection = Connection("shop-rehearsal", endpoints, AnonymousCredentials(), SteppedClock())
    with connection.session:
        said = users.read(
            Wire(connection), spec_of(), WINDOW, own={}, services={}, explain=True
        )["explained"]  # fmt: skip
    logged = datetime(2026, 11, 23, 14, 3, tzinfo=UTC).timestamp()
    seen = [failure(10.0), failure(11.0), failure(12.0, "connection reset", "reset")]
    found = users.explained(seen, said, lambda at: logged + at - 10.5)
    # one entry explains one failure, and only one of its status
    assert [item.detail for item in found] == [
        "HTTP 502 (failed_to_connect_to_backend)", "HTTP 502", "connection reset",
    ]  # fmt: skip


def test_none_of_our_own_clients_is_taken_for_a_real_user() -> None:
    pattern = re.compile(r"user.agent\w*\W{1,6}(edgebook[\w./-]*)", re.IGNORECASE)
    package = Path(logs.__file__).parents[1]
    named = {agent for path in package.rglob("*.py") for agent in pattern.findall(path.read_text())}
    assert {"edgebook", "edgebook-meter/0.1"} <= named
    assert all(agent.startswith(logs.AGENT) for agent in named)
    assert f'NOT httpRequest.userAgent=~"^{logs.AGENT}"' in logs.real_filter("r", "a", "b")
