"""Answers that are errors, turned into edgebook's own by reason; which of them pass by themselves.

Compute Engine and Cloud DNS say `errors[].reason`, the newer services `status`, a failed operation
an error code in capitals, a dead connection nothing at all. 403 is both "no permission" (never
retried) and "rate limit" (retried after the minute): the code alone never decides.
"""

import re
from enum import Enum
from typing import Any

import google.auth.exceptions as auth_errors
import orjson
import requests
import urllib3
from google.api_core.exceptions import GoogleAPICallError, RetryError

from edgebook.base.clock import Cancelled
from edgebook.base.errors import AccessError, ApiError, ConnectError, EdgebookError
from edgebook.cloud import permissions
from edgebook.cloud.answers import Garbled, beginning
from edgebook.cloud.calls import TooLong

SILENT, GARBLED = "silent", "garbled"  # no answer in time; an answer that is none
LOOK_BETWEEN = "run it again; if it stays, look at the proxy or network between here and the API"
RATE_REASONS = {"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"}
BUSY_REASONS = {
    "resourceNotReady",
    "backendError",
    "internalError",
    "serviceUnavailable",
    "connection",
    SILENT,
    GARBLED,
    "RESOURCE_NOT_READY",
    "RESOURCE_OPERATION_RATE_EXCEEDED",
    "INTERNAL_ERROR",
    "SERVICE_UNAVAILABLE",
}
DISABLED_REASONS = {"accessNotConfigured", "SERVICE_DISABLED"}
LOGIN = "gcloud auth application-default login"


class Passing(Enum):
    """Whether an error passes by itself, and when."""

    NEVER = "never"
    SOON = "soon"
    AFTER_THE_MINUTE = "after the minute"


NEVER = Passing.NEVER


def passing(error: BaseException) -> Passing:
    """Decide by reason; a 412 is never retried blindly, since its writer must read again first."""
    if not isinstance(error, ApiError):
        return Passing.NEVER
    if error.reason in RATE_REASONS:
        return Passing.AFTER_THE_MINUTE
    if not error.reason and (error.code == 429 or error.status == "RESOURCE_EXHAUSTED"):
        return Passing.AFTER_THE_MINUTE
    if error.reason in BUSY_REASONS or error.status in {"UNAVAILABLE", "ABORTED", "INTERNAL"}:
        return Passing.SOON
    if error.code in {500, 502, 503, 504} or (error.code == 429 and not error.operation):
        return Passing.SOON
    return Passing.NEVER


def conflicted(error: BaseException) -> bool:
    """Somebody else wrote in between: 412, or Kubernetes' 409 Conflict."""
    return isinstance(error, ApiError) and (
        error.reason in {"conditionNotMet", "CONDITION_NOT_MET", "Conflict"}
        or (error.code == 412 and error.reason != GARBLED)
    )


def already_there(error: BaseException) -> bool:
    return isinstance(error, ApiError) and (
        error.reason in {"alreadyExists", "RESOURCE_ALREADY_EXISTS", "AlreadyExists"}
        or error.status == "ALREADY_EXISTS"
        or (error.code == 409 and error.reason not in {"Conflict", GARBLED})
    )


def not_there(error: BaseException) -> bool:
    """The API itself says that it does not exist; a proxy's 404 page says nothing."""
    return isinstance(error, ApiError) and error.code == 404 and error.reason != GARBLED


def in_use(error: BaseException) -> bool:
    """Refused since another resource holds it; Certificate Manager says FAILED_PRECONDITION."""
    return isinstance(error, ApiError) and (
        error.reason in {"resourceInUseByAnotherResource", "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE"}
        or (error.status == "FAILED_PRECONDITION" and error.code == 400)
    )


def from_body(code: int, content: bytes | str, *, method: str, path: str) -> EdgebookError:
    """The error of an HTTP answer with that status and body."""
    said = _error_in(content)
    if said is None:
        return ApiError(
            f"{_verb(method)} failed: HTTP {code} with what is no answer of this API",
            code=code,
            reason=GARBLED,
            message=beginning(content) or "an empty body",
            method=method,
            path=path,
            next=LOOK_BETWEEN,
        )
    errors = said.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else {}
    reason = str((first.get("reason") if isinstance(first, dict) else "") or _detail_reason(said))
    message = "; ".join([str(said.get("message") or f"HTTP {code}"), *_violations(said)])
    status = str(said.get("status") or "")
    return build(code, message, reason, status, method=method, path=path, said=said)


def _error_in(content: bytes | str) -> dict[str, Any] | None:
    """What Google's APIs put around an error; None when somebody else answered."""
    try:
        said = orjson.loads(content)
    except ValueError:
        return None
    found = said.get("error") if isinstance(said, dict) else None
    return found if isinstance(found, dict) and ("message" in found or "code" in found) else None


def build(
    code: int,
    message: str,
    reason: str,
    status: str = "",
    *,
    method: str,
    path: str,
    said: dict[str, Any] | None = None,
) -> EdgebookError:
    """Choose the class: credentials, access, or any other answer."""
    where = f"{method} {path}"
    if code == 401:
        return ConnectError(
            "The credentials are missing, expired or revoked", where=where, why=message, next=LOGIN
        )
    if code == 403 and reason in DISABLED_REASONS:
        return AccessError("A Google API is disabled", where=where, why=message, next=_enable(path))
    quota = "quota" in message.lower() or status == "RESOURCE_EXHAUSTED"
    if code == 403 and reason not in RATE_REASONS and reason != "quotaExceeded" and not quota:
        ask = permissions.advice(message, method, path)
        return AccessError("A permission is missing (HTTP 403)", where=where, why=message, next=ask)
    return ApiError(
        f"{_verb(method)} failed (HTTP {code}): {message}",
        next=_way_on(code, reason),
        code=code,
        reason=reason,
        status=status,
        message=message,
        method=method,
        path=path,
        details=(said or {}).get("details") or (),
    )


