"""Sets of fields, as managedFields records them: who owns what.

A field's path is a tuple of FieldsV1 elements: `f:spec`, `k:{"name":"web"}`, `v:"text"`, and at
the end `.` for a list item as such. Atomic lists and maps are one field. Everything here is pure.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import orjson

from gcpsim.k8s.types.listtypes import KEY_DEFAULTS
from gcpsim.k8s.types.shapes import Type

Doc = dict[str, Any]
Path = tuple[str, ...]
Fields = set[Path]

UNMANAGED_ROOT = {"apiVersion", "kind"}
UNMANAGED_METADATA = {
    "name",
    "namespace",
    "generateName",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "managedFields",
}


def fields_of(obj: Doc, type: Type) -> Fields:
    """Every field that an object sets."""
    return set(_leaves(managed_part(obj), type, ()))


def managed_part(obj: Doc) -> Doc:
    """The object without what nobody can own."""
    part = {name: value for name, value in obj.items() if name not in UNMANAGED_ROOT}
    metadata = {
        name: value
        for name, value in (obj.get("metadata") or {}).items()
        if name not in UNMANAGED_METADATA
    }
    part.pop("metadata", None)
    return {**part, "metadata": metadata} if metadata else part


def changes(old: Any, new: Any, type: Type, path: Path = ()) -> tuple[Fields, Fields]:
    """The fields that are new or different, and those that are gone."""
    if old == new:
        return set(), set()
    before, after = _children(old, type), _children(new, type)
    if before is None or after is None or not before or not after:
        changed = set(_leaves(new, type, path))
        return changed, set(_leaves(old, type, path)) - changed
    changed, gone = set(), set()
    for element in before.keys() | after.keys():
        below = (*path, element)
        if element not in after:
            gone |= set(_leaves(*before[element], below))
        elif element not in before:
            changed |= set(_leaves(*after[element], below))
        else:
            more, less = changes(before[element][0], after[element][0], after[element][1], below)
            changed |= more
            gone |= less
    return changed, gone


def value_at(obj: Any, type: Type, path: Path) -> Any:
    """The value of a field, None when it is not set."""
    for element in path:
        if element == ".":
            return obj
        found = (_children(obj, type) or {}).get(element)
        if found is None:
            return None
        obj, type = found
    return obj


def to_fields_v1(fields: Fields) -> Doc:
    tree: Doc = {}
    for path in sorted(fields):
        node = tree
        for element in path:
            node = node.setdefault(element, {})
    return tree


def from_fields_v1(tree: Any) -> Fields:
    found: Fields = set()
    todo: list[tuple[Path, Any]] = [((), tree)]
    while todo:
        path, node = todo.pop()
        if isinstance(node, dict) and node:
            todo += [((*path, element), below) for element, below in node.items()]
        elif path:
            # Go's printer writes an item that is owned as such as `k:{...}: {}`.
            found.add((*path, ".") if path[-1].startswith("k:") else path)
    return found


def shown_path(path: Path) -> str:
    """As conflicts print it: `.spec.containers[name="web"].image`."""
    text = ""
    for element in path:
        kind, _, rest = element.partition(":")
        if kind == "f":
            text += "." + rest
        elif kind == "k":
            keys = orjson.loads(rest)
            text += "[" + ",".join(f"{k}={_quoted(v)}" for k, v in sorted(keys.items())) + "]"
        elif kind == "v":
            text += f"[={rest}]"
    return text


def item_key(item: Any, type: Type) -> str:
    """The path element of a list's item, `k:{...}` or `v:...`."""
    assert type.merging is not None
    keys = type.merging.keys
    if not keys:
        return "v:" + orjson.dumps(item).decode()
    found = {}
    for key in sorted(keys):
        value = item.get(key) if isinstance(item, dict) else None
        if value is None:
            value = KEY_DEFAULTS.get(key)
        if value is not None:
            found[key] = value
    return "k:" + orjson.dumps(found).decode()


def _children(value: Any, type: Type) -> dict[str, tuple[Any, Type]] | None:
    """What is below a value, by path element; None for leaves."""
    if type.atomic:
        return None
    if isinstance(value, dict) and type.kind in ("object", "map", "any"):
        return {element_of(name): (item, type.child(name)) for name, item in value.items()}
    if isinstance(value, list) and type.kind == "list" and type.merging is not None:
        items = type.items
        assert items is not None
        return {item_key(item, type): (item, items) for item in value}
    return None


@lru_cache(maxsize=4096)
def element_of(name: str) -> str:
    return "f:" + name


def _leaves(value: Any, type: Type, path: Path) -> Iterator[Path]:
    below = _children(value, type)
    if path and path[-1].startswith("k:"):
        yield (*path, ".")
    if not below:
        if path and not path[-1].startswith("k:"):
            yield path
        return
    for element, (item, item_type) in below.items():
        yield from _leaves(item, item_type, (*path, element))


def _quoted(value: Any) -> str:
    return orjson.dumps(value).decode()
