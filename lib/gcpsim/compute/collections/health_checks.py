"""Health checks, current and legacy: one block that matches the type, and its defaults."""

from gcpsim.compute.engine.resources import Doc, Draft, Kind
from gcpsim.core.errors import invalid, required

BLOCKS = {
    "HTTP": "httpHealthCheck",
    "HTTPS": "httpsHealthCheck",
    "HTTP2": "http2HealthCheck",
    "TCP": "tcpHealthCheck",
    "SSL": "sslHealthCheck",
    "GRPC": "grpcHealthCheck",
    "GRPC_WITH_TLS": "grpcTlsHealthCheck",
}
DEFAULT_PORT = {"HTTP": 80, "TCP": 80, "HTTPS": 443, "HTTP2": 443, "SSL": 443}
RANGES = {
    "checkIntervalSec": (1, 300, 5),
    "timeoutSec": (1, 300, 5),
    "healthyThreshold": (1, 10, 2),
    "unhealthyThreshold": (1, 10, 2),
}


def _common(body: Doc) -> None:
    for field, (low, high, default) in RANGES.items():
        value = body.setdefault(field, default)
        if value < low:
            raise invalid(f"resource.{field}", value, f"Must be greater than or equal to {low}")
        if value > high:
            raise invalid(f"resource.{field}", value, f"Must be less than or equal to {high}")
    if body["timeoutSec"] > body["checkIntervalSec"]:
        raise invalid(
            "resource.timeoutSec",
            body["timeoutSec"],
            "TimeoutSec should be less than checkIntervalSec.",
        )


def prepare(draft: Draft) -> None:
    body = draft.body
    kind = body.get("type")
    given = [name for name in BLOCKS.values() if name in body]
    if kind is None:
        if len(given) != 1:
            raise required("resource.type")
        kind = next(name for name, block in BLOCKS.items() if block == given[0])
        body["type"] = kind
    if draft.old is not None and draft.old["type"] != kind:
        path = f"projects/{draft.project}/{draft.scope}/healthChecks/{draft.old['name']}"
        if draft.compute.users(path):
            why = "The type of a health check that is in use cannot be changed."
            raise invalid("resource.type", kind, why)
        # PATCH of another type replaces the block; the old one must not linger.
        body.pop(BLOCKS[draft.old["type"]], None)
        given = [name for name in BLOCKS.values() if name in body]
    block = BLOCKS.get(kind)
    if block is None:
        raise invalid("resource.type", kind, "Unknown health check type.")
    if block not in body:
        raise invalid(f"resource.{block}", "", f"{kind} healthCheck missing.")
    for other in given:
        if other != block:
            raise invalid(
                f"resource.{other}", "", f"Only {block} may be set for a {kind} health check."
            )
    _common(body)
    body[block] = _block(kind, f"resource.{block}", dict(body[block]))


def _block(kind: str, where: str, block: Doc) -> Doc:
    specification = block.get("portSpecification", "USE_FIXED_PORT")
    port = block.get("port")
    if port is not None and not 1 <= port <= 65535:
        raise invalid(f"{where}.port", port, "Must be between 1 and 65535.")
    if specification == "USE_NAMED_PORT":
        raise invalid(f"{where}.portSpecification", specification, "Not supported.")
    if specification == "USE_SERVING_PORT" and port is not None:
        raise invalid(f"{where}.port", port, "Port cannot be set with USE_SERVING_PORT.")
    if specification == "USE_FIXED_PORT" and port is None and kind in DEFAULT_PORT:
        block["port"] = DEFAULT_PORT[kind]
    if kind in ("HTTP", "HTTPS", "HTTP2"):
        path = block.setdefault("requestPath", "/")
        if not path.startswith("/"):
            raise invalid(f"{where}.requestPath", path, "Must begin with '/'.")
    if not kind.startswith("GRPC"):
        block.setdefault("proxyHeader", "NONE")
    return block


def prepare_legacy(draft: Draft) -> None:
    """httpHealthChecks and httpsHealthChecks, which target pools use."""
    _common(draft.body)
    draft.body.setdefault("description", "")
    draft.body.setdefault("port", 80)
    draft.body.setdefault("requestPath", "/")


HEALTH_CHECKS = Kind(
    "healthChecks",
    "HealthCheck",
    "health_check",
    scopes=("global", "regions"),
    patch=True,
    put=True,
    in_use_number_form=True,
    prepare=prepare,
)
HTTP_HEALTH_CHECKS = Kind(
    "httpHealthChecks",
    "HttpHealthCheck",
    "http_health_check",
    patch=True,
    put=True,
    aggregated=False,
    prepare=prepare_legacy,
)
