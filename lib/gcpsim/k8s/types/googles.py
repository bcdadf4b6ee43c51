"""Schemas of the definitions by which GKE's load balancers are configured, as Google's CRDs have.

A field that they do not know is a mistake that a cluster refuses (or, unasked, drops), so these
are closed. Values that Compute Engine alone decides stay plain: its refusal is an event there.
"""

from typing import Any

from gcpsim.k8s.types.definitions import OPEN, STRING

Doc = dict[str, Any]

FLAG: Doc = {"type": "boolean"}
NUMBER: Doc = {"type": "integer", "format": "int64"}
STRINGS: Doc = {"type": "array", "items": STRING}
NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
KIND = "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$"
LABEL = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
PATH = r"\/[A-Za-z0-9\/\-._~%!$&'()*+,;=:]*$"
DOMAIN = (
    r"^(([a-zA-Z0-9]+|[a-zA-Z0-9][-a-zA-Z0-9]*[a-zA-Z0-9])\.)+"
    r"[a-zA-Z][-a-zA-Z0-9]*[a-zA-Z0-9]\.?$"
)
PORT_NAME = "[a-z]([-a-z0-9]*[a-z0-9])?"


def _object(required: tuple[str, ...] = (), **properties: Doc) -> Doc:
    schema: Doc = {"type": "object", "properties": properties}
    return schema | {"required": list(required)} if required else schema


def _within(low: int, high: int) -> Doc:
    return {**NUMBER, "minimum": low, "maximum": high}


def _text(longest: int, pattern: str = "", least: int = 0) -> Doc:
    schema = {**STRING, "maxLength": longest}
    if least:
        schema["minLength"] = least
    return schema | {"pattern": pattern} if pattern else schema


def _one_of(*values: str) -> Doc:
    return {**STRING, "enum": list(values)}


def _list(item: Doc) -> Doc:
    return {"type": "array", "items": item}


TARGET = _object(
    ("group", "kind", "name"),
    group=_text(253, "^$|" + NAME),
    kind=_text(63, KIND, 1),
    name=_text(253, least=1),
    namespace=_text(63, LABEL, 1),
)
CONDITION = _object(
    ("lastTransitionTime", "message", "reason", "status", "type"),
    lastTransitionTime={**STRING, "format": "date-time"},
    message=_text(32768),
    observedGeneration=NUMBER,
    reason=_text(1024, least=1),
    status=_one_of("True", "False", "Unknown"),
    type=_text(316),
)
POLICY_STATUS = _object(
    conditions={
        **_list(CONDITION),
        "maxItems": 8,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    }
)


def policy(default: Doc) -> Doc:
    """The properties of a policy that is attached to what its targetRef names."""
    return {"spec": _object(("targetRef",), default=default, targetRef=TARGET),
            "status": POLICY_STATUS}  # fmt: skip


BACKEND_POLICY = policy(
    _object(
        backendPreference=_one_of("DEFAULT", "PREFERRED"),
        balancingMode=STRING,
        connectionDraining=_object(drainingTimeoutSec=_within(0, 3600)),
        customMetrics=_list(OPEN),
        iap=_object(clientID=STRING, enabled=FLAG, oauth2ClientSecret=_object(name=STRING)),
        logging=_object(enabled=FLAG, sampleRate=_within(0, 1_000_000)),
        maxRatePerEndpoint=NUMBER,
        scopes=_list(OPEN),
        securityPolicy=STRING,
        sessionAffinity=_object(
            cookieTtlSec=_within(0, 1_209_600),
            type=_one_of("CLIENT_IP", "CLIENT_IP_PORT_PROTO", "CLIENT_IP_PROTO",
                         "GENERATED_COOKIE", "HEADER_FIELD", "HTTP_COOKIE", "NONE"),
        ),
        timeoutSec=_within(1, 2**31 - 1),
        trafficDuration=STRING,
    )
)  # fmt: skip
GATEWAY_POLICY = policy(_object(allowGlobalAccess=FLAG, region=STRING, sslPolicy=STRING))

_CHECKED: Doc = {
    "port": _within(1, 65535),
    "portName": _text(63, PORT_NAME),
    "portSpecification": _one_of("USE_FIXED_PORT", "USE_NAMED_PORT", "USE_SERVING_PORT"),
}
_PROXIED: Doc = {
    "proxyHeader": _one_of("NONE", "PROXY_V1"),
    "response": _text(1024),
}
_WEB = _object(**_CHECKED, **_PROXIED, host=_text(2048, NAME), requestPath=_text(2048, PATH))
HEALTH_POLICY = policy(
    _object(
        checkIntervalSec=_within(1, 300),
        config=_object(
            grpcHealthCheck=_object(**_CHECKED, grpcServiceName=_text(1024)),
            http2HealthCheck=_WEB,
            httpHealthCheck=_WEB,
            httpsHealthCheck=_WEB,
            tcpHealthCheck=_object(**_CHECKED, **_PROXIED, request=_text(1024)),
            type=_one_of("TCP", "HTTP", "HTTPS", "HTTP2", "GRPC"),
        ),
        healthyThreshold=_within(1, 10),
        logConfig=_object(enabled=FLAG),
        timeoutSec=_within(1, 300),
        unhealthyThreshold=_within(1, 10),
    )
)
BACKEND_CONFIG: Doc = {
    "spec": _object(
        cdn=_object(
            ("enabled",),
            bypassCacheOnRequestHeaders=_list(_object(headerName=STRING)),
            cacheMode=STRING,
            cachePolicy=_object(
                includeHost=FLAG,
                includeProtocol=FLAG,
                includeQueryString=FLAG,
                queryStringBlacklist=STRINGS,
                queryStringWhitelist=STRINGS,
            ),
            clientTtl=NUMBER,
            defaultTtl=NUMBER,
            enabled=FLAG,
            maxTtl=NUMBER,
            negativeCaching=FLAG,
            negativeCachingPolicy=_list(_object(code=NUMBER, ttl=NUMBER)),
            requestCoalescing=FLAG,
            serveWhileStale=NUMBER,
            signedUrlCacheMaxAgeSec=NUMBER,
            signedUrlKeys=_list(_object(keyName=STRING, keyValue=STRING, secretName=STRING)),
        ),
        connectionDraining=_object(drainingTimeoutSec=NUMBER),
        customRequestHeaders=_object(headers=STRINGS),
        customResponseHeaders=_object(headers=STRINGS),
        healthCheck=_object(
            checkIntervalSec=NUMBER,
            healthyThreshold=NUMBER,
            port=NUMBER,
            requestPath=STRING,
            timeoutSec=NUMBER,
            type=STRING,
            unhealthyThreshold=NUMBER,
        ),
        iap=_object(
            ("enabled",),
            enabled=FLAG,
            oauthclientCredentials=_object(
                ("secretName",), clientID=STRING, clientSecret=STRING, secretName=STRING
            ),
        ),
        logging=_object(enable=FLAG, sampleRate={"type": "number", "format": "double"}),
        securityPolicy=_object(("name",), name=STRING),
        sessionAffinity=_object(affinityCookieTtlSec=NUMBER, affinityType=STRING),
        timeoutSec=NUMBER,
    ),
    "status": {"type": "object"},
}
FRONTEND_CONFIG: Doc = {
    "spec": _object(
        redirectToHttps=_object(("enabled",), enabled=FLAG, responseCodeName=STRING),
        sslPolicy=STRING,
    ),
    "status": {"type": "object"},
}
MANAGED_CERTIFICATE: Doc = {
    "spec": _object(domains={**_list(_text(63, DOMAIN)), "maxItems": 100}),
    "status": OPEN,
}
