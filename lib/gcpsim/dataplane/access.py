"""Lines of Envoy's access log as what the front ends did, in Google's words (core.seen).

Response flags and details become Google's statusDetails; a request that the load balancer answered
by redirecting is marked, since Google counts it and never logs it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from gcpsim.core.paths import name_of, project_of
from gcpsim.core.seen import Connection, Request
from gcpsim.dataplane.routes.documents import path_of

Doc = dict[str, Any]
# By Envoy's response flag.
DETAILS = {
    "DC": "client_disconnected_before_any_response",
    "DI": "fault_filter_abort",
    "DT": "backend_timeout",
    "FI": "fault_filter_abort",
    "LR": "backend_connection_closed_before_data_sent_to_client",
    "NC": "failed_to_pick_backend",
    "NR": "config_not_found",
    "RL": "throttled_by_security_policy",
    "SI": "backend_timeout",
    "UC": "backend_connection_closed_before_data_sent_to_client",
    "UF": "failed_to_connect_to_backend",
    "UH": "failed_to_pick_backend",
    "UMSDR": "backend_timeout",
    "UPE": "backend_response_corrupted",
    "UR": "backend_connection_closed_before_data_sent_to_client",
    "UT": "backend_timeout",
}
# By the beginning of Envoy's response code details.
BY_DETAILS = {
    "direct_response": "direct_response",
    "downstream_remote_disconnect": "client_disconnected_before_any_response",
    "fault_filter_abort": "fault_filter_abort",
    "http2.remote_reset": "client_disconnected_before_any_response",
    "http1.": "failed_parsing_client_headers",
    "http2.": "invalid_http2_client_header_format",
    "local_rate_limited": "throttled_by_security_policy",
    "missing_host_header": "invalid_request_headers",
    "path_normalization_failed": "invalid_http2_client_request_path",
    "rbac_access_denied": "denied_by_security_policy",
    "request_headers_too_large": "headers_too_long",
    "request_overall_timeout": "client_timed_out",
    "upgrade_failed": "upgrade_header_rejected",
    "upstream_response_timeout": "backend_timeout",
    "via_upstream": "response_sent_by_backend",
}
PROTOCOLS = {"HTTP/2": "HTTP/2", "HTTP/3": "HTTP/3"}
REDIRECTS = (301, 302, 303, 307, 308)
# Lines that agree in these differ only in when, how long, how much, and who asked for which URL.
ALIKE = (
    "cipher", "cluster", "details", "flags", "method", "protocol", "route", "sni", "status", "tls",
)  # fmt: skip
ALIKE_KEPT = 4_096


@dataclass(frozen=True)
class Names:
    """What a forwarding rule is part of."""

    project: str
    rule: str
    target_proxy: str
    url_map: str
    scheme: str
    ip: str
    port: int


class Listener(Protocol):
    """Who is told."""

    def request(self, entry: Request) -> None: ...

    def connection(self, entry: Connection) -> None: ...


@dataclass
class Reader:
    """Reads the lines of one location. `shift` turns real time into simulated time; `group` tells
    which (group path, "ip:port") is behind a loopback socket in a service."""

    location: str
    shift: Callable[[float], float]
    group: Callable[[str, str], tuple[str, str]]
    listeners: Sequence[Listener]
    rules: dict[str, Names] = field(default_factory=dict)
    _alike: dict[tuple[object, ...], Request] = field(default_factory=dict)

    def take(self, line: bytes) -> None:
        """Tell the listeners what a line says; one that says nothing known is passed over."""
        try:
            doc: Doc = orjson.loads(line)
        except orjson.JSONDecodeError:
            return
        names = self.rules.get(doc.get("rule") or "")
        if names is None:
            return
        if "method" in doc:
            request = self._request(doc, names)
            for listener in self.listeners:
                listener.request(request)
        else:
            connection = self._connection(doc, names)
            for listener in self.listeners:
                listener.connection(connection)

    def _request(self, doc: Doc, names: Names) -> Request:
        cluster, upstream = doc.get("cluster") or "", doc.get("upstream") or ""
        behind = self.group(cluster, upstream) if upstream else ("", "")
        key = (names, behind, *map(doc.get, ALIKE))
        like = self._alike.get(key)
        if like is None:
            if len(self._alike) >= ALIKE_KEPT:
                self._alike.clear()
            like = self._alike[key] = self._like(doc, names, behind)
        client, _, port = (doc.get("client") or "").rpartition(":")
        entry = like.copy()
        entry["time"] = self.shift(float(doc["t"]))
        entry["latency"] = _seconds(doc.get("ms"))
        if upstream:
            entry["backend_latency"] = _seconds(doc.get("backend_ms") or doc.get("ms"))
        entry["url"] = _url(doc)
        entry["request_size"] = (doc.get("received") or 0) + (doc.get("request_head") or 0)
        entry["response_size"] = (doc.get("sent") or 0) + (doc.get("response_head") or 0)
        entry["user_agent"] = doc.get("agent") or ""
        entry["referer"] = doc.get("referer") or ""
        entry["remote_ip"] = client.strip("[]")
        entry["remote_port"] = int(port) if port.isdigit() else 0
        entry["trace"] = doc.get("trace") or ""
        return entry

    def _like(self, doc: Doc, names: Names, behind: tuple[str, str]) -> Request:
        """What requests of one kind have in common: all that follows from `ALIKE`."""
        group, endpoint = behind
        status = int(doc.get("status") or 0)
        details = status_details(doc)
        direct = str(doc.get("details") or "").startswith("direct_response")
        entry: Request = {
            "location": self.location,
            "project": names.project,
            "forwarding_rule": names.rule,
            "target_proxy": names.target_proxy,
            "url_map": names.url_map,
            "backend_service": name_of(doc.get("cluster") or ""),
            "backend_group": group,
            "path_rule": _path_rule(doc.get("route")),
            "scheme": names.scheme,
            "method": doc.get("method") or "",
            "protocol": doc.get("protocol") or "",
            "status": 0 if details.startswith("client_disconnected_before") else status,
            "status_details": details,
            "redirect": direct and status in REDIRECTS,
            "server_ip": endpoint.rpartition(":")[0],
        }
        if doc.get("tls"):
            entry["tls"] = _tls(doc)
        policy = security_policy(str(doc.get("details") or ""))
        if policy:
            entry["security_policy"] = policy
        return entry

    def _connection(self, doc: Doc, names: Names) -> Connection:
        cluster, upstream = doc.get("cluster") or "", doc.get("upstream") or ""
        group = self.group(cluster, upstream)[0] if upstream else ""
        client, port = _address(doc.get("client"))
        begin = float(doc["t"])
        entry: Connection = {
            "time": self.shift(begin),
            "location": self.location,
            "project": names.project,
            "forwarding_rule": names.rule,
            "target_proxy": names.target_proxy,
            "backend_service": name_of(cluster),
            "backend_group": group,
            "scheme": names.scheme,
            "remote_ip": client,
            "remote_port": port,
            "server_ip": names.ip,
            "server_port": names.port,
            "bytes_sent": int(doc.get("sent") or 0),
            "bytes_received": int(doc.get("received") or 0),
            "proxy_status": proxy_status(doc),
        }
        if doc.get("kind") != "TcpUpstreamConnected":
            entry["ended"] = self.shift(begin + _seconds(doc.get("ms")))
        return entry


def status_details(doc: Doc) -> str:
    """Google's statusDetails of a request; `internal_error` for what has no word there."""
    details = str(doc.get("details") or "")
    if details == "via_upstream" and not doc.get("flags"):
        return "response_sent_by_backend"
    flags = str(doc.get("flags") or "").split(",")
    for flag in flags:
        if flag in DETAILS and not (flag == "DC" and details == "via_upstream"):
            return DETAILS[flag]
    if "DC" in flags:
        return "client_disconnected_after_partial_response"
    for start, words in BY_DETAILS.items():
        if details.startswith(start):
            return words
    return "internal_error"


