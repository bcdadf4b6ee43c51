"""Reading and changing Kubernetes objects: keys, owners, selectors, conditions, times.

Objects are frozen dicts; every function here returns a new one or a plain value. Nothing here knows
a cluster.
"""

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from gcpsim.k8s.types.stamps import stamp as stamp

Obj = dict[str, Any]

SAFE = "bcdfghjklmnpqrstvwxz2456789"
QUANTITY = re.compile(r"([0-9.]+)([a-zA-Z]*)$")
SUFFIXES = {
    "": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40,
}  # fmt: skip


def key_of(obj: Obj) -> str:
    """`namespace/name`, or `name` for cluster-scoped objects."""
    meta = obj["metadata"]
    namespace = meta.get("namespace")
    return f"{namespace}/{meta['name']}" if namespace else str(meta["name"])


def split(key: str) -> tuple[str, str]:
    namespace, _, name = key.rpartition("/")
    return namespace, name


def uid_of(obj: Obj) -> str:
    return str(obj["metadata"].get("uid", ""))


def controller_of(obj: Obj) -> Obj | None:
    """The owner reference marked as controller."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            found: Obj = reference
            return found
    return None


def owner_reference(owner: Obj, *, blocks: bool = True) -> Obj:
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": blocks,
    }


def deleting(obj: Obj) -> bool:
    return bool(obj["metadata"].get("deletionTimestamp"))


def labels_of(obj: Obj) -> dict[str, str]:
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Obj) -> dict[str, str]:
    return obj["metadata"].get("annotations") or {}


def with_meta(obj: Obj, **fields: Any) -> Obj:
    return {**obj, "metadata": {**obj["metadata"], **fields}}


def with_annotations(obj: Obj, **changes: str | None) -> Obj:
    """A copy with annotations set, or removed where None. Names use their real spelling as keys."""
    kept = {**annotations_of(obj), **changes}
    return with_meta(obj, annotations={k: v for k, v in kept.items() if v is not None})


def matches(selector: Obj | None, labels: dict[str, str]) -> bool:
    """A label selector (matchLabels, matchExpressions) against labels; None selects nothing."""
    if selector is None:
        return False
    wanted, terms = selector.get("matchLabels"), selector.get("matchExpressions")
    if wanted and not wanted.items() <= labels.items():
        return False
    return not terms or all(fits(term, labels) for term in terms)


def fits(term: Obj, labels: dict[str, str]) -> bool:
    """One requirement `{key, operator, values}`, as in selectors and node affinity."""
    value, values = labels.get(term["key"]), term.get("values") or []
    match term["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt":
            return value is not None and int(value) > int(values[0])
        case "Lt":
            return value is not None and int(value) < int(values[0])
    return False


def condition(obj: Obj, kind: str) -> Obj | None:
    for item in (obj.get("status") or {}).get("conditions") or ():
        if item["type"] == kind:
            return dict(item)
    return None


def is_true(obj: Obj, kind: str) -> bool:
    for item in (obj.get("status") or {}).get("conditions") or ():
        if item["type"] == kind:
            return bool(item["status"] == "True")
    return False


def with_condition(
    conditions: Iterable[Obj],
    kind: str,
    status: str,
    now: float,
    *,
    reason: str = "",
    message: str = "",
    **more: Any,
) -> list[Obj]:
    """Conditions with one set; lastTransitionTime moves only when its status does."""
    kept, new = [], {"type": kind, "status": status, "lastTransitionTime": stamp(now)}
    at = None
    for place, item in enumerate(conditions):
        if item["type"] != kind:
            kept.append(item)
            continue
        at = place
        if item["status"] == status and item.get("lastTransitionTime"):
            new["lastTransitionTime"] = item["lastTransitionTime"]
    if reason:
        new["reason"] = reason
    if message:
        new["message"] = message
    new |= more
    kept.insert(len(kept) if at is None else at, new)
    return kept


def seconds_of(text: str | None) -> float:
    return datetime.fromisoformat(text).timestamp() if text else 0.0


def quantity(text: Any) -> float:
    """A resource quantity as a number: `250m`, `1Gi`, 2."""
    found = QUANTITY.match(str(text or 0))
    if not found or found[2] not in SUFFIXES:
        return 0.0
    return float(found[1]) * SUFFIXES[found[2]]


def safe_hash(text: str, length: int = 10) -> str:
    """A hash in the alphabet of Kubernetes' generated names."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    letters = []
    for _ in range(length):
        number, rest = divmod(number, len(SAFE))
        letters.append(SAFE[rest])
    return "".join(letters)


def resolve(value: Any, total: int, *, up: bool) -> int:
    """An int-or-percent field (maxSurge, minAvailable) as a number of pods."""
    if isinstance(value, str) and value.endswith("%"):
        scaled = int(value[:-1]) * total
        return -(-scaled // 100) if up else scaled // 100
    return int(value or 0)
