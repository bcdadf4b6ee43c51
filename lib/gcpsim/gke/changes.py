"""What the GKE API changes: clusters come, change and go, each as an operation with its time.

One thing at a time per cluster, but for node pools that are upgraded beside each other. What goes
node by node is done by upgrades.py; what is a matter of time only ends here, in `take_effect`.
"""

import re

from gcpsim.compute.engine.catalog import REGION_ZONES, zones_of
from gcpsim.core.errors import ApiError
from gcpsim.core.paths import name_of
from gcpsim.gke import documents, reading, versions
from gcpsim.gke.creation import Creation
from gcpsim.gke.documents import ClusterSpec
from gcpsim.gke.estate import Estate
from gcpsim.gke.fleet import Fleet
from gcpsim.gke.operations import Next, Operations
from gcpsim.gke.upgrades import Upgrades, busy_with
from gcpsim.k8s.controllers.objects import Obj

NAME = re.compile(r"[a-z](?:[-a-z0-9]{0,38}[a-z0-9])?")
NODE_BOOT = "gke.node.create"
CLUSTER_BOOT = "gke.cluster.create"


class Changes:
    """Mutations of clusters. Each gives the operation that it started."""

    def __init__(
        self,
        estate: Estate,
        fleet: Fleet,
        creation: Creation,
        operations: Operations,
        upgrades: Upgrades,
    ) -> None:
        self.estate = estate
        self.fleet = fleet
        self.creation = creation
        self.operations = operations
        self.upgrades = upgrades
        self.world = estate.world
        operations.take_effect = self.take_effect

    def create(self, project: str, location: str, body: Obj) -> Obj:
        """A new cluster: PROVISIONING, then its control plane, then its nodes."""
        if location == "-" or location.rstrip("-abcdf") not in REGION_ZONES:
            raise ApiError(400, f'Location "{location}" does not exist.', "badRequest")
        name = str(body.get("name") or "")
        if not NAME.fullmatch(name):
            raise ApiError(
                400,
                f'Invalid value for field "cluster.name": "{name}". It must match '
                f"'{NAME.pattern}'.",
                "badRequest",
            )
        spec = reading.cluster_spec(project, location, body)
        self._require_network(spec)
        self.creation.begin(spec)
        self.estate.change(name, status="PROVISIONING")
        seconds = self.world.duration(CLUSTER_BOOT) - self.world.duration(NODE_BOOT)
        return self._timed(name, "CREATE_CLUSTER", "plane", max(0.0, seconds))

    def delete(self, name: str) -> Obj:
        self._require_free(name)
        self.estate.change(name, status="STOPPING")
        return self._timed(
            name, "DELETE_CLUSTER", "gone", self.world.duration("gke.cluster.delete")
        )

    def change(self, name: str, kind: str, fields: Obj) -> Obj:
        """Fields of the cluster get other values, and its etag with them."""
        self._require_free(name)
        seconds = self.world.duration("gke.cluster.update")
        return self._timed(name, kind, "fields", seconds, fields=fields)

    def update(self, name: str, asked: Obj) -> Obj:
        """The one change that an update of the API asks for."""
        doc = self.estate.document(name)
        asked = {k: v for k, v in asked.items() if k not in ("etag", "desiredNodePoolId")} | {
            k: v for k, v in asked.items() if k == "desiredNodePoolId"
        }
        if asked.get("desiredMasterVersion"):
            return self.upgrade_master(name, asked["desiredMasterVersion"])
        if asked.get("desiredNodeVersion") or asked.get("desiredImageType"):
            return self._upgrade_nodes(doc, asked)
        if asked.get("desiredLocations"):
            return self.change(name, "UPDATE_CLUSTER", {"locations": asked["desiredLocations"]})
        fields = reading.desired_fields(doc, asked)
        if not fields:
            raise ApiError(400, "Must specify a field to update.", "badRequest")
        return self.change(name, "UPDATE_CLUSTER", fields)

    def upgrade_master(self, name: str, asked: str) -> Obj:
        """A zonal control plane is away meanwhile, a regional one is not."""
        doc = self.estate.document(name)
        version = versions.for_master(asked, doc["currentMasterVersion"])
        self._require_free(name)
        self.estate.change(name, _master=True, status="RECONCILING")
        zonal = doc["location"] in doc["locations"]
        if zonal:
            self.estate.set_available(name, False)
        seconds = self.world.duration("gke.master.upgrade")
        return self._timed(name, "UPGRADE_MASTER", "master", seconds, version=version)

    def _upgrade_nodes(self, doc: Obj, asked: Obj) -> Obj:
        pools = [pool["name"] for pool in doc["nodePools"]]
        wanted = asked.get("desiredNodePoolId") or (pools[0] if len(pools) == 1 else "")
        if not wanted:
            why = "Node pool must be specified: the cluster has more than one."
            raise ApiError(400, why, "badRequest")
        return self.update_pool(
            doc["name"],
            wanted,
            {
                "nodeVersion": asked.get("desiredNodeVersion", ""),
                **({"imageType": asked["desiredImageType"]} if "desiredImageType" in asked else {}),
            },
        )

    def cancel(self, operation: str) -> None:
        """Only upgrades and removals of nodes can be stopped."""
        if not self.upgrades.cancel(operation):
            raise ApiError(
                400, f'Operation "{operation}" can not be cancelled.', "failedPrecondition"
            )

    # Node pools

    def create_pool(self, name: str, body: Obj) -> Obj:
        doc = self.estate.document(name)
        self._require_free(name)
        pool = reading.new_pool(doc, body)
        if any(known["name"] == pool["name"] for known in doc["nodePools"]):
            path = f"projects/{doc['_project']}/locations/{doc['location']}/clusters/{name}"
            why = f"Already exists: {path}/nodePools/{pool['name']}."
            raise ApiError(409, why, "alreadyExists")
        self.estate.set_pools(name, [*doc["nodePools"], {**pool, "status": "PROVISIONING"}])
        self.creation.add_nodes(name, [pool])
        seconds = self.world.duration("gke.pool.create")
        return self._timed(
            name, "CREATE_NODE_POOL", "pool", seconds, below=f"/nodePools/{pool['name']}"
        )

    def delete_pool(self, name: str, pool: str) -> Obj:
        self._require_free(name)
        return self.upgrades.shrink(name, pool, "DELETE_NODE_POOL", self._nodes(name, pool))

    def set_size(self, name: str, pool: str, size: int) -> Obj:
        """So many nodes in each zone of the pool."""
        self._require_free(name)
        spec = self._pool(name, pool)
        surplus: list[str] = []
        for zone in spec["locations"]:
            present = self._nodes(name, pool, zone)
            surplus += present[size:]
            for _ in range(size - len(present)):
                self.fleet.add(name, spec, zone)
        self.estate.change_pool(name, pool, initialNodeCount=size)
        if surplus:
            return self.upgrades.shrink(name, pool, "SET_NODE_POOL_SIZE", surplus)
        self.estate.change_pool(name, pool, status="RECONCILING")
        seconds = self.world.duration(NODE_BOOT)
        return self._timed(name, "SET_NODE_POOL_SIZE", "pool", seconds, below=f"/nodePools/{pool}")

    def change_pool(self, name: str, pool: str, kind: str, fields: Obj) -> Obj:
        """Settings of a pool that touch no node."""
        self._require_free(name)
        self.estate.change_pool(name, pool, **fields)
        seconds = self.world.duration("gke.cluster.update")
        return self._timed(name, kind, "pool", seconds, below=f"/nodePools/{pool}")

    def update_pool(self, name: str, pool: str, asked: Obj) -> Obj:
        """Settings at once, a version or a configuration node by node."""
        spec = self._pool(name, pool)
        master = str(self.estate.document(name)["currentMasterVersion"])
        settings, config = reading.pool_changes(spec, asked)
        if settings and not config and not asked.get("nodeVersion"):
            return self.change_pool(name, pool, "UPDATE_CLUSTER", settings)
        version = versions.for_nodes(asked.get("nodeVersion") or "", master, spec["version"])
        self._require_free(name, upgrades_too=False)
        if settings:
            self.estate.change_pool(name, pool, **settings)
        return self.upgrades.start(name, pool, version, config)

    # How operations end

    def take_effect(self, effect: Obj) -> Next | None:
        name = effect["cluster"]
        if name not in self.estate.table:
            return None
        match effect["do"]:
            case "plane":
                self.creation.start(name)
                self.creation.add_nodes(name, self.estate.document(name)["nodePools"])
                return {"do": "ready", "cluster": name}, self.world.duration(NODE_BOOT)
            case "ready":
                self.estate.change(name, status="RUNNING")
            case "gone":
                self.upgrades.forget(name)
                self.creation.remove(name)
            case "fields":
                self._set_fields(name, effect["fields"])
            case "master":
                self._set_master(name, effect["version"])
            case "pool":
                self.estate.change_pool(name, name_of(effect["below"]), status="RUNNING")
        return None

    def pool_emptied(self, name: str, pool: str) -> None:
        doc = self.estate.document(name)
        self.estate.set_pools(name, [p for p in doc["nodePools"] if p["name"] != pool])

    def _set_fields(self, name: str, fields: Obj) -> None:
        doc = self.estate.document(name)
        changed = {**fields, "etag": documents.etag(doc["etag"], sorted(fields))}
        self.estate.change(name, **changed)
        if "locations" in fields:
            self.estate.clusters[name].zones[:] = fields["locations"]

    def _set_master(self, name: str, version: str) -> None:
        self.estate.change(name, currentMasterVersion=version, _master=None)
        self.estate.clusters[name].version = version
        self.estate.set_available(name, True)
        self.estate.set_pools(name, self.estate.document(name)["nodePools"])

    # Inside

    def _timed(
        self, name: str, kind: str, do: str, seconds: float, *, below: str = "", **more: object
    ) -> Obj:
        doc = self.estate.document(name)
        target = f"projects/{doc['_project']}/locations/{doc['location']}/clusters/{name}{below}"
        effect = {"do": do, "cluster": name, "below": below, **more}
        return self.operations.start(
            doc["_project"], doc["location"], kind, target, effect=effect, seconds=seconds
        )

    def _require_free(self, name: str, *, upgrades_too: bool = True) -> None:
        """ApiError 400 while something else changes the cluster."""
        doc = self.estate.document(name)
        path = f"projects/{doc['_project']}/locations/{doc['location']}/clusters/{name}"
        busy = self.operations.running_on(path)
        if busy is not None and (upgrades_too or busy["operationType"] != "UPGRADE_NODES"):
            raise busy_with(busy["name"])

    def _require_network(self, spec: ClusterSpec) -> None:
        self.world.compute.ensure_project(spec.project)
        path = f"projects/{spec.project}/global/networks/{spec.network}"
        if self.world.compute.get(path) is None:
            raise ApiError(400, f'Network "{spec.network}" does not exist.', "badRequest")
        unknown = [zone for zone in spec.zones if zone not in zones_of(zone.rpartition("-")[0])]
        if unknown:
            raise ApiError(400, f'Zone "{unknown[0]}" does not exist.', "badRequest")

    def _pool(self, name: str, pool: str) -> Obj:
        found: Obj = next(p for p in self.estate.document(name)["nodePools"] if p["name"] == pool)
        return found

    def _nodes(self, name: str, pool: str, zone: str = "") -> list[str]:
        labels = {"cloud.google.com/gke-nodepool": pool}
        if zone:
            labels["topology.kubernetes.io/zone"] = zone
        found = self.estate.clusters[name].list("nodes", labels=labels)
        return [node["metadata"]["name"] for node in found]
