"""Words of Envoy's API that several modules need."""

from typing import Any

Doc = dict[str, Any]
T = "type.googleapis.com/"
ADS: Doc = {"ads": {}, "resource_api_version": "V3"}
HTTP = "envoy.extensions.filters.http."
OVERWRITE, APPEND = "OVERWRITE_IF_EXISTS_OR_ADD", "APPEND_IF_EXISTS_OR_ADD"
# Google has no circuit breakers: overfull backends are overfilled.
UNLIMITED = 4294967295


def typed(name: str, type_name: str, **fields: Any) -> Doc:
    """An extension: its name and its configuration."""
    return {"name": name, "typed_config": {"@type": T + type_name, **fields}}


def seconds(value: float) -> str:
    return f"{value:.9f}".rstrip("0").rstrip(".") + "s"


def duration(doc: Doc | None) -> float:
    """Compute Engine's Duration {seconds, nanos} in seconds."""
    doc = doc or {}
    return int(doc.get("seconds") or 0) + int(doc.get("nanos") or 0) / 1e9


def literal(text: str) -> str:
    """A text in a header value: Envoy would read `%` as the start of a command."""
    return text.replace("%", "%%")


def added(name: str, value: str, action: str = OVERWRITE) -> Doc:
    return {
        "header": {"key": name, "value": value},
        "append_action": action,
        "keep_empty_value": True,
    }
