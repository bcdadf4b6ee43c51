"""Whose a resource is: the mark that edgebook leaves on what it creates, and how it is read again.

A label where the API has labels, and the description everywhere else; the description also where
there are labels, since Compute Engine does not store the labels of an insert: a run that is killed
between the insert and `setLabels` still recognises its address.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from edgebook.model.kinds import Kind

LABEL = "edgebook"
_MARK = re.compile(r"Kept by Edgebook \(front door ([a-z][-a-z0-9]*)\)")


def description(front_door: str, text: str = "") -> str:
    mark = f"Kept by Edgebook (front door {front_door})"
    return f"{text} - {mark}" if text else mark


def marked(
    kind: Kind, body: Mapping[str, Any], front_door: str, labels: Mapping[str, str]
) -> dict[str, Any]:
    """The body with our mark in it."""
    result = dict(body)
    if kind.marker:
        result["description"] = description(front_door, str(body.get("description", "")))
    if kind.labels:
        result["labels"] = {**labels, **body.get("labels", {}), LABEL: front_door}
    return result


def owner(body: Mapping[str, Any]) -> str:
    """The front door that a live resource belongs to; empty when it carries no mark of ours."""
    label = (body.get("labels") or {}).get(LABEL)
    if label:
        return str(label)
    found = _MARK.search(str(body.get("description") or ""))
    return found.group(1) if found else ""


def neg_owner(neg: Mapping[str, Any]) -> str:
    """The cluster and Service that a NEG's description names, as GKE writes it."""
    try:
        said = json.loads(str(neg.get("description") or ""))
        return (
            f"made for {said['namespace']}/{said['service-name']} "
            f"of cluster {str(said['cluster-uid'])[:8]}"
        )
    except (ValueError, KeyError, TypeError):
        return "not made by GKE"
