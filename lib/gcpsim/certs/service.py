"""Certificate Manager v1 over the tables of the world.

A resource is stored under its name as clients read it, but for what follows from others (usedBy,
gclbTargets), which is added when it is read. Methods are in methods.py, what a body must be is in
kinds.py, what happens behind the door in engine.py.
"""

from typing import Any

from gcpsim.certs import names, refusals
from gcpsim.certs.engine import Engine
from gcpsim.certs.holdings import SERVICE
from gcpsim.certs.kinds import KINDS
from gcpsim.certs.methods import IMPLEMENTED
from gcpsim.core.discovery import Method
from gcpsim.core.edge import Answer
from gcpsim.core.errors import ApiError
from gcpsim.core.paths import with_project
from gcpsim.core.service import Request, RestService
from gcpsim.core.world import World

__all__ = ["IMPLEMENTED", "CertificateManager"]

Doc = dict[str, Any]
VERBS = {"patch": "update"}


class CertificateManager(RestService):
    """Certificate Manager, with the authority that signs and the data that proxies serve."""

    name, root = SERVICE, "v1/"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._engine = Engine(world)
        self.authority = self._engine.authority
        self.serving = self._engine.serving

    def get(self, name: str) -> Doc | None:
        """A resource by name (with project id or number), as clients read it."""
        name = names.by_id(self.world.store, name)
        found = self._engine.holdings.stored(name)
        return None if found is None else self._engine.view(name, found)

    def key_pair(self, name: str) -> tuple[str, str] | None:
        """(chain, key) of a certificate that can serve, as PEM; None while it has none."""
        name = names.by_id(self.world.store, name)
        found = self._engine.holdings.stored(name)
        if found is None or not found.get("pemCertificate"):
            return None
        return found["pemCertificate"], self._engine.holdings.key(
            name
        ) or self.authority.leaf_key_pem

    def resume(self) -> None:
        self._engine.resume()

    def implements(self, method: Method) -> bool:
        return method.id in IMPLEMENTED

    def respond(self, request: Request) -> Answer:
        self.serving.attach()
        params = request.params | {"projectsId": request.project}
        location = params.get("locationsId")
        if location is not None and not (location == "-" and request.method.name == "list"):
            names.check_location(request.project, location)
        return IMPLEMENTED[request.method.id](self._engine, request.call, request.method, params)

    def permission(self, request: Request) -> str:
        method = request.method
        kind = KINDS.get(method.collection)
        noun = kind.permission if kind else method.collection
        return f"{SERVICE}.{noun}.{VERBS.get(method.name, method.name)}"

    def forbidden(self, request: Request, permission: str) -> ApiError:
        return refusals.permission(permission, with_project(request.call.path, request.project))
