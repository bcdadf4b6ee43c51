"""One edit of a live front door for every field of the params that shapes resources.

A field is called as the schema calls it: `X` for a name, `0` for a place in a list. What shapes no
resource stands below with its reason, so that a new field is in one of the two.
"""

from typing import Any

from tests.unit.params_edits import GONE

NAMES = ["shop.example.com", "*.shop.example.com"]
CDN = {"cache_mode": "CACHE_ALL_STATIC", "default_ttl": 60, "client_ttl": 60, "max_ttl": 120}
WEIGHTS = {"weights": {"web": 95, "api": 5}}
REDIRECT: dict[str, Any] = {"host": "www.example.com", "path": "/new", "code": 302}
BACKEND: dict[str, Any] = {
    "protocol": "HTTP",
    "health_check": {"type": "HTTP", "path": "/healthz"},
    "neg": {"namespace": "shop", "service": "api", "port": 8080, "name": "shop-api"},
    "active": ["blue"],
}


def _backend(name: str, field: str, value: Any, **more: Any) -> dict[str, Any]:
    found = {f"backends.{name}.{field}": value}
    return found | {f"backends.{name}.{path}": one for path, one in more.items()}


def _path(value: Any) -> dict[str, Any]:
    return {"routes.0.paths": {"/api/*": "api", "/old/*": value}}


