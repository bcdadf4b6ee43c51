"""Writes to Certificate Manager by Google's own client over REST, and waiting for its operations.

An operation that is done says only that the request was stored: whether a certificate is issued or
an entry serves is read from the resource afterwards (see `apply`'s gates). Bodies are raw JSON.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from edgebook.cloud import polls, refusals
from edgebook.cloud.answers import Garbled, Strict, guard
from edgebook.cloud.lightimport import without
from edgebook.cloud.messages import filled
from edgebook.cloud.wire import Wire
from edgebook.model.kinds import KINDS

UNUSED = "aiohttp"  # for an asynchronous client


class CertificateWriter:
    """Starts mutations and waits for them."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    @cached_property
    def _client(self) -> Any:
        with without(UNUSED):
            from google.cloud.certificate_manager_v1.services.certificate_manager import (
                CertificateManagerClient,
            )

        connection = self.wire.connection
        client = CertificateManagerClient(
            credentials=connection.credentials,
            transport="rest",
            client_options=connection.client_options("certificatemanager"),
        )
        return guard(client, Strict())

    def start(
        self,
        kind: str,
        rpc: str,
        name: str,
        *,
        scope: str,
        body: Mapping[str, Any] | None = None,
        fields: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        """Begin `rpc` (create, update, delete); `fields` is the update mask. Its operation."""
        noun = _snake(kind)
        full = f"{scope}/{KINDS[kind].collection}/{name}"
        request: dict[str, Any] = {}
        if rpc == "create":
            request = {"parent": scope, f"{noun}_id": name}
        elif rpc == "delete":
            request = {"name": full}
        if body is not None:
            said = dict(body) if rpc == "create" else {**body, "name": full}
            request[noun] = self._message(kind, said, name)
        if rpc == "update":
            request["update_mask"] = ",".join(fields)
        verb = {"create": "POST", "update": "PATCH", "delete": "DELETE"}[rpc]
        path = f"v1/{scope}/{KINDS[kind].collection}" if rpc == "create" else f"v1/{full}"

        def once() -> dict[str, Any]:
            self.wire.connection.before_write()
            method = getattr(self._client, f"{rpc}_{noun}")
            future = method(request=request, timeout=self.wire.connection.limits.one, retry=None)
            return _as_json(future.operation)

        return self.wire.attempt(once, method=verb, path=path)

    def finish(self, operation: dict[str, Any], *, method: str, path: str) -> dict[str, Any]:
        """Wait until the operation is done; this API has no wait call, so it is read again."""
        operation = polls.until(
            lambda said: bool(said.get("done")),
            operation,
            lambda said: self.wire.request(
                "certificatemanager", "GET", f"v1/{said['name']}", check=_refuse_other
            ),
            method=method,
            path=path,
            clock=self.wire.clock,
        )
        if operation.get("error"):
            raise refusals.from_operation(operation, method=method, path=path)
        return operation

    def _message(self, kind: str, body: Mapping[str, Any], name: str) -> Any:
        with without(UNUSED):
            from google.cloud import certificate_manager_v1 as api

        message = getattr(api, kind[0].upper() + kind[1:])
        return filled(message, body, f"{kind} {name}", "Certificate Manager")


def _refuse_other(said: Mapping[str, Any]) -> None:
    if not said.get("name"):
        raise Garbled("an object without a name instead of an operation")


def _as_json(operation: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"name": operation.name, "done": operation.done}
    _refuse_other(found)
    if operation.HasField("error"):
        found["error"] = {"code": operation.error.code, "message": operation.error.message}
    return found


def _snake(camel: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in camel).lstrip("_")
