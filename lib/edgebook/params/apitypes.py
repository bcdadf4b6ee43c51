"""Checks what stands under `api:` against the types of Google's discovery documents.

The documents ship with google-api-python-client; they are read as JSON, once, and only when a
params file uses `api:`. Fields that have a key of ours, or that only the server sets, are refused.
"""

import functools
import importlib.util
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from edgebook.base.errors import EdgebookError
from edgebook.params.reader import nearest, shown
from edgebook.params.source import join

Report = Callable[[str, str], None]  # (path, text)

DOCUMENTS = {"compute": "compute.v1.json", "certificatemanager": "certificatemanager.v1.json"}
CERTIFICATE_TYPES = frozenset({"Certificate"})
OUTPUT_ONLY = re.compile(r"^\[?output[ -]only", re.IGNORECASE)

# Fields with a key of ours: the type, its field, and what to write instead.
OURS: Mapping[str, Mapping[str, str]] = {
    "Address": {
        "name": "address.name",
        "ipVersion": "address.ip_versions",
        "labels": "labels",
        "addressType": "nothing: it is EXTERNAL",
    },
    "Certificate": {
        "name": "certificate.name",
        "managed": "hostnames and certificate.authorization",
        "labels": "labels",
    },
    "SslPolicy": {
        "name": "nothing: it follows from the frontend's name",
        "profile": "profile",
        "minTlsVersion": "min_tls",
        "customFeatures": "custom_features",
    },
    "TargetHttpsProxy": {
        "name": "the frontend's name",
        "urlMap": "routes",
        "certificateMap": "certificate",
        "sslCertificates": "certificate",
        "sslPolicy": "ssl_policy",
        "quicOverride": "http3",
        "httpKeepAliveTimeoutSec": "keep_alive",
    },
    "TargetSslProxy": {
        "name": "the frontend's name",
        "service": "backend",
        "certificateMap": "certificate",
        "sslCertificates": "certificate",
        "sslPolicy": "ssl_policy",
        "proxyHeader": "proxy_header",
    },
    "TargetTcpProxy": {
        "name": "the frontend's name",
        "service": "backend",
        "proxyHeader": "proxy_header",
    },
    "ForwardingRule": {
        "name": "the frontend's name",
        "IPAddress": "address",
        "IPProtocol": "protocol",
        "ipVersion": "address.ip_versions",
        "labels": "labels",
        "loadBalancingScheme": "nothing: it is EXTERNAL_MANAGED",
        "portRange": "port",
        "ports": "port",
        "target": "protocol and backend",
    },
    "PathMatcher": {
        "name": "nothing: it follows from the first host",
        "defaultService": "default",
        "defaultUrlRedirect": "default",
        "defaultRouteAction": "default.api",
        "pathRules": "paths",
    },
    "HttpRouteAction": {"weightedBackendServices": "weights", "urlRewrite": "rewrite"},
    "UrlMap": {
        "name": "nothing: it follows from the front door's name",
        "defaultService": "routes",
        "hostRules": "routes",
        "pathMatchers": "routes",
    },
    "HealthCheck": {
        "name": "nothing: it follows from the backend's name",
        "type": "type",
        "checkIntervalSec": "interval",
        "timeoutSec": "timeout",
        "healthyThreshold": "healthy",
        "unhealthyThreshold": "unhealthy",
        "logConfig": "logging",
    },
    "BackendServiceCdnPolicy": {
        "cacheMode": "cache_mode",
        "defaultTtl": "default_ttl",
        "maxTtl": "max_ttl",
        "clientTtl": "client_ttl",
        "negativeCaching": "negative_caching",
    },
    "BackendService": {
        "name": "nothing: it follows from the backend's name",
        "backends": "active, neg and balancing",
        "protocol": "protocol",
        "healthChecks": "health_check",
        "loadBalancingScheme": "nothing: it is EXTERNAL_MANAGED",
        "connectionDraining": "draining",
        "timeoutSec": "timeout",
        "sessionAffinity": "session_affinity",
        "affinityCookieTtlSec": "affinity_cookie_ttl",
        "logConfig": "logging",
        "enableCDN": "cdn",
        "cdnPolicy": "cdn",
        "securityPolicy": "security_policy",
        "edgeSecurityPolicy": "edge_security_policy",
        "iap": "iap",
        "customRequestHeaders": "custom_headers.request",
        "customResponseHeaders": "custom_headers.response",
        "network": "nothing: a global backend service has none",
    },
    "Firewall": {
        "name": "nothing: it follows from the front door's name",
        "allowed": "nothing: the ports are read from the pods",
        "denied": "nothing: the rules allow",
        "sourceRanges": "nothing: they are Google's ranges",
        "direction": "nothing: it is INGRESS",
        "disabled": "manage",
        "network": "network",
        "priority": "priority",
        "targetTags": "clusters.<name>.node_tags",
        "logConfig": "logging",
    },
}


