"""Server-side apply: merge what a manager wants, refuse what others own, drop the unwanted.

Works on FieldsV1 sets (see `fieldsets`). An Apply that changes a field of another manager is a
conflict, unless forced; a plain update takes the fields that it changes. Version conversion of
field sets is left out: a cluster here stores one version of each kind.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from gcpsim.k8s.patch import fieldsets
from gcpsim.k8s.patch.fieldsets import Fields, Path
from gcpsim.k8s.patch.patches import ordered
from gcpsim.k8s.types.shapes import Type
from gcpsim.k8s.types.status import Cause, StatusError, bad_request

Doc = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Owner:
    """Who wrote, by which operation ("Apply" or "Update"), to which subresource."""

    manager: str
    operation: str
    api_version: str
    subresource: str = ""


def track_update(
    old: Doc | None,
    new: Doc,
    type: Type,
    owner: Owner,
    now: str,
    nobodys: Fields | frozenset[Path] = frozenset(),
) -> None:
    """Write into `new` who owns its fields after an update by `owner`; `nobodys` stay unowned."""
    before = fieldsets.managed_part(old) if old else {}
    changed, gone = fieldsets.changes(before, fieldsets.managed_part(new), type)
    changed -= nobodys
    managed = _managed(new)
    if not changed and not gone:
        return
    owned = {
        entry: (fields - gone) - (changed if entry != owner else set())
        for entry, (fields, _) in managed.items()
    }
    times = {entry: time for entry, (_, time) in managed.items()}
    if changed:
        owned[owner] = owned.get(owner, set()) | changed
        times[owner] = now
    _store(new, owned, times)


def apply(live: Doc, config: Doc, type: Type, owner: Owner, force: bool, now: str) -> Doc:
    """The live object with an applied configuration, managed fields included. 409 on conflicts."""
    managed = _managed(live)
    _require_distinct(config, config, type, ())
    wanted = fieldsets.fields_of(config, type)
    conflicts = _conflicts(live, config, type, owner, wanted, managed)
    if conflicts and not force:
        raise _refusal(conflicts)
    others = {
        entry: fields - conflicts.get(entry, set())
        for entry, (fields, _) in managed.items()
        if entry != owner
    }
    result: Doc = merge_typed(live, config, type)
    had, since = managed.get(owner, (set(), now))
    held: Fields = set().union(*others.values()) if others else set()
    dropped = {path for path in had - wanted - held if not _is_key(path)}
    for path in sorted(dropped, key=lambda path: (path[-1] != ".", -len(path))):
        _remove(result, path, type, held | wanted)
    times = {entry: time for entry, (_, time) in managed.items()}
    unchanged = had == wanted and result == live
    times[owner] = since if unchanged else now
    _store(result, {**others, owner: wanted}, times)
    return result


def _require_distinct(config: Doc, part: Any, type: Type, path: Path) -> None:
    """400 that names object and path when items of a keyed list share their keys."""
    if type.atomic:
        return
    if isinstance(part, dict):
        for name, value in part.items():
            _require_distinct(config, value, type.child(name), (*path, f"f:{name}"))
    elif isinstance(part, list) and type.merging is not None and type.items is not None:
        marks = [fieldsets.item_key(item, type) for item in part]
        twice = sorted({mark for mark in marks if marks.count(mark) > 1})
        if twice:
            meta, kind = config.get("metadata") or {}, config.get("kind", "")
            name = f"{meta.get('namespace', '')}/{meta.get('name', '')}"
            raise bad_request(
                f"failed to create typed patch object ({name}; {config.get('apiVersion', '')}, "
                f"Kind={kind}): {fieldsets.shown_path(path)}: duplicate entries for key "
                f"{fieldsets.shown_path((twice[0],))}"
            )
        for mark, item in zip(marks, part, strict=True):
            _require_distinct(config, item, type.items, (*path, mark))


def merge_typed(live: Any, config: Any, type: Type) -> Any:
    """`live` with everything that `config` sets, list items matched by their keys."""
    if type.atomic:
        return config
    if isinstance(config, dict) and isinstance(live, dict):
        result = dict(live)
        for name, value in config.items():
            result[name] = (
                merge_typed(live[name], value, type.child(name)) if name in live else value
            )
        return result
    keyed = isinstance(config, list) and isinstance(live, list) and type.merging is not None
    if not keyed:
        return config
    items = type.items
    assert items is not None
    marks = [fieldsets.item_key(item, type) for item in live]
    wanted = [fieldsets.item_key(item, type) for item in config]
    have, new = dict(zip(marks, live, strict=True)), dict(zip(wanted, config, strict=True))
    # Live items that share a key stay as they are, unless the configuration names that key.
    pairs = [(mark, item) for mark, item in zip(marks, live, strict=True) if mark not in new]
    pairs += [
        (mark, merge_typed(have[mark], item, items) if mark in have else item)
        for mark, item in new.items()
    ]
    return ordered([item for _, item in pairs], [mark for mark, _ in pairs], wanted, marks)


def _conflicts(
    live: Doc,
    config: Doc,
    type: Type,
    owner: Owner,
    wanted: Fields,
    managed: dict[Owner, tuple[Fields, str]],
) -> dict[Owner, Fields]:
    found: dict[Owner, Fields] = {}
    for entry, (fields, _) in managed.items():
        if entry == owner:
            continue
        different = {
            path
            for path in fields & wanted
            if path[-1] != "."
            and fieldsets.value_at(live, type, path) != fieldsets.value_at(config, type, path)
        }
        if different:
            found[entry] = different
    return found


def _refusal(conflicts: dict[Owner, Fields]) -> StatusError:
    causes, groups = [], []
    for owner in sorted(conflicts, key=lambda entry: entry.manager):
        by = _shown(owner)
        fields = sorted(fieldsets.shown_path(path) for path in conflicts[owner])
        causes += [Cause("FieldManagerConflict", f"conflict with {by}", field) for field in fields]
        if len(fields) == 1:
            groups.append(f"conflict with {by}: {fields[0]}")
        else:
            groups.append(f"conflicts with {by}:\n" + "\n".join(f"- {field}" for field in fields))
    count = len(causes)
    noun = "conflict" if count == 1 else "conflicts"
    message = f"Apply failed with {count} {noun}: " + "\n".join(groups)
    return StatusError(409, "Conflict", message, causes=causes)


def _shown(owner: Owner) -> str:
    text = f'"{owner.manager}"'
    if owner.subresource:
        text += f' with subresource "{owner.subresource}"'
    return f"{text} using {owner.api_version}" if owner.operation == "Update" else text


def _remove(obj: Any, path: Path, type: Type, kept: Fields) -> None:
    """Take a field away in place, on fresh copies of what holds it, and then empty parents."""
    element, rest = path[0], path[1:]
    if isinstance(obj, list):
        for index, item in enumerate(obj):
            if fieldsets.item_key(item, type) != element:
                continue
            if not rest or rest == (".",):
                del obj[index]
                return
            obj[index] = _fresh(item)
            _remove(obj[index], rest, type.items or type, _below(kept, element))
            return
        return
    name = element[2:]
    if not isinstance(obj, dict) or name not in obj:
        return
    below = _below(kept, element)
    if not rest:
        if not below:
            del obj[name]
        return
    if rest[-1] == "." and len(rest) == 2 and any(p[0] == rest[0] for p in below if p):
        return
    obj[name] = _fresh(obj[name])
    _remove(obj[name], rest, type.child(name), below)
    if obj[name] in ({}, []) and (element,) not in kept and not below:
        del obj[name]


def _is_key(path: Path) -> bool:
    """Whether a field is what tells its list item apart: it goes with the item only."""
    if len(path) < 2 or not path[-2].startswith("k:"):
        return False
    return path[-1].removeprefix("f:") in orjson.loads(path[-2][2:])


def _below(fields: Fields, element: str) -> Fields:
    return {path[1:] for path in fields if path[0] == element and len(path) > 1}


def _fresh(value: Any) -> Any:
    return (
        dict(value)
        if isinstance(value, dict)
        else list(value)
        if isinstance(value, list)
        else value
    )


def _managed(obj: Doc) -> dict[Owner, tuple[Fields, str]]:
    found = {}
    for entry in obj.get("metadata", {}).get("managedFields") or ():
        owner = Owner(
            entry.get("manager", ""),
            entry.get("operation", "Update"),
            entry.get("apiVersion", ""),
            entry.get("subresource", ""),
        )
        found[owner] = (fieldsets.from_fields_v1(entry.get("fieldsV1")), entry.get("time", ""))
    return found


def _store(obj: Doc, owned: dict[Owner, Fields], times: dict[Owner, str]) -> None:
    entries = []
    for owner, fields in owned.items():
        if not fields:
            continue
        entry: Doc = {
            "manager": owner.manager,
            "operation": owner.operation,
            "apiVersion": owner.api_version,
            "time": times.get(owner, ""),
            "fieldsType": "FieldsV1",
            "fieldsV1": fieldsets.to_fields_v1(fields),
        }
        entries.append(entry | ({"subresource": owner.subresource} if owner.subresource else {}))
    entries.sort(key=lambda entry: (entry["operation"], entry["time"], entry["manager"]))
    obj["metadata"] = {**obj["metadata"], "managedFields": entries}
