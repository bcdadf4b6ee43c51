"""The methods of Certificate Manager that gcpsim implements, by their id in Google's document.

One set of methods serves all collections. Writes answer with an operation and take effect when it
ends. What is not in IMPLEMENTED is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gcpsim.certs import answers, names, refusals
from gcpsim.certs.engine import Engine
from gcpsim.certs.holdings import ENTRIES, SERVICE
from gcpsim.certs.kinds import KINDS, Kind
from gcpsim.core import projects
from gcpsim.core.discovery import Method
from gcpsim.core.edge import Answer, Call
from gcpsim.core.schema import BodyReader

Doc = dict[str, Any]
Handler = Callable[[Engine, Call, Method, dict[str, str]], Answer]


def _parent(kind: Kind, params: dict[str, str]) -> str:
    parent = f"projects/{params['projectsId']}/locations/{params['locationsId']}"
    if kind.collection == ENTRIES:
        parent += f"/certificateMaps/{params['certificateMapsId']}"
    return parent


def _name(kind: Kind, params: dict[str, str]) -> str:
    return f"{_parent(kind, params)}/{kind.collection}/{params[kind.collection + 'Id']}"


def _body(kind: Kind, call: Call) -> Doc:
    body = BodyReader(SERVICE, root=kind.field).read(kind.schema, call.json())
    return {key: value for key, value in body.items() if value is not None}


def _create(engine: Engine, call: Call, method: Method, params: dict[str, str]) -> Answer:
    kind = KINDS[method.collection]
    parent = _parent(kind, params)
    body = _body(kind, call)
    identity = call.query.get(kind.id_parameter, "")
    if not names.RESOURCE_ID.fullmatch(identity):
        raise refusals.invalid(f"{kind.field}_id", f"invalid resource id: {identity!r}")
    if kind.collection == ENTRIES:
        engine.holdings.require(parent)
    name = f"{parent}/{kind.collection}/{identity}"
    coming = engine.operations.creating(parent, kind.collection)
    if name in engine.holdings.table(kind.collection) or name in coming:
        raise refusals.exists(name)
    metric, limit = kind.quota
    if engine.world.options.enforce_quotas:
        everything = f"projects/{params['projectsId']}/locations/-"
        if len(engine.holdings.children(everything, kind.collection)) + len(coming) >= limit:
            raise refusals.quota(metric, limit)
    doc = {"name": name, "createTime": engine.holdings.now_text()} | kind.read(
        engine.holdings, name, body, None
    )
    projects.remember(engine.world.store, params["projectsId"])
    return _started(engine, name, "create", {"create": doc}, call)


def _started(engine: Engine, name: str, verb: str, effect: Doc, call: Call) -> Answer:
    return Answer(body=engine.operations.start(name, verb, effect, call.faults))


def _get(engine: Engine, call: Call, method: Method, params: dict[str, str]) -> Answer:
    kind = KINDS[method.collection]
    name = _name(kind, params)
    doc = engine.view(name, engine.holdings.require(name))
    if answers.wants_numbers(call.query):
        doc = answers.numeric(kind.schema, doc)
    return Answer(body=doc)


def _list(engine: Engine, call: Call, method: Method, params: dict[str, str]) -> Answer:
    kind = KINDS[method.collection]
    parent = _parent(kind, params)
    if kind.collection == ENTRIES and params["certificateMapsId"] != "-":
        engine.holdings.require(parent)
    known = engine.holdings.children(parent, kind.collection)
    users = engine.serving.users(params["projectsId"])
    views = [engine.view(name, doc, users) for name, doc in known]
    found, token = answers.page(views, call.query)
    if answers.wants_numbers(call.query):
        found = [answers.numeric(kind.schema, doc) for doc in found]
    body: Doc = {kind.collection: found} if found else {}
    return Answer(body=body | ({"nextPageToken": token} if token else {}))


def _patch(engine: Engine, call: Call, method: Method, params: dict[str, str]) -> Answer:
    kind = KINDS[method.collection]
    name = _name(kind, params)
    before = engine.holdings.require(name)
    body = _body(kind, call)
    fields = answers.mask(call.query, kind.mutable)
    etag = body.get("etag")
    if kind.collection == "trustConfigs" and etag and etag != before.get("etag"):
        raise refusals.precondition("etag mismatch")
    merged = {key: value for key, value in before.items() if key not in fields}
    merged |= {key: body[key] for key in fields if key in body}
    after = kind.read(engine.holdings, name, merged, before)
    changed = {key: value for key, value in after.items() if before.get(key) != value}
    gone = sorted(key for key in kind.mutable if key in before and key not in after)
    return _started(engine, name, "update", {"set": changed, "unset": gone}, call)


def _delete(engine: Engine, call: Call, method: Method, params: dict[str, str]) -> Answer:
    kind = KINDS[method.collection]
    name = _name(kind, params)
    before = engine.holdings.require(name)
    etag = call.query.get("etag")
    if kind.collection == "trustConfigs" and etag and etag != before.get("etag"):
        raise refusals.precondition("etag mismatch")
    users = engine.serving.holders(name)
    if users:
        raise refusals.precondition(
            f"can't delete {kind.field.replace('_', ' ')} '{name}' that is in use by: "
            f"{', '.join(users)}"
        )
    return _started(engine, name, "delete", {"delete": True}, call)


def _operation_name(params: dict[str, str]) -> str:
    place = f"projects/{params['projectsId']}/locations/{params['locationsId']}"
    return f"{place}/operations/{params['operationsId']}"


def _operation_get(engine: Engine, call: Call, method: Method, params: dict[str, str]) -> Answer:
    return Answer(body=engine.operations.find(_operation_name(params)))


def _operation_list(engine: Engine, call: Call, method: Method, params: dict[str, str]) -> Answer:
    place = f"projects/{params['projectsId']}/locations/{params['locationsId']}/"
    if params["locationsId"] == "-":
        place = place[:-2]
    known = [doc for name, doc in engine.operations.docs.items() if name.startswith(place)]
    found, token = answers.page(known, call.query)
    body: Doc = {"operations": found} if found else {}
    return Answer(body=body | ({"nextPageToken": token} if token else {}))


def _operation_cancel(engine: Engine, call: Call, method: Method, params: dict[str, str]) -> Answer:
    engine.operations.cancel(_operation_name(params))
    return Answer(body={})


def _operation_delete(engine: Engine, call: Call, method: Method, params: dict[str, str]) -> Answer:
    engine.operations.delete(_operation_name(params))
    return Answer(body={})


def _place(project: str, location: str) -> Doc:
    return {
        "name": f"projects/{project}/locations/{location}",
        "locationId": location,
        "displayName": location,
        "labels": {"cloud.googleapis.com/region": location},
    }


def _location_get(engine: Engine, call: Call, method: Method, params: dict[str, str]) -> Answer:
    return Answer(body=_place(params["projectsId"], params["locationsId"]))


def _location_list(engine: Engine, call: Call, method: Method, params: dict[str, str]) -> Answer:
    places = [_place(params["projectsId"], location) for location in names.LOCATIONS]
    found, token = answers.page(places, call.query)
    return Answer(body={"locations": found} | ({"nextPageToken": token} if token else {}))


_PLACES = "certificatemanager.projects.locations"
_METHODS: dict[str, Handler] = {
    "create": _create,
    "delete": _delete,
    "get": _get,
    "list": _list,
    "patch": _patch,
}
IMPLEMENTED: dict[str, Handler] = {
    f"{_PLACES}.{'certificateMaps.' if collection == ENTRIES else ''}{collection}.{verb}": handler
    for collection in KINDS
    for verb, handler in _METHODS.items()
} | {
    f"{_PLACES}.get": _location_get,
    f"{_PLACES}.list": _location_list,
    f"{_PLACES}.operations.cancel": _operation_cancel,
    f"{_PLACES}.operations.delete": _operation_delete,
    f"{_PLACES}.operations.get": _operation_get,
    f"{_PLACES}.operations.list": _operation_list,
}