# Fields in which a route's `api:` may name a backend of the params.
SERVICE_KEYS = frozenset({"backendService", "defaultService", "service"})


def backends_in(value: Any) -> set[str]:
    """Everything that an `api:` block names as a service."""
    return {name for _, name in services_in(value, "")}


def services_in(value: Any, path: str, key: str = "") -> Iterator[tuple[str, str]]:
    """(path, name or link) of everything that an `api:` block at a path names as a service."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from services_in(item, join(path, name), name)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from services_in(item, f"{path}[{index}]", key)
    elif key in SERVICE_KEYS and isinstance(value, str):
        yield path, value


@functools.cache
def schemas(document: str) -> dict[str, Any]:
    """The types of one discovery document."""
    found = importlib.util.find_spec("googleapiclient")
    folder = Path(found.origin).parent if found and found.origin else None
    if folder is None:
        raise EdgebookError(
            "The API types that `api:` is checked against are missing",
            why="the package google-api-python-client is not installed",
            next="make setup",
        )
    path = folder / "discovery_cache" / "documents" / DOCUMENTS[document]
    with path.open("rb") as file:
        loaded: dict[str, Any] = json.load(file)["schemas"]
    return loaded


def check(type_name: str, fields: Mapping[str, Any], path: str, report: Report) -> None:
    """Report everything in `fields` that the API type does not have or that is not for `api:`."""
    document = "certificatemanager" if type_name in CERTIFICATE_TYPES else "compute"
    types = schemas(document)
    ours = OURS.get(type_name, {})
    for name in sorted(set(fields) & set(ours)):
        instead = ours[name]
        why = instead.removeprefix("nothing: ")
        text = f"has a key of its own: {instead}" if why == instead else f"not set here: {why}"
        report(join(path, name), text)
    # `null` takes off what is set on a resource that is there.
    known = {
        name
        for name, value in fields.items()
        if value is None and name in types[type_name]["properties"]
    }
    rest = {name: value for name, value in fields.items() if name not in {*ours, *known}}
    _check_object(types, types[type_name], rest, path, report)


def _check_object(
    types: dict[str, Any], schema: dict[str, Any], value: Any, path: str, report: Report
) -> None:
    if not isinstance(value, Mapping):
        report(path, f"{shown(value)}; expected: a mapping")
        return
    properties = schema.get("properties", {})
    more = schema.get("additionalProperties")
    for name, item in value.items():
        inner = join(path, name)
        if name in properties:
            if _output_only(properties[name]):
                report(inner, "only the server sets it")
            else:
                _check_value(types, properties[name], item, inner, report)
        elif more:
            _check_value(types, more, item, inner, report)
        else:
            kind = schema.get("id", "the object")
            report(inner, f"no such field in the API's {kind}{nearest(name, properties)}")


def _output_only(schema: dict[str, Any]) -> bool:
    return bool(schema.get("readOnly")) or bool(OUTPUT_ONLY.match(schema.get("description", "")))


def _check_value(
    types: dict[str, Any], schema: dict[str, Any], value: Any, path: str, report: Report
) -> None:
    if "$ref" in schema:
        _check_object(types, types[schema["$ref"]], value, path, report)
        return
    kind = schema.get("type")
    if kind == "array":
        if not isinstance(value, list):
            report(path, f"{shown(value)}; expected: a list")
            return
        for index, item in enumerate(value):
            _check_value(types, schema["items"], item, f"{path}[{index}]", report)
    elif kind == "object":
        _check_object(types, schema, value, path, report)
    elif "enum" in schema:
        if value not in schema["enum"]:
            report(path, f"{shown(value)}; allowed: {', '.join(sorted(schema['enum']))}")
    else:
        _check_scalar(schema, value, path, report)


def _check_scalar(schema: dict[str, Any], value: Any, path: str, report: Report) -> None:
    kind, digits = schema.get("type"), str(schema.get("format", "")).endswith("int64")
    whole = isinstance(value, int) and not isinstance(value, bool)
    fits = {
        "string": isinstance(value, str) and (not digits or value.lstrip("-").isdigit()),
        "integer": whole,
        "number": whole or isinstance(value, float),
        "boolean": isinstance(value, bool),
    }
    if kind == "string" and digits and whole:
        return
    if kind in fits and not fits[kind]:
        words = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}
        expected = words.get(str(kind), "digits" if digits else "text")
        report(path, f"{shown(value)}; expected: {expected}")
