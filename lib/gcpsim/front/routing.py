"""Which service a request is for: by its Host as Google's names say, else by its path.

All services of the simulator share one port. Paths tell them apart, but for the operations of
Certificate Manager and GKE, which are told apart by who knows the operation.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote

from gcpsim.core.world import World

SERVICE_PATH = {
    "compute": re.compile(r"compute/(v1|beta|alpha)/(.*)"),
    "dns": re.compile(r"dns/(v1|v1beta2|v2)/(.*)"),
    "certificatemanager": re.compile(r"(v1)/(.*)"),
    "container": re.compile(r"(v1|v1beta1)/(.*)"),
    "serviceusage": re.compile(r"(v1|v1beta1)/(.*)"),
    "cloudresourcemanager": re.compile(r"(v3|v1)/(.*)"),
    "iam": re.compile(r"(v1)/(.*)"),
    "logging": re.compile(r"(v2)/(.*)"),
    "monitoring": re.compile(r"(v3)/(.*)"),
    "networkservices": re.compile(r"(v1|v1beta1|v1alpha1)/(.*)"),
}
CERTIFICATES = (
    r"certificates|certificateMaps|dnsAuthorizations|certificateIssuanceConfigs|trustConfigs"
)
BY_PATH = [
    (re.compile(r"compute/"), "compute"),
    (re.compile(r"dns/"), "dns"),
    (
        re.compile(r"v1/projects/[^/]+/locations/[^/]+/(" + CERTIFICATES + r")\b"),
        "certificatemanager",
    ),
    (
        re.compile(r"v1(beta1|alpha1)?/projects/[^/]+/locations/[^/]+/serviceLbPolicies\b"),
        "networkservices",
    ),
    (re.compile(r"v1/projects/[^/]+/locations(/[^/]+)?$"), "certificatemanager"),
    (
        re.compile(
            r"v1(beta1)?/projects/[^/]+/(locations|zones)/[^/]+/(clusters|serverConfig|serverconfig)"
        ),
        "container",
    ),
    (re.compile(r"v1/projects/[^/]+/zones/[^/]+/operations"), "container"),
    (re.compile(r"v1(beta1)?/(projects/[^/]+/services|services|operations)"), "serviceusage"),
    (re.compile(r"v1/projects/[^/]+/serviceAccounts\b"), "iam"),
    (re.compile(r"v2/(entries:|projects/[^/]+/logs)"), "logging"),
    (re.compile(r"v3/projects/[^/]+/(timeSeries|metricDescriptors)"), "monitoring"),
    (re.compile(r"v3/|v1/projects"), "cloudresourcemanager"),
]
OPERATIONS = re.compile(r"v1/(projects/[^/]+/locations/[^/]+/operations)(/[^/:]+)?")


class Route(NamedTuple):
    """A service, the API version asked for, and the path below it."""

    service: str
    version: str
    path: str


def route(world: World, host: str, raw_path: str) -> Route | None:
    """The service that a request asks for, or None when there is no such service here."""
    path = "/".join(unquote(segment) for segment in raw_path.lstrip("/").split("/"))
    path = re.sub(r"/{2,}", "/", path)
    service = _by_host(host) or _by_path(world, path)
    if service is None:
        return None
    if service not in SERVICE_PATH:
        return Route(service, "v1", path)
    found = SERVICE_PATH[service].fullmatch(path)
    if found is None:
        return None
    return Route(service, found.group(1), found.group(2).rstrip("/"))


def _by_host(host: str) -> str | None:
    name = host.split(":")[0].lower()
    if not name.endswith(".googleapis.com"):
        return None
    label = name.removesuffix(".googleapis.com")
    return label if label in SERVICE_PATH else None


def _by_path(world: World, path: str) -> str | None:
    if path.partition("/")[2] in world.store.table("networkservices/operations"):
        return "networkservices"
    operation = OPERATIONS.match(path)
    if operation:
        name = (operation.group(2) or "").lstrip("/")
        # A list of operations is Certificate Manager's where its resources are: in `global`.
        elsewhere = "/locations/global/" not in path
        is_container = world.gke.knows_operation(name) if name else elsewhere
        return "container" if is_container else "certificatemanager"
    for pattern, service in BY_PATH:
        if pattern.match(path):
            return service
    return None
