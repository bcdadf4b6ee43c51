"""What is done to a resource's document, whatever collection it is of.

Merging a PATCH, fingerprints, ETags, labels, and what Google's printer leaves out. Pure functions:
nothing here knows about requests or where documents are kept.
"""

import base64
import hashlib
import re
from typing import Any

import orjson

from gcpsim.core.errors import invalid

Doc = dict[str, Any]
# The fingerprint of "no labels", the same in every project (seen in public Terraform output).
NO_LABELS = "42WmSpB8rSM="


def merge(base: Doc, patch: Doc) -> Doc:
    """JSON merge patch (RFC 7386): absent keeps, null clears, arrays are replaced whole."""
    out = dict(base)
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict):
            inner = out.get(key)
            out[key] = merge(inner if isinstance(inner, dict) else {}, value)
        else:
            out[key] = value
    return out


def shown(value: Any) -> Any:
    """A document as Google prints it: no nulls, no empty lists, whole floats as `1`."""
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items() if item is not None and item != []}
    if isinstance(value, list):
        return [shown(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def fingerprint(content: Any, *, salt: str = "") -> str:
    """Base64 in the alphabet for URLs, as recorded, of eight bytes that change with each write."""
    digest = hashlib.sha256(orjson.dumps([content, salt], option=orjson.OPT_SORT_KEYS)).digest()
    return base64.urlsafe_b64encode(digest[:8]).decode()


def label_fingerprint(labels: Doc | None) -> str:
    """The fingerprint of labels, which follows from what they are."""
    return fingerprint(labels, salt="labels") if labels else NO_LABELS


def etag(doc: Doc) -> str:
    return f'"{hashlib.sha1(orjson.dumps(doc)).hexdigest()}"'


def url_safe_base64(value: Any) -> str:
    """Base64 in the alphabet for URLs, whichever was sent."""
    return str(value or "").replace("+", "-").replace("/", "_")


def kept_labels(before: Doc) -> Doc:
    """Labels live apart from the rest: setLabels during an update must not be lost."""
    return {key: before[key] for key in ("labels", "labelFingerprint") if key in before}


def check_labels(labels: Doc, field: str = "labels") -> None:
    """Refuse labels that Google would refuse."""
    rules = "can only contain lowercase letters, numeric characters, underscores and dashes. The"
    end = "can be at most 63 characters long. International characters are allowed."
    for key, value in labels.items():
        if not re.fullmatch(r"[^\W\dA-Z_][\w-]{0,62}", key) or key != key.lower():
            why = f"The key must start with a lowercase character, {rules} key {end}"
            raise invalid(field, "", f"Label key '{key}' violates format constraints. {why}")
        text = str(value)
        if not re.fullmatch(r"[\w-]{0,63}", text) or text != text.lower():
            why = f"The value {rules} value {end}"
            raise invalid(field, "", f"Label value '{text}' violates format constraints. {why}")


def get_path(doc: Any, path: str) -> list[tuple[str, str]]:
    """(where, value) of every string at a dotted path with `[]` for lists."""
    found: list[tuple[str, Any]] = [("", doc)]
    for part in path.split("."):
        name, many = part.removesuffix("[]"), part.endswith("[]")
        following: list[tuple[str, Any]] = []
        for where, item in found:
            if not isinstance(item, dict) or item.get(name) is None:
                continue
            at = f"{where}.{name}" if where else name
            value = item[name]
            if many and isinstance(value, list):
                following.extend((f"{at}[{index}]", one) for index, one in enumerate(value))
            else:
                following.append((at, value))
        found = following
    return [(where, value) for where, value in found if isinstance(value, str)]


def set_path(doc: Any, where: str, value: Any) -> None:
    """Set the value at a concrete path such as `backends[0].group`."""
    parts: list[str | int] = []
    for part in where.split("."):
        name, *indexes = part.replace("]", "").split("[")
        parts.append(name)
        parts.extend(int(index) for index in indexes)
    for step in parts[:-1]:
        doc = doc[step]
    doc[parts[-1]] = value
