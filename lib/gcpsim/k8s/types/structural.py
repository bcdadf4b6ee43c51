"""Custom objects by the schema of their definition: types, defaults, pruning, validation.

Covers what CRD authors use: type, properties, items, additionalProperties, required, enum,
pattern, bounds, format date-time, int-or-string, nullable, default, list and map types. CEL rules
are not run.
"""

import re
from copy import deepcopy
from functools import lru_cache
from typing import Any

from gcpsim.k8s.types.decode import TIME
from gcpsim.k8s.types.listtypes import Merging
from gcpsim.k8s.types.registry import Resource
from gcpsim.k8s.types.shapes import Type, model
from gcpsim.k8s.types.status import Cause, invalid_value, required, shown, unsupported

Doc = dict[str, Any]

PRESERVE = "x-kubernetes-preserve-unknown-fields"


def schema_of(resource: Resource) -> Doc:
    """The OpenAPI schema of a custom resource's stored version; open when it has none."""
    assert resource.crd is not None
    for version in resource.crd["spec"]["versions"]:
        if version["name"] == resource.version:
            schema: Doc = (version.get("schema") or {}).get("openAPIV3Schema") or {}
            return schema or {"type": "object", PRESERVE: True}
    return {"type": "object", PRESERVE: True}


def type_of(resource: Resource) -> Type:
    """The type of a built-in or custom resource's objects."""
    if resource.crd is None:
        return model(resource.model)
    return _custom_type(_Held(resource.crd, resource.version), resource)


class _Held:
    """A cache key that keeps its CRD alive, so that the id stays its own."""

    def __init__(self, crd: Doc, version: str) -> None:
        self.crd = crd
        self.version = version

    def __hash__(self) -> int:
        return hash((id(self.crd), self.version))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and self.crd is other.crd and self.version == other.version


@lru_cache(maxsize=256)
def _custom_type(held: _Held, resource: Resource) -> Type:
    root = compiled(schema_of(resource))
    fields = dict(root.fields)
    fields |= {"apiVersion": Type("string"), "kind": Type("string")}
    fields["metadata"] = model("V1ObjectMeta")
    return Type("object", resource.kind, open=root.open, schema=root.schema, load=lambda: fields)


def compiled(schema: Doc) -> Type:
    """A Type that follows a structural schema."""
    kind = schema.get("type")
    common: Doc = {
        "schema": schema,
        "nullable": bool(schema.get("nullable")),
        "description": schema.get("description", ""),
        "atomic": schema.get("x-kubernetes-map-type") == "atomic",
    }
    if schema.get("x-kubernetes-int-or-string"):
        return Type("any", **common)
    if kind == "object":
        extra = schema.get("additionalProperties")
        if isinstance(extra, dict) and not schema.get("properties"):
            return Type("map", items=compiled(extra), **common)
        opened = bool(schema.get(PRESERVE)) or bool(extra)
        properties = schema.get("properties") or {}
        return Type(
            "object",
            open=opened,
            load=lambda: {name: compiled(below) for name, below in properties.items()},
            **common,
        )
    if kind == "array":
        listed = schema.get("x-kubernetes-list-type")
        merging = None
        if listed == "map":
            merging = Merging(tuple(schema.get("x-kubernetes-list-map-keys") or ("name",)))
        elif listed == "set":
            merging = Merging()
        return Type("list", items=compiled(schema.get("items") or {}), merging=merging, **common)
    return Type("any", open=True, **common)


def fill_defaults(schema: Doc, value: Any) -> None:
    """Put the schema's defaults where a custom object says nothing."""
    if isinstance(value, dict):
        for name, below in (schema.get("properties") or {}).items():
            if name not in value and "default" in below:
                value[name] = deepcopy(below["default"])
            if name in value:
                fill_defaults(below, value[name])
        extra = schema.get("additionalProperties")
        if isinstance(extra, dict):
            for item in value.values():
                fill_defaults(extra, item)
    elif isinstance(value, list) and schema.get("items"):
        for item in value:
            fill_defaults(schema["items"], item)


