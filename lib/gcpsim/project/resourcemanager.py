"""Cloud Resource Manager v3 (and what old clients ask of v1): projects and permissions.

Any project exists. Permissions are all granted, but for what a scenario denies (see access.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from gcpsim.core import access, iam, paging, projects
from gcpsim.core.clock import rfc3339
from gcpsim.core.discovery import Method
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import ApiError
from gcpsim.core.service import Request, RestService
from gcpsim.core.world import World

Doc = dict[str, Any]
SERVICE = "cloudresourcemanager"
# Paths of v1 that are asked for by older clients; v3 has a document of its own.
V1 = [
    ("GET", re.compile(r"projects"), "cloudresourcemanager.projects.search"),
    ("GET", re.compile(r"projects/([^/:]+)"), "cloudresourcemanager.projects.get"),
    (
        "POST",
        re.compile(r"projects/([^/:]+):(testIamPermissions|getIamPolicy|setIamPolicy)"),
        "cloudresourcemanager.projects.",
    ),
]
MOST_PERMISSIONS = 100
PAGE = 500


class ResourceManager(RestService):
    """Projects as Resource Manager tells them."""

    name, root = SERVICE, "v3/"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._born = world.clock.now()
        self.iam = iam.Policies(world, "projects")
        world.stage["permissions"] = lambda args: access.direct(world, args)

    def implements(self, method: Method) -> bool:
        return method.id in IMPLEMENTED

    def respond(self, request: Request) -> Answer:
        return IMPLEMENTED[request.method.id](self, request.call, request.project)

    def permission(self, request: Request) -> str:
        verb = request.method.name
        return (
            f"resourcemanager.projects.{verb}"
            if verb in ("get", "getIamPolicy", "setIamPolicy")
            else ""
        )

    def unknown(self, call: Call) -> ApiError:
        return ApiError(404, "Method not found.", "notFound")

    def matched(self, call: Call) -> tuple[Method, dict[str, str]]:
        if call.version != "v1":
            return super().matched(call)
        for verb, pattern, method_id in V1:
            found = pattern.fullmatch(call.path)
            if found and verb == call.verb:
                groups = (*found.groups(), "", "")
                params = {"projectsId": groups[0]} if groups[0] else {}
                return self.api.methods[method_id + groups[1]], params
        raise self.unknown(call)

    def granted(self, project: str, permission: str) -> bool:
        """Whether testIamPermissions would list this permission."""
        return access.granted(
            self.world, projects.project_id(self.world.store, project), permission
        )

    def project(self, project: str, version: str) -> Doc:
        """One project in the form of v3 or v1."""
        created = rfc3339(self._born)
        if version == "v1":
            return {
                "projectNumber": projects.number(project),
                "projectId": project,
                "lifecycleState": "ACTIVE",
                "name": project,
                "createTime": created,
            }
        return {
            "name": f"projects/{projects.number(project)}",
            "projectId": project,
            "state": "ACTIVE",
            "displayName": project,
            "createTime": created,
            "updateTime": created,
            "etag": f'W/"{projects.number(project)[:8]}"',
        }


Handler = Callable[[ResourceManager, Call, str], Answer]


def _get(manager: ResourceManager, call: Call, project: str) -> Answer:
    projects.remember(manager.world.store, project)
    return Answer(body=manager.project(project, call.version))


def _search(manager: ResourceManager, call: Call, project: str) -> Answer:
    wanted = call.query.get("query") or call.query.get("filter") or ""
    words = dict(re.findall(r"(\w+)\s*[:=]\s*\"?([^\s\"]+)\"?", wanted))
    known = sorted(str(doc["projectId"]) for doc in manager.world.store.table("projects").values())
    asked = words.get("projectId") or words.get("id")
    found = [one for one in known if asked is None or re.fullmatch(asked.replace("*", ".*"), one)]
    try:
        shown, token = paging.page(
            found, size=PAGE, token=call.query.get("pageToken", ""), asked=wanted
        )
    except paging.BadToken:
        raise ApiError(400, "Request contains an invalid argument.", "invalid") from None
    body: Doc = {"projects": [manager.project(one, call.version) for one in shown]} if shown else {}
    return Answer(body=body | ({"nextPageToken": token} if token else {}))


def _test_permissions(manager: ResourceManager, call: Call, project: str) -> Answer:
    body = call.json()
    asked = body.get("permissions") if isinstance(body, dict) else None
    if not isinstance(asked, list) or not all(isinstance(one, str) for one in asked):
        raise ApiError(400, "Request contains an invalid argument.", "invalid")
    if len(asked) > MOST_PERMISSIONS:
        why = f"At most {MOST_PERMISSIONS} permissions may be tested at once."
        raise ApiError(400, why, "invalid")
    if any("*" in one for one in asked):
        raise ApiError(400, "Permission wildcards are not allowed.", "invalid")
    granted = [one for one in asked if manager.granted(project, one)]
    return Answer(body={"permissions": granted} if granted else {})


def _get_policy(manager: ResourceManager, call: Call, project: str) -> Answer:
    known = manager.iam.read(project)
    owner = {"role": "roles/owner", "members": [f"user:{call.user}"]}
    return Answer(body={"bindings": [owner], **known})


def _set_policy(manager: ResourceManager, call: Call, project: str) -> Answer:
    return Answer(body=manager.iam.write(project, call.json()))


IMPLEMENTED: dict[str, Handler] = {
    "cloudresourcemanager.projects.get": _get,
    "cloudresourcemanager.projects.getIamPolicy": _get_policy,
    "cloudresourcemanager.projects.search": _search,
    "cloudresourcemanager.projects.setIamPolicy": _set_policy,
    "cloudresourcemanager.projects.testIamPermissions": _test_permissions,
}
