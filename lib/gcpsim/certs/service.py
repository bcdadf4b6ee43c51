"""The REST API of Certificate Manager v1: one set of methods for all collections.

Writes answer with an operation and take effect when it ends; what a body must be is in kinds.py. A
resource is stored under its name as clients read it, but for what follows from others (usedBy,
gclbTargets), which is added when it is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from gcpsim import projects
from gcpsim.certs import answers, names, refusals
from gcpsim.certs.authority import Authority
from gcpsim.certs.issuance import Issuance
from gcpsim.certs.kinds import KINDS, Kind
from gcpsim.certs.operations import EMPTY, TYPE, Operations, timestamp
from gcpsim.certs.serving import Serving
from gcpsim.discovery import Method, api
from gcpsim.edge import Answer, Call
from gcpsim.errors import ApiError
from gcpsim.project import access
from gcpsim.schema import BodyReader
from gcpsim.store import Table
from gcpsim.world import World

__all__ = ["IMPLEMENTED", "CertificateManager"]

Doc = dict[str, Any]
SERVICE = "certificatemanager"
ENTRIES = "certificateMapEntries"
VERBS = {"patch": "update"}


class CertificateManager:
    """Certificate Manager, with the authority that signs and the data that proxies serve."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.authority = Authority(world)
        self.operations = Operations(self)
        self.serving = Serving(self)
        self.issuance = Issuance(self)

    # What other parts of the simulator use

    def get(self, name: str) -> Doc | None:
        """A resource by name (with project id or number), as clients read it."""
        name = names.by_id(self.world.store, name)
        found = self._stored(name)
        return None if found is None else self.view(name, found)

    def call(
        self, method: str, path: str, body: Doc | None = None, query: dict[str, str] | None = None
    ) -> Doc:
        """A request in process: the answer's body, or the ApiError."""
        raw = b"" if body is None else orjson.dumps(body)
        answer = self.handle(Call(SERVICE, method, path, query or {}, {}, raw))
        return answer.body or {}

    def key_pair(self, name: str) -> tuple[str, str] | None:
        """(chain, key) of a certificate that can serve, as PEM; None while it has none."""
        name = names.by_id(self.world.store, name)
        found = self._stored(name)
        if found is None or not found.get("pemCertificate"):
            return None
        kept = self.world.store.table("certs/keys").get(name)
        return found["pemCertificate"], kept["key"] if kept else self.authority.leaf_key_pem

    def resume(self) -> None:
        self.serving.attach()
        self.operations.resume()
        self.serving.resume()
        self.issuance.resume()

    def handle(self, call: Call) -> Answer:
        """One request; ApiError for refusals."""
        self.serving.attach()
        found = api(SERVICE).match(call.verb, f"v1/{call.path}")
        if found is None:
            raise ApiError(404, f"The requested URL /v1/{call.path} was not found.", "notFound")
        method, params = found
        handler = IMPLEMENTED.get(method.id)
        if handler is None:
            raise ApiError(501, f"gcpsim does not implement {method.id}", "notImplemented")
        project = projects.project_id(self.world.store, params["projectsId"])
        params = params | {"projectsId": project}
        kind = KINDS.get(method.collection)
        noun = kind.permission if kind else method.collection
        permission = f"{SERVICE}.{noun}.{VERBS.get(method.name, method.name)}"
        if access.denied(self.world, project, permission, call.faults):
            where = "/".join(["projects", project, *call.path.split("/")[2:]])
            raise refusals.permission(permission, where)
        location = params.get("locationsId")
        if location is not None and not (location == "-" and method.name == "list"):
            names.check_location(project, location)
        return handler(self, call, method, params)

    # What the other modules of this package use

    def now_text(self) -> str:
        return timestamp(self.world.clock.now())

    def table(self, collection: str) -> Table:
        return self.world.store.table(f"certs/{collection}")

    def require(self, name: str) -> Doc:
        """A resource that must exist; ApiError 404."""
        found = self._stored(name)
        if found is None:
            raise refusals.missing(name)
        return found

    def put(self, name: str, doc: Doc) -> None:
        self.table(name.split("/")[-2]).put(name, doc)

    def children(self, parent: str, collection: str) -> list[tuple[str, Doc]]:
        """(name, resource) of a collection under a parent, sorted; also under location `-`."""
        _, project, _, location, *rest = parent.split("/")
        prefix = f"projects/{project}/locations/"
        if location != "-":
            prefix += f"{location}/" + "".join(f"{part}/" for part in rest if part != "-")
        return sorted(
            (name, doc) for name, doc in self.table(collection).items() if name.startswith(prefix)
        )

    def keep_key(self, name: str, key_pem: str) -> None:
        """Hold the private key of a self-managed certificate; it is never answered."""
        self.world.store.table("certs/keys").put(name, {"key": key_pem})

    def view(self, name: str, doc: Doc, users: dict[str, list[str]] | None = None) -> Doc:
        """A resource as clients read it. `users` spares a list from finding them for each."""
        collection = name.split("/")[-2]
        if collection == "certificates":
            users = users if users is not None else self.serving.users(name.split("/")[1])
            used_by = [{"name": user} for user in users.get(name, [])]
            return doc | ({"usedBy": used_by} if used_by else {})
        if collection == "certificateMaps":
            targets = self.serving.targets(name)
            return doc | ({"gclbTargets": targets} if targets else {})
        return doc

    def take_effect(self, effect: Doc) -> Doc:
        """The end of an operation: what it was for happens. Gives the operation's result."""
        name = effect["target"]
        collection = name.split("/")[-2]
        if "delete" in effect:
            self.table(collection).delete(name)
            self.world.store.table("certs/keys").delete(name)
            self.issuance.stop(name)
            return {"response": EMPTY}
        now = self.now_text()
        if "create" in effect:
            doc = effect["create"] | {"updateTime": now}
        else:
            current = self._stored(name)
            if current is None:
                return {"error": {"code": 5, "message": f"Resource '{name}' was not found"}}
            doc = {key: one for key, one in current.items() if key not in effect["unset"]}
            doc |= effect["set"] | {"updateTime": now}
        self.put(name, doc)
        if collection == ENTRIES and ("create" in effect or "certificates" in effect["set"]):
            self.serving.entry_changed(name)
        if collection == "certificates" and "create" in effect and "managed" in doc:
            self.issuance.begin(name)
        answer = self.view(name, self._stored(name) or doc)
        return {"response": {"@type": TYPE + KINDS[collection].schema} | answer}

    def _stored(self, name: str) -> Doc | None:
        return self.table(name.split("/")[-2]).get(name)


