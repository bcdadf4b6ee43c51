"""The methods of the GKE API: by location (`-` for all) and in the older form by zone.

Each takes a request whose path is parsed and gives the answer's body.
"""

import re
from collections.abc import Callable

from gcpsim.core.discovery import Method
from gcpsim.core.errors import ApiError
from gcpsim.core.service import Request
from gcpsim.gke import documents
from gcpsim.gke.estate import Estate
from gcpsim.gke.operations import Operations
from gcpsim.gke.upgrades import Upgrades
from gcpsim.k8s.controllers.objects import Obj

LOCATION = re.compile(r"(?:-|[a-z]+-[a-z]+[0-9]+(?:-[a-z])?)$")
Handler = Callable[[Request], Obj]
# How path parameters are called in the two forms of the API.
CLUSTER, POOL, OPERATION = (
    (f"{noun}sId", f"{noun}Id") for noun in ("cluster", "nodePool", "operation")
)


def place_of(request: Request) -> str:
    """The location that a path names; ApiError 400 for what can't be one."""
    params = request.params
    where = params.get("locationsId") or params.get("zone") or params.get("zonesId") or "-"
    if not LOCATION.match(where):
        raise ApiError(400, f'Location "{where}" does not exist.', "badRequest")
    return where


def _named(request: Request, names: tuple[str, str]) -> str:
    return next(request.params[name] for name in names if name in request.params)


class Methods:
    """Handlers by collection and method name."""

    def __init__(self, estate: Estate, operations: Operations, upgrades: Upgrades) -> None:
        self.estate = estate
        self.operations = operations
        self.upgrades = upgrades
        self._table: dict[tuple[str, str], Handler] = {
            ("locations", "getServerConfig"): lambda request: documents.server_config(),
            ("zones", "getServerconfig"): lambda request: documents.server_config(),
            ("clusters", "list"): self._list,
            ("clusters", "get"): lambda request: self._shown(self._find(request)),
            ("nodePools", "list"): lambda request: {"nodePools": self._find(request)["nodePools"]},
            ("nodePools", "get"): self._pool,
            ("nodePools", "update"): self._update_pool,
            ("operations", "list"): self._operations,
            ("operations", "get"): self._operation,
        }

    def find(self, method: Method) -> Handler | None:
        return self._table.get((method.collection, method.name))

    def _list(self, request: Request) -> Obj:
        where = place_of(request)
        found = [
            self._shown(doc)
            for _, doc in sorted(self.estate.table.items())
            if doc["_project"] == request.project and where in ("-", doc["location"])
        ]
        return {"clusters": found} if found else {}

    def _find(self, request: Request) -> Obj:
        name, where = _named(request, CLUSTER), place_of(request)
        doc = self.estate.table.get(name)
        if doc is None or (doc["_project"], doc["location"]) != (request.project, where):
            path = f"projects/{request.project}/locations/{where}/clusters/{name}"
            raise ApiError(404, f"Not found: {path}.", "notFound")
        return doc

    def _shown(self, doc: Obj) -> Obj:
        count = len(self.estate.clusters[doc["name"]].table("nodes"))
        return {k: v for k, v in doc.items() if not k.startswith("_")} | {"currentNodeCount": count}

    def _pool(self, request: Request) -> Obj:
        doc, name = self._find(request), _named(request, POOL)
        for pool in doc["nodePools"]:
            if pool["name"] == name:
                return dict(pool)
        path = f"projects/{request.project}/locations/{doc['location']}/clusters/{doc['name']}"
        raise ApiError(404, f"Not found: {path}/nodePools/{name}.", "notFound")

    def _update_pool(self, request: Request) -> Obj:
        doc, pool = self._find(request), self._pool(request)
        version = str(request.call.json().get("nodeVersion") or documents.DEFAULT_VERSION)
        return self.upgrades.start(doc["name"], pool["name"], version)

    def _operations(self, request: Request) -> Obj:
        here = place_of(request)
        found = self.operations.list(request.project, lambda place: here in ("-", place))
        return {"operations": found} if found else {}

    def _operation(self, request: Request) -> Obj:
        name = _named(request, OPERATION)
        found = self.operations.find(name)
        if found is None:
            path = f"projects/{request.project}/locations/{place_of(request)}/operations"
            raise ApiError(404, f"Not found: {path}/{name}.", "notFound")
        return found
