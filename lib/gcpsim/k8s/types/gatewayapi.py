"""Schemas of the Gateway API's kinds, as the standard channel has them (v1.4).

Closed, as on a cluster: what the experimental channel alone knows is an unknown field here too.
The rules that the real definitions write in CEL (which filter goes with which type) are not here.
"""

from typing import Any

from gcpsim.k8s.types.definitions import (
    OPEN,
    STRING,
    STRINGS,
    listed,
    one_of,
    record,
    text,
    within,
)
from gcpsim.k8s.types.googles import KIND, LABEL, NAME

Doc = dict[str, Any]

GROUP = "gateway.networking.k8s.io"
GROUPED = text(253, "^$|" + NAME)
KINDED = text(63, KIND, 1)
NAMED = text(253, least=1)
SPACE = text(63, LABEL, 1)
SECTION = text(253, NAME, 1)
PORT = within(1, 65535)
PRECISE = text(253, NAME, 1)
HOST = text(253, r"^(\*\.)?" + NAME[1:], 1)
HEADER = text(256, r"^[A-Za-z0-9!#$%&'*+\-.^_\x60|~]+$", 1)
DURATION = {**STRING, "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"}
ANNOTATIONS: Doc = {"type": "object", "additionalProperties": STRING}


def _default(schema: Doc, value: Any) -> Doc:
    return {**schema, "default": value}


def _ref(kind: str, **more: Doc) -> Doc:
    """What names an object: of this kind of the core group unless it says otherwise."""
    return record(
        ("name",),
        group=_default(GROUPED, ""),
        kind=_default(KINDED, kind),
        name=NAMED,
        namespace=SPACE,
        **more,
    )


PARENTS = listed(
    record(
        ("name",),
        group=_default(GROUPED, GROUP),
        kind=_default(KINDED, "Gateway"),
        name=NAMED,
        namespace=SPACE,
        port=PORT,
        sectionName=SECTION,
    ),
    32,
)
BACKEND = _ref("Service", port=PORT)
LOCAL = record(("group", "kind", "name"), group=GROUPED, kind=KINDED, name=NAMED)
PARAMETERS = record(
    ("group", "kind", "name"), group=GROUPED, kind=KINDED, name=NAMED, namespace=SPACE
)
VALUES = listed(record(("name", "value"), name=HEADER, value=text(4096, least=1)), 16, ("name",))
MODIFIER = record(
    (),
    add=VALUES,
    remove={**STRINGS, "maxItems": 16, "x-kubernetes-list-type": "set"},
    set=VALUES,
)
REPLACED = record(
    ("type",),
    replaceFullPath=text(1024),
    replacePrefixMatch=text(1024),
    type=one_of("ReplaceFullPath", "ReplacePrefixMatch"),
)
MIRROR = record(
    ("backendRef",),
    backendRef=BACKEND,
    fraction=record(
        ("numerator",),
        denominator=_default({**within(1, 2**31 - 1), "format": "int32"}, 100),
        numerator={**within(0, 2**31 - 1), "format": "int32"},
    ),
    percent={**within(0, 100), "format": "int32"},
)
HTTP_FILTER = record(
    ("type",),
    extensionRef=LOCAL,
    requestHeaderModifier=MODIFIER,
    requestMirror=MIRROR,
    requestRedirect=record(
        (),
        hostname=PRECISE,
        path=REPLACED,
        port=PORT,
        scheme=one_of("http", "https"),
        statusCode=_default({"type": "integer", "enum": [301, 302]}, 302),
    ),
    responseHeaderModifier=MODIFIER,
    type=one_of(
        "RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror", "RequestRedirect",
        "URLRewrite", "ExtensionRef",
    ),
    urlRewrite=record((), hostname=PRECISE, path=REPLACED),
)  # fmt: skip
GRPC_FILTER = record(
    ("type",),
    extensionRef=LOCAL,
    requestHeaderModifier=MODIFIER,
    requestMirror=MIRROR,
    responseHeaderModifier=MODIFIER,
    type=one_of("ResponseHeaderModifier", "RequestHeaderModifier", "RequestMirror", "ExtensionRef"),
)
MATCHED = _default(one_of("Exact", "RegularExpression"), "Exact")