def from_operation(operation: dict[str, Any], *, method: str, path: str) -> ApiError:
    """The error inside a finished operation of Compute Engine or Certificate Manager."""
    error = operation["error"]
    listed = error.get("errors")
    first = listed[0] if isinstance(listed, list) and listed else {}
    first = first if isinstance(first, dict) else {}
    message = str(first.get("message") or error.get("message") or operation.get("httpErrorMessage"))
    return ApiError(
        f"{_verb(method)} failed: {message}",
        code=int(operation.get("httpErrorStatusCode") or 0),
        reason=str(first.get("code") or ""),
        status=RPC_CODES.get(int(error.get("code") or 0), "") if "code" in error else "",
        message=message,
        method=method,
        path=path,
        operation=str(operation.get("name", "")),
        details=first.get("errorDetails") or error.get("details") or (),
    )


def endless(operation: dict[str, Any], seconds: float, *, method: str, path: str) -> ApiError:
    """An operation that is not done in any time that makes sense."""
    name = str(operation.get("name") or operation.get("id") or "")
    return ApiError(
        f"{_verb(method)} was accepted, but is not done after {seconds / 60:.0f} min",
        message=f"operation {name}",
        method=method,
        path=path,
        next="run it again: it reads what is there and goes on",
    )


def from_exception(error: Exception, *, method: str, path: str) -> EdgebookError:
    """What Google's clients and requests raise, as one of ours."""
    if isinstance(error, EdgebookError):
        return error
    if isinstance(error, GoogleAPICallError):
        response = getattr(error, "response", None)
        if isinstance(response, requests.Response) and response.content:
            return from_body(int(error.code or 0), response.content, method=method, path=path)
        listed = [item for item in error.errors if isinstance(item, dict)] or [{}]
        reason, code = str(listed[0].get("reason") or ""), int(error.code or 0)
        return build(code, str(error.message), reason, method=method, path=path)
    if isinstance(error, auth_errors.RefreshError | auth_errors.DefaultCredentialsError):
        why = str(error.args[0] if error.args else error)
        return ConnectError("No usable credentials", where=f"{method} {path}", why=why, next=LOGIN)
    if isinstance(error, TooLong | requests.Timeout | urllib3.exceptions.TimeoutError):
        reason, what = SILENT, "got no answer in time"
    elif isinstance(error, Garbled | requests.exceptions.ContentDecodingError):
        reason, what = GARBLED, "got an answer that is none"
    elif isinstance(
        error,
        requests.RequestException
        | urllib3.exceptions.HTTPError
        | auth_errors.TransportError
        | RetryError
        | OSError,
    ):
        reason, what = "connection", "got no answer"
    elif isinstance(error, Cancelled):
        raise error
    else:
        # A client that stumbles over what it was sent: its own words say at what.
        reason, what = GARBLED, "got an answer that its client does not understand"
    return ApiError(
        f"{_verb(method)} {what}",
        reason=reason,
        message=_root_cause(error),
        method=method,
        path=path,
        next=LOOK_BETWEEN,
    )


# google.rpc.Code, as far as operations of Certificate Manager use it.
RPC_CODES = {
    3: "INVALID_ARGUMENT",
    5: "NOT_FOUND",
    6: "ALREADY_EXISTS",
    7: "PERMISSION_DENIED",
    8: "RESOURCE_EXHAUSTED",
    9: "FAILED_PRECONDITION",
    10: "ABORTED",
    13: "INTERNAL",
    14: "UNAVAILABLE",
}


def _detail_reason(said: dict[str, Any]) -> str:
    details = said.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict) and str(detail.get("@type", "")).endswith("ErrorInfo"):
            return str(detail.get("reason") or "")
    return ""


def _violations(said: dict[str, Any]) -> list[str]:
    """What the newer services say of each field, where their message says only that it is wrong."""
    details = said.get("details")
    found = [
        (str(item.get("field") or ""), str(item.get("description") or ""))
        for detail in (details if isinstance(details, list) else ())
        if isinstance(detail, dict) and isinstance(detail.get("fieldViolations"), list)
        for item in detail["fieldViolations"]
        if isinstance(item, dict)
    ]
    message = str(said.get("message") or "")
    return [f"{field}: {why}" for field, why in found if why and why not in message]


_PROJECT = re.compile(r"\bprojects/([^/]+)")


def _enable(path: str) -> str:
    services = (("/dns/", "dns"), ("certificate", "certificatemanager"))
    service = next((service for part, service in services if part in path), "compute")
    project = _PROJECT.search(path)
    of = f" --project {project.group(1)}" if project else ""
    return f"gcloud services enable {service}.googleapis.com{of}"


def _way_on(code: int, reason: str) -> str:
    """What helps when it was tried often enough; `failures` explains quotas and operations."""
    if code == 429 or reason in RATE_REASONS:
        return (
            "wait a minute and run it again: it goes on where it stopped; fewer runs at a time help"
        )
    if code in (500, 502, 503, 504):
        return "Google's side is busy or broken: https://status.cloud.google.com; then run it again"
    return ""


def _verb(method: str) -> str:
    verbs = {"GET": "Read", "DELETE": "Delete", "PATCH": "Change", "PUT": "Change"}
    return verbs.get(method, "Call")


def _root_cause(error: BaseException) -> str:
    if not isinstance(error, Garbled | TooLong):
        while (inner := error.__cause__ or error.__context__) is not None:
            error = inner
    text = beginning(str(error))
    return text if isinstance(error, Garbled | TooLong) else f"{type(error).__name__}: {text}"
