"""Steps 3 and 4: health checks, backend services, SSL policies, proxies and forwarding rules.

What works without a certificate belongs to step 3. A target HTTPS or SSL proxy cannot be created
without one, so it comes with its forwarding rules in step 4, when the certificate is ACTIVE
(docs/decisions/0003-tls-proxies-in-step-four.md).
"""

from collections.abc import Iterator
from typing import Any

from edgebook.desired import certificate, routing
from edgebook.desired.context import Context, merged
from edgebook.model.paths import compute_scope
from edgebook.model.values import Ref, Resource, Step
from edgebook.params.types import (
    BackendProtocol,
    BackendSpec,
    FrontendProtocol,
    FrontendSpec,
    HealthCheckSpec,
    HealthCheckType,
    IapSpec,
    Spec,
)

SCHEME = "EXTERNAL_MANAGED"
KEEP_ALIVE = 610  # seconds, Google's own default
STREAMS = frozenset({BackendProtocol.SSL, BackendProtocol.TCP})
# The block of a health check's body that belongs to its type.
PROBE_FIELDS = {
    HealthCheckType.HTTP: "httpHealthCheck",
    HealthCheckType.HTTPS: "httpsHealthCheck",
    HealthCheckType.HTTP2: "http2HealthCheck",
    HealthCheckType.SSL: "sslHealthCheck",
    HealthCheckType.TCP: "tcpHealthCheck",
    HealthCheckType.GRPC: "grpcHealthCheck",
}


def resources(context: Context) -> Iterator[Resource]:
    """A None in a body says that the field must not be set."""
    for policy in sorted(policies(context.spec)):
        yield context.existing("securityPolicy", policy)
    for name, backend in sorted(context.spec.backends.items()):
        yield _health_check(context, name, backend.health_check)
        yield _backend_service(context, name, backend)
    yield from routing.url_maps(context)
    for frontend in sorted(context.spec.frontends, key=lambda f: f.name):
        yield from _ssl_policy(context, frontend)
        yield from _frontend(context, frontend)


def policies(spec: Spec) -> set[str]:
    """The Cloud Armor policies that the params name; they must exist."""
    backends = spec.backends.values()
    return {name for b in backends for name in (b.security_policy, b.edge_security_policy) if name}


def _health_check(context: Context, backend: str, probe: HealthCheckSpec) -> Resource:
    name = context.names.health_check(backend)
    block: dict[str, Any] = {"portSpecification": "USE_SERVING_PORT"}
    if probe.port is not None:
        block = {"portSpecification": "USE_FIXED_PORT", "port": probe.port}
    http = probe.type in (HealthCheckType.HTTP, HealthCheckType.HTTPS, HealthCheckType.HTTP2)
    if probe.type is not HealthCheckType.GRPC:
        block["proxyHeader"] = probe.proxy_header.value
    if http:
        block |= {"requestPath": probe.path, "host": probe.host}
    body = {
        "name": name,
        "type": probe.type.value,
        "checkIntervalSec": int(probe.interval),
        "timeoutSec": int(probe.timeout),
        "healthyThreshold": probe.healthy,
        "unhealthyThreshold": probe.unhealthy,
        "logConfig": {"enable": probe.logging},
        PROBE_FIELDS[probe.type]: block,
    }
    port = f"port {probe.port}" if probe.port else "the serving port"
    path = f" {probe.path}" if http else ""
    what = f"{probe.type}{path} on {port}, each {probe.interval} s"
    return context.resource("healthCheck", name, merged(body, probe.api), what=what)


def _backend_service(context: Context, backend: str, entry: BackendSpec) -> Resource:
    name = context.names.backend_service(backend)
    logging = entry.logging
    log: dict[str, Any] = {"enable": bool(logging and logging.enable)}
    if logging and logging.enable:
        log["sampleRate"] = logging.sample_rate
    body: dict[str, Any] = {
        "name": name,
        "protocol": entry.protocol.value,
        "loadBalancingScheme": SCHEME,
        "healthChecks": [context.ref("healthCheck", context.names.health_check(backend))],
        "connectionDraining": {"drainingTimeoutSec": int(entry.draining)},
        "timeoutSec": int(entry.timeout),
        "sessionAffinity": entry.session_affinity.value,
        "logConfig": log,
    }
    if entry.protocol not in STREAMS:
        body |= _http_options(entry)
    # Protection is never taken away because the params do not mention it.
    if entry.security_policy:
        body["securityPolicy"] = context.ref("securityPolicy", entry.security_policy)
    if entry.edge_security_policy:
        body["edgeSecurityPolicy"] = context.ref("securityPolicy", entry.edge_security_policy)
    what = f"{entry.protocol}, draining {entry.draining} s"
    return context.resource("backendService", name, merged(body, entry.api), what=what)


def _http_options(entry: BackendSpec) -> dict[str, Any]:
    options: dict[str, Any] = {
        "enableCDN": entry.cdn is not None,
        "customRequestHeaders": list(entry.custom_headers.request),
        "customResponseHeaders": list(entry.custom_headers.response),
        "affinityCookieTtlSec": int(entry.affinity_cookie_ttl or 0),
    }
    cdn = entry.cdn
    if cdn:
        ages = {"defaultTtl": cdn.default_ttl, "maxTtl": cdn.max_ttl, "clientTtl": cdn.client_ttl}
        policy: dict[str, Any] = {
            "cacheMode": cdn.cache_mode.value,
            "negativeCaching": cdn.negative_caching,
        }
        policy |= {field: int(age) for field, age in ages.items() if age is not None}
        options["cdnPolicy"] = merged(policy, cdn.api)
    if entry.iap:
        options["iap"] = _iap(entry.iap)
    return options


