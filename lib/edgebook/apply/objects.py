"""Writes to Kubernetes objects of others: only the fields that a change names, or the deletion.

A merge patch of exactly those fields, so that whatever else somebody has in the object stays.
"""

from typing import Any

from edgebook.base.errors import ApiError
from edgebook.cloud import refusals
from edgebook.live.reader import Reader
from edgebook.model.fields import parts_of
from edgebook.model.kinds import Kind
from edgebook.model.paths import cluster_of, namespace_of
from edgebook.model.values import Action, Change, ResourceKey


def where(kind: Kind, key: ResourceKey) -> str:
    """The object's path in its cluster's API."""
    namespace = namespace_of(key.scope)
    return f"{kind.group}/namespaces/{namespace}/{kind.collection}/{key.name}"


def write(reader: Reader, kind: Kind, change: Change) -> None:
    """Patch or delete; an object that is gone already is fine to delete."""
    cluster = reader.cluster(cluster_of(change.key.scope))
    if change.action is not Action.DELETE:
        cluster.patch(where(kind, change.key), patch_of(change))
        return
    try:
        cluster.request("DELETE", where(kind, change.key))
    except ApiError as error:
        if not refusals.not_there(error):
            raise


def patch_of(change: Change) -> dict[str, Any]:
    """The changed fields of a change as a nested body."""
    patch: dict[str, Any] = {}
    for path in change.fields:
        *parents, last = parts_of(path)
        value: Any = change.after
        place = patch
        for part in parents:
            place = place.setdefault(part, {})
            value = value[part]
        place[last] = value[last]
    return patch
