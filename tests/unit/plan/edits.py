"""Random edits of live front doors: params before and after, drawn from what people change.

Each edit may be combined with any other. What a plan refuses (moves, replacements, what stands in
the way) is part of the draw: refusing is no harm.
"""

from typing import Any

from hypothesis import strategies as st

from tests.unit.params_edits import GONE

NAMES = ["shop.example.com", "*.shop.example.com"]
ROOM = {"safety.max_deletes": 60}
EDITS: list[dict[str, Any]] = [
    {"hostnames": [*NAMES, "pay.example.com"]},
    {"hostnames": NAMES[:1], "routes.0.hosts": NAMES[:1]},
    {"hostnames": [*NAMES, "a.b.example.com"], "routes.0.hosts": [*NAMES, "a.b.example.com"]},
    {"address.ip_versions": ["IPV4", "IPV6"]},
    {"address.ip_versions": ["IPV6", "IPV4"], "dns.ttl": 60},
    {"certificate.authorization": "FIXED_RECORD"},
    {"frontends.0.ssl_policy": GONE},
    {"frontends.0.ssl_policy": {"profile": "RESTRICTED", "min_tls": "TLS_1_2"}},
    {"frontends.0.redirect_http": False},
    {"frontends.0.http3": False, "frontends.0.keep_alive": 100},
    {"frontends.1.ssl_policy": {"profile": "MODERN", "min_tls": "TLS_1_2"}},
    {"frontends.1.proxy_header": "PROXY_V1", "backends.mqtt.health_check.proxy_header": "PROXY_V1"},
    {"frontends.1": GONE, "backends.mqtt": GONE, "checks": GONE},
    {"frontends.2": GONE, "backends.postgres": GONE, "checks": GONE},
    {"frontends.2.name": "sql", "checks": GONE},
    {"frontends.2.port": 5433},
    {"frontends.3": {"name": "alt", "protocol": "TCP", "port": 9000, "backend": "postgres"}},
    {"routes.0.paths": {}, "backends.api": GONE},
    {"routes.0.paths": {"/old/*": {"redirect": {"path": "/new"}}, "/api/*": "api"}},
    {"routes.0.default": {"weights": {"web": 95, "api": 5}}},
    {"backends.web.protocol": "HTTP2", "backends.web.health_check": {"type": "HTTP2"}},
    {"backends.api.protocol": "HTTP2", "backends.api.health_check": {"type": "TCP"}},
    {"backends.web.health_check": {"type": "TCP"}},
    {"backends.web.health_check": {"type": "HTTP", "port": 9100}},
    {"backends.api.health_check": {"type": "HTTP", "path": "/healthz", "port": 9100}},
    {"backends.mqtt.health_check": {"type": "TCP", "port": 9100}},
    {"backends.api.health_check": {"type": "HTTP", "path": "/ready", "interval": 10}},
    {"backends.web.neg.name": "shop-web-2"},
    {"backends.api.neg.name": "shop-api-{cluster}"},
    {"backends.api.neg.port": 8081},
    {"backends.api.neg.port": 8081, "backends.api.neg.name": "shop-api-8081"},
    {"backends.web.active": ["blue", "green"]},
    {"backends.web.active": ["green"]},
    {"backends.mqtt.active": ["green", "blue"]},
    {"backends.web.balancing": {"max_rate_per_endpoint": 50}},
    {"backends.mqtt.balancing": {"max_connections": 10, "capacity": 0.5}},
    {"backends.web.logging": GONE},
    {"backends.web.session_affinity": "GENERATED_COOKIE", "backends.web.affinity_cookie_ttl": 9},
    {"backends.web.draining": 120, "backends.web.timeout": 60},
    {"backends.web.security_policy": "shop-armor"},
    {"firewall.priority": 900},
    {"labels": {"team": "edge"}},
]
PARAMS = st.lists(st.integers(0, len(EDITS) - 1), max_size=4).map(
    lambda chosen: {path: value for i in sorted(set(chosen)) for path, value in EDITS[i].items()}
)
