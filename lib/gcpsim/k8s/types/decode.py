"""Bodies into objects: types checked, nulls and unknown fields dropped, quantities as strings.

A value of the wrong type is a 400 in the words of Go's JSON decoder; unknown fields are collected,
since `fieldValidation` says what becomes of them. Required fields and meaning are `validation`'s
business.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Any

from gcpsim.k8s.types.quantity import canonical, is_quantity
from gcpsim.k8s.types.shapes import Type

Doc = dict[str, Any]

GO_NAMES = {
    "string": "string",
    "integer": "int32",
    "number": "float64",
    "boolean": "bool",
    "time": "Time",
    "bytes": "[]uint8",
    "int-or-string": "IntOrString",
    "quantity": "Quantity",
}
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")


class WrongType(Exception):
    """A value that can't be decoded; the message is the decoder's."""


@dataclass(slots=True)
class Decoded:
    """The cleaned value, and the paths of unknown fields."""

    value: Any
    unknown: list[str] = field(default_factory=list)


def decode(type: Type, value: Any) -> Decoded:
    """Clean a body by its type. Raises WrongType."""
    result = Decoded(None)
    result.value = _clean(type, value, "", "", result.unknown)
    return result


def _clean(type: Type, value: Any, path: str, owner: str, unknown: list[str]) -> Any:
    kind = type.kind
    if kind == "object":
        return _object(type, value, path, owner, unknown)
    if kind == "list":
        if not isinstance(value, list):
            raise _wrong(value, path, owner, "[]" + _go(type.items))
        items = type.items
        assert items is not None
        return [
            _clean(items, item, f"{path}[{index}]", owner, unknown)
            for index, item in enumerate(value)
            if item is not None or items.nullable
        ]
    if kind == "map":
        if not isinstance(value, dict):
            raise _wrong(value, path, owner, "map[string]" + _go(type.items))
        items = type.items
        assert items is not None
        return {
            key: _clean(items, item, f"{path}.{key}" if path else key, owner, unknown)
            for key, item in value.items()
            if item is not None
        }
    if kind == "any":
        return value
    return _scalar(kind, value, path, owner)


def _object(type: Type, value: Any, path: str, owner: str, unknown: list[str]) -> Any:
    if not isinstance(value, dict):
        raise _wrong(value, path, owner, _go(type))
    owner = _go(type).removeprefix("v1.") or owner
    fields = type.fields
    cleaned = {}
    for key, item in value.items():
        below = f"{path}.{key}" if path else key
        known = fields.get(key)
        if known is None:
            if type.open:
                cleaned[key] = item
            else:
                unknown.append(below)
        elif item is not None or known.nullable:
            cleaned[key] = item if item is None else _clean(known, item, below, owner, unknown)
    return cleaned


def _scalar(kind: str, value: Any, path: str, owner: str) -> Any:
    if kind == "string":
        good = isinstance(value, str)
    elif kind == "integer":
        good = isinstance(value, int) and not isinstance(value, bool)
        if isinstance(value, float) and value.is_integer():
            return int(value)
    elif kind == "boolean":
        good = isinstance(value, bool)
    elif kind == "number":
        good = isinstance(value, int | float) and not isinstance(value, bool)
    elif kind == "int-or-string":
        good = isinstance(value, int | str) and not isinstance(value, bool)
    elif kind == "quantity":
        return _quantity(value)
    elif kind == "time":
        return _time(value, path, owner)
    else:
        return _bytes(value, path, owner)
    if not good:
        raise _wrong(value, path, owner, GO_NAMES[kind])
    return value


def _quantity(value: Any) -> str:
    text = str(value) if isinstance(value, int | float | str) else ""
    if isinstance(value, bool) or not is_quantity(text):
        raise WrongType(
            "quantities must match the regular expression "
            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        )
    return canonical(text)


def _time(value: Any, path: str, owner: str) -> str:
    if not isinstance(value, str):
        raise _wrong(value, path, owner, "Time")
    if not TIME.match(value):
        raise WrongType(
            f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": cannot parse "{value}" as '
            '"2006"'
        )
    return value


def _bytes(value: Any, path: str, owner: str) -> str:
    if not isinstance(value, str):
        raise _wrong(value, path, owner, "[]uint8")
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise WrongType("illegal base64 data at input byte 0") from None
    return value


def _go(type: Type | None) -> str:
    if type is None:
        return "interface {}"
    if type.kind == "object":
        return "v1." + re.sub(r"^(Core)?V\d+(alpha\d+|beta\d+)?", "", type.name)
    return GO_NAMES.get(type.kind, type.kind)


def _wrong(value: Any, path: str, owner: str, wanted: str) -> WrongType:
    seen = {bool: "bool", str: "string", int: "number", float: "number", list: "array"}
    what = seen.get(value.__class__, "object")
    dotted = re.sub(r"\[\d+\]", "", path)
    where = f"Go struct field {owner}.{dotted}" if path else "Go value"
    return WrongType(f"json: cannot unmarshal {what} into {where} of type {wanted}")
