"""IAM v1: the service accounts of a project, and their policies.

There is Compute Engine's default one, those that GKE's nodes run as, the one whose key the
simulator gives out, and those that users create. None has rights of its own, or keys.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from gcpsim.core import paging, projects
from gcpsim.core.discovery import Method
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import ApiError
from gcpsim.core.iam import Policies
from gcpsim.core.paths import name_of
from gcpsim.core.service import Request, RestService
from gcpsim.core.world import World

Doc = dict[str, Any]
SERVICE = "iam"
PAGE, LARGEST_PAGE = 20, 100
DEFAULT = "Compute Engine default service account"
NUMBER_OF_ACCOUNTS = 100  # of one project, Google's default quota
ID = re.compile("[a-z](?:[-a-z0-9]{4,28}[a-z0-9])")
METHODS = ("create", "delete", "get", "getIamPolicy", "list", "setIamPolicy")
HERE = tuple(f"iam.projects.serviceAccounts.{name}" for name in METHODS)


class ServiceAccounts(RestService):
    name, root = SERVICE, "v1/"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._made = world.store.table("iam/serviceAccounts")
        self._policies = Policies(world, "serviceAccounts")

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
        if request.method.name == "create":
            return Answer(body=self._create(request))
        if request.method.name != "list":
            return Answer(body=self._about(request))
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

    def _create(self, request: Request) -> Doc:
        project, given = request.project, request.call.json()
        name, more = given.get("accountId", ""), given.get("serviceAccount") or {}
        if not isinstance(name, str) or not ID.fullmatch(name):
            why = (
                f'Invalid service account ID "{name}". Service account ID must be between 6 and '
                "30 characters. Service account ID must start with a lower case letter, followed "
                "by one or more lower case alphanumerical characters that can be separated by "
                "hyphens."
            )
            raise ApiError(400, why, "invalid", status="INVALID_ARGUMENT")
        email = f"{name}@{project}.iam.gserviceaccount.com"
        if email in self._accounts(project):
            why = f"Service account {name} already exists within project projects/{project}."
            raise ApiError(409, why, "alreadyExists", status="ALREADY_EXISTS")
        if len(self._accounts(project)) >= NUMBER_OF_ACCOUNTS:
            why = "The number of service accounts per project has reached its limit."
            raise ApiError(429, why, "rateLimitExceeded", status="RESOURCE_EXHAUSTED")
        texts = {key: str(more.get(key) or "") for key in ("displayName", "description")}
        self._made.put(f"{project} {email}", texts)
        return self._accounts(project)[email]

    def _about(self, request: Request) -> Doc:
        """What is asked of one account."""
        found, method = self._one(request), request.method.name
        if method == "getIamPolicy":
            return self._policies.read(found["name"])
        if method == "setIamPolicy":
            return self._policies.write(found["name"], request.call.json())
        if method == "get":
            return found
        if self._made.get(f"{found['projectId']} {found['email']}") is None:
            why = f"Service account {found['email']} can't be deleted in gcpsim: others run as it."
            raise ApiError(400, why, "failedPrecondition", status="FAILED_PRECONDITION")
        self._made.delete(f"{found['projectId']} {found['email']}")
        return {}

    def _one(self, request: Request) -> Doc:
        named = name_of(request.call.path).partition(":")[0]
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
        made = {key.partition(" ")[2]: texts for key, texts in self._made.items()
                if key.startswith(f"{project} ")}  # fmt: skip
        found |= {email: texts["displayName"] for email, texts in made.items()}
        return {email: _account(project, email, name, made.get(email, {}))
                for email, name in found.items()}  # fmt: skip


def _account(project: str, email: str, name: str, more: Doc) -> Doc:
    digest = hashlib.sha256(email.encode()).hexdigest()
    number = str(10**20 + int(digest[:16], 16) % 10**19)
    shown = {
        "name": f"projects/{project}/serviceAccounts/{email}",
        "projectId": project,
        "uniqueId": number,
        "email": email,
        "displayName": name,
        "description": more.get("description", ""),
        "etag": "MDEwMjE5MjA=",
        "oauth2ClientId": number,
    }
    return {key: value for key, value in shown.items() if value}
