"""OpenAPI v3 documents, made from the types: what `kubectl apply` and `kubectl explain` ask for.

Each PATCH operation lists fieldValidation, so kubectl leaves validation to the server. Schemas
carry the merge keys of strategic patches. Version 2 is made from these (openapi2).
"""

import hashlib
import re
from functools import lru_cache
from typing import Any

import orjson

from gcpsim.k8s.api import openapi2
from gcpsim.k8s.api.call import Call
from gcpsim.k8s.api.discovery import group_versions
from gcpsim.k8s.api.form import JSON
from gcpsim.k8s.objects.cluster import Cluster
from gcpsim.k8s.types.registry import Resource
from gcpsim.k8s.types.shapes import Type
from gcpsim.k8s.types.structural import type_of

Doc = dict[str, Any]

PLAIN: dict[str, Doc] = {
    "string": {"type": "string"},
    "integer": {"type": "integer", "format": "int32"},
    "number": {"type": "number", "format": "double"},
    "boolean": {"type": "boolean"},
    "time": {"type": "string", "format": "date-time"},
    "bytes": {"type": "string", "format": "byte"},
    "int-or-string": {"type": "string", "format": "int-or-string"},
    "quantity": {"type": "string"},
}
MODEL = re.compile(r"^((?:Core|Events)?V\d+(?:alpha\d+|beta\d+)?)(\w+)$")
QUERY = ("dryRun", "fieldManager", "fieldValidation", "force", "pretty")


def respond(cluster: Cluster, call: Call) -> tuple[Any, str] | None:
    """The index or one group version's document; None for other paths."""
    path = call.path.rstrip("/")
    if not path.startswith(("/openapi/v3", "/openapi/v2")):
        return None
    known = {_place(*pair): tuple(found) for pair, found in group_versions(cluster).items()}
    if path == "/openapi/v2":
        accepted = call.headers.get("accept", "")
        wanted = any(media in accepted for media in openapi2.ASKED)
        marked = tuple((place, _hash(found), found) for place, found in known.items())
        return _swagger(marked, packed=wanted), openapi2.MEDIA if wanted else JSON
    if path == "/openapi/v3":
        paths = {
            place: {"serverRelativeURL": f"/openapi/v3/{place}?hash={_hash(found)}"}
            for place, found in known.items()
        }
        return {"paths": paths}, JSON
    resources = known.get(path.removeprefix("/openapi/v3/"))
    if resources is None:
        return None
    return _document(path.removeprefix("/openapi/v3/"), _hash(resources), resources), JSON


def _place(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def _hash(resources: tuple[Resource, ...]) -> str:
    said = [[r.plural, r.kind, (r.crd or {}).get("spec")] for r in resources]
    return hashlib.sha256(orjson.dumps(said)).hexdigest()[:32].upper()


@lru_cache(maxsize=128)
def _document(place: str, mark: str, resources: tuple[Resource, ...]) -> bytes:
    version = place.rpartition("/")[2]
    schemas: Doc = {}
    paths: Doc = {}
    for resource in resources:
        gvk = {"group": resource.group, "version": version, "kind": resource.kind}
        name = _component(type_of(resource), resource)
        _collect(type_of(resource), name, schemas)
        schemas[name] = {**schemas[name], "x-kubernetes-group-version-kind": [gvk]}
        scope = "/namespaces/{namespace}" if resource.namespaced else ""
        path = f"/{place}{scope}/{resource.plural}"
        paths[path] = {"get": _operation("list", gvk, name), "post": _operation("post", gvk, name)}
        paths[path + "/{name}"] = {
            "get": _operation("get", gvk, name),
            "put": _operation("put", gvk, name),
            "patch": _operation("patch", gvk, name),
            "delete": _operation("delete", gvk, name),
        }
    document = {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": paths,
        "components": {"schemas": schemas},
    }
    return orjson.dumps(document)


@lru_cache(maxsize=4)
def _swagger(marked: tuple[tuple[str, str, tuple[Resource, ...]], ...], *, packed: bool) -> bytes:
    found = openapi2.document([_document(*one) for one in marked])
    return openapi2.packed(found) if packed else orjson.dumps(found)


def _operation(action: str, gvk: Doc, component: str) -> Doc:
    reference = {"$ref": f"#/components/schemas/{component}"}
    content = {JSON: {"schema": reference}}
    operation: Doc = {
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": gvk,
        "responses": {"200": {"description": "OK", "content": content}},
    }
    if action in ("post", "put", "patch"):
        operation["parameters"] = [
            {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
            for name in QUERY
        ]
    return operation


def _component(type: Type, resource: Resource | None = None) -> str:
    if resource is not None and resource.crd is not None:
        return f"{resource.group}.{resource.version}.{resource.kind}"
    parts = MODEL.match(type.name)
    return f"io.k8s.api.{parts[1].lower()}.{parts[2]}" if parts else f"io.k8s.api.{type.name}"


def _collect(type: Type, name: str, schemas: Doc) -> None:
    """Put an object type and all that it refers to among the schemas."""
    if name in schemas:
        return
    schemas[name] = {}
    if type.schema is not None:
        schemas[name] = dict(type.schema)
        return
    properties = {
        field: _described(_schema(below, schemas), below) for field, below in type.fields.items()
    }
    schema: Doc = {"type": "object", "description": type.description, "properties": properties}
    if type.required:
        schema["required"] = sorted(type.required)
    if type.atomic:
        schema["x-kubernetes-map-type"] = "atomic"
    schemas[name] = schema


def _schema(type: Type, schemas: Doc) -> Doc:
    if type.kind == "object" and type.name:
        _collect(type, _component(type), schemas)
        return {"allOf": [{"$ref": f"#/components/schemas/{_component(type)}"}], "default": {}}
    if type.kind == "list":
        assert type.items is not None
        schema: Doc = {"type": "array", "items": _schema(type.items, schemas)}
        return schema | _merging(type)
    if type.kind == "map":
        assert type.items is not None
        return {"type": "object", "additionalProperties": _schema(type.items, schemas)}
    return dict(PLAIN.get(type.kind, {"type": "object"}))


def _merging(type: Type) -> Doc:
    if type.merging is None:
        return {"x-kubernetes-list-type": "atomic"}
    merging = type.merging
    strategy = "merge,retainKeys" if merging.retain else "merge"
    if not merging.keys:
        return {"x-kubernetes-list-type": "set", "x-kubernetes-patch-strategy": strategy}
    return {
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": list(merging.keys),
        "x-kubernetes-patch-merge-key": merging.patch_key,
        "x-kubernetes-patch-strategy": strategy,
    }


def _described(schema: Doc, type: Type) -> Doc:
    extra: Doc = {"description": type.description} if type.description else {}
    if type.retain:
        extra["x-kubernetes-patch-strategy"] = "retainKeys"
    return {**schema, **extra}
