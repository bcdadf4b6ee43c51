"""Patches of three kinds: JSON merge patch, JSON patch, and Kubernetes' strategic merge patch.

All are pure: document and patch in, changed document out, the arguments untouched. Server-side
apply is in `apply`. Strategic merges need the type, since only it says by which key a list's items
merge.
"""

from typing import Any

from gcpsim.k8s.types.documents import copy_of, merged
from gcpsim.k8s.types.shapes import Type
from gcpsim.k8s.types.status import StatusError, bad_request, shown

Doc = dict[str, Any]

DIRECTIVE = "$patch"
RETAIN = "$retainKeys"
ORDER = "$setElementOrder/"
REMOVE = "$deleteFromPrimitiveList/"
OPERATIONS_LIMIT = 10_000


def merge_patch(obj: Doc, patch: Any) -> Doc:
    """RFC 7386 on a whole object."""
    if not isinstance(patch, dict):
        raise bad_request("error decoding patch: a merge patch must be a JSON object")
    result: Doc = merged(obj, patch)
    return result


def json_patch(obj: Doc, operations: Any) -> Doc:
    """RFC 6902; what can't be applied is a 422, what isn't a patch a 400."""
    import jsonpatch
    import jsonpointer

    if not isinstance(operations, list):
        raise bad_request("error decoding patch: a JSON patch must be a list of operations")
    if len(operations) > OPERATIONS_LIMIT:
        limit = f"The allowed maximum operations in a JSON patch is {OPERATIONS_LIMIT}"
        raise StatusError(413, "RequestEntityTooLarge", f"{limit}, got {len(operations)}")
    try:
        patch = jsonpatch.JsonPatch(operations)
    except (
        jsonpatch.InvalidJsonPatch,
        jsonpointer.JsonPointerException,
        TypeError,
        AttributeError,
    ) as error:
        raise bad_request(f"error decoding patch: {error}") from error
    try:
        result = patch.apply(copy_of(obj))
    except (
        jsonpatch.JsonPatchException,
        jsonpointer.JsonPointerException,
        TypeError,
        KeyError,
        IndexError,
        ValueError,
        AttributeError,
    ) as error:
        raise _unprocessable(
            f"the server rejected our request due to an error in our request: {error}"
        ) from error
    if not isinstance(result, dict):
        raise _unprocessable("the patch leaves something that is not an object")
    return result


def strategic_merge(obj: Doc, patch: Any, type: Type) -> Doc:
    """Kubernetes' own merge, directives included."""
    if not isinstance(patch, dict):
        raise bad_request("error decoding patch: a strategic merge patch must be a JSON object")
    result: Doc = _merge_map(obj, patch, type) or {}
    return result


def _merge_map(current: Any, patch: Doc, type: Type) -> Any:
    current = current if isinstance(current, dict) else {}
    directive = patch.get(DIRECTIVE)
    if directive == "replace":
        return _plain({name: value for name, value in patch.items() if name != DIRECTIVE})
    if directive == "delete":
        return None
    if directive not in (None, "merge"):
        raise _unprocessable(f"Unknown patch type found: {directive}")
    retained = patch.get(RETAIN)
    result = dict(current)
    if retained is not None:
        _check_list(RETAIN, retained)
        result = {name: value for name, value in result.items() if name in retained}
    for name, value in patch.items():
        if name in (DIRECTIVE, RETAIN) or name.startswith((ORDER, REMOVE)):
            continue
        merged_value = _merge_field(current.get(name), value, type.child(name), patch, name)
        if merged_value is None:
            result.pop(name, None)
        else:
            result[name] = merged_value
    for name, value in patch.items():
        field = name.partition("/")[2]
        if name.startswith((ORDER, REMOVE)) and field not in patch:
            _check_list(name, value)
            if isinstance(result.get(field), list):
                result[field] = _merge_list(result[field], [], type.child(field), patch, field)
    return result


