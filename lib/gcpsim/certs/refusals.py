"""Certificate Manager's refusals, in the google.rpc style.

Sources: recorded answers (404), a public issue with a validation failure and its details; texts of
the preconditions are nowhere documented, so clients must go by status.
"""

from typing import Any

from gcpsim.core.errors import ApiError

ROOT = "//certificatemanager.googleapis.com/"


def invalid(field: str, why: str) -> ApiError:
    """400 `Validation failed` with the field (snake case) and what is wrong with it."""
    return ApiError(
        400,
        "Validation failed",
        "badRequest",
        details=[
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [{"field": field, "description": why}],
            }
        ],
    )


def foreign_certificate(text: str) -> ApiError:
    """400 for an entry's reference to no certificate of its map's project (a public issue)."""
    error = invalid("certificates", f'invalid certificate name "{text}"')
    error.message = f'invalid certificate name "{text}"'
    return error


def missing(name: str) -> ApiError:
    return ApiError(404, f"Resource '{name}' was not found", "notFound", details=None)


def exists(name: str) -> ApiError:
    return ApiError(409, f"Resource '{name}' already exists", "alreadyExists")


def precondition(message: str) -> ApiError:
    return ApiError(400, message, "failedPrecondition", status="FAILED_PRECONDITION")


def busy() -> ApiError:
    return ApiError(409, "unable to queue the operation", "aborted", status="ABORTED")


def location(project: str, name: str) -> ApiError:
    why = f"Permission denied on 'locations/{name}' (or it may not exist)."
    return ApiError(403, why, "forbidden", details=_reason("LOCATION_POLICY_VIOLATED"))


def permission(name: str, resource: str) -> ApiError:
    return ApiError(
        403,
        f"Permission '{name}' denied on resource '{ROOT}{resource}' (or it may not exist).",
        "forbidden",
        details=_reason(
            "IAM_PERMISSION_DENIED",
            permission=name,
            resource=resource,
        ),
    )


def quota(metric: str, limit: int) -> ApiError:
    return ApiError(
        429,
        f"Quota limit '{metric}' has been exceeded. Limit: {limit}.",
        "rateLimitExceeded",
        status="RESOURCE_EXHAUSTED",
        details=_reason("RESOURCE_USAGE_RESTRICTION_VIOLATED", quota_limit=metric),
    )


def _reason(reason: str, **metadata: str) -> list[dict[str, Any]]:
    return [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason,
            "domain": "certificatemanager.googleapis.com",
            "metadata": metadata,
        }
    ]
