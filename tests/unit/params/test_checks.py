"""Every rule for params, one wrong value at a time: the path and the words of its problem."""

from typing import Any

import pytest
from edgebook.params import ParamsError, load

from tests.unit.params_edits import GONE, edited, spec_of

LONG = ".".join(["a" * 60] * 4) + ".example.com"

# (edits, path of the problem, its text)
WRONG: list[tuple[dict[str, Any], str, str]] = [
    # single keys
    ({"environment": "prod"}, "environment", '"prod"; allowed: simulator, google-cloud'),
    ({"environment": GONE}, "environment", "missing. The local simulator, or the real Google"),
    ({"netwerk": "x"}, "netwerk", 'unknown key; did you mean "network"?'),
    ({"zzz": 1}, "zzz", "unknown key"),
    ({"project": "X"}, "project", '"X"; expected: a project id'),
    ({"hostnames": []}, "hostnames", "empty; at least 1 expected"),
    ({"hostnames": "shop.example.com"}, "hostnames", "expected: a list"),
    ({"dns.ttl": -1}, "dns.ttl", "-1; expected: a duration"),
    ({"dns.ttl": True}, "dns.ttl", "true; expected: a duration"),
    ({"frontends.0.port": 65536}, "frontends[0].port", "65536; allowed: 1 to 65535"),
    ({"frontends.0.port": 0}, "frontends[0].port", "0; allowed: 1 to 65535"),
    ({"frontends.0.port": "443"}, "frontends[0].port", '"443"; expected: a whole number'),
    ({"frontends.0.http3": "yes please"}, "frontends[0].http3", "expected: true or false"),
    ({"backends.web.draining": "1d"}, "backends.web.draining", '"1d"; expected: a duration'),
    ({"backends.web.draining": 3601}, "backends.web.draining", "3601; allowed: 0 to 3600"),
    (
        {"backends.web.balancing.max_rate_per_endpoint": float("inf")},
        "backends.web.balancing.max_rate_per_endpoint",
        "inf; expected: a number",
    ),
    ({"backends.Web": {}}, "backends.Web", '"Web"; expected: lower-case letters'),
    ({"address.name": ""}, "address.name", "empty; expected: lower-case letters"),
    ({"address": "shop-edge"}, "address", '"shop-edge"; expected: a mapping'),
    (
        {"safety.approvers": {"ann": f"ed25519:{'A' * 42}E=", "bob": f"ed25519:{'A' * 42}H="}},
        "safety.approvers.bob",
        "the key of ann; who approves has a key of their own",
    ),
    # hostnames and DNS
    ({"hostnames.0": "shop.example.com."}, "hostnames[0]", "no trailing dot"),
    ({"hostnames.0": "Shop.example.com"}, "hostnames[0]", "in lower case"),
    ({"hostnames.0": "*.*.example.com"}, "hostnames[0]", '"*.*.example.com"; expected: a full'),
    ({"hostnames.0": "a.*.example.com"}, "hostnames[0]", "expected: a full name"),
    ({"hostnames.0": "*.com"}, "hostnames[0]", "expected: a full name"),
    ({"hostnames.1": "shop.example.com"}, "hostnames[1]", '"shop.example.com" is listed twice'),
    ({"hostnames.1": LONG}, "hostnames[1]", "characters; a DNS name has at most 253"),
    ({"dns.domain": "example.org"}, "hostnames[0]", "is outside the zone example.org"),
    (
        {"dns.take_over": ["www.example.com"]},
        "dns.take_over[0]",
        '"www.example.com" is not in hostnames',
    ),
    # what the meter asks
    ({"checks": [{"frontend": "wbe"}]}, "checks[0].frontend", 'did you mean "web"?'),
    ({"checks": [{"frontend": "web", "method": "POST"}]}, "checks[0].method", "`unsafe: true`"),
    ({"checks": [{"frontend": "web", "send": "x"}]}, "checks[0].send", "use body"),
    ({"checks": [{"frontend": "mqtt", "path": "/x"}]}, "checks[0].path", "only for HTTPS"),
    ({"checks": [{"frontend": "web", "host": "example.org"}]}, "checks[0].host", "covered by none"),
    ({"checks": [{"frontend": "web", "statuses": [99]}]}, "checks[0].statuses[0]", "100 to 599"),
    ({"safety.traffic.max_failed": -1}, "safety.traffic.max_failed", "allowed: at least 0"),
    (
        {"safety.traffic.max_latency_rise": 50},
        "safety.traffic.max_latency_rise",
        "50; expected: a percentage such as 50%",
    ),
    # certificate
    ({"certificate": GONE}, "certificate", "missing; frontend web is HTTPS"),
    (
        {"certificate.map": "m", "certificate.adopt": True},
        "certificate.adopt",
        "not together with map",
    ),
    ({"hostnames.1": ".".join(["a" * 53] * 4) + ".example.com"}, "hostnames[1]", "allows 220"),
    # frontends
    ({"frontends.1.name": "web"}, "frontends[0].name", '"web" is used twice'),
    ({"frontends.1.port": 443}, "frontends[1].port", "443 is already used by frontend web"),
    (
        {"frontends.1.port": 80},
        "frontends[1].port",
        "80 is already used by the redirect of frontend web",
    ),
    (
        {"frontends.0.port": 8443},
        "frontends[0].redirect_http",
        "a redirect leads to port 443, this frontend is on 8443",
    ),
    ({"frontends.1.http3": True}, "frontends[1].http3", "not possible with protocol SSL; only"),
    ({"frontends.2.keep_alive": 60}, "frontends[2].keep_alive", "only HTTPS"),
    ({"frontends.0.backend": "web"}, "frontends[0].backend", "with protocol HTTPS; use routes"),
    (
        {"frontends.0.proxy_header": "PROXY_V1"},
        "frontends[0].proxy_header",
        "the client's address is in X-Forwarded-For",
    ),
    ({"frontends.1.backend": GONE}, "frontends[1].backend", "missing; protocol SSL needs one"),
    (
        {"frontends.1.backend": "mqqt"},
        "frontends[1].backend",
        'there is no backend "mqqt"; did you mean "mqtt"?',
    ),
    ({"frontends.1.backend": "web"}, "frontends[1].backend", '"web" has protocol HTTPS; allowed:'),
    (
        {"backends.api.health_check": {"type": "GRPC"}},
        "backends.api.health_check.type",
        "GRPC is not possible on a port that speaks HTTP",
    ),
    (
        {"frontends.0.ssl_policy.min_tls": "TLS_1_3"},
        "frontends[0].ssl_policy.min_tls",
        "TLS_1_3 needs profile RESTRICTED, not MODERN",
    ),
    (
        {"frontends.0.ssl_policy.profile": "CUSTOM"},
        "frontends[0].ssl_policy.custom_features",
        "missing; profile CUSTOM needs them",
    ),
    (
        {"frontends.0.ssl_policy.name": "p", "frontends.0.ssl_policy.min_tls": "TLS_1_1"},
        "frontends[0].ssl_policy.name",
        "names an existing policy",
    ),
    ({"frontends.2.ssl_policy": {}}, "frontends[2].ssl_policy", "not possible with protocol TCP"),
    # routes
    ({"routes": []}, "frontends[0]", "protocol HTTPS needs routes"),
    (
        {"routes.0.hosts": ["a.b.shop.example.com"]},
        "routes[0].hosts[0]",
        "is not in hostnames; *.shop.example.com covers one level only",
    ),
    ({"routes.0.hosts": ["www.example.com"]}, "routes[0].hosts[0]", "is not in hostnames"),
    (
        {"routes.0.api": {"routeRules": [{"priority": 1, "service": "appi"}]}},
        "routes[0].api.routeRules[0].service",
        'there is no backend "appi"; did you mean "api"?; one of others: projects/P/global/',
    ),
    (
        {"routes.0.api": {"routeRules": [{"priority": 1, "service": "mqtt"}]}},
        "routes[0].api.routeRules[0].service",
        '"mqtt" has protocol TCP; allowed: HTTP',
    ),
    (
        {
            "routes.0.default": {
                "backend": "web",
                "api": {"requestMirrorPolicy": {"backendService": "nobody"}},
            }
        },
        "routes[0].default.api.requestMirrorPolicy.backendService",
        'there is no backend "nobody"',
    ),
    ({"routes.0.default": "wob"}, "routes[0].default", 'there is no backend "wob"; did you mean'),
    ({"routes.0.default": "mqtt"}, "routes[0].default", '"mqtt" has protocol TCP; allowed: HTTP,'),
    ({"routes.0.default": {}}, "routes[0].default", "none of them; expected: one of backend"),
    (
        {"routes.0.default": {"backend": "web", "weights": {"api": 1}}},
        "routes[0].default",
        "backend and weights; expected: one of",
    ),
    ({"routes.0.default": {"weights": {"web": 0}}}, "routes[0].default.weights", "all are 0"),
    (
        {"routes.0.default": {"weights": {"web": 95, "api": 4}}},
        "routes[0].default.weights",
        "add up to 99; expected: 100 (percent), or 1000 (tenths)",
    ),
    ({"routes.0.default": {"redirect": {}}}, "routes[0].default.redirect", "leads to the same"),
    (
        {"routes.0.paths": {"api": "api"}},
        "routes[0].paths.api",
        '"api"; expected: a path such as /api',
    ),
    ({"routes.0.paths": {"/a*b": "api"}}, 'routes[0].paths."/a*b"', "with * only last"),
    (
        {"routes": [{"hosts": ["shop.example.com"], "default": "web"}] * 2},
        "routes[1].hosts[0]",
        "has a route already: routes[0]",
    ),
    # backends
    (
        {"backends.web.balancing.mode": "CONNECTION"},
        "backends.web.balancing.mode",
        "CONNECTION is not possible with protocol HTTPS; use RATE",
    ),
    (
        {"backends.mqtt.balancing.mode": "RATE"},
        "backends.mqtt.balancing.mode",
        "RATE is not possible with protocol TCP; use CONNECTION",
    ),
    (
        {"backends.web.balancing": {"mode": "RATE"}},
        "backends.web.balancing",
        "missing; mode RATE needs max_rate_per_endpoint or max_rate",
    ),
    (
        {"backends.web.balancing.max_connections": 5},
        "backends.web.balancing.max_connections",
        "not possible with mode RATE",
    ),
    (
        {"backends.web.balancing.max_rate": 5},
        "backends.web.balancing.max_rate",
        "not together with max_rate_per_endpoint",
    ),
    (
        {"backends.web.balancing.capacity": 0.05},
        "backends.web.balancing.capacity",
        "0.05; allowed: 0, or 0.1 to 1",
    ),
    ({"backends.web.balancing.capacity": 0}, "backends.web.balancing.capacity", "no capacity"),
    ({"backends.web.active": ["blu"]}, "backends.web.active[0]", 'no cluster "blu"; did you mean'),
    ({"backends.web.active": ["blue", "blue"]}, "backends.web.active[1]", "is listed twice"),
    ({"backends.web.active": []}, "backends.web.active", "empty; at least 1 expected"),
    (
        {"backends.web.health_check.timeout": 9},
        "backends.web.health_check.timeout",
        "9s is longer than the interval, 5s",
    ),
    (
        {"backends.mqtt.health_check.path": "/x"},
        "backends.mqtt.health_check.path",
        "not possible with type TCP",
    ),
    (
        {"backends.web.health_check.type": "HTTP"},
        "backends.web.health_check.type",
        "HTTP is not possible on a port that speaks HTTPS; use HTTPS, TCP",
    ),
    (
        {"backends.api.health_check.type": "HTTPS"},
        "backends.api.health_check.type",
        "HTTPS is not possible on a port that speaks HTTP",
    ),
    (
        {"frontends.1.proxy_header": "PROXY_V1"},
        "backends.mqtt.health_check.proxy_header",
        "NONE, but frontend mqtt sends PROXY_V1 to the same port",
    ),
    ({"backends.mqtt.cdn": {}}, "backends.mqtt.cdn", "not possible with protocol TCP"),
    (
        {"backends.mqtt.custom_headers": {"request": ["A: b"]}},
        "backends.mqtt.custom_headers.request",
        "not possible with protocol TCP",
    ),
    (
        {"backends.mqtt.session_affinity": "GENERATED_COOKIE"},
        "backends.mqtt.session_affinity",
        "allowed: NONE, CLIENT_IP",
    ),
    (
        {"backends.web.cdn": {}, "backends.web.iap": {}},
        "backends.web.iap",
        "not possible together with cdn",
    ),
    (
        {"backends.web.iap": {"client_id": "x"}},
        "backends.web.iap",
        "client_id and client_secret go together",
    ),
    (
        {"backends.web.iap": {"client_id": "x", "client_secret": "hunter2"}},
        "backends.web.iap.client_secret",
        "a secret's value has no place here; use {secret:",
    ),
    (
        {"backends.spare": {"protocol": "TCP"}},
        "backends.spare.neg",
        "missing. Which pods.",
    ),
    (
        {"frontends.1.backend": "postgres"},
        "backends.mqtt",
        "used by no frontend and no route",
    ),
    # NEGs
    ({"backends.web.neg.name": "a" * 57}, "backends.web.neg.name", "57 characters; at most 56"),
    (
        {
            "backends.api.neg": {
                "namespace": "ingress-nginx",
                "port": 443,
                "name": "other",
                "service": "ingress-nginx-controller",
            }
        },
        "backends.api.neg.name",
        "a Service port has one NEG name",
    ),
    (
        {"backends.postgres.neg.name": "shop-api"},
        "backends.postgres.neg.name",
        '"shop-api" is the NEG of another port in backends.api',
    ),
    (
        {"clusters.green": {"context": "gke_shop-rehearsal_us-central1-b_green"}},
        "backends.web.neg.name",
        "clusters blue and green are both in us-central1",
    ),
    # clusters, names, adoption, labels
    (
        {"clusters.blue": {"context": "a", "name": "b"}},
        "clusters.blue",
        "both; expected: either context, or project, location and name",
    ),
    ({"clusters.blue": {}}, "clusters.blue", "neither; expected: either context"),
    (
        {"clusters.green": {"project": "shop-rehearsal", "name": "green"}},
        "clusters.green.location",
        "missing; project, location and name go together",
    ),
    ({"clusters.green.location": "europe"}, "clusters.green.location", "a region or a zone"),
    ({"name": "a" * 60}, "backends.web", "too long: " + "a" * 60 + "-web-https would have 70"),
    ({"adopt": ["shop-web"]}, "adopt[0]", '"shop-web"; expected: kind/name, kind one of address'),
    ({"labels": {"edgebook": "x"}}, "labels.edgebook", "edgebook marks its own resources"),
    # fields of the API
    (
        {"backends.web.api": {"localityLbPolicy": "RANDOMLY"}},
        "backends.web.api.localityLbPolicy",
        '"RANDOMLY"; allowed: ',
    ),
    (
        {"backends.web.api": {"localityLbPolcy": "RANDOM"}},
        "backends.web.api.localityLbPolcy",
        'no such field in the API\'s BackendService; did you mean "localityLbPolicy"?',
    ),
    (
        {"backends.web.api": {"timeoutSec": 5}},
        "backends.web.api.timeoutSec",
        "has a key of its own: timeout",
    ),
    (
        {"backends.web.api": {"selfLink": "x"}},
        "backends.web.api.selfLink",
        "only the server sets it",
    ),
    (
        {"backends.web.api": {"outlierDetection": {"consecutiveErrors": "many"}}},
        "backends.web.api.outlierDetection.consecutiveErrors",
        '"many"; expected: a whole number',
    ),
    (
        {"certificate.api": {"scope": "EDGE_CACHES"}},
        "certificate.api.scope",
        '"EDGE_CACHES"; allowed: ALL_REGIONS, CLIENT_AUTH',
    ),
    (
        {"routes.0.api": {"headerAction": {"requestHeadersToAdd": [{"headerNme": "a"}]}}},
        "routes[0].api.headerAction.requestHeadersToAdd[0].headerNme",
        'did you mean "headerName"?',
    ),
    ({"frontends.2.api": {"proxyBind": 1}}, "frontends[2].api.proxyBind", "expected: true or"),
    (
        {"routes.0.paths": {"/api/*": {"backend": "api", "api": {"timeout": 5}}}},
        'routes[0].paths."/api/*".api.timeout',
        "5; expected: a mapping",
    ),
]


