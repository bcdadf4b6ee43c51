"""CustomResourceDefinitions as rows: what a row of `crds` and `stored` says, spelled out.

A definition keeps what its schema leaves open as it comes; without properties spec and status are
open. All versions of a definition share one schema, so that an object is the same in each.
"""

from typing import Any

Doc = dict[str, Any]

OPEN: Doc = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
STRING: Doc = {"type": "string"}
FLAG: Doc = {"type": "boolean"}
NUMBER: Doc = {"type": "integer", "format": "int64"}
STRINGS: Doc = {"type": "array", "items": STRING}


def record(required: tuple[str, ...] = (), **properties: Doc) -> Doc:
    """An object that has these fields and no others."""
    schema: Doc = {"type": "object", "properties": properties}
    return schema | {"required": list(required)} if required else schema


def within(low: int, high: int) -> Doc:
    return {**NUMBER, "minimum": low, "maximum": high}


def text(longest: int, pattern: str = "", least: int = 0) -> Doc:
    schema = {**STRING, "maxLength": longest}
    if least:
        schema["minLength"] = least
    return schema | {"pattern": pattern} if pattern else schema


def one_of(*values: str) -> Doc:
    return {**STRING, "enum": list(values)}


def listed(item: Doc, most: int = 0, keys: tuple[str, ...] = (), least: int = 0) -> Doc:
    """A list; with `keys` a map of what they name."""
    schema: Doc = {"type": "array", "items": item}
    if least:
        schema["minItems"] = least
    if most:
        schema["maxItems"] = most
    if keys:
        schema |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}
    return schema


def column(name: str, path: str, type: str = "string", priority: int = 0, **more: str) -> Doc:
    """One of additionalPrinterColumns; with `priority` 1 only `-o wide` shows it."""
    column: Doc = {"name": name, "jsonPath": path, "type": type, **more}
    return column | {"priority": priority} if priority else column


def definition(
    group: str,
    version: str,
    plural: str,
    kind: str,
    *,
    short: list[str] | None = None,
    scope: str = "Namespaced",
    status: bool = True,
    columns: list[Doc] | None = None,
    properties: Doc | None = None,
    categories: list[str] | None = None,
    required: tuple[str, ...] = (),
    older: tuple[str, ...] = (),
) -> Doc:
    """A definition that serves `version`, which is stored, and `older` ones; `short` are names."""
    names: Doc = {"plural": plural, "kind": kind, "listKind": kind + "List",
                  "singular": kind.lower()}  # fmt: skip
    if short:
        names["shortNames"] = short
    if categories:
        names["categories"] = categories
    schema: Doc = {
        "type": "object",
        "properties": {
            "apiVersion": STRING,
            "kind": STRING,
            "metadata": {"type": "object"},
            **(properties or {"spec": OPEN, "status": OPEN}),
        },
    }
    if required:
        schema["required"] = list(required)
    entry: Doc = {
        "name": version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    if status:
        entry["subresources"] = {"status": {}}
    entry["additionalPrinterColumns"] = columns or [age()]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": names,
            "scope": scope,
            "versions": [entry, *({**entry, "name": one, "storage": False} for one in older)],
        },
    }


def age() -> Doc:
    """The column that most kinds have."""
    return column("Age", ".metadata.creationTimestamp", "date")
