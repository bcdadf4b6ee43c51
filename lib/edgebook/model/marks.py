"""Whose a resource is: the mark that edgebook leaves on what it creates, and how it is read again.

A label where the API has labels, and the description everywhere else; the description also where
there are labels, since Compute Engine does not store the labels of an insert: a run that is killed
between the insert and `setLabels` still recognises its address.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgebook.base.parsing import from_json
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


@dataclass(frozen=True)
class MadeFor:
    """Whom GKE made a NEG for; `cluster` is the uid of the cluster's namespace kube-system."""

    cluster: str
    service: str  # namespace/name
    port: str  # of the Service

    def __str__(self) -> str:
        return f"made for {self.service} of cluster {self.cluster[:8]}"


def made_for(neg: Mapping[str, Any]) -> MadeFor | None:
    """What a NEG's description says, as GKE writes it; None when GKE did not make it."""
    try:
        said = from_json(str(neg.get("description") or ""))
        service = f"{said['namespace']}/{said['service-name']}"
        return MadeFor(str(said["cluster-uid"]), service, str(said["port"]))
    except (ValueError, KeyError, TypeError):
        return None


def neg_owner(neg: Mapping[str, Any]) -> str:
    """The cluster and Service that a NEG's description names."""
    return str(made_for(neg) or "not made by GKE")