def _pairs(longest: int) -> Doc:
    pair = record(("name", "value"), name=HEADER, type=MATCHED, value=text(longest, least=1))
    return listed(pair, 16, ("name",))


HTTP_MATCH = record(
    (),
    headers=_pairs(4096),
    method=one_of("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"),
    path=_default(
        record(
            (),
            type=_default(one_of("Exact", "PathPrefix", "RegularExpression"), "PathPrefix"),
            value=_default(text(1024), "/"),
        ),
        {"type": "PathPrefix", "value": "/"},
    ),
    queryParams=_pairs(1024),
)
GRPC_MATCH = record(
    (),
    headers=_pairs(4096),
    method=record((), method=text(1024), service=text(1024), type=MATCHED),
)


def _route(match: Doc, filtered: Doc, matches: Doc, **more: Doc) -> Doc:
    """The spec of a route whose rules match and filter so."""
    weight = _default({**within(0, 1_000_000), "format": "int32"}, 1)
    backend = _ref("Service", port=PORT, weight=weight, filters=listed(filtered, 16))
    rule = record(
        (),
        backendRefs=listed(backend, 16),
        filters=listed(filtered, 16),
        matches=matches,
        name=SECTION,
        **more,
    )
    return record((), hostnames=listed(HOST, 16), parentRefs=PARENTS, rules=listed(rule, 16))


EVERYTHING: Doc = {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}]}
HTTP_SPEC = _route(
    HTTP_MATCH,
    HTTP_FILTER,
    _default(listed(HTTP_MATCH, 64), EVERYTHING["matches"]),
    timeouts=record((), backendRequest=DURATION, request=DURATION),
)
HTTP_SPEC["properties"]["rules"] |= {"minItems": 1, "default": [EVERYTHING]}
GRPC_SPEC = _route(GRPC_MATCH, GRPC_FILTER, listed(GRPC_MATCH, 64))

SELECTOR = record(
    (),
    matchExpressions=listed(
        record(("key", "operator"), key=STRING, operator=STRING, values=STRINGS)
    ),
    matchLabels=ANNOTATIONS,
)
LISTENER = record(
    ("name", "port", "protocol"),
    allowedRoutes=_default(
        record(
            (),
            kinds=listed(record(("kind",), group=_default(GROUPED, GROUP), kind=KINDED), 8),
            namespaces=_default(
                record(
                    (),
                    **{"from": _default(one_of("All", "Selector", "Same"), "Same")},
                    selector=SELECTOR,
                ),
                {"from": "Same"},
            ),
        ),
        {"namespaces": {"from": "Same"}},
    ),
    hostname=HOST,
    name=SECTION,
    port={**PORT, "format": "int32"},
    protocol=text(255, least=1),
    tls=record(
        (),
        certificateRefs=listed(_ref("Secret"), 64),
        mode=_default(one_of("Terminate", "Passthrough"), "Terminate"),
        options={"type": "object", "additionalProperties": text(4096)},
    ),
)
GATEWAY_SPEC = record(
    ("gatewayClassName", "listeners"),
    addresses=listed(
        record((), type=_default(text(253, least=1), "IPAddress"), value=text(253)),
        16,
    ),
    gatewayClassName=NAMED,
    infrastructure=record((), annotations=ANNOTATIONS, labels=ANNOTATIONS, parametersRef=LOCAL),
    listeners=listed(LISTENER, 64, ("name",), 1),
)
CLASS_SPEC = record(
    ("controllerName",),
    controllerName=text(253, r"^[^/]+\/.+$", 1),
    description=text(64),
    parametersRef=PARAMETERS,
)
GRANT_SPEC = record(
    ("from", "to"),
    **{
        "from": listed(
            record(("group", "kind", "namespace"), group=GROUPED, kind=KINDED, namespace=SPACE),
            16,
            (),
            1,
        ),
        "to": listed(record(("group", "kind"), group=GROUPED, kind=KINDED, name=NAMED), 16, (), 1),
    },
)


def of(spec: Doc) -> Doc:
    """The properties of a definition with this spec; statuses are their controllers' to write."""
    return {"spec": spec, "status": OPEN}
