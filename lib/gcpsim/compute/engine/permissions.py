"""Which IAM permission a method needs, and the refusal when it is denied.

Permissions follow the names of methods, as in Google's reference of IAM permissions.
"""

from typing import TYPE_CHECKING

from gcpsim.compute.engine.kinds import Kind
from gcpsim.core.discovery import Method
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import ApiError
from gcpsim.project import access

if TYPE_CHECKING:
    from gcpsim.compute.engine.resources import Resources

VERBS = {
    "aggregatedList": "list",
    "getHealth": "get",
    "getRule": "get",
    "insert": "create",
    "listNetworkEndpoints": "get",
    "listUsable": "list",
    "patch": "update",
    "wait": "get",
}


def permission_of(method: Method) -> str:
    """`compute.backendServices.create` for `compute.backendServices.insert`."""
    return f"compute.{method.collection}.{VERBS.get(method.name, method.name)}"


def require(compute: "Resources", method: Method, call: Call, project: str) -> None:
    """ApiError 403 when a scenario or a fault denies what a call needs."""
    needed = permission_of(method)
    if method.name != "testIamPermissions" and access.denied(
        compute.world, project, needed, call.faults
    ):
        raise ApiError(403, f"Required '{needed}' permission for '{call.path}'", "forbidden")


def test_iam(compute: "Resources", kind: Kind, call: Call, method: Method, project: str) -> Answer:
    """testIamPermissions of a resource: which of the permissions asked for are granted."""
    asked = compute.reader.read("TestPermissionsRequest", call.json()).get("permissions") or []
    granted = [one for one in asked if access.granted(compute.world, project, one)]
    return Answer(body={"permissions": granted} if granted else {})
