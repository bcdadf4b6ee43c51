"""IAM v1: the service accounts of a project, read only.

There is Compute Engine's default one, those that GKE's nodes run as, and the one whose key the
simulator gives out. Nobody creates accounts here, and none has rights of its own.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from gcpsim.core import paging, projects
from gcpsim.core.discovery import Method
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import ApiError
from gcpsim.core.paths import name_of
from gcpsim.core.service import Request, RestService

Doc = dict[str, Any]
SERVICE = "iam"
PAGE, LARGEST_PAGE = 20, 100
DEFAULT = "Compute Engine default service account"
HERE = ("iam.projects.serviceAccounts.get", "iam.projects.serviceAccounts.list")


class ServiceAccounts(RestService):
    name, root = SERVICE, "v1/"

    def implements(self, method: Method) -> bool:
        return method.id in HERE

    def permission(self, request: Request) -> str:
        return f"iam.serviceAccounts.{request.method.name}"

    def forbidden(self, request: Request, permission: str) -> ApiError:
        why = f"Permission '{permission}' denied on resource (or it may not exist)."
        return ApiError(403, why, "forbidden")

    def unknown(self, call: Call) -> ApiError:
        return ApiError(404, "Method not found.", "notFound")

    def respond(self, request: Request) -> Answer:
        if request.method.name == "get":
            return Answer(body=self._one(request))
        accounts = self._accounts(request.project)
        asked = request.query.get("pageSize", "")
        size = int(asked) if re.fullmatch("0*[1-9][0-9]{0,8}", asked) else PAGE
        try:
            shown, token = paging.page(
                sorted(accounts), size=min(size, LARGEST_PAGE),
                token=request.query.get("pageToken", ""), asked="",
            )  # fmt: skip
        except paging.BadToken:
            raise ApiError(400, "Request contains an invalid argument.", "invalid") from None
        body: Doc = {"accounts": [accounts[email] for email in shown]} if shown else {}
        return Answer(body=body | ({"nextPageToken": token} if token else {}))

    def _one(self, request: Request) -> Doc:
        named = name_of(request.call.path)
        project = request.project
        if project in ("", "-"):  # a wildcard: the address says the project
            project = named.partition("@")[2].removesuffix(".iam.gserviceaccount.com")
            number = named.partition("-compute@")[0]
            project = projects.project_id(self.world.store, number) if number != named else project
        for email, account in self._accounts(project).items():
            if named in (email, account["uniqueId"]):
                return account
        why = f"Unknown service account; projects/{project}/serviceAccounts/{named}"
        raise ApiError(404, why, "notFound", status="NOT_FOUND")

    def _accounts(self, project: str) -> dict[str, Doc]:
        """By address."""
        default = f"{projects.number(project)}-compute@developer.gserviceaccount.com"
        found = {default: DEFAULT, f"rehearsal@{project}.iam.gserviceaccount.com": "gcpsim"}
        for instance in self.world.compute.list(project, "instances"):
            for one in instance.get("serviceAccounts") or ():
                found.setdefault(str(one["email"]), "")
        return {email: _account(project, email, name) for email, name in found.items()}


def _account(project: str, email: str, name: str) -> Doc:
    digest = hashlib.sha256(email.encode()).hexdigest()
    number = str(10**20 + int(digest[:16], 16) % 10**19)
    shown = {
        "name": f"projects/{project}/serviceAccounts/{email}",
        "projectId": project,
        "uniqueId": number,
        "email": email,
        "displayName": name,
        "etag": "MDEwMjE5MjA=",
        "oauth2ClientId": number,
    }
    return {key: value for key, value in shown.items() if value}
