"""Schemas of the definitions by which GKE's load balancers are configured, as Google's CRDs have.

A field that they do not know is a mistake that a cluster refuses (or, unasked, drops), so these
are closed. Values that Compute Engine alone decides stay plain: its refusal is an event there.
"""

from typing import Any

from gcpsim.k8s.types.definitions import (
    FLAG,
    NUMBER,
    OPEN,
    STRING,
    STRINGS,
    listed,
    one_of,
    record,
    text,
    within,
)

Doc = dict[str, Any]

NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
KIND = "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$"
LABEL = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
PATH = r"\/[A-Za-z0-9\/\-._~%!$&'()*+,;=:]*$"
DOMAIN = (
    r"^(([a-zA-Z0-9]+|[a-zA-Z0-9][-a-zA-Z0-9]*[a-zA-Z0-9])\.)+"
    r"[a-zA-Z][-a-zA-Z0-9]*[a-zA-Z0-9]\.?$"
)
PORT_NAME = "[a-z]([-a-z0-9]*[a-z0-9])?"


TARGET = record(
    ("group", "kind", "name"),
    group=text(253, "^$|" + NAME),
    kind=text(63, KIND, 1),
    name=text(253, least=1),
    namespace=text(63, LABEL, 1),
)
CONDITION = record(
    ("lastTransitionTime", "message", "reason", "status", "type"),
    lastTransitionTime={**STRING, "format": "date-time"},
    message=text(32768),
    observedGeneration=NUMBER,
    reason=text(1024, least=1),
    status=one_of("True", "False", "Unknown"),
    type=text(316),
)
POLICY_STATUS = record(
    conditions={
        **listed(CONDITION),
        "maxItems": 8,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    }
)


def policy(default: Doc) -> Doc:
    """The properties of a policy that is attached to what its targetRef names."""
    return {"spec": record(("targetRef",), default=default, targetRef=TARGET),
            "status": POLICY_STATUS}  # fmt: skip


BACKEND_POLICY = policy(
    record(
        backendPreference=one_of("DEFAULT", "PREFERRED"),
        balancingMode=STRING,
        connectionDraining=record(drainingTimeoutSec=within(0, 3600)),
        customMetrics=listed(OPEN),
        iap=record(clientID=STRING, enabled=FLAG, oauth2ClientSecret=record(name=STRING)),
        logging=record(enabled=FLAG, sampleRate=within(0, 1_000_000)),
        maxRatePerEndpoint=NUMBER,
        scopes=listed(OPEN),
        securityPolicy=STRING,
        sessionAffinity=record(
            cookieTtlSec=within(0, 1_209_600),
            type=one_of("CLIENT_IP", "CLIENT_IP_PORT_PROTO", "CLIENT_IP_PROTO",
                         "GENERATED_COOKIE", "HEADER_FIELD", "HTTP_COOKIE", "NONE"),
        ),
        timeoutSec=within(1, 2**31 - 1),
        trafficDuration=STRING,
    )
)  # fmt: skip
GATEWAY_POLICY = policy(record(allowGlobalAccess=FLAG, region=STRING, sslPolicy=STRING))

_CHECKED: Doc = {
    "port": within(1, 65535),
    "portName": text(63, PORT_NAME),
    "portSpecification": one_of("USE_FIXED_PORT", "USE_NAMED_PORT", "USE_SERVING_PORT"),
}
_PROXIED: Doc = {
    "proxyHeader": one_of("NONE", "PROXY_V1"),
    "response": text(1024),
}
_WEB = record(**_CHECKED, **_PROXIED, host=text(2048, NAME), requestPath=text(2048, PATH))
HEALTH_POLICY = policy(
    record(
        checkIntervalSec=within(1, 300),
        config=record(
            grpcHealthCheck=record(**_CHECKED, grpcServiceName=text(1024)),
            http2HealthCheck=_WEB,
            httpHealthCheck=_WEB,
            httpsHealthCheck=_WEB,
            tcpHealthCheck=record(**_CHECKED, **_PROXIED, request=text(1024)),
            type=one_of("TCP", "HTTP", "HTTPS", "HTTP2", "GRPC"),
        ),
        healthyThreshold=within(1, 10),
        logConfig=record(enabled=FLAG),
        timeoutSec=within(1, 300),
        unhealthyThreshold=within(1, 10),
    )
)
BACKEND_CONFIG: Doc = {
    "spec": record(
        cdn=record(
            ("enabled",),
            bypassCacheOnRequestHeaders=listed(record(headerName=STRING)),
            cacheMode=STRING,
            cachePolicy=record(
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
            negativeCachingPolicy=listed(record(code=NUMBER, ttl=NUMBER)),
            requestCoalescing=FLAG,
            serveWhileStale=NUMBER,
            signedUrlCacheMaxAgeSec=NUMBER,
            signedUrlKeys=listed(record(keyName=STRING, keyValue=STRING, secretName=STRING)),
        ),
        connectionDraining=record(drainingTimeoutSec=NUMBER),
        customRequestHeaders=record(headers=STRINGS),
        customResponseHeaders=record(headers=STRINGS),
        healthCheck=record(
            checkIntervalSec=NUMBER,
            healthyThreshold=NUMBER,
            port=NUMBER,
            requestPath=STRING,
            timeoutSec=NUMBER,
            type=STRING,
            unhealthyThreshold=NUMBER,
        ),
        iap=record(
            ("enabled",),
            enabled=FLAG,
            oauthclientCredentials=record(
                ("secretName",), clientID=STRING, clientSecret=STRING, secretName=STRING
            ),
        ),
        logging=record(enable=FLAG, sampleRate={"type": "number", "format": "double"}),
        securityPolicy=record(("name",), name=STRING),
        sessionAffinity=record(affinityCookieTtlSec=NUMBER, affinityType=STRING),
        timeoutSec=NUMBER,
    ),
    "status": {"type": "object"},
}
FRONTEND_CONFIG: Doc = {
    "spec": record(
        redirectToHttps=record(("enabled",), enabled=FLAG, responseCodeName=STRING),
        sslPolicy=STRING,
    ),
    "status": {"type": "object"},
}
MANAGED_CERTIFICATE: Doc = {
    "spec": record(domains={**listed(text(63, DOMAIN)), "maxItems": 100}),
    "status": OPEN,
}
