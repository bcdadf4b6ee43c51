"""Lists: selected, in pages, consistent over pages while objects come and go.

A page after the first shows the objects as they were at the first: what happened since is undone,
with the help of the history, and is 410 Expired when that does not reach back far enough.
"""

import base64
import binascii
from typing import Any

import orjson

from gcpsim.k8s.api.call import Call
from gcpsim.k8s.api.form import form_of, shaped_list
from gcpsim.k8s.objects.cluster import Cluster
from gcpsim.k8s.types import status
from gcpsim.k8s.types.conversion import field_selector
from gcpsim.k8s.types.registry import Resource
from gcpsim.k8s.types.selectors import field_test, label_test
from gcpsim.k8s.types.status import StatusError, bad_request

Doc = dict[str, Any]
Reply = tuple[int, Any, str]


def respond(cluster: Cluster, call: Call, resource: Resource) -> Reply:
    limit, token = call.number("limit"), call.query.get("continue", "")
    asked, match = asked_version(call), call.query.get("resourceVersionMatch", "")
    current = cluster.resource_version()
    if match and asked is None:
        raise bad_list_option(
            "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless "
            "resourceVersion is provided"
        )
    start = ""
    if token:
        if asked:
            raise bad_request("specifying resource version is not allowed when using continue")
        current, start = _continued(token)
    elif asked is not None and asked > current:
        raise status.too_large_resource_version(asked, current)
    elif asked and match == "Exact":
        current = asked
    items = items_of(cluster, call, resource, current)
    total, selective = len(items), bool(call.query.keys() & {"labelSelector", "fieldSelector"})
    if start:
        items = [item for item in items if item[0] > start]
        total = len(items)
    metadata: Doc = {"resourceVersion": str(current)}
    if 0 < limit < len(items):
        items = items[:limit]
        metadata["continue"] = _token(current, items[-1][0])
        if not selective:
            metadata["remainingItemCount"] = total - limit
    return shaped_list(cluster, call, resource, [obj for _, obj in items], metadata, form_of(call))


def items_of(
    cluster: Cluster, call: Call, resource: Resource, version: int
) -> list[tuple[str, Doc]]:
    """Keys and objects as of a version, in order; 410 when it is too long ago."""
    table = cluster.table(resource.key)
    objects = dict(table.items())
    if version < cluster.resource_version():
        undone = cluster.history.undone(resource.key, version)
        if undone is None:
            raise status.gone(
                "The provided continue parameter is too old to display a consistent list result. "
                "You must start a new list without the continue parameter."
                if call.query.get("continue")
                else f"The resourceVersion for the provided list is too old: {version}"
            )
        objects = {**objects, **{key: obj for key, obj in undone.items() if obj is not None}}
        for key in (key for key, obj in undone.items() if obj is None):
            objects.pop(key, None)
    items = list(objects.items())
    if call.namespace:
        prefix = call.namespace + "/"
        items = [item for item in items if item[0].startswith(prefix)]
    for test in (
        label_test(call.query.get("labelSelector")),
        field_test(field_selector(resource, call.query.get("fieldSelector", "")), resource.key),
    ):
        if test is not None:
            items = [item for item in items if test(item[1])]
    items.sort(key=lambda item: item[0])
    return items


def _token(version: int, key: str) -> str:
    raw = orjson.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": key})
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _continued(token: str) -> tuple[int, str]:
    try:
        raw = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        return int(raw["rv"]), str(raw["start"])
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise bad_request("continue key is not valid: encoded token is malformed") from None


def asked_version(call: Call) -> int | None:
    """The resourceVersion in the query."""
    text = call.query.get("resourceVersion", "")
    if not text:
        return None
    if not text.isdigit() or len(text) > 18:
        raise bad_list_option(
            f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing'
        )
    return int(text)


def bad_list_option(why: str) -> StatusError:
    """422 for options that do not go together."""
    return StatusError(422, "Invalid", f'ListOptions.meta.k8s.io "" is invalid: {why}')
