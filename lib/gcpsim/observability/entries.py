"""Log entries of load balancers in Google's JSON. Pure.

Fields and spellings: the logging pages of the Application and proxy Network Load Balancers. A field
without a value is left out; `serverIp` of a connection is the forwarding rule's address.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from gcpsim.core.clock import rfc3339
from gcpsim.core.paths import words_of
from gcpsim.core.projects import number
from gcpsim.observability.journal import Kept

Doc = dict[str, Any]
LOGS = {"requests": "requests", "connections": "loadbalancing.googleapis.com%2Fconnections"}
ENTRY = "type.googleapis.com/google.cloud.loadbalancing.type.LoadBalancerLogEntry"


def entry(kept: Kept, ingestion: float) -> Doc:
    """One LogEntry; `ingestion` is how many seconds after its time it could be read."""
    of_log = _request if kept.log == "requests" else _connection
    stamp = rfc3339(kept.time)
    return {
        "insertId": hashlib.sha256(f"{kept.project}/{kept.number}".encode()).hexdigest()[:14],
        "logName": f"projects/{kept.project}/logs/{LOGS[kept.log]}",
        "timestamp": stamp,
        "receiveTimestamp": rfc3339(kept.time + ingestion),
        **of_log(kept.project, kept.seen),
    }


def _request(project: str, seen: Mapping[str, Any]) -> Doc:
    status = int(seen.get("status", 0))
    backend = seen.get("backend_service", "")
    http: Doc = {
        "requestMethod": seen.get("method", ""),
        "requestUrl": seen.get("url", ""),
        "requestSize": str(seen.get("request_size", 0)),
        "responseSize": str(seen.get("response_size", 0)),
        "userAgent": seen.get("user_agent", ""),
        "referer": seen.get("referer", ""),
        "remoteIp": seen.get("remote_ip", ""),
        "serverIp": seen.get("server_ip", ""),
        "latency": f"{seen.get('latency', 0.0):.6f}s",
    }
    if status:
        http["status"] = status
    payload: Doc = {
        "@type": ENTRY,
        "statusDetails": seen.get("status_details", ""),
        "backendTargetProjectNumber": f"projects/{number(project)}",
        "remoteIp": seen.get("remote_ip", ""),
    }
    if seen.get("security_policy"):
        payload["enforcedSecurityPolicy"] = seen["security_policy"]
    if seen.get("tls"):
        payload["tls"] = seen["tls"]
    found: Doc = {
        "severity": "WARNING" if status >= 400 or status == 0 else "INFO",
        "httpRequest": {name: value for name, value in http.items() if value != ""},
        "jsonPayload": {name: value for name, value in payload.items() if value != ""},
        "resource": {
            "type": "http_load_balancer",
            "labels": {
                "backend_service_name": backend,
                "forwarding_rule_name": seen.get("forwarding_rule", ""),
                "project_id": project,
                "target_proxy_name": seen.get("target_proxy", ""),
                "url_map_name": seen.get("url_map", ""),
                "zone": "global",
            },
        },
    }
    if seen.get("trace"):
        found["trace"] = f"projects/{project}/traces/{seen['trace']}"
    return found


def _connection(project: str, seen: Mapping[str, Any]) -> Doc:
    group = backend_labels(seen.get("backend_group", ""))
    payload: Doc = {
        "connection": {
            "clientIp": seen.get("remote_ip", ""),
            "clientPort": seen.get("remote_port", 0),
            "protocol": 6,
            "serverIp": seen.get("server_ip", ""),
            "serverPort": seen.get("server_port", 0),
        },
        "startTime": rfc3339(seen.get("time", 0.0)),
        "endTime": rfc3339(seen.get("ended", 0.0)),
        "bytesSent": str(seen.get("bytes_sent", 0)),
        "bytesReceived": str(seen.get("bytes_received", 0)),
    }
    if seen.get("proxy_status"):
        payload["proxyStatus"] = seen["proxy_status"]
    return {
        "severity": "WARNING" if seen.get("proxy_status") else "INFO",
        "jsonPayload": payload,
        "resource": {
            "type": _resource(seen),
            "labels": {
                "backend_name": group["backend_name"],
                "backend_scope": group["backend_scope"],
                "backend_scope_type": group["backend_scope_type"],
                "backend_target_name": seen.get("backend_service", ""),
                "backend_target_type": "BACKEND_SERVICE",
                "backend_type": group["backend_type"],
                "forwarding_rule_name": seen.get("forwarding_rule", ""),
                "loadbalancing_scheme_name": seen.get("scheme", ""),
                "project_id": project,
                "target_proxy_name": seen.get("target_proxy", ""),
            },
        },
    }


def _resource(seen: Mapping[str, Any]) -> str:
    return "tcp_ssl_proxy_rule" if seen.get("scheme") == "EXTERNAL" else "l4_proxy_rule"


def backend_labels(path: str, status: int = 200) -> dict[str, str]:
    """The labels by which logs and metrics name a backend.

    Without one: FRONTEND_5XX when the front end answered with an error of its own, else
    NO_BACKEND_SELECTED.
    """
    if not path:
        name = "FRONTEND_5XX" if status >= 500 else "NO_BACKEND_SELECTED"
        return {
            "backend_name": name,
            "backend_scope": name,
            "backend_scope_type": name,
            "backend_type": name,
        }
    parts = words_of(path)
    kinds = {"networkEndpointGroups": "NETWORK_ENDPOINT_GROUP", "instanceGroups": "INSTANCE_GROUP"}
    return {
        "backend_name": parts[-1],
        "backend_scope": parts[-3],
        "backend_scope_type": "ZONE" if "zones" in parts else "REGION",
        "backend_type": kinds.get(parts[-2], "UNKNOWN"),
    }