NAMES = [f"{number}-{case[1]}" for number, case in enumerate(WRONG)]


@pytest.mark.parametrize(("edits", "path", "text"), WRONG, ids=NAMES)
def test_a_wrong_value_is_named(edits: dict[str, Any], path: str, text: str) -> None:
    with pytest.raises(ParamsError) as raised:
        load(edited(edits), "params/x.yaml")
    problems = [problem for problem in raised.value.problems if problem.path == path]
    assert problems, f"nothing at {path}: {raised.value}"
    assert any(text in problem.text for problem in problems), str(raised.value)
    assert all(problem.line > 0 for problem in problems)


def test_a_secret_never_appears_in_a_message() -> None:
    with pytest.raises(ParamsError) as raised:
        spec_of({"backends.web.iap": {"client_id": "x", "client_secret": "hunter2"}})
    assert "hunter2" not in str(raised.value)


BACKENDS = ("web", "api", "mqtt", "postgres")
# What is unusual and still right.
RIGHT: list[dict[str, Any]] = [
    {"address.ip_versions": ["IPV6", "IPV4"]},
    {"frontends.0.ssl_policy": {"profile": "RESTRICTED", "min_tls": "TLS_1_3"}},
    {"frontends.0.ssl_policy": {"name": "company-policy"}},
    {"frontends.1.proxy_header": "PROXY_V1", "backends.mqtt.health_check.proxy_header": "PROXY_V1"},
    {"frontends.1.proxy_header": "PROXY_V1", "backends.mqtt.health_check.port": 9000},
    {"backends.web.health_check": {"type": "HTTP", "path": "/healthz", "port": 10254}},
    {"backends.web.active": ["blue", "green"]},
    {"backends.web.balancing.capacity": 0.1},
    {"certificate": {"name": "x", "map": "existing"}},
    {"certificate.adopt": True},
    {"certificate.authorization": "FIXED_RECORD"},
    {"dns": GONE},
    {"routes.0.default": {"weights": {"web": 95, "api": 5}}},
    {"routes.0.paths": {"/old/*": {"redirect": {"prefix": "/new/", "code": 308}}, "/api/*": "api"}},
    {"clusters.green": {"context": "gke_other_us-central1_green"}},
    {
        "clusters.green": {"context": "gke_shop-rehearsal_us-central1_green"},
        **{
            f"backends.{b}.neg.name": f"{b}-{{cluster}}" for b in ("web", "api", "mqtt", "postgres")
        },
    },
    {"network": "projects/host-project/global/networks/shared"},
    {"backends.web.iap": {"client_id": "x", "client_secret": {"env": "IAP_SECRET"}}},
    {
        "backends.web.api": {
            "localityLbPolicy": "LEAST_REQUEST",
            "maxStreamDuration": {"seconds": "5"},
        }
    },
    {"labels": {"team": "edge"}, "adopt": ["backendService/shop-web"]},
]


@pytest.mark.parametrize("edits", RIGHT, ids=[str(next(iter(edits))) for edits in RIGHT])
def test_unusual_params_are_right(edits: dict[str, Any]) -> None:
    assert spec_of(edits).project == "shop-rehearsal"
