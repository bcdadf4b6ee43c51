"""What the load balancer itself answers: statuses and bodies by load-balancing scheme."""

from gcpsim.dataplane.routes import armor
from gcpsim.dataplane.routes.documents import Doc
from gcpsim.dataplane.routes.envoy import typed

CLASSIC_PAGE = """
<html><head>
<meta http-equiv="content-type" content="text/html;charset=utf-8">
<title>502 Server Error</title>
</head>
<body text=#000000 bgcolor=#ffffff>
<h1>Error: Server Error</h1>
<h2>The server encountered a temporary error and could not complete your request.<p>Please try again
in 30 seconds.</h2>
<h2></h2>
</body></html>
"""
DENIALS = {404: "404 Not Found", 502: "502 Bad Gateway"}
# No healthy endpoint, connection failed, connection ended, no such cluster, timeouts, overflow.
BACKEND_TROUBLE = ["UH", "UF", "UC", "URX", "UO", "NC", "LR", "UR", "UT", "UPE", "UMSDR"]


def local_replies(scheme: str) -> Doc:
    """Cloud Armor's statuses, then the scheme's own: the classic one answers 502 for all trouble
    with backends and 413 for large headers, EXTERNAL_MANAGED as Envoy does (503, 504, 431)."""
    mappers = [
        _by_details(armor.denied_by(status), status, text) for status, text in DENIALS.items()
    ]
    if scheme != "EXTERNAL":
        mappers.append(_by_details("upgrade_failed", 400))
    # A refusal is 403 by itself: the plain filter costs each front end less than one by details.
    mappers.append({"filter": _status_is(403), "body_format_override": _text("403 Forbidden")})
    if scheme != "EXTERNAL":
        return {"mappers": mappers}
    trouble = {
        "filter": {"response_flag_filter": {"flags": BACKEND_TROUBLE}},
        "status_code": 502,
        "body_format_override": {
            "text_format_source": {"inline_string": CLASSIC_PAGE},
            "content_type": "text/html; charset=UTF-8",
        },
    }
    headers = {"filter": _status_is(431), "status_code": 413}
    return {"mappers": [*mappers, trouble, headers]}


def _status_is(status: int) -> Doc:
    value = {"default_value": status, "runtime_key": "gcpsim.none"}
    return {"status_code_filter": {"comparison": {"op": "EQ", "value": value}}}


def _text(words: str) -> Doc:
    return {"text_format_source": {"inline_string": words}}


def _by_details(part: str, status: int, text: str = "") -> Doc:
    """The status (and text) of an answer whose details hold some words."""
    name = "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
    told = typed("cel", name, expression=f"response.code_details.contains('{part}')")
    out: Doc = {"filter": {"extension_filter": told}, "status_code": status}
    if text:
        out["body_format_override"] = _text(text)
    return out


def not_carried(what: str) -> Doc:
    """501 with the name of what the data plane cannot do."""
    return {
        "status": 501,
        "body": {"inline_string": f"gcpsim's data plane does not carry {what} yet\n"},
    }
