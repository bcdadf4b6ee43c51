"""What the load balancer itself answers: statuses and bodies by load-balancing scheme."""

from gcpsim.dataplane.routes.documents import Doc

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
# No healthy endpoint, connection failed, connection ended, no such cluster, timeouts, overflow.
BACKEND_TROUBLE = ["UH", "UF", "UC", "URX", "UO", "NC", "LR", "UR", "UT", "UPE", "UMSDR"]


def local_replies(scheme: str) -> Doc:
    """The classic scheme answers 502 for all trouble with backends and 413 for large headers;
    EXTERNAL_MANAGED answers as Envoy does (503, 504, 431)."""
    if scheme != "EXTERNAL":
        return {}
    return {
        "mappers": [
            {
                "filter": {"response_flag_filter": {"flags": BACKEND_TROUBLE}},
                "status_code": 502,
                "body_format_override": {
                    "text_format_source": {"inline_string": CLASSIC_PAGE},
                    "content_type": "text/html; charset=UTF-8",
                },
            },
            {
                "filter": {
                    "status_code_filter": {
                        "comparison": {
                            "op": "EQ",
                            "value": {"default_value": 431, "runtime_key": "gcpsim.none"},
                        }
                    }
                },
                "status_code": 413,
            },
        ]
    }


def not_carried(what: str) -> Doc:
    """501 with the name of what the data plane cannot do."""
    return {
        "status": 501,
        "body": {"inline_string": f"gcpsim's data plane does not carry {what} yet\n"},
    }
