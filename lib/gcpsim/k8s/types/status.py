"""Refusals as the Kubernetes API words them: StatusError and the Status objects in its answers.

Everything below the HTTP surface raises StatusError. The texts follow apimachinery's errors
package, since kubectl, the Python client and people match on them.
"""

from dataclasses import dataclass
from typing import Any

Doc = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason among several: e.g. `FieldValueInvalid`, a message and the field's path."""

    reason: str
    message: str
    field: str = ""

    def body(self) -> Doc:
        body = {"reason": self.reason, "message": self.message}
        return body | {"field": self.field} if self.field else body


class StatusError(Exception):
    """A request that the Kubernetes API refuses; `body()` is the Status object to answer with."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: Doc | None = None,
        causes: list[Cause] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = dict(details or {})
        if causes:
            self.details["causes"] = [cause.body() for cause in causes]
        self.headers = headers or {}

    def body(self) -> Doc:
        body: Doc = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if not self.reason:
            del body["reason"]
        if self.details:
            body["details"] = self.details
        return body


def success(plural: str = "", group: str = "", name: str = "", uid: str = "") -> Doc:
    """The Status that a finished deletion answers."""
    details = {"name": name, "group": group, "kind": plural, "uid": uid}
    body: Doc = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    details = {key: value for key, value in details.items() if value}
    return body | {"details": details} if details else body


def qualified(plural: str, group: str) -> str:
    return f"{plural}.{group}" if group else plural


def _about(plural: str, group: str, name: str) -> Doc:
    details = {"name": name, "group": group, "kind": plural}
    return {key: value for key, value in details.items() if value}


def not_found(plural: str, group: str, name: str) -> StatusError:
    message = f'{qualified(plural, group)} "{name}" not found'
    return StatusError(404, "NotFound", message, details=_about(plural, group, name))


def no_such_path() -> StatusError:
    """404 for a path that no resource serves."""
    return StatusError(404, "NotFound", "the server could not find the requested resource")


def already_exists(plural: str, group: str, name: str) -> StatusError:
    message = f'{qualified(plural, group)} "{name}" already exists'
    return StatusError(409, "AlreadyExists", message, details=_about(plural, group, name))


def conflict(plural: str, group: str, name: str, why: str = "") -> StatusError:
    why = why or (
        "the object has been modified; please apply your changes to the latest version and try "
        "again"
    )
    message = f'Operation cannot be fulfilled on {qualified(plural, group)} "{name}": {why}'
    return StatusError(409, "Conflict", message, details=_about(plural, group, name))


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def forbidden(
    plural: str, group: str, name: str, why: str, causes: list[Cause] | None = None
) -> StatusError:
    message = f'{qualified(plural, group)} "{name}" is forbidden: {why}'
    return StatusError(
        403, "Forbidden", message, details=_about(plural, group, name), causes=causes
    )


def invalid(kind: str, group: str, name: str, causes: list[Cause]) -> StatusError:
    """422 with every cause: `Service "x" is invalid: spec.ports: Required value`."""
    texts = list(dict.fromkeys(f"{cause.field}: {cause.message}" for cause in causes))
    listed = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    return StatusError(
        422,
        "Invalid",
        f'{qualified(kind, group)} "{name}" is invalid: {listed}',
        details=_about(kind, group, name),
        causes=causes,
    )


def method_not_allowed() -> StatusError:
    message = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", message)


def unsupported_media_type(message: str) -> StatusError:
    return StatusError(415, "UnsupportedMediaType", message)


def unauthorized() -> StatusError:
    return StatusError(401, "Unauthorized", "Unauthorized")


def gone(message: str) -> StatusError:
    """410: a resourceVersion or continue token from before the remembered history."""
    return StatusError(410, "Expired", message)


def too_large_resource_version(asked: int, current: int) -> StatusError:
    cause = Cause("ResourceVersionTooLarge", "Too large resource version")
    message = f"Timeout: Too large resource version: {asked}, current: {current}"
    return StatusError(504, "Timeout", message, details={"retryAfterSeconds": 1}, causes=[cause])


def created_with_a_version() -> StatusError:
    """A new object that says a resourceVersion: an error of the storage, so without a reason."""
    return StatusError(500, "", "resourceVersion should not be set on objects to be created")


def required(field: str, why: str = "") -> Cause:
    return Cause("FieldValueRequired", f"Required value: {why}" if why else "Required value", field)


def invalid_value(field: str, value: object, why: str) -> Cause:
    return Cause("FieldValueInvalid", f"Invalid value: {shown(value)}: {why}", field)


def unsupported(field: str, value: object, allowed: list[str]) -> Cause:
    listed = ", ".join(f'"{item}"' for item in sorted(allowed))
    message = f"Unsupported value: {shown(value)}: supported values: {listed}"
    return Cause("FieldValueNotSupported", message, field)


def duplicate(field: str, value: object) -> Cause:
    return Cause("FieldValueDuplicate", f"Duplicate value: {shown(value)}", field)


def shown(value: object) -> str:
    """A value inside a message: strings quoted, the rest as JSON."""
    import orjson

    return orjson.dumps(value, default=str).decode()