def _merge_field(current: Any, value: Any, type: Type, patch: Doc, name: str) -> Any:
    if isinstance(value, dict):
        return _merge_map(current, value, type)
    if isinstance(value, list):
        if type.kind == "list" and type.merging is not None:
            return _merge_list(
                current if isinstance(current, list) else [], value, type, patch, name
            )
        return _plain(value)
    return value


def _merge_list(current: list[Any], items: list[Any], type: Type, patch: Doc, name: str) -> Any:
    order = patch.get(ORDER + name)
    removed = patch.get(REMOVE + name)
    if type.merging is None:
        return current
    key = type.merging.patch_key
    if not key:
        return _merge_set(current, items, removed, order)
    for item in items:
        if not isinstance(item, dict):
            raise _unprocessable(f"{name}: a list of objects merged by {key} takes objects only")
    if any(item.get(DIRECTIVE) == "replace" for item in items):
        return [_plain(item) for item in items if item.get(DIRECTIVE) != "replace"]
    result = _merge_items(current, items, type, name, key)
    if order is None:
        return result
    wanted = [_key_of(item, key, ORDER + name) for item in _check_list(ORDER + name, order)]
    given = {shown(item.get(key)) for item in items if item.get(DIRECTIVE) != "delete"}
    if not given <= set(wanted):
        raise _unprocessable(
            f"The order in patch list doesn't match $setElementOrder list of {name}"
        )
    before = [shown(item.get(key)) for item in current if isinstance(item, dict)]
    return ordered(result, [shown(item.get(key)) for item in result], wanted, before)


def _merge_items(
    current: list[Any], items: list[Doc], type: Type, name: str, key: str
) -> list[Any]:
    result = list(current)
    assert type.items is not None
    for item in items:
        mark = _key_of(item, key, name)
        places = [
            index
            for index, known in enumerate(result)
            if isinstance(known, dict) and shown(known.get(key)) == mark
        ]
        if item.get(DIRECTIVE) == "delete":
            result = [known for index, known in enumerate(result) if index not in places]
        elif places:
            result[places[0]] = _merge_map(result[places[0]], item, type.items)
        else:
            result.append(_merge_map({}, item, type.items))
    return result


def _merge_set(current: list[Any], items: list[Any], removed: Any, order: Any) -> list[Any]:
    result = list(current)
    for item in items:
        if item not in result:
            result.append(item)
    if removed is not None:
        _check_list(REMOVE, removed)
        result = [item for item in result if item not in removed]
    if order is None:
        return result
    wanted = [shown(item) for item in _check_list(ORDER, order)]
    return ordered(
        result, [shown(item) for item in result], wanted, [shown(item) for item in current]
    )


def ordered(items: list[Any], marks: list[str], wanted: list[str], before: list[str]) -> list[Any]:
    """The patch's order for the items it names; the others stay before what they stood before."""
    named = sorted(
        ((item, mark) for item, mark in zip(items, marks, strict=True) if mark in wanted),
        key=lambda pair: wanted.index(pair[1]),
    )
    others = [(item, mark) for item, mark in zip(items, marks, strict=True) if mark not in wanted]
    result = []
    while named or others:
        if not others:
            take = named
        elif not named:
            take = others
        else:
            left, right = named[0][1], others[0][1]
            both = left in before and right in before
            take = named if both and before.index(left) < before.index(right) else others
        result.append(take.pop(0)[0])
    return result


def _key_of(item: Any, key: str, where: str) -> str:
    if not isinstance(item, dict) or key not in item:
        raise _unprocessable(
            f"map: {shown(item)} in {where} does not contain declared merge key: {key}"
        )
    return shown(item[key])


def _check_list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise bad_request(f"invalid JSON document: {name} must be a list")
    return value


def _plain(value: Any) -> Any:
    """A new value without directives and nulls."""
    if isinstance(value, dict):
        return {
            name: _plain(item)
            for name, item in value.items()
            if item is not None
            and name not in (DIRECTIVE, RETAIN)
            and not name.startswith((ORDER, REMOVE))
        }
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _unprocessable(message: str) -> StatusError:
    return StatusError(422, "Invalid", message)
