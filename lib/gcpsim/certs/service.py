"""Certificate Manager v1 over the tables of the world.

A resource is stored under its name as clients read it, but for what follows from others (usedBy,
gclbTargets), which is added when it is read. Methods are in methods.py, what a body must be is in
kinds.py.
"""

from typing import Any

from gcpsim.certs import names, refusals
from gcpsim.certs.authority import Authority
from gcpsim.certs.issuance import Issuance
from gcpsim.certs.kinds import KINDS
from gcpsim.certs.methods import ENTRIES, IMPLEMENTED, SERVICE
from gcpsim.certs.operations import EMPTY, TYPE, Operations, timestamp
from gcpsim.certs.serving import Serving
from gcpsim.core.discovery import Method
from gcpsim.core.edge import Answer
from gcpsim.core.errors import ApiError
from gcpsim.core.service import Request, RestService
from gcpsim.core.store import Table
from gcpsim.core.world import World

__all__ = ["IMPLEMENTED", "CertificateManager"]

Doc = dict[str, Any]
VERBS = {"patch": "update"}


class CertificateManager(RestService):
    """Certificate Manager, with the authority that signs and the data that proxies serve."""

    name, root = SERVICE, "v1/"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.authority = Authority(world)
        self.operations = Operations(world, self.take_effect)
        self.serving = Serving(self)
        self.issuance = Issuance(self)

    # What other parts of the simulator use

    def get(self, name: str) -> Doc | None:
        """A resource by name (with project id or number), as clients read it."""
        name = names.by_id(self.world.store, name)
        found = self._stored(name)
        return None if found is None else self.view(name, found)

    def key_pair(self, name: str) -> tuple[str, str] | None:
        """(chain, key) of a certificate that can serve, as PEM; None while it has none."""
        name = names.by_id(self.world.store, name)
        found = self._stored(name)
        if found is None or not found.get("pemCertificate"):
            return None
        kept = self.world.store.table("certs/keys").get(name)
        return found["pemCertificate"], kept["key"] if kept else self.authority.leaf_key_pem

    def resume(self) -> None:
        self.serving.attach()
        self.operations.resume()
        self.serving.resume()
        self.issuance.resume()

    def implements(self, method: Method) -> bool:
        return method.id in IMPLEMENTED

    def respond(self, request: Request) -> Answer:
        self.serving.attach()
        params = request.params | {"projectsId": request.project}
        location = params.get("locationsId")
        if location is not None and not (location == "-" and request.method.name == "list"):
            names.check_location(request.project, location)
        return IMPLEMENTED[request.method.id](self, request.call, request.method, params)

    def permission(self, request: Request) -> str:
        method = request.method
        kind = KINDS.get(method.collection)
        noun = kind.permission if kind else method.collection
        return f"{SERVICE}.{noun}.{VERBS.get(method.name, method.name)}"

    def forbidden(self, request: Request, permission: str) -> ApiError:
        rest = request.call.path.split("/")[2:]
        return refusals.permission(permission, "/".join(["projects", request.project, *rest]))

    # What the other modules of this package use

    def now_text(self) -> str:
        return timestamp(self.world.clock.now())

    def table(self, collection: str) -> Table:
        return self.world.store.table(f"certs/{collection}")

    def require(self, name: str) -> Doc:
        """A resource that must exist; ApiError 404."""
        found = self._stored(name)
        if found is None:
            raise refusals.missing(name)
        return found

    def put(self, name: str, doc: Doc) -> None:
        collection = name.split("/")[-2]
        self.table(collection).put(name, doc)
        if collection == ENTRIES:
            self.serving.forget_entries()

    def children(self, parent: str, collection: str) -> list[tuple[str, Doc]]:
        """(name, resource) of a collection under a parent, sorted; also under location `-`."""
        _, project, _, location, *rest = parent.split("/")
        prefix = f"projects/{project}/locations/"
        if location != "-":
            prefix += f"{location}/" + "".join(f"{part}/" for part in rest if part != "-")
        return sorted(
            (name, doc) for name, doc in self.table(collection).items() if name.startswith(prefix)
        )

    def keep_key(self, name: str, key_pem: str) -> None:
        """Hold the private key of a self-managed certificate; it is never answered."""
        self.world.store.table("certs/keys").put(name, {"key": key_pem})

    def view(self, name: str, doc: Doc, users: dict[str, list[str]] | None = None) -> Doc:
        """A resource as clients read it. `users` spares a list from finding them for each."""
        collection = name.split("/")[-2]
        if collection == "certificates":
            users = users if users is not None else self.serving.users(name.split("/")[1])
            used_by = [{"name": user} for user in users.get(name, [])]
            return doc | ({"usedBy": used_by} if used_by else {})
        if collection == "certificateMaps":
            targets = self.serving.targets(name)
            return doc | ({"gclbTargets": targets} if targets else {})
        return doc

    def take_effect(self, effect: Doc) -> Doc:
        """The end of an operation: what it was for happens. Gives the operation's result."""
        name = effect["target"]
        collection = name.split("/")[-2]
        if "delete" in effect:
            self.table(collection).delete(name)
            self.serving.forget_entries()
            self.world.store.table("certs/keys").delete(name)
            self.issuance.stop(name)
            return {"response": EMPTY}
        now = self.now_text()
        if "create" in effect:
            doc = effect["create"] | {"updateTime": now}
        else:
            current = self._stored(name)
            if current is None:
                return {"error": {"code": 5, "message": f"Resource '{name}' was not found"}}
            doc = {key: one for key, one in current.items() if key not in effect["unset"]}
            doc |= effect["set"] | {"updateTime": now}
        self.put(name, doc)
        if collection == ENTRIES and ("create" in effect or "certificates" in effect["set"]):
            self.serving.entry_changed(name)
        if collection == "certificates" and "create" in effect and "managed" in doc:
            self.issuance.begin(name)
        answer = self.view(name, self._stored(name) or doc)
        return {"response": {"@type": TYPE + KINDS[collection].schema} | answer}

    def _stored(self, name: str) -> Doc | None:
        return self.table(name.split("/")[-2]).get(name)
