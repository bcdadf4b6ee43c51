"""What all Google services have in common: match, permission, "not here", and the call itself.

A service says its name and root, which methods it implements, and how to respond; the order of
refusals is the same for all. The HTTP edge comes in by `handle`, the rest of the simulator by
`call`. It must not know any method.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import orjson

from gcpsim.core import access, projects
from gcpsim.core.discovery import Api, Method, api
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import ApiError, not_implemented
from gcpsim.core.peers import AGENT
from gcpsim.core.world import World

Doc = dict[str, Any]
PROJECT_PARAMETERS = ("project", "projectsId", "projectId")


@dataclass(frozen=True)
class Request:
    """One call with what its path says. `project` is an id, whatever the path had."""

    call: Call
    method: Method
    params: dict[str, str]
    project: str

    @property
    def query(self) -> dict[str, str]:
        return self.call.query


class RestService(ABC):
    """One service: `name` is its discovery document's, `root` what the paths in it begin with."""

    name = ""
    root = ""

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def api(self) -> Api:
        return api(self.name)

    @abstractmethod
    def implements(self, method: Method) -> bool:
        """Whether a method of Google's document exists here."""

    @abstractmethod
    def respond(self, request: Request) -> Answer:
        """The answer to a request that is admitted; ApiError for refusals."""

    def permission(self, request: Request) -> str:
        """The IAM permission that a request needs; "" for none."""
        return ""

    def forbidden(self, request: Request, permission: str) -> ApiError:
        return ApiError(403, "The caller does not have permission", "forbidden")

    def unknown(self, call: Call) -> ApiError:
        """The refusal of a path that Google's document does not have."""
        return ApiError(
            404, f"The requested URL /{self.root}{call.path} was not found.", "notFound"
        )

    def admit(self, request: Request) -> None:
        """Refuse what the path itself has wrong: places, patterns."""
        return

    def pace(self, request: Request) -> None:
        """Refuse what comes too fast."""
        return

    def matched(self, call: Call) -> tuple[Method, dict[str, str]]:
        """The method that a call asks for, with its path parameters."""
        found = self.api.match(call.verb, self.root + call.path)
        if found is None:
            raise self.unknown(call)
        return found

    def handle(self, call: Call) -> Answer:
        """A request from outside, which may lack permission or come too fast."""
        return self._serve(call, guarded=True)

    def call(
        self,
        verb: str,
        path: str,
        body: Doc | None = None,
        query: dict[str, str] | None = None,
        *,
        user: str = AGENT,
    ) -> Doc:
        """A request in process, as a client would make it; raises ApiError."""
        raw = orjson.dumps(body) if body is not None else b""
        answer = self._serve(Call(self.name, verb, path, query or {}, {}, raw, user=user))
        result = answer.body() if callable(answer.body) else answer.body
        return result or {}

    def _serve(self, call: Call, *, guarded: bool = False) -> Answer:
        method, params = self.matched(call)
        named = next((params[name] for name in PROJECT_PARAMETERS if name in params), "")
        project = projects.project_id(self.world.store, named)
        request = Request(call, method, params, project)
        self.admit(request)
        if guarded:
            permission = self.permission(request)
            if permission and access.denied(self.world, project, permission, call.faults):
                raise self.forbidden(request, permission)
            self.pace(request)
        if not self.implements(method):
            raise not_implemented(method.id)
        return self.respond(request)
