"""Which error an answer is, and which of them pass."""

import json

import pytest
from edgebook.base.errors import AccessError, ApiError, ConnectError
from edgebook.cloud import refusals
from edgebook.cloud.refusals import Passing


def error(code, reason="", status="", operation="", message=""):
    return ApiError(
        "x", code=code, reason=reason, status=status, operation=operation, message=message
    )


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (error(403, "rateLimitExceeded"), Passing.AFTER_THE_MINUTE),
        (error(429, status="RESOURCE_EXHAUSTED"), Passing.AFTER_THE_MINUTE),
        (error(400, "resourceNotReady"), Passing.SOON),
        (error(503, "backendError"), Passing.SOON),
        (error(0, "connection"), Passing.SOON),
        (error(0, "RESOURCE_NOT_READY", operation="op"), Passing.SOON),
        (error(412, "conditionNotMet"), Passing.NEVER),
        (error(403, "quotaExceeded"), Passing.NEVER),
        (error(404, "notFound"), Passing.NEVER),
        (error(400, "invalid"), Passing.NEVER),
        (ValueError("x"), Passing.NEVER),
    ],
)
def test_which_errors_pass(raised, expected):
    assert refusals.passing(raised) is expected


def body(code, message, reason="", **more):
    errors = [{"message": message, "domain": "global", "reason": reason}] if reason else []
    return json.dumps({"error": {"code": code, "message": message, "errors": errors, **more}})


@pytest.mark.parametrize(
    ("code", "content", "kind"),
    [
        (401, body(401, "no credentials", "required"), ConnectError),
        (403, body(403, "Required 'compute.x' permission", "forbidden"), AccessError),
        (403, body(403, "API off", "accessNotConfigured"), AccessError),
        (403, body(403, "Quota exceeded for quota metric", "rateLimitExceeded"), ApiError),
        (403, body(403, "Quota 'X' exceeded", "quotaExceeded"), ApiError),
        (404, body(404, "not found", "notFound"), ApiError),
        (502, "<html>Bad Gateway</html>", ApiError),
        (403, body(403, "off", details=[{"@type": "t/google.rpc.ErrorInfo",
                                         "reason": "SERVICE_DISABLED"}]), AccessError),
    ],
)  # fmt: skip
def test_errors_by_reason_not_by_code(code, content, kind):
    found = refusals.from_body(code, content, method="GET", path="compute/v1/x")
    assert type(found) is kind
    assert str(found)
