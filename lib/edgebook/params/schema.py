"""The JSON Schema of params files, for editors, from the same definitions as the reader.

`python -m edgebook.params.schema > params/schema.json` writes it anew; a test keeps it in step.
"""

import dataclasses
import json
import sys
import types
import typing
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from edgebook.model.values import SecretRef
from edgebook.params.fields import (
    ENVIRONMENT_NAME,
    SECRET,
    ApiFields,
    Pattern,
    Percent,
    Rule,
    Seconds,
    required,
    rule_of,
)
from edgebook.params.types import Spec

SIMPLE = {str: "string", int: "integer", float: "number", bool: "boolean"}


def schema() -> dict[str, Any]:
    """The schema of a whole params file."""
    definitions: dict[str, Any] = {}
    root = _object(Spec, definitions)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Edgebook params",
        **root,
        "definitions": dict(sorted(definitions.items())),
    }


def _object(cls: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    fields = dataclasses.fields(cls)
    properties = {f.name: _field(f, hints[f.name], definitions) for f in fields}
    found: dict[str, Any] = {
        "description": (cls.__doc__ or "").strip(),
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }
    if needed := [field.name for field in fields if required(field)]:
        found["required"] = needed
    return found


def _field(
    field: "dataclasses.Field[Any]", hint: Any, definitions: dict[str, Any]
) -> dict[str, Any]:
    rule = rule_of(field)
    found: dict[str, Any] = {"description": rule.doc}
    value = _value(hint, rule, definitions)
    if "$ref" in value:
        value = {"allOf": [value]}
    default = _default(field)
    if default is not None and Percent in (hint, *typing.get_args(hint)):
        default = f"{default:.0%}"
    return {**found, **value, **({} if default is None else {"default": default})}


def _default(field: "dataclasses.Field[Any]") -> Any:
    value = field.default
    if value is dataclasses.MISSING or value in (None, "", ()) or dataclasses.is_dataclass(value):
        return None
    return [str(item) for item in value] if isinstance(value, tuple) else value


def _value(hint: Any, rule: Rule, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        (hint,) = [item for item in arguments if item is not type(None)]
        return {"anyOf": [_value(hint, rule, definitions), {"type": "null"}]}
    if hint is ApiFields:
        return {"type": "object"}
    if origin is tuple:
        found = {"type": "array", "items": _value(arguments[0], rule, definitions)}
        return found | ({"minItems": rule.at_least} if rule.at_least else {})
    if origin is typing.get_origin(Mapping[str, int]):
        found = {"type": "object", "additionalProperties": _value(arguments[1], rule, definitions)}
        return found | ({"propertyNames": _pattern(rule.keys)} if rule.keys else {})
    if hint is SecretRef:
        return _secret()
    if dataclasses.is_dataclass(hint):
        return _reference(hint, rule, definitions)
    return _scalar(hint, rule)


def _reference(hint: Any, rule: Rule, definitions: dict[str, Any]) -> dict[str, Any]:
    name = hint.__name__.removesuffix("Spec")
    if name not in definitions:
        definitions[name] = {}  # stops recursion
        definitions[name] = _object(hint, definitions)
    reference = {"$ref": f"#/definitions/{name}"}
    return {"anyOf": [{"type": "string"}, reference]} if rule.shorthand else reference


def _scalar(hint: Any, rule: Rule) -> dict[str, Any]:
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        values: list[Any] = [item.value for item in hint]
        numbers = [int(value) for value in values if value.isdigit()]
        return {"enum": values + numbers}
    if hint is Seconds:
        text = {"type": "string", "pattern": "^[0-9]+\\s*(s|m|h)?$"}
        return {"anyOf": [{"type": "integer", **_limits(rule)}, text]}
    if hint is Percent:
        return {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?\\s*%$"}
    found: dict[str, Any] = {"type": SIMPLE[hint]}
    if hint is str and rule.pattern:
        return found | _pattern(rule.pattern)
    return found | (_limits(rule) if hint in (int, float) else {})


def _limits(rule: Rule) -> dict[str, Any]:
    limits = {"minimum": rule.minimum, "maximum": rule.maximum}
    return {name: value for name, value in limits.items() if value is not None}


def _pattern(pattern: Pattern) -> dict[str, Any]:
    return {
        "pattern": f"^(?:{pattern.regex})$",
        "patternErrorMessage": f"expected: {pattern.words}",
    }


def _secret() -> dict[str, Any]:
    ways = {"secret": SECRET, "env": ENVIRONMENT_NAME}
    return {
        "oneOf": [
            {
                "type": "object",
                "additionalProperties": False,
                "required": [name],
                "properties": {name: {"type": "string", **_pattern(pattern)}},
            }
            for name, pattern in ways.items()
        ]
    }


def text() -> str:
    """The content of params/schema.json."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
