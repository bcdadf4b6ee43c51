"""Cloud Resource Manager v3 (and what old clients ask of v1): projects and permissions.

Any project exists. Permissions are all granted, but for what a scenario denies (see access.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson

from gcpsim.core import projects
from gcpsim.core.clock import rfc3339
from gcpsim.core.discovery import api
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import ApiError
from gcpsim.core.world import World
from gcpsim.project import access

Doc = dict[str, Any]
SERVICE = "cloudresourcemanager"
# Paths of v1 that are asked for by older clients; v3 has a document of its own.
V1 = [
    ("GET", re.compile(r"projects"), "cloudresourcemanager.projects.search"),
    ("GET", re.compile(r"projects/([^/:]+)"), "cloudresourcemanager.projects.get"),
    (
        "POST",
        re.compile(r"projects/([^/:]+):(testIamPermissions|getIamPolicy)"),
        "cloudresourcemanager.projects.",
    ),
]
MOST_PERMISSIONS = 100
PAGE = 500


class ResourceManager:
    """Projects as Resource Manager tells them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._born = world.clock.now()
        world.stage["permissions"] = lambda args: access.direct(world, args)

    def handle(self, call: Call) -> Answer:
        """One request; ApiError for refusals."""
        method_id, name = self._route(call)
        handler = IMPLEMENTED.get(method_id)
        if handler is None:
            raise ApiError(501, f"gcpsim does not implement {method_id}", "notImplemented")
        project = projects.project_id(self.world.store, name)
        verb = method_id.rsplit(".", 1)[1]
        needed = {"get": "projects.get", "getIamPolicy": "projects.getIamPolicy"}.get(verb)
        permission = f"resourcemanager.{needed}"
        if needed and access.denied(self.world, project, permission, call.faults):
            raise ApiError(403, "The caller does not have permission", "forbidden")
        return handler(self, call, project)

    def call(
        self, method: str, path: str, body: Doc | None = None, query: dict[str, str] | None = None
    ) -> Doc:
        """A request in process: the answer's body, or the ApiError."""
        raw = b"" if body is None else orjson.dumps(body)
        answer = self.handle(Call(SERVICE, method, path, query or {}, {}, raw, version="v3"))
        return answer.body or {}

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

    def _route(self, call: Call) -> tuple[str, str]:
        if call.version == "v1":
            for verb, pattern, method_id in V1:
                found = pattern.fullmatch(call.path)
                if found and verb == call.verb:
                    groups = (*found.groups(), "", "")
                    return method_id + groups[1], groups[0]
        else:
            matched = api(SERVICE).match(call.verb, f"v3/{call.path}")
            if matched is not None:
                return matched[0].id, matched[1].get("projectsId", "")
        raise ApiError(404, "Method not found.", "notFound")


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
    start = int(call.query["pageToken"]) if call.query.get("pageToken", "").isdigit() else 0
    shown = found[start : start + PAGE]
    body: Doc = {"projects": [manager.project(one, call.version) for one in shown]} if shown else {}
    if start + PAGE < len(found):
        body["nextPageToken"] = str(start + PAGE)
    return Answer(body=body)


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
    owner = {"role": "roles/owner", "members": [f"user:{call.user}"]}
    return Answer(body={"version": 1, "etag": "BwXhqDgs1eU=", "bindings": [owner]})


IMPLEMENTED: dict[str, Handler] = {
    "cloudresourcemanager.projects.get": _get,
    "cloudresourcemanager.projects.getIamPolicy": _get_policy,
    "cloudresourcemanager.projects.search": _search,
    "cloudresourcemanager.projects.testIamPermissions": _test_permissions,
}
