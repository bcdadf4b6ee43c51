"""The methods of the GKE API: by location (`-` for all) and in the older form by zone.

Each takes a request whose path is parsed and gives the answer's body.
"""

import hashlib
import re
from collections.abc import Callable

from gcpsim.core.discovery import Method
from gcpsim.core.errors import ApiError
from gcpsim.core.schema import BodyReader
from gcpsim.core.service import Request
from gcpsim.gke import documents
from gcpsim.gke.changes import Changes
from gcpsim.gke.estate import Estate
from gcpsim.gke.operations import Operations, shown
from gcpsim.gke.upgrades import Upgrades
from gcpsim.k8s.controllers.objects import Obj

LOCATION = re.compile(r"(?:-|[a-z]+-[a-z]+[0-9]+(?:-[a-z])?)$")
Handler = Callable[[Request], Obj]
# How path parameters are called in the two forms of the API.
CLUSTER, POOL, OPERATION = (
    (f"{noun}sId", f"{noun}Id") for noun in ("cluster", "nodePool", "operation")
)
# Methods that set one field of the cluster; the older form calls them without "set".
SETTERS = {
    "setAddons": "addonsConfig",
    "setLegacyAbac": "legacyAbac",
    "setLocations": "locations",
    "setLogging": "loggingService",
    "setMaintenancePolicy": "maintenancePolicy",
    "setMonitoring": "monitoringService",
    "setNetworkPolicy": "networkPolicy",
}
ADDRESSING = ("clusterId", "name", "nodePoolId", "projectId", "zone")
MOST_NODES = 1000


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

    def __init__(
        self, estate: Estate, operations: Operations, upgrades: Upgrades, changes: Changes
    ) -> None:
        self.estate = estate
        self.operations = operations
        self.upgrades = upgrades
        self.changes = changes
        self.reader = BodyReader("container", root="")
        self._table: dict[tuple[str, str], Handler] = {
            ("locations", "getServerConfig"): lambda request: documents.server_config(),
            ("zones", "getServerconfig"): lambda request: documents.server_config(),
            ("clusters", "list"): self._list,
            ("clusters", "get"): lambda request: self._shown(self._find(request)),
            ("clusters", "create"): self._create,
            ("clusters", "delete"): lambda request: changes.delete(self._name(request)),
            ("clusters", "update"): self._update,
            ("clusters", "updateMaster"): self._update_master,
            ("clusters", "master"): self._update_master,
            ("clusters", "fetchClusterUpgradeInfo"): self._upgrade_info,
            ("clusters", "setResourceLabels"): self._set_labels,
            ("clusters", "resourceLabels"): self._set_labels,
            ("nodePools", "list"): self._pools,
            ("nodePools", "get"): lambda request: shown(self._pool(request)),
            ("nodePools", "create"): self._create_pool,
            ("nodePools", "delete"): lambda request: changes.delete_pool(*self._pool_name(request)),
            ("nodePools", "update"): self._update_pool,
            ("nodePools", "setSize"): self._set_size,
            ("nodePools", "setManagement"): self._pool_setter("management"),
            ("nodePools", "setAutoscaling"): self._pool_setter("autoscaling"),
            ("nodePools", "autoscaling"): self._pool_setter("autoscaling"),
            ("nodePools", "rollback"): lambda request: upgrades.rollback(*self._pool_name(request)),
            ("nodePools", "completeUpgrade"): self._complete,
            ("nodePools", "fetchNodePoolUpgradeInfo"): self._pool_upgrade_info,
            ("operations", "list"): self._operations,
            ("operations", "get"): self._operation,
            ("operations", "cancel"): self._cancel,
        }
        for method, field in SETTERS.items():
            short = method.removeprefix("set")
            setter = self._setter(field)
            self._table["clusters", method] = setter
            self._table["clusters", short[0].lower() + short[1:]] = setter

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

    def _name(self, request: Request) -> str:
        return str(self._find(request)["name"])

    def _shown(self, doc: Obj) -> Obj:
        cluster = self.estate.clusters.get(doc["name"])
        count = len(cluster.table("nodes")) if cluster else 0
        pools = [shown(pool) for pool in doc["nodePools"]]
        return {**shown(doc), "nodePools": pools, "currentNodeCount": count}

    def _body(self, request: Request) -> Obj:
        schema = request.method.request
        assert schema is not None, f"{request.method.id} takes a body"
        read = self.reader.read(schema, request.call.json())
        return {key: value for key, value in read.items() if value is not None}

    def _create(self, request: Request) -> Obj:
        cluster = self._body(request).get("cluster")
        if not cluster:
            raise ApiError(400, "Cluster must be specified.", "badRequest")
        return self.changes.create(request.project, place_of(request), cluster)

    def _update(self, request: Request) -> Obj:
        doc, body = self._find(request), self._body(request)
        asked = body.get("update") or {}
        self._check_etag(doc, asked.get("etag"))
        return self.changes.update(doc["name"], asked)

    def _update_master(self, request: Request) -> Obj:
        name, body = self._name(request), self._body(request)
        return self.changes.upgrade_master(name, body.get("masterVersion") or "-")

    def _set_labels(self, request: Request) -> Obj:
        doc, body = self._find(request), self._body(request)
        if body.get("labelFingerprint", "") != doc["labelFingerprint"]:
            raise ApiError(
                400, "Labels could not be set due to fingerprint mismatch.", "failedPrecondition"
            )
        labels = body.get("resourceLabels") or {}
        digest = hashlib.sha256(repr(sorted(labels.items())).encode()).hexdigest()[:8]
        fingerprint = digest if labels else documents.NO_LABELS
        fields = {"resourceLabels": labels, "labelFingerprint": fingerprint}
        return self.changes.change(doc["name"], "UPDATE_CLUSTER", fields)

    def _setter(self, field: str) -> Handler:
        """A method that sets one field of the cluster; the body has it under its own name."""

        def handler(request: Request) -> Obj:
            doc, body = self._find(request), self._body(request)
            names = [name for name in body if name not in ADDRESSING]
            given = body[names[0]] if names else {}
            if field == "maintenancePolicy":
                given = _with_version(doc, given)
            value = {"enabled": given} if field == "legacyAbac" else given
            return self.changes.change(doc["name"], "UPDATE_CLUSTER", {field: value})

        return handler

    def _pool_setter(self, field: str) -> Handler:
        kind = "SET_NODE_POOL_MANAGEMENT" if field == "management" else "UPDATE_CLUSTER"

        def handler(request: Request) -> Obj:
            name, pool = self._pool_name(request)
            fields = {field: self._body(request).get(field) or {}}
            return self.changes.change_pool(name, pool, kind, fields)

        return handler

    @staticmethod
    def _check_etag(doc: Obj, given: str | None) -> None:
        if given and given != doc["etag"]:
            raise ApiError(409, "The etag does not match.", "aborted", status="ABORTED")

    def _pool(self, request: Request) -> Obj:
        doc, name = self._find(request), _named(request, POOL)
        for pool in doc["nodePools"]:
            if pool["name"] == name:
                return dict(pool)
        path = f"projects/{request.project}/locations/{doc['location']}/clusters/{doc['name']}"
        raise ApiError(404, f"Not found: {path}/nodePools/{name}.", "notFound")

    def _pool_name(self, request: Request) -> tuple[str, str]:
        """(cluster, pool) of a path; both exist."""
        return self._name(request), str(self._pool(request)["name"])

    def _pools(self, request: Request) -> Obj:
        return {"nodePools": [shown(pool) for pool in self._find(request)["nodePools"]]}

    def _create_pool(self, request: Request) -> Obj:
        name, body = self._name(request), self._body(request)
        return self.changes.create_pool(name, body.get("nodePool") or {})

    def _update_pool(self, request: Request) -> Obj:
        name, pool = self._pool_name(request)
        body = self._body(request)
        self._check_etag(self._pool(request), body.get("etag"))
        return self.changes.update_pool(name, pool, body)

    def _set_size(self, request: Request) -> Obj:
        name, pool = self._pool_name(request)
        count = int(self._body(request).get("nodeCount", 0))
        if not 0 <= count <= MOST_NODES:
            raise ApiError(400, f"Invalid node count: {count}.", "badRequest")
        return self.changes.set_size(name, pool, count)

    def _complete(self, request: Request) -> Obj:
        self.upgrades.complete(*self._pool_name(request))
        return {}

    def _upgrade_info(self, request: Request) -> Obj:
        doc = self._find(request)
        return {"minorTargetVersion": documents.VERSIONS[0], **_support(doc)}

    def _pool_upgrade_info(self, request: Request) -> Obj:
        doc = self._find(request)
        self._pool(request)
        return {"minorTargetVersion": doc["currentMasterVersion"], **_support(doc)}

    def _cancel(self, request: Request) -> Obj:
        self.changes.cancel(str(self._operation(request)["name"]))
        return {}

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


def _support(doc: Obj) -> Obj:
    return {"autoUpgradeStatus": ["ACTIVE"], "patchTargetVersion": doc["currentMasterVersion"]}


def _with_version(doc: Obj, policy: Obj) -> Obj:
    """A maintenance policy with its next resourceVersion; 409 when the one given is stale."""
    known = doc["maintenancePolicy"].get("resourceVersion", "")
    given = policy.get("resourceVersion", "")
    if given and given != known:
        raise ApiError(
            409, "The maintenance policy was changed meanwhile.", "aborted", status="ABORTED"
        )
    text = repr(sorted(policy.get("window", {}).items()))
    return {**policy, "resourceVersion": hashlib.sha256(f"{known}{text}".encode()).hexdigest()[:8]}