def security_policy(details: str) -> Doc:
    """Which rule of Cloud Armor refused a request."""
    if "deny-" not in details:
        return {}
    where = details.split("deny-", 1)[1].rstrip("]").partition("_")[2]
    words = where.split("_")
    policy = name_of(words[0])
    return {
        "name": policy,
        "priority": int(words[-1]) if words[-1].isdigit() else 0,
        "configuredAction": "DENY",
        "outcome": "DENY",
    }


def proxy_status(doc: Doc) -> str:
    """Google's proxyStatus of a connection that did not end well."""
    flags = str(doc.get("flags") or "").split(",")
    if "rbac_access_denied" in str(doc.get("details") or ""):
        return 'error="connection_refused"; details="denied_by_security_policy"'
    for flag, error in (
        ("UF", "destination_unavailable"),
        ("UH", "destination_unavailable"),
        ("NC", "destination_unavailable"),
        ("SI", "connection_timeout"),
    ):
        if flag in flags:
            return f'error="{error}"; details="{DETAILS.get(flag, "client_timed_out")}"'
    return ""


def names_of(path: str, rule: Doc, proxy: Doc) -> Names:
    """The names that entries of a forwarding rule carry."""
    url_map = path_of(proxy.get("urlMap") or "")
    port = str(rule.get("portRange") or "0").partition("-")[0]
    return Names(
        project=project_of(path),
        rule=name_of(path),
        target_proxy=name_of(path_of(rule.get("target") or "")),
        url_map=name_of(url_map),
        scheme=rule.get("loadBalancingScheme", "EXTERNAL"),
        ip=rule.get("IPAddress", ""),
        port=int(port),
    )


def _url(doc: Doc) -> str:
    return f"{doc.get('scheme') or 'http'}://{doc.get('host') or ''}{doc.get('path') or ''}"


def _path_rule(route: object) -> str:
    name = str(route or "").rpartition("|")[2]
    return "UNMATCHED" if name in ("", "default") else name


def _seconds(milliseconds: object) -> float:
    return float(milliseconds) / 1000.0 if isinstance(milliseconds, int | float | str) else 0.0


def _address(text: object) -> tuple[str, int]:
    host, _, port = str(text or "").rpartition(":")
    return host.strip("[]"), int(port) if port.isdigit() else 0


def _tls(doc: Doc) -> dict[str, str]:
    found = {"protocol": doc.get("tls"), "cipher": doc.get("cipher"), "sni": doc.get("sni")}
    return {name: str(value) for name, value in found.items() if value}
