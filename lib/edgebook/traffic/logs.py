"""Cloud Logging's side of what real users saw: failures that the load balancer's logs have.

Request logs are per backend service, off unless it says so, and sampled when it says so: what a
backend service does not log is blindness, told as such. Fields and pitfalls: Google's pages on
logging of the external Application Load Balancer and the proxy Network Load Balancer.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from edgebook.base.errors import ConnectError
from edgebook.cloud.wire import Wire

AGENT = "edgebook"  # how all our own clients begin: the meter, and what a move compares
GOOD = r"^(response_sent_by_backend|response_from_cache|byte_range_caching$|websocket_closed)"
FROM_BACKEND = "response_sent_by_backend"
PAGE = 1000
PAGES_AT_MOST = 200  # 200,000 failures are enough to know


@dataclass(frozen=True)
class LoggedFailure:
    """One request or connection of a real user that did not end well, without who it was."""

    at: str
    frontend: str  # the forwarding rule
    backend: str  # the backend service; empty when none was chosen
    kind: str  # load balancer, application, gave up, cut body, connection
    status: int
    detail: str
    url: str = ""  # host and path; a query may hold what is nobody's business

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def requests_filter(url_map: str, since: str, until: str) -> str:
    """The requests of a URL map that did not end well, without those of the meter itself."""
    return (
        f'resource.type="http_load_balancer" AND resource.labels.url_map_name="{url_map}"'
        f' AND timestamp>="{since}" AND timestamp<"{until}"'
        f' AND NOT httpRequest.userAgent=~"^{AGENT}"'
        " AND (httpRequest.status>=500 OR httpRequest.status=0"
        f' OR NOT jsonPayload.statusDetails=~"{GOOD}")'
    )


def real_filter(rule: str, since: str, until: str) -> str:
    """Any request to a forwarding rule that was not the meter's."""
    return (
        f'resource.type="http_load_balancer" AND resource.labels.forwarding_rule_name="{rule}"'
        f' AND timestamp>="{since}" AND timestamp<"{until}"'
        f' AND NOT httpRequest.userAgent=~"^{AGENT}"'
    )


def own_filter(url_map: str, since: str, until: str) -> str:
    """The meter's own requests that were answered with an error: for the reason behind it."""
    return (
        f'resource.type="http_load_balancer" AND resource.labels.url_map_name="{url_map}"'
        f' AND timestamp>="{since}" AND timestamp<"{until}"'
        f' AND httpRequest.userAgent=~"^{AGENT}" AND httpRequest.status>=400'
    )


def connections_filter(rule: str, since: str, until: str) -> str:
    """The connections of a proxy frontend that ended with an error."""
    return (
        f'resource.type="l4_proxy_rule" AND resource.labels.forwarding_rule_name="{rule}"'
        f' AND timestamp>="{since}" AND timestamp<"{until}" AND jsonPayload.proxyStatus:"error="'
    )


def entries(wire: Wire, project: str, wanted: str) -> Iterator[dict[str, Any]]:
    """All entries of a filter, to the last page: a page without entries may have a next one."""
    token = ""
    for _ in range(PAGES_AT_MOST):
        body: dict[str, Any] = {
            "resourceNames": [f"projects/{project}"],
            "filter": wanted,
            "orderBy": "timestamp asc",
            "pageSize": PAGE,
        }
        if token:
            body["pageToken"] = token
        said = wire.request("logging", "POST", "v2/entries:list", body=body)
        yield from said.get("entries") or ()
        token = str(said.get("nextPageToken") or "")
        if not token:
            return
    raise ConnectError(
        f"more than {PAGES_AT_MOST} pages of entries", where="logging", why=f"filter: {wanted}"
    )


def request_failure(entry: Mapping[str, Any]) -> LoggedFailure:
    """A request's entry; status 0 is absent in JSON and means that the client gave up."""
    http, payload = entry.get("httpRequest") or {}, entry.get("jsonPayload") or {}
    labels = (entry.get("resource") or {}).get("labels") or {}
    status, detail = int(http.get("status") or 0), str(payload.get("statusDetails") or "")
    url = urlsplit(str(http.get("requestUrl") or ""))
    return LoggedFailure(
        at=str(entry.get("timestamp") or ""),
        frontend=str(labels.get("forwarding_rule_name") or ""),
        backend=str(labels.get("backend_service_name") or ""),
        kind=_kind(status, detail),
        status=status,
        detail=detail,
        url=f"{url.netloc}{url.path}",
    )


def _kind(status: int, detail: str) -> str:
    if "after_partial_response" in detail:
        return "cut body"
    if status == 0 or detail.startswith("client_"):
        return "gave up"
    return "application" if detail == FROM_BACKEND else "load balancer"


def connection_failure(entry: Mapping[str, Any]) -> LoggedFailure:
    """A connection's entry, written when it ends: `error="X"; details="Y"`."""
    labels = (entry.get("resource") or {}).get("labels") or {}
    payload = entry.get("jsonPayload") or {}
    return LoggedFailure(
        at=str(payload.get("endTime") or entry.get("timestamp") or ""),
        frontend=str(labels.get("forwarding_rule_name") or ""),
        backend=str(labels.get("backend_target_name") or ""),
        kind="connection",
        status=0,
        detail=str(payload.get("proxyStatus") or ""),
    )


def blindness(name: str, service: Mapping[str, Any]) -> str:
    """Why the logs of a backend service do not have every failure; empty when they do."""
    config = service.get("logConfig") or {}
    if not config.get("enable"):
        return f"{name} writes no request logs"
    rate = float(config.get("sampleRate", 1.0))
    if rate < 1.0:
        return f"{name} logs {rate:.0%} of its requests: failures of the others are not seen"
    return ""
