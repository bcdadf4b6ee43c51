"""Lists of Compute Engine: filter, orderBy, pages, and the aggregated form over all scopes."""

from typing import Any

from gcpsim.compute.engine import links
from gcpsim.compute.engine.catalog import REGIONS, ZONES
from gcpsim.compute.engine.resources import Doc, Kind, Resources
from gcpsim.core import paging
from gcpsim.core.edge import Call
from gcpsim.core.errors import ApiError, invalid
from gcpsim.core.filters import FilterError, Predicate, compile_filter
from gcpsim.core.paths import name_of

MAX_RESULTS = 500


def page(compute: Resources, kind: Kind, call: Call, project: str, scope: str) -> Doc:
    """`{"kind": "compute#backendServiceList", "id", "items", "selfLink", "nextPageToken"}`"""
    rows = compute.rows(kind.collection, project, scope)
    found = dict(rows)
    body: Doc = {
        "kind": f"compute#{kind.schema[0].lower()}{kind.schema[1:]}List",
        "id": f"projects/{project}/{scope}/{kind.collection}",
    }
    items, token = choose(rows, call, lambda path: compute.view(kind, path, found[path]))
    if items:
        body["items"] = items
    if token:
        body["nextPageToken"] = token
    body["selfLink"] = links.link(f"projects/{project}/{scope}/{kind.collection}")
    return body


def choose(rows: list[tuple[str, Doc]], call: Call, show: Any) -> tuple[list[Doc], str]:
    """The rows that filter, orderBy and page ask for, shown; and the next page token."""
    predicate = _filter(call)
    order = _order(call, rows)
    viewed = [(path, show(path)) for path, _ in order] if call.query.get("filter") else None
    paths = [path for path, doc in viewed if predicate(doc)] if viewed else [p for p, _ in order]
    shown = dict(viewed) if viewed else None
    asked = call.query.get("filter", "") + "|" + call.query.get("orderBy", "")
    given = call.query.get("pageToken", "")
    try:
        chosen, token = paging.page(paths, size=_size(call), token=given, asked=asked)
    except paging.BadToken:
        raise invalid("pageToken", given, "The page token is invalid.") from None
    return [shown[path] if shown else show(path) for path in chosen], token


def aggregated(compute: Resources, kind: Kind, call: Call, project: str) -> Doc:
    """`items` maps each scope to its resources, or to a warning that there are none."""
    rows = compute.rows(kind.collection, project)
    found = dict(rows)
    chosen, token = choose(rows, call, lambda path: compute.view(kind, path, found[path]))
    by_scope: dict[str, list[Doc]] = {}
    for doc in chosen:
        _, scope, _, _ = links.split(links.path_of(doc["selfLink"]))
        by_scope.setdefault(scope, []).append(doc)
    items: Doc = {}
    for scope in _scopes(kind):
        present = by_scope.get(scope)
        items[scope] = {kind.collection: present} if present else _nothing(scope)
    body: Doc = {
        "kind": f"compute#{kind.schema[0].lower()}{kind.schema[1:]}AggregatedList",
        "id": f"projects/{project}/aggregated/{kind.collection}",
        "items": items,
        "selfLink": links.link(f"projects/{project}/aggregated/{kind.collection}"),
    }
    if token:
        body["nextPageToken"] = token
    return body


def _scopes(kind: Kind) -> list[str]:
    scopes = ["global"] if "global" in kind.scopes else []
    if "regions" in kind.scopes:
        scopes += [f"regions/{region}" for region in REGIONS]
    if "zones" in kind.scopes:
        scopes += [f"zones/{zone}" for zone in ZONES]
    return scopes


def _nothing(scope: str) -> Doc:
    return {
        "warning": {
            "code": "NO_RESULTS_ON_PAGE",
            "message": f"There are no results for scope '{scope}' on this page.",
            "data": [{"key": "scope", "value": scope}],
        }
    }


def _filter(call: Call) -> Predicate:
    text = call.query.get("filter", "")
    try:
        return compile_filter(text)
    except FilterError:
        raise invalid("filter", text, "Invalid list filter expression.") from None


def _order(call: Call, rows: list[tuple[str, Doc]]) -> list[tuple[str, Doc]]:
    order = call.query.get("orderBy", "")
    if order in ("", "name"):
        return sorted(rows, key=lambda row: name_of(row[0]))
    if order == "creationTimestamp desc":
        return sorted(rows, key=lambda row: int(row[1]["id"]), reverse=True)
    raise invalid("orderBy", order, "Only ordering by name or creationTimestamp desc is supported.")


def _size(call: Call) -> int:
    text = call.query.get("maxResults", "")
    if not text:
        return MAX_RESULTS
    if not text.isdigit():
        raise ApiError(
            400, f"Invalid value at 'max_results' (TYPE_UINT32), \"{text}\"", "badRequest"
        )
    if int(text) > MAX_RESULTS:
        raise invalid("maxResults", text, f"Must be less than or equal to {MAX_RESULTS}.")
    return int(text) or MAX_RESULTS
