"""What Envoy writes about each request and connection, one line of JSON each on its stdout."""

from gcpsim.dataplane.routes.documents import Doc
from gcpsim.dataplane.routes.envoy import T

REQUEST = {
    "t": "%START_TIME(%s.%6f)%",
    "ms": "%DURATION%",
    "backend_ms": "%RESPONSE_DURATION%",
    "method": "%REQ(:METHOD)%",
    "scheme": "%REQ(:SCHEME)%",
    "host": "%REQ(:AUTHORITY)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "status": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "flags": "%RESPONSE_FLAGS%",
    "received": "%BYTES_RECEIVED%",
    "request_head": "%DOWNSTREAM_HEADER_BYTES_RECEIVED%",
    "sent": "%BYTES_SENT%",
    "response_head": "%DOWNSTREAM_HEADER_BYTES_SENT%",
    "agent": "%REQ(USER-AGENT)%",
    "referer": "%REQ(REFERER)%",
    "trace": "%REQ(X-CLOUD-TRACE-CONTEXT)%",
    "client": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "cluster": "%UPSTREAM_CLUSTER_RAW%",
    "upstream": "%UPSTREAM_HOST%",
    "route": "%ROUTE_NAME%",
    "protocol": "%PROTOCOL%",
    "sni": "%REQUESTED_SERVER_NAME%",
    "tls": "%DOWNSTREAM_TLS_VERSION%",
    "cipher": "%DOWNSTREAM_TLS_CIPHER%",
    "rule": "%METADATA(LISTENER:gcpsim:rule)%",
}
CONNECTION = {
    "kind": "%ACCESS_LOG_TYPE%",
    "t": "%START_TIME(%s.%6f)%",
    "ms": "%DURATION%",
    "flags": "%RESPONSE_FLAGS%",
    "details": "%CONNECTION_TERMINATION_DETAILS%",
    "received": "%BYTES_RECEIVED%",
    "sent": "%BYTES_SENT%",
    "client": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "cluster": "%UPSTREAM_CLUSTER_RAW%",
    "upstream": "%UPSTREAM_HOST%",
    "sni": "%REQUESTED_SERVER_NAME%",
    "tls": "%DOWNSTREAM_TLS_VERSION%",
    "cipher": "%DOWNSTREAM_TLS_CIPHER%",
    "rule": "%METADATA(LISTENER:gcpsim:rule)%",
}


def requests() -> list[Doc]:
    return _lines(REQUEST)


def connections() -> list[Doc]:
    return _lines(CONNECTION)


def _lines(fields: dict[str, str]) -> list[Doc]:
    log = {
        "@type": T + "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
        "log_format": {"json_format": fields},
    }
    return [{"name": "stdout", "typed_config": log}]