Handler = Callable[[CertificateManager, Call, Method, dict[str, str]], Answer]


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


def _create(
    manager: CertificateManager, call: Call, method: Method, params: dict[str, str]
) -> Answer:
    kind = KINDS[method.collection]
    parent = _parent(kind, params)
    body = _body(kind, call)
    identity = call.query.get(kind.id_parameter, "")
    if not names.RESOURCE_ID.fullmatch(identity):
        raise refusals.invalid(f"{kind.field}_id", f"invalid resource id: {identity!r}")
    if kind.collection == ENTRIES:
        manager.require(parent)
    name = f"{parent}/{kind.collection}/{identity}"
    coming = manager.operations.creating(parent, kind.collection)
    if name in manager.table(kind.collection) or name in coming:
        raise refusals.exists(name)
    metric, limit = kind.quota
    if manager.world.options.enforce_quotas:
        everything = f"projects/{params['projectsId']}/locations/-"
        if len(manager.children(everything, kind.collection)) + len(coming) >= limit:
            raise refusals.quota(metric, limit)
    doc = {"name": name, "createTime": manager.now_text()} | kind.read(manager, name, body, None)
    projects.remember(manager.world.store, params["projectsId"])
    return _started(manager, name, "create", {"create": doc}, call)


def _started(manager: CertificateManager, name: str, verb: str, effect: Doc, call: Call) -> Answer:
    return Answer(body=manager.operations.start(name, verb, effect, call.faults))


def _get(manager: CertificateManager, call: Call, method: Method, params: dict[str, str]) -> Answer:
    kind = KINDS[method.collection]
    name = _name(kind, params)
    doc = manager.view(name, manager.require(name))
    if answers.wants_numbers(call.query):
        doc = answers.numeric(kind.schema, doc)
    return Answer(body=doc)


