"""Custom headers of a backend service: how many, how large, and whose names are Google's."""

from gcpsim.compute.collections.url_maps import limited
from gcpsim.compute.engine.resources import Doc
from gcpsim.core.errors import invalid

FIELDS = ("customRequestHeaders", "customResponseHeaders")
MOST_HEADERS, MOST_BYTES = 16, 8 * 1024
# D (https/custom-headers): Google's own, other clouds', and those of one connection only.
REFUSED = (
    "cdn-loop", "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te",
    "trailer", "transfer-encoding", "upgrade", "x-user-ip",
)  # fmt: skip
PREFIXES = ("x-amz-", "x-gfe", "x-goog-", "x-google")


def check(body: Doc) -> None:
    """ApiError 400 for headers that Google does not take."""
    for field in FIELDS:
        lines = body.get(field) or []
        where = f"resource.{field}"
        limited(where, "custom headers", len(lines), MOST_HEADERS)
        limited(where, "bytes of custom headers", sum(map(len, lines)), MOST_BYTES)
        for index, line in enumerate(lines):
            name = line.partition(":")[0].strip().lower()
            if not name or ":" not in line:
                raise invalid(f"{where}[{index}]", line, "A header is written as name:value.")
            if name in REFUSED or name.startswith(PREFIXES):
                raise invalid(f"{where}[{index}]", line, "The header name is not allowed.")
