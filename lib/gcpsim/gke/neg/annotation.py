"""The annotation cloud.google.com/neg: its grammar, as strict and as lenient as GKE's. Pure.

Keys of exposed_ports are quoted Service ports; unknown fields are ignored; every other mistake is
the one message that GKE has for it.
"""

from dataclasses import dataclass, field
from typing import Any

import orjson

KEY = "cloud.google.com/neg"
STATUS_KEY = "cloud.google.com/neg-status"
INT32 = 2**31


class NegError(Exception):
    """A Service that the NEG controller cannot serve; the text is the event's."""


@dataclass(frozen=True)
class NegAnnotation:
    """`exposed` maps Service ports to custom names ("" for a generated one)."""

    ingress: bool = False
    exposed: dict[int, str] = field(default_factory=dict)
    zones: tuple[str, ...] = ()


def parse(text: str) -> NegAnnotation:
    """Read the annotation; NegError when GKE could not."""
    try:
        given = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _invalid() from None
    if given is None:
        return NegAnnotation()
    if not isinstance(given, dict):
        raise _invalid()
    ports = _of_type(given, "exposed_ports", dict) or {}
    zones = _of_type(given, "zones", list) or []
    if not all(isinstance(zone, str) for zone in zones):
        raise _invalid()
    exposed = {_port(key): _name(value) for key, value in ports.items()}
    return NegAnnotation(bool(_of_type(given, "ingress", bool)), exposed, tuple(zones))


def _of_type(given: dict[str, Any], name: str, kind: type) -> Any:
    value = given.get(name)
    if value is not None and not isinstance(value, kind):
        raise _invalid()
    return value


def _port(key: str) -> int:
    digits = key.removeprefix("-").removeprefix("+")
    if not (digits.isascii() and digits.isdigit()) or int(key) >= INT32 or int(key) < -INT32:
        raise _invalid()
    return int(key)


def _name(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, dict):
        raise _invalid()
    name = value.get("name")
    if name is not None and not isinstance(name, str):
        raise _invalid()
    return name or ""


def _invalid() -> NegError:
    return NegError("NEG annotation is invalid.")