def _list(
    manager: CertificateManager, call: Call, method: Method, params: dict[str, str]
) -> Answer:
    kind = KINDS[method.collection]
    parent = _parent(kind, params)
    if kind.collection == ENTRIES and params["certificateMapsId"] != "-":
        manager.require(parent)
    known = manager.children(parent, kind.collection)
    users = manager.serving.users(params["projectsId"])
    views = [manager.view(name, doc, users) for name, doc in known]
    found, token = answers.page(views, call.query)
    if answers.wants_numbers(call.query):
        found = [answers.numeric(kind.schema, doc) for doc in found]
    body: Doc = {kind.collection: found} if found else {}
    return Answer(body=body | ({"nextPageToken": token} if token else {}))


def _patch(
    manager: CertificateManager, call: Call, method: Method, params: dict[str, str]
) -> Answer:
    kind = KINDS[method.collection]
    name = _name(kind, params)
    before = manager.require(name)
    body = _body(kind, call)
    fields = answers.mask(call.query, kind.mutable)
    etag = body.get("etag")
    if kind.collection == "trustConfigs" and etag and etag != before.get("etag"):
        raise refusals.precondition("etag mismatch")
    merged = {key: value for key, value in before.items() if key not in fields}
    merged |= {key: body[key] for key in fields if key in body}
    after = kind.read(manager, name, merged, before)
    changed = {key: value for key, value in after.items() if before.get(key) != value}
    gone = sorted(key for key in kind.mutable if key in before and key not in after)
    return _started(manager, name, "update", {"set": changed, "unset": gone}, call)


def _delete(
    manager: CertificateManager, call: Call, method: Method, params: dict[str, str]
) -> Answer:
    kind = KINDS[method.collection]
    name = _name(kind, params)
    before = manager.require(name)
    etag = call.query.get("etag")
    if kind.collection == "trustConfigs" and etag and etag != before.get("etag"):
        raise refusals.precondition("etag mismatch")
    users = manager.serving.holders(name)
    if users:
        raise refusals.precondition(
            f"can't delete {kind.field.replace('_', ' ')} '{name}' that is in use by: "
            f"{', '.join(users)}"
        )
    return _started(manager, name, "delete", {"delete": True}, call)


def _operation_name(params: dict[str, str]) -> str:
    place = f"projects/{params['projectsId']}/locations/{params['locationsId']}"
    return f"{place}/operations/{params['operationsId']}"


def _operation_get(
    manager: CertificateManager, call: Call, method: Method, params: dict[str, str]
) -> Answer:
    return Answer(body=manager.operations.find(_operation_name(params)))


def _operation_list(
    manager: CertificateManager, call: Call, method: Method, params: dict[str, str]
) -> Answer:
    place = f"projects/{params['projectsId']}/locations/{params['locationsId']}/"
    if params["locationsId"] == "-":
        place = place[:-2]
    known = [doc for name, doc in manager.operations.docs.items() if name.startswith(place)]
    found, token = answers.page(known, call.query)
    body: Doc = {"operations": found} if found else {}
    return Answer(body=body | ({"nextPageToken": token} if token else {}))


def _operation_cancel(
    manager: CertificateManager, call: Call, method: Method, params: dict[str, str]
) -> Answer:
    manager.operations.cancel(_operation_name(params))
    return Answer(body={})


def _operation_delete(
    manager: CertificateManager, call: Call, method: Method, params: dict[str, str]
) -> Answer:
    manager.operations.delete(_operation_name(params))
    return Answer(body={})


def _place(project: str, location: str) -> Doc:
    return {
        "name": f"projects/{project}/locations/{location}",
        "locationId": location,
        "displayName": location,
        "labels": {"cloud.googleapis.com/region": location},
    }


def _location_get(
    manager: CertificateManager, call: Call, method: Method, params: dict[str, str]
) -> Answer:
    return Answer(body=_place(params["projectsId"], params["locationsId"]))


def _location_list(
    manager: CertificateManager, call: Call, method: Method, params: dict[str, str]
) -> Answer:
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
