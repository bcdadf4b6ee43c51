"""Whether the caller may do what the six steps need, where they do it; whether APIs are enabled.

Each role is asked of the project it is needed in: a Shared VPC's firewall in its host project,
zones in theirs, Services in their clusters'. What the params leave to others is not asked for.
Source: Google documentation pages "IAM roles and permissions index" of each service.
"""

from collections.abc import Iterator

from edgebook.base.errors import EdgebookError
from edgebook.desired.firewall import network_path
from edgebook.front_door import FrontDoor
from edgebook.model.kinds import KINDS, Api
from edgebook.model.paths import name_of, project_of
from edgebook.model.values import CheckResult
from edgebook.verify.facts import FAILED, OK, UNCERTAIN, joined, result

BALANCER = "roles/compute.loadBalancerAdmin"
FIREWALL = "roles/compute.securityAdmin"
DNS = "roles/dns.admin"
CERTIFICATES = "roles/certificatemanager.owner"
CLUSTERS = "roles/container.developer"
# What brings the permissions of an API's kinds, and permissions that are of no kind.
ROLES = {
    Api.COMPUTE: BALANCER,
    Api.DNS: DNS,
    Api.CERTIFICATE_MANAGER: CERTIFICATES,
}
BESIDES = {
    BALANCER: ("compute.globalOperations.get",),
    FIREWALL: ("compute.globalOperations.get", "compute.networks.updatePolicy"),
    DNS: ("dns.changes.create", "dns.changes.get", "dns.managedZones.get"),
    CERTIFICATES: ("certificatemanager.operations.get",),
    CLUSTERS: (
        "container.clusters.get",
        "container.services.get",
        "container.services.update",
        "container.thirdPartyObjects.get",
    ),
}


def needed() -> dict[str, tuple[str, ...]]:
    """The permissions that the six steps need, by the role that brings them."""
    found: dict[str, set[str]] = {role: set(more) for role, more in BESIDES.items()}
    for kind in KINDS.values():
        if kind.permissions:
            role = kind.role or ROLES[kind.api]
            found.setdefault(role, set()).update(kind.needed)
    return {role: tuple(sorted(names)) for role, names in sorted(found.items())}


def places(door: FrontDoor) -> dict[str, tuple[str, ...]]:
    """The projects in which a role is needed; none where the params leave its work to others."""
    spec = door.spec
    clusters = {project_of(door.cluster_path(name)) or spec.project for name in spec.clusters}
    return {
        FIREWALL: (project_of(network_path(spec)),) if spec.firewall.manage else (),
        DNS: (spec.dns.project or spec.project,) if spec.dns else (),
        CERTIFICATES: (spec.project,) if spec.certificate else (),
        CLUSTERS: tuple(sorted(clusters)),
    }


def permissions(door: FrontDoor) -> Iterator[CheckResult]:
    """The permissions that the six steps need, asked of their projects."""
    where = places(door)
    for role, wanted in needed().items():
        for project in where.get(role, (door.spec.project,)):
            yield _granted(door, role, project, wanted)


def _granted(door: FrontDoor, role: str, project: str, wanted: tuple[str, ...]) -> CheckResult:
    """Of one role in one project: 100 permissions at a time at most."""
    check = f"permissions of {role.removeprefix('roles/')}"
    path = f"v3/projects/{project}:testIamPermissions"
    body = {"permissions": list(wanted)}
    try:
        answer = door.wire.request("cloudresourcemanager", "POST", path, body=body)
    except EdgebookError as error:
        return result(UNCERTAIN, check, project, error.why or error.what, error.next)
    missing = set(wanted) - set(answer.get("permissions") or ())
    if missing:
        remedy = f"grant {role}, or a role with these permissions, on {project}"
        return result(FAILED, check, project, joined(missing), remedy)
    return result(OK, check, project, f"{len(wanted)} permissions")


def apis(door: FrontDoor) -> Iterator[CheckResult]:
    """The APIs that the six steps call are enabled, each in the projects of its role."""
    where = places(door)
    used = {
        "compute": (door.spec.project,),
        "dns": where[DNS],
        "certificatemanager": where[CERTIFICATES],
        "container": where[CLUSTERS],
    }
    for project in sorted({one for projects in used.values() for one in projects}):
        services = [name for name, projects in used.items() if project in projects]
        try:
            enabled = _enabled(door, project)
        except EdgebookError as error:
            yield result(UNCERTAIN, "API enabled", project, error.why or error.what, error.next)
            continue
        for name in services:
            host = f"{name}.googleapis.com"
            if host in enabled:
                yield result(OK, "API enabled", host)
            else:
                remedy = f"gcloud services enable {host} --project {project}"
                yield result(FAILED, "API enabled", host, "disabled", remedy)


def _enabled(door: FrontDoor, project: str) -> set[str]:
    pages = door.wire.pages(
        "serviceusage", f"v1/projects/{project}/services", filter="state:ENABLED"
    )
    return {
        str((item.get("config") or {}).get("name") or name_of(item["name"]))
        for page in pages
        for item in page.get("services") or ()
    }