FIELDS: dict[str, dict[str, Any]] = {
    "address.api": {"address.api": {"networkTier": "PREMIUM"}},
    "address.ip_versions": {"address.ip_versions": ["IPV4", "IPV6"]},
    "address.name": {"address.name": "shop-edge-2"},
    "backends.X.active": _backend("web", "active", ["blue", "green"]),
    "backends.X.affinity_cookie_ttl": _backend(
        "web", "session_affinity", "GENERATED_COOKIE", affinity_cookie_ttl=9
    ),
    "backends.X.api": _backend("web", "api", {"localityLbPolicy": "LEAST_REQUEST"}),
    "backends.X.balancing.capacity": _backend("web", "balancing.capacity", 0.5),
    "backends.X.balancing.max_connections": _backend(
        "mqtt", "balancing", {"mode": "CONNECTION", "max_connections": 10}
    ),
    "backends.X.balancing.max_connections_per_endpoint": _backend(
        "mqtt", "balancing.max_connections_per_endpoint", 9
    ),
    "backends.X.balancing.max_rate": _backend("web", "balancing", {"mode": "RATE", "max_rate": 9}),
    "backends.X.balancing.max_rate_per_endpoint": _backend(
        "web", "balancing.max_rate_per_endpoint", 9
    ),
    "backends.X.capacity": _backend("web", "capacity", {"blue": 0.5}),
    "backends.X.cdn": _backend("web", "cdn", CDN),
    "backends.X.custom_headers": _backend("web", "custom_headers", {"request": ["X-Shop: edge"]}),
    "backends.X.draining": _backend("web", "draining", 120),
    "backends.X.edge_security_policy": _backend("web", "edge_security_policy", "shop-armor"),
    "backends.X.health_check.api": _backend("web", "health_check.api", {"description": "ours"}),
    "backends.X.health_check.healthy": _backend("web", "health_check.healthy", 3),
    "backends.X.health_check.host": _backend("web", "health_check.host", "shop.example.com"),
    "backends.X.health_check.interval": _backend("web", "health_check.interval", 10),
    "backends.X.health_check.logging": _backend("web", "health_check.logging", True),
    "backends.X.health_check.path": _backend("web", "health_check.path", "/ready"),
    "backends.X.health_check.port": _backend("web", "health_check.port", 9100),
    "backends.X.health_check.proxy_header": _backend(
        "mqtt", "health_check.proxy_header", "PROXY_V1"
    ),
    "backends.X.health_check.timeout": _backend("web", "health_check.timeout", 2),
    "backends.X.health_check.type": _backend("web", "health_check", {"type": "TCP"}),
    "backends.X.health_check.unhealthy": _backend("web", "health_check.unhealthy", 3),
    "backends.X.iap": _backend("web", "iap", {"enabled": True}),
    "backends.X.logging.enable": _backend("web", "logging", {"enable": False}),
    "backends.X.logging.sample_rate": _backend("web", "logging.sample_rate", 0.5),
    "backends.X.neg.name": _backend("web", "neg.name", "shop-web-2"),
    "backends.X.neg.namespace": _backend("api", "neg.namespace", "other"),
    "backends.X.neg.port": _backend("api", "neg.port", 8081),
    "backends.X.neg.service": _backend("api", "neg.service", "other"),
    "backends.X.preference": _backend("web", "preference", {"blue": "PREFERRED"}),
    "backends.X.protocol": _backend("api", "protocol", "H2C"),
    "backends.X.security_policy": _backend("web", "security_policy", "shop-armor"),
    "backends.X.session_affinity": _backend("web", "session_affinity", "CLIENT_IP"),
    "backends.X.timeout": _backend("web", "timeout", 60),
    "backends": {"routes.0.paths": {}, "backends.api": GONE},
    "certificate.api": {"certificate.api": {"description": "ours"}},
    "certificate.authorization": {"certificate.authorization": "FIXED_RECORD"},
    "certificate.map": {"certificate.map": "shop-2"},
    "certificate.name": {"certificate.name": "shop-2"},
    "clusters": {"clusters.green": GONE},
    "clusters.X.node_tags": {"clusters.blue.node_tags": ["gke-blue-1a2b3c4d-node", "more"]},
    "dns.take_over": {"dns.take_over": ["shop.example.com"]},
    "dns.ttl": {"dns.ttl": 60},
    "firewall.api": {"firewall.api": {"description": "ours"}},
    "firewall.logging": {"firewall.logging": True},
    "firewall.manage": {"firewall.manage": False},
    "firewall.priority": {"firewall.priority": 900},
    "frontends": {"frontends.3": {"name": "alt", "protocol": "TCP", "port": 9000,
                                  "backend": "postgres"}},
    "frontends.0.api": {"frontends.0.api": {"tlsEarlyData": "DISABLED"}},
    "frontends.0.forwarding_rule_api": {"frontends.0.forwarding_rule_api": {"description": "ours"}},
    "frontends.0.backend": {"frontends.2.backend": "mqtt", "backends.postgres": GONE,
                            "checks": GONE},
    "frontends.0.http3": {"frontends.0.http3": False},
    "frontends.0.keep_alive": {"frontends.0.keep_alive": 100},
    "frontends.0.name": {"frontends.2.name": "sql", "checks": GONE},
    "frontends.0.port": {"frontends.2.port": 5433},
    "frontends.0.protocol": {"frontends.1.protocol": "TCP"},
    "frontends.0.proxy_header": {"frontends.1.proxy_header": "PROXY_V1",
                                 "backends.mqtt.health_check.proxy_header": "PROXY_V1"},
    "frontends.0.redirect_http": {"frontends.0.redirect_http": False},
    "frontends.0.ssl_policy": {"frontends.0.ssl_policy": GONE},
    "frontends.0.ssl_policy.custom_features": {"frontends.0.ssl_policy": {
        "profile": "CUSTOM", "min_tls": "TLS_1_2",
        "custom_features": ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]}},
    "frontends.0.ssl_policy.min_tls": {"frontends.1.ssl_policy": {"min_tls": "TLS_1_2"}},
    "frontends.0.ssl_policy.name": {"frontends.0.ssl_policy": {"name": "of-others"}},
    "frontends.0.ssl_policy.profile": {"frontends.0.ssl_policy.profile": "RESTRICTED"},
    "hostnames": {"hostnames": [*NAMES, "pay.example.com"],
                  "routes.0.hosts": [*NAMES, "pay.example.com"]},
    "labels": {"labels": {"team": "edge"}},
    "name": {"name": "shop2"},
    "network": {"network": "other"},
    "routes": {"routes.1": {"hosts": ["pay.example.com"], "default": "api"},
               "hostnames": [*NAMES, "pay.example.com"]},
    "routes.0.api": {"routes.0.api": {"headerAction": {"requestHeadersToRemove": ["x-debug"]}}},
    "routes.0.default": {"routes.0.default": "api", "routes.0.paths": {"/web/*": "web"}},
    "routes.0.default.redirect": {"routes.0.default": {"redirect": REDIRECT},
                                  "routes.0.paths": {"/api/*": "api", "/web/*": "web"}},
    "routes.0.default.rewrite": {"routes.0.default": {
        "backend": "web", "rewrite": {"prefix": "/shop/"}}},
    "routes.0.default.weights": {"routes.0.default": WEIGHTS},
    "routes.0.hosts": {"routes.0.hosts": NAMES[:1], "hostnames": NAMES[:1]},
    "routes.0.paths": _path("web"),
    "routes.0.paths.X.redirect": _path({"redirect": REDIRECT}),
    "routes.0.paths.X.rewrite": _path({"backend": "web", "rewrite": {"host": "in.example.com"}}),
    "routes.0.paths.X.weights": _path(WEIGHTS),
    "url_map_api": {"url_map_api": {"headerAction": {
        "responseHeadersToAdd": [{"headerName": "x-shop", "headerValue": "1", "replace": True}]}}},
}  # fmt: skip

# Nothing in Google Cloud comes of these, or nothing that can be edited on a live front door.
NOTHING = {
    "backends.X.balancing.mode": "follows from the protocol",
    "clusters.X.context": "how a cluster is found",
    "clusters.X.location": "how a cluster is found",
    "clusters.X.name": "how a cluster is found",
    "clusters.X.project": "how a cluster is found",
    "dns.domain": "how the zone is found",
    "dns.project": "how the zone is found",
    "dns.zone": "how the zone is found",
    "dns.zones": "how the zone is found",
    "adopt": "only what may be taken over",
    "address.adopt": "only what may be taken over",
    "certificate.adopt": "only what may be taken over",
    "checks": "what the meter asks",
    "environment": "where everything is",
    "project": "where everything is",
    "records": "where records are kept",
    "safety": "limits of plans",
    "simulator": "which simulator is started",
}
