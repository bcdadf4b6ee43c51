"""Texts inside table cells: ages and selectors, as the API server's printers write them."""

from datetime import datetime
from typing import Any

Doc = dict[str, Any]

MINUTE, HOUR, DAY, YEAR = 60, 3600, 86400, 86400 * 365


def age(timestamp: str | None, now: float) -> str:
    """How long ago, e.g. `5m12s`; `<unknown>` without a time."""
    if not timestamp:
        return "<unknown>"
    try:
        return human(now - datetime.fromisoformat(timestamp).timestamp())
    except ValueError:
        return "<invalid>"


def duration(start: str | None, end: str | None, now: float) -> str:
    if not start:
        return ""
    until = datetime.fromisoformat(end).timestamp() if end else now
    return human(until - datetime.fromisoformat(start).timestamp())


def human(seconds: float) -> str:
    """A duration with at most two units, fewer the longer it is."""
    if seconds < -1:
        return "<invalid>"
    whole = max(0, int(seconds))
    if whole < 2 * MINUTE:
        return f"{whole}s"
    if whole < 10 * MINUTE:
        return _two(whole, MINUTE, "m", 1, "s")
    if whole < 3 * HOUR:
        return f"{whole // MINUTE}m"
    if whole < 8 * HOUR:
        return _two(whole, HOUR, "h", MINUTE, "m")
    if whole < 2 * DAY:
        return f"{whole // HOUR}h"
    if whole < 8 * DAY:
        return _two(whole, DAY, "d", HOUR, "h")
    if whole < 2 * YEAR:
        return f"{whole // DAY}d"
    if whole < 8 * YEAR:
        return _two(whole, YEAR, "y", DAY, "d")
    return f"{whole // YEAR}y"


def _two(seconds: int, large: int, letter: str, small: int, letter_small: str) -> str:
    rest = seconds % large // small
    return f"{seconds // large}{letter}" + (f"{rest}{letter_small}" if rest else "")


def labels_text(labels: dict[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or "<none>"


def selector_text(selector: Doc | None) -> str:
    """A LabelSelector, or a plain map of labels, in the query-string grammar."""
    if not selector:
        return "<none>"
    if "matchLabels" not in selector and "matchExpressions" not in selector:
        return labels_text(selector)
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for item in selector.get("matchExpressions") or ():
        key, operator = item["key"], item["operator"]
        values = ",".join(sorted(item.get("values") or ()))
        texts = {
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": key,
            "DoesNotExist": f"!{key}",
        }
        parts.append(texts.get(operator, key))
    return ",".join(parts) or "<none>"


def metadata_only(obj: Doc) -> Doc:
    """An object without all but its metadata."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": obj["metadata"],
    }
