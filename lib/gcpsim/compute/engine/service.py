"""The Compute Engine API: one engine for all collections, driven by the table in collections.py.

A request becomes an insert, get, list, patch, update, delete, setLabels or a verb of the
collection. The engine keeps what they have in common: names, references, holds, fingerprints,
in-use, request ids, operations. What differs stands in the Kind.
"""

import functools
import re
import uuid
from collections.abc import Callable
from typing import Any

import orjson

from gcpsim.compute.engine import documents, links, listing, methods, permissions, quotas
from gcpsim.compute.engine.preparing import Preparing
from gcpsim.compute.engine.resources import Doc, Draft, Kind
from gcpsim.core import iam
from gcpsim.core.discovery import Method
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import (
    ApiError,
    already_exists,
    invalid,
    required,
    stale_fingerprint,
)
from gcpsim.core.service import Request, RestService
from gcpsim.core.world import World

NAME = "[a-z]([-a-z0-9]{0,61}[a-z0-9])?"
NAME_TEXT = "(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)"
Handler = Callable[[Call, Method, str], Answer]


class Compute(Preparing, RestService):
    """The service. `kinds` is the table of collections by path segment."""

    name = "compute"

    def __init__(self, world: World, kinds: dict[str, Kind]) -> None:
        Preparing.__init__(self, world, kinds)
        self._handlers: dict[str, Handler | None] = {}
        self.iam = iam.Policies(world, "compute")
        # Collections that exist without being created: operations, zones, regions, projects.
        self.fixed: dict[str, dict[str, Handler]] = {}
        self.elsewhere: dict[str, Handler] = {}  # methods outside of projects, by id

    def resume(self) -> None:
        self.index.clear()
        for name in self.kinds:
            for path, doc in self.table(name).items():
                self.reindex(path)
                self._last_id = max(self._last_id, int(doc.get("id", 0)))
        self.operations.resume()

    def implements(self, method: Method) -> bool:
        return self._handler(method) is not None

    def respond(self, request: Request) -> Answer:
        call, handler = request.call, self._handler(request.method)
        assert handler is not None, "only what is implemented is asked for"
        answer = handler(call, request.method, request.project)
        if call.version != "v1" and answer.body is not None:
            answer.body = functools.partial(_with_version, answer.body, call.version)
        return answer

    def unknown(self, call: Call) -> ApiError:
        verbs = self.api.verbs(call.path)
        if verbs:
            why = f"Method {call.verb} not allowed; use {', '.join(verbs)}"
            return ApiError(405, why, "httpMethodNotAllowed")
        where = f"/compute/{call.version}/{call.path}"
        return ApiError(404, f"The requested URL {where} was not found.", "notFound")

    def admit(self, request: Request) -> None:
        methods.check_parameters(request.method, request.params)
        self.ensure_project(request.project)

    def permission(self, request: Request) -> str:
        return permissions.permission_of(request.method)

    def forbidden(self, request: Request, permission: str) -> ApiError:
        why = f"Required '{permission}' permission for '{request.call.path}'"
        return ApiError(403, why, "forbidden")

    def pace(self, request: Request) -> None:
        if self.world.options.rate_limits:
            quotas.pace(self, request.project, request.call.verb)

    def _handler(self, method: Method) -> Handler | None:
        if method.id not in self._handlers:
            self._handlers[method.id] = self._find_handler(method)
        return self._handlers[method.id]

    def _find_handler(self, method: Method) -> Handler | None:
        if not method.path.startswith("projects/") or method.collection == "regionZones":
            return self.elsewhere.get(method.id)
        collection = methods.collection_of(method.path)
        if collection in self.fixed and method.name in self.fixed[collection]:
            return self.fixed[collection][method.name]
        kind = self.kinds.get(collection)
        if kind is None or not methods.is_played(kind, method.path):
            return None
        if method.name in kind.verbs:
            return functools.partial(self._custom, kind)
        if methods.is_nested(method):
            return None
        generic = {"get": self._get, "list": self._list, "aggregatedList": self._aggregated}
        if not kind.readonly:
            generic |= {"insert": self._insert, "delete": self._delete}
            generic |= {"getIamPolicy": self._get_policy, "setIamPolicy": self._set_policy}
            generic["testIamPermissions"] = functools.partial(permissions.test_iam, self)
        if kind.patch:
            generic["patch"] = self._patch
        if kind.put:
            generic["update"] = self._update
        if kind.labels:
            generic["setLabels"] = self._set_labels
        chosen = generic.get(method.name)
        return functools.partial(chosen, kind) if chosen is not None else None

    def _insert(self, kind: Kind, call: Call, method: Method, project: str) -> Answer:
        scope, _ = self.place(call.path)
        body = self.reader.read(kind.schema, self._json(call))
        again = self._repeated(call, project)
        if again is not None:
            return self.operation_answer(again)
        body = {key: value for key, value in body.items() if value is not None}
        name = body.get("name")
        if not name:
            raise required("resource.name")
        if not re.fullmatch(NAME, name):
            raise links.malformed_name("resource.name", name, NAME_TEXT)
        if kind.labels:
            documents.check_labels(body.get("labels") or {}, "resource.labels")
        path = f"projects/{project}/{scope}/{kind.collection}/{name}"
        if path in self.table(kind.collection):
            raise already_exists(path)
        if self.world.options.enforce_quotas:
            quotas.require(self, kind.collection, project, scope, body)
        draft = Draft(self, project, scope, body)
        doc = self.prepared(kind, draft, path)
        self.born(kind, path, doc)
        named = kind.operation_types.get("insert", "insert")
        op = self.begin(kind, call, path, "insert", named, doc, {"put": None})
        return self.operation_answer(op)

    def _get(self, kind: Kind, call: Call, method: Method, project: str) -> Answer:
        path, found = self.find(kind, call.path, project)
        doc = self.view(kind, path, found)
        return Answer(body=doc, headers={"ETag": documents.etag(doc)})

    def _list(self, kind: Kind, call: Call, method: Method, project: str) -> Answer:
        scope, _ = self.place(call.path)
        return Answer(body=listing.page(self, kind, call, project, scope))

    def _aggregated(self, kind: Kind, call: Call, method: Method, project: str) -> Answer:
        return Answer(body=listing.aggregated(self, kind, call, project))

    def _patch(self, kind: Kind, call: Call, method: Method, project: str) -> Answer:
        path, old = self.find(kind, call.path, project)
        sent = self.reader.read(kind.schema, self._json(call))
        again = self._repeated(call, project)
        if again is not None:
            return self.operation_answer(again)
        self._require_fingerprint(kind, call, path, sent, old, strict=kind.fingerprint == "strict")
        merged = documents.merge(self.writable(kind, old), sent)
        return self._change(kind, call, path, old, merged, "patch")

    def _update(self, kind: Kind, call: Call, method: Method, project: str) -> Answer:
        path, old = self.find(kind, call.path, project)
        sent = self.reader.read(kind.schema, self._json(call))
        again = self._repeated(call, project)
        if again is not None:
            return self.operation_answer(again)
        self._require_fingerprint(kind, call, path, sent, old, strict=bool(kind.fingerprint))
        body = {key: value for key, value in sent.items() if value is not None}
        if "name" not in body:
            body["name"] = old["name"]
        return self._change(kind, call, path, old, body, "update")

    def _change(
        self,
        kind: Kind,
        call: Call,
        path: str,
        old: Doc,
        body: Doc,
        verb: str,
        *,
        cleared: frozenset[str] = frozenset(),
    ) -> Answer:
        """PATCH, PUT and setters: check, hold, and let the operation put the new state.

        What only the server sets stays as it was, but for the fields that a setter `cleared`.
        """
        self.require_free(path)
        project, scope, _, name = links.split(path)
        if body.get("name", name) != name:
            raise invalid(
                "resource.name", body["name"], "Name of an existing resource cannot be changed."
            )
        body["name"] = name
        for field in kind.immutable:
            if field in body and field in old and body[field] != old[field]:
                raise invalid(f"resource.{field}", body[field], "The field is immutable.")
        body = {
            key: value for key, value in body.items() if key not in ("labels", "labelFingerprint")
        }
        doc = self.prepared(kind, Draft(self, project, scope, body, old, verb), path)
        for key, value in old.items():
            if key not in doc and key not in cleared and self._server_only(kind, key):
                doc[key] = value
        self.stamp(kind, doc)
        op = self.begin(
            kind, call, path, verb, kind.operation_types.get(verb, verb), old, {"put": doc}
        )
        self.reindex(path)
        return self.operation_answer(op)

    def set_fields(
        self, kind: Kind, call: Call, path: str, old: Doc, changes: Doc, verb: str
    ) -> Answer:
        """A setter verb such as setUrlMap: change these fields, None removes one."""
        again = self._repeated(call, links.split(path)[0])
        if again is not None:
            return self.operation_answer(again)
        merged = documents.merge(self.writable(kind, old), changes)
        cleared = frozenset(name for name, value in changes.items() if value is None)
        return self._change(kind, call, path, old, merged, verb, cleared=cleared)

    def _delete(self, kind: Kind, call: Call, method: Method, project: str) -> Answer:
        again = self._repeated(call, project)
        if again is not None:
            return self.operation_answer(again)
        path, doc = self.find(kind, call.path, project)
        self.require_free(path)
        self.require_unused(kind, path)
        if kind.remove is not None:
            kind.remove(self, path, doc)
        op_type = kind.operation_types.get("delete", "delete")
        op = self.begin(kind, call, path, "delete", op_type, doc, {"delete": True})
        return self.operation_answer(op)

    def _set_labels(self, kind: Kind, call: Call, method: Method, project: str) -> Answer:
        path, old = self.find(kind, call.path, project)
        sent = self._json(call)
        labels = sent.get("labels") or {}
        if documents.url_safe_base64(sent.get("labelFingerprint")) != old.get("labelFingerprint"):
            raise ApiError(
                412,
                "Labels fingerprint either invalid or resource labels have changed",
                "conditionNotMet",
            )
        documents.check_labels(labels)
        self.require_free(path)
        doc = {**old, "labels": labels}
        if not labels:
            doc.pop("labels")
        doc["labelFingerprint"] = documents.label_fingerprint(labels)
        if not any(fault.effect == "operation" for fault in call.faults):
            self.put(path, doc)
        op = self.begin(
            kind, call, path, "setLabels", "setLabels", doc, {"put": None}, at_once=True
        )
        return self.operation_answer(op)

    def _get_policy(self, kind: Kind, call: Call, method: Method, project: str) -> Answer:
        return Answer(body=self.iam.read(self.find(kind, call.path, project)[0]))

    def _set_policy(self, kind: Kind, call: Call, method: Method, project: str) -> Answer:
        path, _ = self.find(kind, call.path, project)
        return Answer(body=self.iam.write(path, self._json(call)))

    def _custom(self, kind: Kind, call: Call, method: Method, project: str) -> Answer:
        verb = kind.verbs[method.name]
        if not methods.names_resource(method.path):
            result: Answer = verb(self, kind, call, project)
            return result
        try:
            path, doc = self.find(kind, call.path, project)
        except ApiError as error:
            if error.code != 404 or method.name not in kind.on_absent:
                raise
            scope, rest = self.place(call.path)
            path, doc = f"projects/{project}/{scope}/{kind.collection}/{rest[1]}", {}
        body = self._json(call)
        if method.request is not None:
            body = documents.shown(self.reader.read(method.request, body))
        answer: Answer = verb(self, kind, call, path, doc, body)
        return answer

    def _require_fingerprint(
        self, kind: Kind, call: Call, path: str, sent: Doc, old: Doc, *, strict: bool
    ) -> None:
        if_match = call.headers.get("if-match", "")
        if if_match and if_match != "*" and if_match != documents.etag(self.view(kind, path, old)):
            raise stale_fingerprint()
        if not kind.fingerprint:
            return
        given = sent.pop("fingerprint", None)
        if not given:
            if strict or self.world.options.strict_fingerprints:
                raise required("resource.fingerprint")
            return
        if given != old.get("fingerprint"):
            raise stale_fingerprint()

    def _repeated(self, call: Call, project: str) -> str | None:
        """The operation of an earlier request with the same requestId."""
        given = call.query.get("requestId", "")
        if not given:
            return None
        try:
            parsed = uuid.UUID(given)
        except ValueError:
            parsed = uuid.UUID(int=0)
        if parsed.int == 0:
            raise invalid("requestId", given, "Must be a valid non-zero UUID.")
        known = self.requests.get(f"{project}/{given}")
        return None if known is None else str(known["operation"])

    def _json(self, call: Call) -> Doc:
        body = call.json()
        if not isinstance(body, dict):
            raise ApiError(400, "Invalid JSON payload received. Expected an object.", "parseError")
        return body


def _with_version(body: Any, version: str) -> Any:
    """Links carry the API version that was asked for."""
    resolved = body() if callable(body) else body
    raw = resolved if isinstance(resolved, bytes) else orjson.dumps(resolved)
    return raw.replace(b"/compute/v1/", f"/compute/{version}/".encode())
