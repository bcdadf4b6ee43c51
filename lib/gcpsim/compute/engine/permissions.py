"""Which IAM permission a method needs.

Permissions follow the names of methods, as in Google's reference of IAM permissions.
"""

from gcpsim.compute.engine.resources import Kind, Resources
from gcpsim.core import access
from gcpsim.core.discovery import Method
from gcpsim.core.edge import Answer, Call

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


# Methods whose permission is of another collection.
NAMED = {
    "compute.regionNetworkFirewallPolicies.getEffectiveFirewalls": (
        "compute.networks.getRegionEffectiveFirewalls"
    ),
}


def permission_of(method: Method) -> str:
    """`compute.backendServices.create` for `compute.backendServices.insert`; "" for none."""
    if method.name == "testIamPermissions":
        return ""
    if method.id in NAMED:
        return NAMED[method.id]
    return f"compute.{method.collection}.{VERBS.get(method.name, method.name)}"


def test_iam(compute: Resources, kind: Kind, call: Call, method: Method, project: str) -> Answer:
    """testIamPermissions of a resource: which of the permissions asked for are granted."""
    asked = compute.reader.read("TestPermissionsRequest", call.json()).get("permissions") or []
    granted = [one for one in asked if access.granted(compute.world, project, one)]
    return Answer(body={"permissions": granted} if granted else {})
