"""/openapi/v2: one Swagger document for all group versions, made from those of version 3.

As JSON, and as the protobuf that kubectl demands before it applies a List. The protobuf has what
clients read in it: each path's PATCH, its kind and its query parameters.
"""

from collections.abc import Iterator
from typing import Any

import orjson

Doc = dict[str, Any]
MEDIA = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
ASKED = (MEDIA, MEDIA.replace("v2.v1", "v2@v1"))  # the older name can't be a Content-Type
GVK = "x-kubernetes-group-version-kind"
REFERENCE, DEFINITION = b"#/components/schemas/", b"#/definitions/"
# Field numbers of the messages of gnostic's openapi.v2.
SWAGGER, INFO, PATHS = 1, 2, 8
TITLE, VERSION = 1, 2
PATH, NAME, VALUE, PATCH = 2, 1, 2, 8
PARAMETERS, EXTENSIONS = 8, 13
PARAMETER, NOT_BODY, IN_QUERY = 1, 2, 3
IN, CALLED, TYPE = 2, 4, 6
YAML = 2


def document(documents: list[bytes]) -> Doc:
    """The Swagger document of all group versions."""
    paths: Doc = {}
    definitions: Doc = {}
    for text in documents:
        found = orjson.loads(text.replace(REFERENCE, DEFINITION))
        definitions |= found["components"]["schemas"]
        for path, operations in found["paths"].items():
            paths[path] = {verb: _operation(one) for verb, one in operations.items()}
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": paths,
        "definitions": definitions,
    }


def _operation(given: Doc) -> Doc:
    answer = given["responses"]["200"]
    (content,) = answer["content"].values()
    answered = {"200": {"description": answer["description"], "schema": content["schema"]}}
    found = {**given, "responses": answered}
    if "parameters" in given:
        found["parameters"] = [
            {"name": one["name"], "in": one["in"], "type": one["schema"]["type"]}
            for one in given["parameters"]
        ]
    return found


def packed(swagger: Doc) -> bytes:
    """The same as protobuf, as far as it is read."""
    info = swagger["info"]
    paths = b"".join(_path(name, one["patch"]) for name, one in _patched(swagger))
    return (
        _text(SWAGGER, swagger["swagger"])
        + _nested(INFO, _text(TITLE, info["title"]) + _text(VERSION, info["version"]))
        + _nested(PATHS, paths)
    )


def _patched(swagger: Doc) -> Iterator[tuple[str, Doc]]:
    return ((name, one) for name, one in swagger["paths"].items() if "patch" in one)


def _path(name: str, patch: Doc) -> bytes:
    parameters = b"".join(_parameter(one) for one in patch["parameters"])
    kind = "".join(f"{key}: {orjson.dumps(value).decode()}\n" for key, value in patch[GVK].items())
    extension = _text(NAME, GVK) + _nested(VALUE, _text(YAML, kind))
    operation = parameters + _nested(EXTENSIONS, extension)
    return _nested(PATH, _text(NAME, name) + _nested(VALUE, _nested(PATCH, operation)))


def _parameter(given: Doc) -> bytes:
    said = _text(IN, given["in"]) + _text(CALLED, given["name"]) + _text(TYPE, given["type"])
    query = _nested(IN_QUERY, said)
    return _nested(PARAMETERS, _nested(PARAMETER, _nested(NOT_BODY, query)))


def _text(number: int, text: str) -> bytes:
    return _nested(number, text.encode())


def _nested(number: int, body: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(body)) + body


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)
