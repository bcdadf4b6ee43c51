"""What is done to plain JSON documents: copying, merging (RFC 7386), comparing."""

from typing import Any

import orjson

Doc = dict[str, Any]


def copy_of(obj: Doc) -> Doc:
    """A deep copy of a JSON document, without sharing anything."""
    copied: Doc = orjson.loads(orjson.dumps(obj))
    return copied


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386: `target` with a JSON merge patch; neither is changed."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def same(new: Doc, old: Doc) -> bool:
    """Equal but for when managed fields were written."""
    if new == old:
        return True
    left, right = new["metadata"], old["metadata"]
    if "managedFields" not in left and "managedFields" not in right:
        return False
    return _untimed(new) == _untimed(old)


def _untimed(obj: Doc) -> Doc:
    metadata = dict(obj["metadata"])
    metadata["managedFields"] = [
        {key: value for key, value in entry.items() if key != "time"}
        for entry in metadata.get("managedFields", ())
    ]
    return {**obj, "metadata": metadata}
