"""Plain dicts to Envoy's messages: strict, so that a misspelt field is an exception that names it.

The imports register the message types that `@type` may name.
"""

from functools import cache
from typing import Any

import orjson
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_pb2
from envoy.extensions.access_loggers.filters.cel.v3 import cel_pb2 as _cel
from envoy.extensions.access_loggers.stream.v3 import stream_pb2 as _stream
from envoy.extensions.filters.http.cors.v3 import cors_pb2 as _cors
from envoy.extensions.filters.http.fault.v3 import fault_pb2 as _fault
from envoy.extensions.filters.http.grpc_stats.v3 import config_pb2 as _grpc_stats
from envoy.extensions.filters.http.header_mutation.v3 import header_mutation_pb2 as _mutation
from envoy.extensions.filters.http.local_ratelimit.v3 import local_rate_limit_pb2 as _limit
from envoy.extensions.filters.http.lua.v3 import lua_pb2 as _lua
from envoy.extensions.filters.http.rbac.v3 import rbac_pb2 as _rbac
from envoy.extensions.filters.http.router.v3 import router_pb2 as _router
from envoy.extensions.filters.http.set_filter_state.v3 import set_filter_state_pb2 as _state
from envoy.extensions.filters.http.stateful_session.v3 import stateful_session_pb2 as _session
from envoy.extensions.filters.listener.proxy_protocol.v3 import proxy_protocol_pb2 as _proxied
from envoy.extensions.filters.listener.tls_inspector.v3 import tls_inspector_pb2 as _inspector
from envoy.extensions.filters.network.connection_limit.v3 import connection_limit_pb2 as _most
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as _hcm,
)
from envoy.extensions.filters.network.rbac.v3 import rbac_pb2 as _network_rbac
from envoy.extensions.filters.network.tcp_proxy.v3 import tcp_proxy_pb2 as _tcp
from envoy.extensions.http.header_formatters.preserve_case.v3 import preserve_case_pb2 as _case
from envoy.extensions.http.stateful_session.cookie.v3 import cookie_pb2 as _cookie
from envoy.extensions.load_balancing_policies.least_request.v3 import least_request_pb2 as _least
from envoy.extensions.matching.common_inputs.network.v3 import network_inputs_pb2 as _inputs
from envoy.extensions.matching.input_matchers.ip.v3 import ip_pb2 as _ip
from envoy.extensions.path.match.uri_template.v3 import uri_template_match_pb2 as _match
from envoy.extensions.path.rewrite.uri_template.v3 import uri_template_rewrite_pb2 as _rewrite
from envoy.extensions.retry.host.previous_hosts.v3 import previous_hosts_pb2 as _previous
from envoy.extensions.transport_sockets.proxy_protocol.v3 import (
    upstream_proxy_protocol_pb2 as _to_pod,
)
from envoy.extensions.transport_sockets.quic.v3 import quic_transport_pb2 as _quic
from envoy.extensions.transport_sockets.raw_buffer.v3 import raw_buffer_pb2 as _raw
from envoy.extensions.transport_sockets.tls.v3 import secret_pb2, tls_pb2
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2 as _upstream
from envoy.type.matcher.v3 import http_inputs_pb2 as _http_inputs
from google.protobuf import (
    any_pb2,
    descriptor_pool,
    json_format,
    message_factory,
    wrappers_pb2,
)

TYPE = "type.googleapis.com/"
CLUSTER = TYPE + cluster_pb2.Cluster.DESCRIPTOR.full_name
ENDPOINTS = TYPE + endpoint_pb2.ClusterLoadAssignment.DESCRIPTOR.full_name
LISTENER = TYPE + listener_pb2.Listener.DESCRIPTOR.full_name
ROUTES = TYPE + route_pb2.RouteConfiguration.DESCRIPTOR.full_name
SECRET = TYPE + secret_pb2.Secret.DESCRIPTOR.full_name
# The order in which a change is told: what is referred to comes before what refers to it.
ORDER = (CLUSTER, ENDPOINTS, SECRET, LISTENER, ROUTES)
REGISTERED = (
    _case, _cel, _cookie, _cors, _fault, _grpc_stats, _hcm, _http_inputs, _inputs, _inspector, _ip,
    _least, _limit, _lua, _match, _most, _mutation, _network_rbac, _previous, _proxied, _quic, _raw,
    _rbac, _rewrite, _router, _session, _state, _stream, _tcp, _to_pod, _upstream, tls_pb2,
    wrappers_pb2,
)  # fmt: skip


_CACHED = 5_000
_made: dict[bytes, any_pb2.Any] = {}
_parts: dict[tuple[str, str, bytes], Any] = {}


def message(type_url: str, doc: dict[str, Any]) -> Any:
    """A resource as Envoy takes it; json_format.ParseError names what is wrong with the dict."""
    inner = _parsed(_class(type_url.removeprefix(TYPE)), doc)
    made = any_pb2.Any()
    made.Pack(inner)
    return made


def _any(doc: dict[str, Any]) -> Any:
    """A typed message. Typed parts (filters, TLS, loggers) are mostly the same in all resources,
    so each is made once and copied."""
    key = orjson.dumps(doc)
    known = _made.get(key)
    if known is None:
        if len(_made) >= _CACHED:
            _made.clear()
        known = _made[key] = _make(doc)
    return known


def _make(doc: dict[str, Any]) -> any_pb2.Any:
    """One that differs from others in a field or two: only those are parsed anew."""
    made = any_pb2.Any()
    name = doc["@type"].removeprefix(TYPE)
    if name.startswith("google.protobuf."):
        json_format.ParseDict(doc, made)
        return made
    inner = _class(name)()
    for field, value in doc.items():
        if field != "@type":
            inner.MergeFrom(_part(name, field, value))
    made.Pack(inner)
    return made


def _part(name: str, field: str, value: Any) -> Any:
    """A message with one field."""
    key = (name, field, orjson.dumps(value))
    known = _parts.get(key)
    if known is None:
        if len(_parts) >= _CACHED:
            _parts.clear()
        known = _parts[key] = _parsed(_class(name), {field: value})
    return known


def _parsed(kind: Any, doc: dict[str, Any]) -> Any:
    typed: list[tuple[tuple[str | int, ...], dict[str, Any]]] = []
    made = kind()
    json_format.ParseDict(_bare(doc, (), typed), made)
    for path, inner in typed:
        place = made
        for step in path:
            place = _place(place, step)
        place.CopyFrom(_any(inner))
    return made


@cache
def _class(name: str) -> Any:
    try:
        descriptor = descriptor_pool.Default().FindMessageTypeByName(name)
    except KeyError:
        raise json_format.ParseError(f"no message type {name} is known") from None
    return message_factory.GetMessageClass(descriptor)


def _bare(
    part: Any,
    path: tuple[str | int, ...],
    typed: list[tuple[tuple[str | int, ...], dict[str, Any]]],
) -> Any:
    """A part without the typed messages in it; those, with their places, go into `typed`."""
    if isinstance(part, dict):
        out = {}
        for name, value in part.items():
            if isinstance(value, dict) and "@type" in value:
                typed.append(((*path, name), value))
            else:
                out[name] = _bare(value, (*path, name), typed)
        return out
    if isinstance(part, list):
        return [_bare(value, (*path, index), typed) for index, value in enumerate(part)]
    return part


def _place(made: Any, step: str | int) -> Any:
    """A field of a message, or an entry of a list or map."""
    return getattr(made, str(step)) if hasattr(made, "DESCRIPTOR") else made[step]
