"""Fields of documents by dotted path: `timeoutSec`, `connectionDraining.drainingTimeoutSec`."""

from collections.abc import Mapping
from typing import Any


def at(body: Any, path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    value = body
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def top_of(path: str) -> str:
    """The field of the document itself that a path begins with."""
    return path.split(".")[0].split("[")[0]


def parts_of(path: str) -> list[str]:
    return path.split(".")