def check(schema: Doc, value: Any, path: str = "") -> list[Cause]:
    """Everything in a custom object that its schema forbids, in the API server's words."""
    if value is None and schema.get("nullable"):
        return []
    if not path and isinstance(value, dict):
        value = {name: item for name, item in value.items() if name != "metadata"}
    kind = schema.get("type")
    if schema.get("x-kubernetes-int-or-string"):
        good = isinstance(value, int | str) and not isinstance(value, bool)
        return [] if good else [_type_cause(path, value, "integer,string")]
    if kind and not _is_a(kind, value):
        return [_type_cause(path, value, kind)]
    causes = _scalar_causes(schema, value, path)
    if isinstance(value, dict):
        causes += _object_causes(schema, value, path)
    elif isinstance(value, list):
        causes += _list_causes(schema, value, path)
    return causes


def _is_a(kind: str, value: Any) -> bool:
    if kind == "integer":
        return (isinstance(value, int) and not isinstance(value, bool)) or (
            isinstance(value, float) and value.is_integer()
        )
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    classes = {"object": dict, "array": list, "string": str, "boolean": bool}
    return isinstance(value, classes.get(kind, object))


def _type_cause(path: str, value: Any, kind: str) -> Cause:
    seen = {bool: "boolean", str: "string", int: "integer", float: "number", list: "array",
            dict: "object", type(None): "null"}  # fmt: skip
    name = seen.get(value.__class__, "object")
    message = f'Invalid value: "{name}": {path} in body must be of type {kind}: "{name}"'
    return Cause("FieldValueTypeInvalid", message, path)


def _scalar_causes(schema: Doc, value: Any, path: str) -> list[Cause]:
    causes = []
    allowed = schema.get("enum")
    if allowed is not None and value not in allowed:
        causes.append(unsupported(path, value, [str(item) for item in allowed]))
    if isinstance(value, str):
        causes += _string_causes(schema, value, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        low, high = schema.get("minimum"), schema.get("maximum")
        if low is not None and value < low:
            why = f"{path} in body should be greater than or equal to {low}"
            causes.append(invalid_value(path, value, why))
        if high is not None and value > high:
            why = f"{path} in body should be less than or equal to {high}"
            causes.append(invalid_value(path, value, why))
    return causes


def _string_causes(schema: Doc, value: str, path: str) -> list[Cause]:
    causes = []
    low, high = schema.get("minLength"), schema.get("maxLength")
    if low is not None and len(value) < low:
        why = f"{path} in body should be at least {low} chars long"
        causes.append(invalid_value(path, value, why))
    if high is not None and len(value) > high:
        causes.append(
            Cause("FieldValueTooLong", f"Too long: may not be more than {high} bytes", path)
        )
    pattern = schema.get("pattern")
    if pattern is not None and not _matches(pattern, value):
        causes.append(invalid_value(path, value, f"{path} in body should match '{pattern}'"))
    if schema.get("format") == "date-time" and not TIME.match(value):
        why = f'{path} in body must be of type date-time: "{value}"'
        causes.append(invalid_value(path, value, why))
    return causes


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:  # a Go expression that Python can't read is not held against the object
        return True


def _object_causes(schema: Doc, value: Doc, path: str) -> list[Cause]:
    causes = []
    properties = schema.get("properties") or {}
    for name in schema.get("required") or ():
        if name not in value:
            causes.append(required(_below(path, name)))
    extra = schema.get("additionalProperties")
    for name, item in value.items():
        if name in properties:
            causes += check(properties[name], item, _below(path, name))
        elif isinstance(extra, dict):
            causes += check(extra, item, _below(path, name))
    return causes


def _list_causes(schema: Doc, value: list[Any], path: str) -> list[Cause]:
    causes = []
    low, high = schema.get("minItems"), schema.get("maxItems")
    if low is not None and len(value) < low:
        why = f"{path} in body should have at least {low} items"
        causes.append(invalid_value(path, len(value), why))
    if high is not None and len(value) > high:
        message = f"Too many: {len(value)}: must have at most {high} items"
        causes.append(Cause("FieldValueTooMany", message, path))
    below = schema.get("items") or {}
    seen: set[str] = set()
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    for index, item in enumerate(value):
        causes += check(below, item, f"{path}[{index}]")
        listed = schema.get("x-kubernetes-list-type")
        if listed in ("map", "set"):
            mark = {key: item.get(key) for key in keys} if isinstance(item, dict) else item
            if shown(mark) in seen:
                causes.append(
                    Cause(
                        "FieldValueDuplicate", f"Duplicate value: {shown(mark)}", f"{path}[{index}]"
                    )
                )
            seen.add(shown(mark))
    return causes


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
