"""Writes to Certificate Manager by Google's own client over REST, and waiting for its operations.

An operation that is done says only that the request was stored: whether a certificate is issued or
an entry serves is read from the resource afterwards (see `apply`'s gates). Bodies are raw JSON.
"""

import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from google.protobuf import json_format

from edgebook.base.errors import UsageError
from edgebook.cloud import refusals
from edgebook.cloud.answers import Garbled, Strict, guard
from edgebook.cloud.lightimport import IMPORTING
from edgebook.cloud.wire import Wire
from edgebook.model.kinds import KINDS

OPERATION_SECONDS = 1800.0
FIRST_POLL, LONGEST_POLL = 0.2, 2.0


class CertificateWriter:
    """Starts mutations and waits for them."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    @cached_property
    def _client(self) -> Any:
        with IMPORTING:
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
        pause, ends = FIRST_POLL, time.monotonic() + OPERATION_SECONDS
        while not operation.get("done"):
            if time.monotonic() > ends:
                raise refusals.endless(operation, OPERATION_SECONDS, method=method, path=path)
            self.wire.clock.wait(pause)
            pause = min(pause * 1.5, LONGEST_POLL)
            where = f"v1/{operation['name']}"
            operation = self.wire.request("certificatemanager", "GET", where, check=_refuse_other)
        if operation.get("error"):
            raise refusals.from_operation(operation, method=method, path=path)
        return operation

    def _message(self, kind: str, body: Mapping[str, Any], name: str) -> Any:
        with IMPORTING:
            from google.cloud import certificate_manager_v1 as api

        message = getattr(api, kind[0].upper() + kind[1:])
        filled = message()
        try:
            json_format.ParseDict(dict(body), message.pb(filled))
        except json_format.ParseError as error:
            raise UsageError(
                f"{kind} {name} has a field or value that Certificate Manager does not know",
                why=str(error),
                next="check the keys under `api:` in the params",
            ) from error
        return filled


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
