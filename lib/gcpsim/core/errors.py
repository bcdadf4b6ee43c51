"""Refusals, in the error shapes of Google's APIs.

Handlers raise ApiError with a reason; the HTTP edge prints it in the shape of the service asked:
`errors[]` with domain and reason for Compute Engine and Cloud DNS, google.rpc.Status for others.
"""

from collections.abc import Sequence
from typing import Any

RPC_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    412: "FAILED_PRECONDITION",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}
# Reasons of what Google's front end refuses for every API; they have a domain of their own.
USAGE_LIMITS = ("accessNotConfigured", "rateLimitExceeded")


class ApiError(Exception):
    """One refusal: HTTP code, message, reason (Compute, DNS) and status (google.rpc).

    `item` overrides fields of its entry of errors[]; `also` are more that errors[] names after it.
    """

    def __init__(
        self,
        code: int,
        message: str,
        reason: str = "",
        *,
        status: str = "",
        details: list[dict[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
        location: str = "",
        item: dict[str, Any] | None = None,
        also: Sequence["ApiError"] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason
        self.status = status or RPC_STATUS.get(code, "UNKNOWN")
        self.details = details
        self.headers = headers or {}
        self.location = location
        self.item = item
        self.also = tuple(also)

    def legacy_body(self) -> dict[str, Any]:
        """Compute Engine's and Cloud DNS's shape (seen in recorded answers)."""
        items = [error._item() for error in (self, *self.also)]
        body: dict[str, Any] = {"code": self.code, "message": self.message, "errors": items}
        if self.details:
            body |= {"status": self.status, "details": self.details}
        return {"error": body}

    def _item(self) -> dict[str, Any]:
        item: dict[str, Any] = {
            "message": self.message,
            "domain": "global",
            "reason": self.reason or "invalid",
        }
        if self.location:
            item |= {"location": self.location, "locationType": "parameter"}
        if self.reason in USAGE_LIMITS:
            item["domain"] = "usageLimits"
        return item | (self.item or {})

    def rpc_body(self) -> dict[str, Any]:
        """The google.rpc.Status shape of Certificate Manager, GKE and the newer services."""
        body: dict[str, Any] = {"code": self.code, "message": self.message, "status": self.status}
        if self.details:
            body["details"] = self.details
        return {"error": body}


def invalid(field: str, value: object, why: str) -> ApiError:
    """400 `Invalid value for field 'F': 'V'. why`"""
    return ApiError(400, f"Invalid value for field '{field}': '{value}'. {why}", "invalid")


def required(field: str) -> ApiError:
    return ApiError(400, f"Required field '{field}' not specified", "required")


def not_implemented(method: str) -> ApiError:
    """400 with the method's name: a status that no client repeats (a 501 costs gcloud 35 s)."""
    return ApiError(
        400,
        f"{method} is not supported: gcpsim, the local Google Cloud, does not implement it.",
        "notImplemented",
        status="FAILED_PRECONDITION",
    )


def not_found(path: str) -> ApiError:
    return ApiError(404, f"The resource '{path}' was not found", "notFound")


def already_exists(path: str) -> ApiError:
    return ApiError(409, f"The resource '{path}' already exists", "alreadyExists")


def in_use(noun: str, path: str, user: str) -> ApiError:
    return ApiError(
        400,
        f"The {noun} resource '{path}' is already being used by '{user}'",
        "resourceInUseByAnotherResource",
    )


def not_ready(path: str) -> ApiError:
    return ApiError(400, f"The resource '{path}' is not ready", "resourceNotReady")


def stale_fingerprint() -> ApiError:
    return ApiError(412, "Invalid fingerprint.", "conditionNotMet")
