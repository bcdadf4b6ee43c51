"""Objects out of request bodies: the right kind, in the right place, with known fields.

What `fieldValidation` says decides whether unknown fields are refused (Strict), mentioned in a
Warning header (Warn, the default) or dropped silently (Ignore). They are never stored.
"""

from typing import Any

from gcpsim.k8s.api.call import Call, parsed
from gcpsim.k8s.types.decode import WrongType, decode
from gcpsim.k8s.types.registry import Resource
from gcpsim.k8s.types.shapes import model
from gcpsim.k8s.types.status import StatusError, bad_request, invalid, invalid_value
from gcpsim.k8s.types.structural import type_of

Doc = dict[str, Any]

MODES = ("Strict", "Warn", "Ignore", "")


def accepted(call: Call, resource: Resource, body: Any, *, patched: Any = None) -> Doc:
    """The object in a body, checked and cleaned; `patched` is the patch that led to it, if any."""
    mode = call.query.get("fieldValidation", "")
    if mode not in MODES:
        raise _bad_option("fieldValidation", mode)
    version = call.version
    group_version = f"{resource.group}/{version}" if resource.group else version
    if not isinstance(body, dict):
        raise bad_request(f"the body must be a {resource.kind} object")
    _check_kind(resource, group_version, body)
    try:
        result = decode(type_of(resource), body)
    except WrongType as error:
        raise bad_request(_unhandled(resource, version, str(error))) from error
    obj: Doc = result.value
    obj["apiVersion"], obj["kind"] = resource.api_version, resource.kind
    obj.setdefault("metadata", {})
    if result.unknown:
        _unknown(call, resource, obj, mode, result.unknown, patched)
    _place(call, resource, obj)
    return obj


def option_object(call: Call, model_name: str) -> Doc:
    """A small body such as DeleteOptions, cleaned by its type; {} for an empty one."""
    body = parsed(call) if call.body.strip() else {}
    type = model(model_name)
    try:
        options: Doc = decode(type, body).value
    except WrongType as error:
        kind = model_name.partition("V1")[2]
        why = f'{kind} in version "v1" cannot be handled as a {kind}: {error}'
        raise bad_request(why) from error
    return options


def _check_kind(resource: Resource, group_version: str, body: Doc) -> None:
    version, kind = body.get("apiVersion") or group_version, body.get("kind") or resource.kind
    if kind != resource.kind:
        raise bad_request(
            f'{kind} in version "{version}" cannot be handled as a {resource.kind}: converting '
            f"({version}, Kind={kind}) to ({group_version}, Kind={resource.kind}): unknown "
            "conversion"
        )
    if version != group_version:
        raise bad_request(
            f"the API version in the data ({version}) does not match the expected API version "
            f"({group_version})"
        )


def _unknown(
    call: Call, resource: Resource, obj: Doc, mode: str, unknown: list[str], patched: Any
) -> None:
    texts = [f'unknown field "{path}"' for path in sorted(unknown)]
    if mode in ("Warn", ""):
        call.warnings += texts
    elif mode == "Strict":
        said = "strict decoding error: " + ", ".join(texts)
        if patched is None:
            raise bad_request(_unhandled(resource, call.version, said))
        name = str(obj["metadata"].get("name", ""))
        causes = [invalid_value("patch", patched, said)]
        raise invalid(resource.kind, resource.group, name, causes)


def _place(call: Call, resource: Resource, obj: Doc) -> None:
    metadata = obj["metadata"]
    wanted = call.namespace if resource.namespaced else ""
    if not wanted:
        metadata.pop("namespace", None)  # a cluster's object has none, whatever was sent
    elif (metadata.get("namespace") or wanted) != wanted:
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if wanted:
        metadata["namespace"] = wanted
    if call.name:
        name = metadata.setdefault("name", call.name)
        if name != call.name:
            raise bad_request(
                f"the name of the object ({name}) does not match the name on the URL ({call.name})"
            )


def _unhandled(resource: Resource, version: str, why: str) -> str:
    return f'{resource.kind} in version "{version}" cannot be handled as a {resource.kind}: {why}'


def _bad_option(name: str, value: str) -> StatusError:
    return StatusError(
        422,
        "Invalid",
        f'{name}: Unsupported value: "{value}": supported values: "Ignore", "Strict", "Warn"',
    )
