"""Tables: rows as kubectl prints them, with the columns of the real API server.

Built-in kinds have their columns in `columns`, custom ones in their definition. Cells of time are
ages at the cluster's own time, since the simulated clock is not the client's.
"""

from typing import Any

from gcpsim.k8s.objects.cluster import Cluster
from gcpsim.k8s.print.column import Column, age_of
from gcpsim.k8s.print.columns import COLUMNS
from gcpsim.k8s.print.jsonpath import find
from gcpsim.k8s.print.shown import metadata_only
from gcpsim.k8s.types.registry import Resource

Doc = dict[str, Any]

NAME = Column("Name", lambda obj, now: obj["metadata"]["name"])
AGE = Column("Age", age_of)


def table(cluster: Cluster, resource: Resource, items: list[Doc], about: Doc, include: str) -> Doc:
    """A Table of objects; each row carries their metadata, the object, or nothing."""
    columns = columns_of(resource)
    now = cluster.clock.now()
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": about,
        "columnDefinitions": [column.definition() for column in columns],
        "rows": [
            {"cells": [column.cell(obj, now) for column in columns], **_carried(obj, include)}
            for obj in items
        ],
    }


def columns_of(resource: Resource) -> list[Column]:
    if resource.crd is not None:
        return [NAME, *_custom(resource.crd, resource.version)]
    return COLUMNS.get(resource.key, [NAME, AGE])


def _carried(obj: Doc, include: str) -> Doc:
    if include == "None":
        return {}
    return {"object": obj if include == "Object" else metadata_only(obj)}


def _custom(crd: Doc, version: str) -> list[Column]:
    for entry in crd["spec"]["versions"]:
        if entry["name"] == version and entry.get("additionalPrinterColumns"):
            return [_printer_column(column) for column in entry["additionalPrinterColumns"]]
    return [AGE]


def _printer_column(column: Doc) -> Column:
    path, kind = column.get("jsonPath", ""), column.get("type", "string")

    def cell(obj: Doc, now: float) -> Any:
        values = find(obj, path)
        if not values:
            return ""
        value = values[0] if len(values) == 1 else ",".join(str(item) for item in values)
        if kind == "date":
            return age_of({"metadata": {"creationTimestamp": value}}, now)
        if kind in ("integer", "number") and isinstance(value, int | float):
            return value
        if isinstance(value, bool):
            return value if kind == "boolean" else str(value).lower()
        return value if isinstance(value, str) else str(value)

    return Column(
        column["name"],
        cell,
        type="string" if kind == "date" else kind,
        priority=column.get("priority", 0),
    )
