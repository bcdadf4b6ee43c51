"""Which permission a call needs, and the smallest predefined role that brings it.

Google names the permission in most of its refusals; where it does not (Cloud DNS), it follows from
the call. Roles as in Google's documentation pages "IAM roles and permissions index".
"""

import re

_NAMED = re.compile(r"['\"]([a-z]+(?:\.[a-zA-Z]+){2,})['\"]")
_COLLECTION = re.compile(r"[a-z]+[A-Z][A-Za-z]*(?:s|ies)|firewalls|networks|changes|instances")
_GETTER = re.compile(r"get[A-Z][A-Za-z]*")  # a method that reads: getEffectiveFirewalls
SERVICES = {"compute": "compute", "dns": "dns", "v1": "certificatemanager"}
# What a collection is called in permissions, where that is not its own name.
CALLED = {
    "addresses": "globalAddresses",
    "forwardingRules": "globalForwardingRules",
    "rrsets": "resourceRecordSets",
    "certificates": "certs",
    "certificateMaps": "certmaps",
    "certificateMapEntries": "certmapentries",
    "dnsAuthorizations": "dnsauthorizations",
}
VERBS = {"POST": "create", "PATCH": "update", "PUT": "update", "DELETE": "delete"}
READING = ("get", "list", "getEffectiveFirewalls", "getIamPolicy", "getHealth")
# The first row that fits: a start of the permission, the role to read, the role to write.
ROLES = (
    ("compute.firewalls.", "roles/compute.networkViewer", "roles/compute.securityAdmin"),
    ("compute.networks.updatePolicy", "roles/compute.securityAdmin", "roles/compute.securityAdmin"),
    ("compute.securityPolicies.", "roles/compute.networkViewer", "roles/compute.securityAdmin"),
    ("compute.", "roles/compute.viewer", "roles/compute.loadBalancerAdmin"),
    ("dns.", "roles/dns.reader", "roles/dns.admin"),
    (
        "certificatemanager.",
        "roles/certificatemanager.viewer",
        "roles/certificatemanager.owner",
    ),
    ("container.", "roles/container.viewer", "roles/container.developer"),
    (
        "serviceusage.",
        "roles/serviceusage.serviceUsageViewer",
        "roles/serviceusage.serviceUsageAdmin",
    ),
    ("resourcemanager.", "roles/browser", "roles/resourcemanager.projectIamAdmin"),
    ("secretmanager.", "roles/secretmanager.viewer", "roles/secretmanager.secretAccessor"),
    ("logging.", "roles/logging.viewer", "roles/logging.admin"),
    ("monitoring.", "roles/monitoring.viewer", "roles/monitoring.editor"),
)  # fmt: skip


def permission_of(message: str, method: str, path: str) -> str:
    """The permission that was missing: as the message names it, else as the call needs it."""
    found = _NAMED.search(message)
    return found.group(1) if found else _of_call(method, path)


def smallest_role(permission: str) -> str:
    """The smallest predefined role with this permission; "" when none is known."""
    reading = permission.rsplit(".", 1)[-1] in READING
    for start, reader, writer in ROLES:
        if permission.startswith(start):
            return reader if reading else writer
    return ""


def advice(message: str, method: str, path: str) -> str:
    """What to ask for, in one sentence."""
    permission = permission_of(message, method, path)
    role = smallest_role(permission)
    if not permission or not role:
        return "ask for a role with it; 00 Preflight lists those that each step needs"
    return f"missing is {permission}; the smallest role with it is {role}"


def _of_call(method: str, path: str) -> str:
    parts = [part for part in path.split("?", 1)[0].strip("/").split("/") if part]
    service = SERVICES.get(parts[0], "") if parts else ""
    if not service or "projects" not in parts:
        return ""
    inside = parts[parts.index("projects") + 2 :]
    inside = [part for part in inside if part not in ("global", "locations", "zones", "regions")]
    own = inside[-1] if inside and _GETTER.fullmatch(inside[-1]) else ""
    named = [part for part in inside if part != own]
    collections = [part for part in named if part in CALLED or _COLLECTION.fullmatch(part)]
    if not collections:
        return ""
    last = collections[-1]
    verb = VERBS.get(method) or ("list" if inside[-1] == last else "get")
    if own or (method == "POST" and inside[-1] != last):
        verb = inside[-1]  # a method of its own: setCertificateMap
    return f"{service}.{CALLED.get(last, last)}.{verb}"
