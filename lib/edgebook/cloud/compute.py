"""Writes to Compute Engine by Google's own client, and waiting for its operations.

The *_unary methods answer the bare operation; it is awaited by the operations client's `wait`,
built with the same endpoint and credentials. (The futures of the other methods poll the public host
whatever endpoint the client was given, and are never used here.) Bodies are raw JSON in and out.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from google.protobuf import json_format

from edgebook.base.errors import ApiError
from edgebook.cloud import polls, refusals
from edgebook.cloud.answers import Garbled, Strict, guard
from edgebook.cloud.lightimport import compute_service, compute_types
from edgebook.cloud.messages import filled
from edgebook.cloud.wire import Wire
from edgebook.model.kinds import KINDS, Api
from edgebook.model.paths import name_of, project_of


@dataclass(frozen=True)
class ServiceName:
    """Where a kind is found in Google's client: module, client class, and its name in requests."""

    module: str
    client: str
    singular: str
    collection: str


def service_of(kind: str) -> ServiceName:
    """The client of a kind: named by its collection, but for what is global among regional ones."""
    row = KINDS[kind]
    module = row.client or _snake(row.collection)
    camel = "".join(word.capitalize() for word in module.split("_"))
    everywhere = "Global" if module.startswith("global_") else ""
    return ServiceName(module, f"{camel}Client", f"{everywhere}{row.schema}", row.collection)


def services() -> tuple[ServiceName, ...]:
    """The clients of everything that is written."""
    kinds = (k for k in KINDS.values() if k.api is Api.COMPUTE and k.deletable)
    return tuple(service_of(kind.name) for kind in sorted(kinds, key=lambda k: k.name))


class ComputeWriter:
    """Starts mutations and waits for them. One mutation = one call = one operation."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.project = wire.connection.project
        self._clients: dict[str, Any] = {}

    def start(
        self,
        kind: str,
        rpc: str,
        name: str,
        *,
        scope: str,
        body: Mapping[str, Any] | None = None,
        request_id: str = "",
    ) -> dict[str, Any]:
        """Begin `rpc` (insert, patch, update, delete, set_labels, set_url_map, ...); its operation.

        The request id makes a repeated call idempotent: the API answers the first one's operation.
        """
        service = service_of(kind)
        if rpc == "patch" and body is not None and _clears(body):
            return self._patch_raw(service, name, scope, body, request_id)
        request_type = _request_type(service, rpc)
        request = request_type(
            self._request(service, request_type, rpc, name, scope, body, request_id)
        )
        method = getattr(self._client(service.module, service.client), f"{rpc}_unary")
        path = f"compute/v1/{scope}/{service.collection}/{'' if rpc == 'insert' else name}"
        verb = {"insert": "POST", "patch": "PATCH", "update": "PUT", "delete": "DELETE"}
        where = path.rstrip("/") if rpc in verb else f"{path}/{_camel(rpc)}"

        def once() -> dict[str, Any]:
            self.wire.connection.before_write()
            return _as_json(
                method(request=request, timeout=self.wire.connection.limits.one, retry=None)
            )

        return self.wire.attempt(once, method=verb.get(rpc, "POST"), path=where)

    def _patch_raw(
        self,
        service: ServiceName,
        name: str,
        scope: str,
        body: Mapping[str, Any],
        request_id: str,
    ) -> dict[str, Any]:
        """A patch that clears something: Google's client drops null and empty lists unsent."""
        self.wire.connection.before_write()
        return self.wire.request(
            "compute",
            "PATCH",
            f"compute/v1/{scope}/{service.collection}/{name}",
            params={"requestId": request_id or str(uuid.uuid4())},
            body=body,
            check=_refuse_other,
        )

    def finish(self, operation: dict[str, Any], *, method: str, path: str) -> dict[str, Any]:
        """Wait until the operation is DONE; ApiError (with `operation` set) when it failed."""
        operation = polls.until(
            lambda said: said.get("status") == "DONE",
            operation,
            self._wait,
            method=method,
            path=path,
        )
        if operation.get("error"):
            raise refusals.from_operation(operation, method=method, path=path)
        return operation

    def _wait(self, operation: dict[str, Any]) -> dict[str, Any]:
        name, project = operation["name"], self.project
        link = str(operation.get("selfLink", ""))
        project = project_of(link) or project
        if zone := name_of(str(operation.get("zone", ""))):
            client = self._client("zone_operations", "ZoneOperationsClient")
            request = {"project": project, "zone": zone, "operation": name}
            path = f"projects/{project}/zones/{zone}/operations/{name}/wait"
        else:
            client = self._client("global_operations", "GlobalOperationsClient")
            request = {"project": project, "operation": name}
            path = f"projects/{project}/global/operations/{name}/wait"

        def once() -> dict[str, Any]:
            return _as_json(
                client.wait(
                    request=request, timeout=self.wire.connection.limits.waiting, retry=None
                )
            )

        return self.wire.attempt(once, method="POST", path=f"compute/v1/{path}", waits=True)

    def _client(self, module: str, name: str) -> Any:
        if module not in self._clients:
            connection = self.wire.connection
            client = compute_service(module, name)(
                credentials=connection.credentials,
                client_options=connection.client_options("compute"),
            )
            self._clients[module] = guard(client, Strict())
        return self._clients[module]

    def _request(
        self,
        service: ServiceName,
        request_type: Any,
        rpc: str,
        name: str,
        scope: str,
        body: Mapping[str, Any] | None,
        request_id: str,
    ) -> dict[str, Any]:
        fields = request_type.meta.fields
        request: dict[str, Any] = {"project": project_of(scope)}
        if "zone" in fields:
            request["zone"] = name_of(scope)
        if "request_id" in fields:
            request["request_id"] = request_id or str(uuid.uuid4())
        for field_name, field in fields.items():
            if field_name.endswith("_resource") and body is not None:
                request[field_name] = filled(
                    field.message, body, f"{service.singular} {name}", "the Compute Engine API"
                )
        if rpc != "insert":
            own = _snake(service.singular).removeprefix("global_")
            request["resource" if "resource" in fields else own] = name
        return request


def _refuse_other(said: Mapping[str, Any]) -> None:
    if not said.get("name") or not said.get("status"):
        raise Garbled("an object without name and status instead of an operation")


def _clears(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_clears(item) for item in value.values())
    if isinstance(value, list | tuple):
        return not value or any(_clears(item) for item in value)
    return value is None


@lru_cache(maxsize=256)
def _request_type(service: ServiceName, rpc: str) -> Any:
    """E.g. SetCertificateMapTargetHttpsProxyRequest."""
    words = "".join(word.capitalize() for word in rpc.split("_"))
    name = f"{words}{service.singular}Request"
    return getattr(compute_types(), name)


def _as_json(message: Any) -> dict[str, Any]:
    """The operation; Garbled when it has neither name nor status and so is none."""
    found: dict[str, Any] = json_format.MessageToDict(type(message).pb(message))
    _refuse_other(found)
    return found


def _snake(camel: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in camel).lstrip("_")


def _camel(snake: str) -> str:
    first, *rest = snake.split("_")
    return first + "".join(word.capitalize() for word in rest)


def operation_failed(error: BaseException) -> bool:
    """The call was accepted, its operation failed: a repetition needs a new request id."""
    return isinstance(error, ApiError) and bool(error.operation)
