"""What a change does field by field, as people read it: path, before, after. Pure.

Nested lists are matched item by item, by what names an item (a backend's NEG, a route's paths, a
weight's backend service), so that a URL map that sends 10 % elsewhere shows that weight and nothing
else. Only fields that are wanted are told, since what the server adds is not ours; what is ours as
a whole (a route of a URL map) shows what is taken out of it, too.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgebook.model.fields import at
from edgebook.model.kinds import KINDS, noun
from edgebook.model.paths import name_of, zone_of
from edgebook.model.values import Action, Change, ResourceKey, to_json
from edgebook.plan.compare import is_set

NONE = "none"
# What names an item of a list, the first that it has.
NAMING = (
    "name", "group", "backendService", "priority", "paths", "hosts", "headerName", "IPProtocol",
    "fullPathMatch", "prefixMatch", "domain",
)  # fmt: skip
EACH_NEG = "$each_neg"
WHOLE = tuple(f"{one.removesuffix('[]')}[" for kind in KINDS.values() for one in kind.whole)


@dataclass(frozen=True, order=True)
class Detail:
    """One field; `before` and `after` are words, "none" where there is no value."""

    path: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.path}: {self.before} -> {self.after}"

    def to_json(self) -> dict[str, str]:
        return {"path": self.path, "before": self.before, "after": self.after}


def of(change: Change) -> tuple[Detail, ...]:
    """The fields of a change, sorted; a creation has all of its fields."""
    return of_json(
        {"before": to_json(change.before), "after": to_json(change.after), "fields": change.fields}
    )


def with_details(plan: Mapping[str, Any]) -> dict[str, Any]:
    """A plan's JSON, each change with its fields in words: for machines that show it to people."""
    changes = [
        {**change, "details": [item.to_json() for item in told(change)]}
        for change in plan["changes"]
    ]
    return {**plan, "changes": changes}


def told(change: Mapping[str, Any]) -> tuple[Detail, ...]:
    """What is worth telling of a change: nothing of a report, and of a deletion what is kept."""
    silent = change.get("action") in (Action.REPORT, Action.DELETE) and not change.get("before")
    return () if silent else of_json(change)


def of_json(change: Mapping[str, Any]) -> tuple[Detail, ...]:
    """The same for a change as journals and records have it."""
    before, after = change.get("before") or {}, change.get("after") or {}
    paths = sorted(change.get("fields") or before)
    if not paths:
        return tuple(sorted(leaves(None, after)))
    return tuple(
        sorted(leaf for path in paths for leaf in leaves(before.get(path), at(after, path), path))
    )


def leaves(before: Any, after: Any, path: str = "") -> Iterator[Detail]:
    """The fields in which two values differ, down to what has no parts."""
    if isinstance(after, Mapping) and not _is_special(after):
        old = before if isinstance(before, Mapping) else {}
        for name in sorted(after):
            yield from leaves(old.get(name), after[name], f"{path}.{name}" if path else name)
        if path.startswith(WHOLE):
            for name in sorted(n for n in set(old) - set(after) if is_set(old[n])):
                yield Detail(f"{path}.{name}", words(old[name]), NONE)
        return
    if _is_list_of_blocks(after) or (not after and _is_list_of_blocks(before)):
        yield from _items(list(before or ()), list(after or ()), path)
        return
    one, other = words(before), words(after)
    if one != other:
        yield Detail(path, one, other)


def _items(before: list[Any], after: list[Any], path: str) -> Iterator[Detail]:
    if any(isinstance(item, Mapping) and EACH_NEG in item for item in after):
        yield from _entries(before, after, path)
        return
    old, new = _named(before), _named(after)
    for name in sorted(old.keys() | new.keys()):
        where = f"{path}[{name}]"
        if name not in new:
            yield Detail(where, words(old[name]), NONE)
        else:
            yield from leaves(old.get(name), new[name], where)


def _entries(before: list[Any], after: list[Any], path: str) -> Iterator[Detail]:
    """Entries of a backend service: what is there, and the NEGs that GKE makes of a Service."""
    wanted = {str(item[EACH_NEG]): item["entry"] for item in after if EACH_NEG in item}
    for entry in before:
        balancing = {name: value for name, value in entry.items() if name != "group"}
        new = wanted.get(name_of(str(entry.get("group", ""))), {})
        changed = {name: value for name, value in new.items() if balancing.get(name) != value}
        where = f"{path}[{item_name(entry)}]"
        yield Detail(where, words(balancing), words(changed) if changed else "taken out")
    if not before:
        for item in after:
            if EACH_NEG in item:
                where = f"{path}[{item[EACH_NEG]} of {item['of']}, every zone]"
                yield Detail(where, NONE, words(item["entry"]))


def _named(items: Sequence[Any]) -> dict[str, Any]:
    """Items by their names; the second of one name, and those without, by their place."""
    found: dict[str, Any] = {}
    for number, item in enumerate(items):
        name = item_name(item) or str(number)
        found[name if name not in found else f"{name} #{number}"] = item
    return found


def item_name(item: Any) -> str:
    """What people call an item of a list; "" when nothing in it names it."""
    if not isinstance(item, Mapping):
        return words(item)
    for field in NAMING:
        if value := item.get(field):
            if field == "group" and isinstance(value, str):
                return f"{name_of(value)} {zone_of(value)}" if zone_of(value) else value
            return words(value)
    return ""


def words(value: Any) -> str:
    """A value in a table: links by their last part, references by what they point to."""
    if value is None or value in ("", [], {}):
        return NONE
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str):
        return name_of(value) if "projects/" in value else value
    if isinstance(value, Mapping):
        return _block(value)
    if isinstance(value, list | tuple):
        parts = [words(item) for item in value]
        return ", ".join(sorted(parts) if all(isinstance(v, str) for v in value) else parts)
    return str(value)


def _block(value: Mapping[str, Any]) -> str:
    if "$ref" in value:
        key = ResourceKey.parse(str(value["$ref"]))
        if value.get("field") == "selfLink":
            return key.name
        kind = noun(key) if key.kind in KINDS else key.kind
        return f"({value.get('field')} of {kind} {key.name})"
    if "$secret" in value or "$env" in value:
        return "(a secret)"
    if EACH_NEG in value:
        return f"NEGs {value[EACH_NEG]} of {value.get('of')}"
    parts = [f"{name} {words(item)}" for name, item in sorted(value.items()) if item is not None]
    return "{" + ", ".join(parts) + "}" if len(parts) > 1 else "".join(parts) or NONE


def _is_special(value: Mapping[str, Any]) -> bool:
    return not value or any(name.startswith("$") for name in value)


def _is_list_of_blocks(value: Any) -> bool:
    return isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value)