def _iap(iap: IapSpec) -> dict[str, Any]:
    body: dict[str, Any] = {"enabled": iap.enabled}
    if iap.client_id:
        body |= {"oauth2ClientId": iap.client_id, "oauth2ClientSecret": iap.client_secret}
    return body


def _ssl_policy(context: Context, frontend: FrontendSpec) -> Iterator[Resource]:
    policy = frontend.ssl_policy
    if policy is None:
        return
    if policy.name:
        yield context.existing("sslPolicy", policy.name)
        return
    name = context.names.frontend(frontend.name)
    body: dict[str, Any] = {
        "name": name,
        "profile": policy.profile.value,
        "minTlsVersion": policy.min_tls.value,
        "customFeatures": sorted(policy.custom_features) or None,
    }
    what = f"{policy.profile}, at least {policy.min_tls.replace('_', ' ', 1).replace('_', '.')}"
    yield context.resource("sslPolicy", name, merged(body, policy.api), what=what)


def _frontend(context: Context, frontend: FrontendSpec) -> Iterator[Resource]:
    build = {
        FrontendProtocol.HTTPS: _https_proxy,
        FrontendProtocol.SSL: _ssl_proxy,
        FrontendProtocol.TCP: _tcp_proxy,
    }
    proxy = build[frontend.protocol](context, frontend)
    yield proxy
    yield from _forwarding_rules(context, frontend, proxy, frontend.port)
    if frontend.redirect_http:
        redirect = _redirect_proxy(context, frontend)
        yield redirect
        yield from _forwarding_rules(context, frontend, redirect, 80)


def _tls(context: Context, frontend: FrontendSpec) -> dict[str, Any]:
    """What HTTPS and SSL proxies have in common."""
    body: dict[str, Any] = {
        "certificateMap": context.ref("certificateMap", context.names.certificate_map())
    }
    policy = frontend.ssl_policy
    if policy:
        name = policy.name or context.names.frontend(frontend.name)
        body["sslPolicy"] = context.ref("sslPolicy", name)
    return body


def _https_proxy(context: Context, frontend: FrontendSpec) -> Resource:
    name = context.names.frontend(frontend.name)
    quic = {None: "NONE", True: "ENABLE", False: "DISABLE"}[frontend.http3]
    body: dict[str, Any] = {
        "name": name,
        "urlMap": context.ref("urlMap", context.names.url_map()),
        "quicOverride": quic,
        "httpKeepAliveTimeoutSec": int(frontend.keep_alive or KEEP_ALIVE),
        **_tls(context, frontend),
    }
    map_name = context.names.certificate_map()
    return context.resource(
        "targetHttpsProxy",
        name,
        merged(body, frontend.api),
        what=f"URL map {context.names.url_map()}, certificate map {map_name}",
        waits=certificate.attachment_waits(context),
    )


def _stream(context: Context, frontend: FrontendSpec) -> dict[str, Any]:
    service = context.names.backend_service(frontend.backend)
    return {
        "name": context.names.frontend(frontend.name),
        "service": context.ref("backendService", service),
        "proxyHeader": frontend.proxy_header.value,
    }


def _ssl_proxy(context: Context, frontend: FrontendSpec) -> Resource:
    body = {**_stream(context, frontend), **_tls(context, frontend)}
    service = context.names.backend_service(frontend.backend)
    return context.resource(
        "targetSslProxy",
        context.names.frontend(frontend.name),
        merged(body, frontend.api),
        what=f"backend service {service}, certificate map {context.names.certificate_map()}",
        waits=certificate.attachment_waits(context),
    )


def _tcp_proxy(context: Context, frontend: FrontendSpec) -> Resource:
    service = context.names.backend_service(frontend.backend)
    return context.resource(
        "targetTcpProxy",
        context.names.frontend(frontend.name),
        merged(_stream(context, frontend), frontend.api),
        what=f"backend service {service}",
    )


def _redirect_proxy(context: Context, frontend: FrontendSpec) -> Resource:
    name = context.names.redirect(frontend.name)
    body = {"name": name, "urlMap": context.ref("urlMap", name)}
    return context.resource("targetHttpProxy", name, body, what="redirects to HTTPS")


def _forwarding_rules(
    context: Context, frontend: FrontendSpec, proxy: Resource, port: int
) -> Iterator[Resource]:
    redirect = proxy.kind == "targetHttpProxy"
    for version in context.ip_versions:
        name = context.names.forwarding_rule(frontend.name, version, redirect=redirect)
        address = context.address(version)
        body = {
            "name": name,
            "IPAddress": address,
            "IPProtocol": "TCP",
            "portRange": f"{port}-{port}",
            "target": Ref(proxy.kind, proxy.name, compute_scope(context.spec.project)),
            "loadBalancingScheme": SCHEME,
            "networkTier": "PREMIUM",
        }
        yield context.resource(
            "forwardingRule",
            name,
            merged(body, {} if redirect else frontend.forwarding_rule_api),
            what=f"{address.name}:{port} -> {frontend.protocol} frontend {frontend.name}"
            if not redirect
            else f"{address.name}:{port} -> redirect to HTTPS",
            step=Step.FRONTENDS if proxy.step is Step.FRONTENDS else Step.CERTIFICATE_MAP,
        )
