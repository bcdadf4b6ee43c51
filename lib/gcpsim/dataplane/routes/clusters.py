"""Backend services as clusters: protocol to the pods, choice of an endpoint, connection life."""

from gcpsim.dataplane.routes.documents import Doc, Documents, NotCarried, short
from gcpsim.dataplane.routes.envoy import ADS, UNLIMITED, T, duration, seconds, typed

CONNECT_SECONDS = 4.5
BACKEND_KEEP_ALIVE = 600
LONGEST_TIMEOUT = 86_400
RESPONSE_HEADERS_KB = 128
STREAM_PROTOCOLS = ("TCP", "SSL")
TLS_PROTOCOLS = ("HTTPS", "HTTP2", "SSL")
UNCARRIED = (
    "circuitBreakers", "customMetrics", "dynamicForwarding", "localityLbPolicies",
    "maxStreamDuration", "securitySettings",
)  # fmt: skip
# Google's outlier detection is Envoy's; off unless the service sets it.
OUTLIERS = {
    "baseEjectionTime": "base_ejection_time",
    "consecutiveErrors": "consecutive_5xx",
    "consecutiveGatewayFailure": "consecutive_gateway_failure",
    "enforcingConsecutiveErrors": "enforcing_consecutive_5xx",
    "enforcingConsecutiveGatewayFailure": "enforcing_consecutive_gateway_failure",
    "enforcingSuccessRate": "enforcing_success_rate",
    "interval": "interval",
    "maxEjectionPercent": "max_ejection_percent",
    "successRateMinimumHosts": "success_rate_minimum_hosts",
    "successRateRequestVolume": "success_rate_request_volume",
    "successRateStdevFactor": "success_rate_stdev_factor",
}
POLICIES = {
    "LEAST_REQUEST": "LEAST_REQUEST",
    "MAGLEV": "MAGLEV",
    "RANDOM": "RANDOM",
    "RING_HASH": "RING_HASH",
    "ROUND_ROBIN": "ROUND_ROBIN",
}
HASHED = (
    "CLIENT_IP", "CLIENT_IP_NO_DESTINATION", "CLIENT_IP_PORT_PROTO", "CLIENT_IP_PROTO",
    "GENERATED_COOKIE", "HEADER_FIELD", "HTTP_COOKIE",
)  # fmt: skip


def cluster(path: str, service: Doc) -> Doc:
    """The cluster of a backend service; its endpoints come by EDS under the same name."""
    check(path, service)
    protocol = service.get("protocol", "HTTP")
    out: Doc = {
        "name": path,
        "type": "EDS",
        "eds_cluster_config": {"eds_config": ADS},
        "connect_timeout": seconds(CONNECT_SECONDS),
        "lb_policy": _policy(path, service, protocol),
        "common_lb_config": {
            "healthy_panic_threshold": {"value": 0},
            "locality_weighted_lb_config": {},
        },
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_connections": UNLIMITED,
                    "max_pending_requests": UNLIMITED,
                    "max_requests": UNLIMITED,
                    "max_retries": UNLIMITED,
                }
            ]
        },
    }
    if service.get("outlierDetection"):
        out["outlier_detection"] = {
            OUTLIERS[name]: seconds(duration(value)) if isinstance(value, dict) else value
            for name, value in sorted(service["outlierDetection"].items())
        }
    if protocol not in STREAM_PROTOCOLS:
        out["typed_extension_protocol_options"] = _http(protocol)
    socket = _socket(path, service, protocol)
    if socket:
        out["transport_socket"] = socket
    return out


def check(path: str, service: Doc) -> None:
    """NotCarried for a service that can have no cluster."""
    _policy(path, service, service.get("protocol", "HTTP"))
    _socket(path, service, service.get("protocol", "HTTP"))
    for field in UNCARRIED:
        if service.get(field):
            raise NotCarried(f"{short(path)} {field}")
    for backend in service.get("backends") or []:
        if "/networkEndpointGroups/" not in backend["group"]:
            raise NotCarried(f"{short(path)} backend {short(backend['group'])}")


def timeout_of(service: Doc) -> float:
    """Seconds for a request; the front ends take no more than a day, whatever is written."""
    return float(min(service.get("timeoutSec", 30), LONGEST_TIMEOUT))


def sent_proxy_line(documents: Documents, path: str) -> bool:
    """Whether a proxy before this service sends the PROXY line (a field of the target proxy)."""
    for collection in ("targetTcpProxies", "targetSslProxies"):
        for _, proxy in documents.all(collection):
            if proxy.get("service", "").endswith(path) and proxy.get("proxyHeader") == "PROXY_V1":
                return True
    return False


def with_proxy_line(doc: Doc) -> Doc:
    """The same cluster, writing a PROXY protocol v1 line before anything else."""
    inner = doc.get("transport_socket") or typed(
        "raw", "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"
    )
    wrapped = typed(
        "proxy_line",
        "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport",
        config={"version": "V1"},
        transport_socket=inner,
    )
    return {**doc, "transport_socket": wrapped}


def _policy(path: str, service: Doc, protocol: str) -> str:
    """Unset: round robin without affinity, Maglev with; streams hash their five-tuple."""
    policy = service.get("localityLbPolicy") or ""
    hashed = service.get("sessionAffinity", "NONE") in HASHED
    if not policy:
        unset = "RANDOM" if protocol in STREAM_PROTOCOLS else "ROUND_ROBIN"
        return "MAGLEV" if hashed else unset
    if policy not in POLICIES:
        raise NotCarried(f"{short(path)} localityLbPolicy {policy}")
    if hashed and policy not in ("MAGLEV", "RING_HASH"):
        return "MAGLEV"
    return POLICIES[policy]


def _http(protocol: str) -> Doc:
    version = "http2_protocol_options" if protocol in ("HTTP2", "H2C") else "http_protocol_options"
    name = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    return {
        name: {
            "@type": T + name,
            "common_http_protocol_options": {
                "idle_timeout": seconds(BACKEND_KEEP_ALIVE),
                "max_response_headers_kb": RESPONSE_HEADERS_KB,
            },
            "explicit_http_config": {version: {}},
        }
    }


def _socket(path: str, service: Doc, protocol: str) -> Doc | None:
    """TLS to the pods takes any certificate, and sends no server name unless told one."""
    if protocol not in TLS_PROTOCOLS:
        return None
    settings = service.get("tlsSettings") or {}
    for field in ("authenticationConfig", "subjectAltNames", "identity"):
        if settings.get(field):
            raise NotCarried(f"{short(path)} tlsSettings.{field}")
    context: Doc = {
        "common_tls_context": {
            "tls_params": {
                "tls_minimum_protocol_version": "TLSv1_2",
                "tls_maximum_protocol_version": "TLSv1_3",
            }
        }
    }
    if protocol == "HTTP2":
        context["common_tls_context"]["alpn_protocols"] = ["h2"]
    if settings.get("sni"):
        context["sni"] = settings["sni"]
    name = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
    return typed("tls", name, **context)
