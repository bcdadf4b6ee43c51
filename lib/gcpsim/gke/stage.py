"""Stage directions for clusters: what an operator's bad day is made of.

Each is a function from arguments to a short account of what happened, registered under its verb:
cluster-down, cluster-up, zone-down, zone-up, region-down, region-up, node-down, node-up,
node-add, node-remove, node-upgrade, negs-stop, negs-go, pod-crash, rollout. Wrong arguments are
refused, and the answer says what is allowed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from gcpsim.core.errors import ApiError
from gcpsim.core.world import World
from gcpsim.gke import endpoints
from gcpsim.gke.autoneg import Autoneg
from gcpsim.gke.estate import Estate
from gcpsim.gke.fleet import Fleet
from gcpsim.gke.neg.controller import NegController
from gcpsim.gke.neg.syncer import PART
from gcpsim.gke.upgrades import Upgrades
from gcpsim.k8s.controllers.autoscaler import Autoscaler
from gcpsim.k8s.controllers.kubelet import Kubelet
from gcpsim.k8s.controllers.nodes import NodeController
from gcpsim.k8s.controllers.objects import Obj, key_of, stamp
from gcpsim.k8s.controllers.plane import Plane
from gcpsim.k8s.objects.cluster import Cluster


@dataclass(frozen=True)
class Stage:
    """What stage directions act on."""

    estate: Estate
    fleet: Fleet
    upgrades: Upgrades

    @property
    def world(self) -> World:
        return self.estate.world


Args = dict[str, Any]
Direction = Callable[[Stage, Args], Obj]
RESTARTED = "kubectl.kubernetes.io/restartedAt"
DIRECTIONS: dict[str, Direction] = {}


def register(stage: Stage) -> None:
    """Enter the directions into stage.world.stage."""
    for verb, direction in DIRECTIONS.items():
        stage.world.stage[verb] = _bound(direction, stage)


def _bound(direction: Direction, stage: Stage) -> Callable[[Args], Obj]:
    return lambda args: direction(stage, args)


def direction(
    verb: str, *needed: str, optional: Iterable[str] = ()
) -> Callable[[Direction], Direction]:
    allowed = {*needed, *optional}

    def enter(function: Direction) -> Direction:
        def checked(stage: Stage, args: Args) -> Obj:
            unknown, missing = sorted(set(args) - allowed), sorted(set(needed) - set(args))
            if unknown or missing:
                what = f"unknown {unknown}" if unknown else f"missing {missing}"
                raise ApiError(400, f"{verb}: {what}; it takes {sorted(allowed)}", "invalid")
            return function(stage, args)

        DIRECTIONS[verb] = checked
        return function

    return enter


@direction("cluster-down", "cluster")
def cluster_down(stage: Stage, args: Args) -> Obj:
    """The cluster's Kubernetes API goes away; its pods keep running."""
    return _set_api(stage, args, False)


@direction("cluster-up", "cluster")
def cluster_up(stage: Stage, args: Args) -> Obj:
    return _set_api(stage, args, True)


def _set_api(stage: Stage, args: Args, available: bool) -> Obj:
    cluster = plane_named(stage, args).cluster
    stage.estate.set_available(cluster.name, available)
    return {"cluster": cluster.name, "api": "up" if available else "down"}


@direction("zone-down", "zone")
def zone_down(stage: Stage, args: Args) -> Obj:
    """All machines of a zone stop."""
    return _machines(stage, [_zone(stage, args["zone"])], down=True)


@direction("zone-up", "zone")
def zone_up(stage: Stage, args: Args) -> Obj:
    return _machines(stage, [_zone(stage, args["zone"])], down=False)


@direction("region-down", "region")
def region_down(stage: Stage, args: Args) -> Obj:
    """All zones of a region stop, and with them the Kubernetes APIs of the clusters there."""
    return _region(stage, args["region"], down=True)


@direction("region-up", "region")
def region_up(stage: Stage, args: Args) -> Obj:
    return _region(stage, args["region"], down=False)


def _region(stage: Stage, region: str, *, down: bool) -> Obj:
    zones = [zone for zone in _zones(stage) if zone.rpartition("-")[0] == region]
    if not zones:
        known = sorted({zone.rpartition("-")[0] for zone in _zones(stage)})
        raise ApiError(
            400, f"no cluster has zones in region {region!r}; they are in {known}", "invalid"
        )
    for plane in stage.estate.planes.values():
        if plane.cluster.location == region:
            _set_api(stage, {"cluster": plane.cluster.name}, not down)
    return _machines(stage, zones, down=down)


def _machines(stage: Stage, zones: list[str], *, down: bool) -> Obj:
    table, nodes = stage.world.store.table("outages"), []
    for zone in zones:
        if down:
            table.put(f"zone/{zone}", {"since": stage.world.clock.now()})
        else:
            table.delete(f"zone/{zone}")
        for plane in stage.estate.planes.values():
            for node in plane.cluster.list("nodes", labels={"topology.kubernetes.io/zone": zone}):
                nodes.append(node["metadata"]["name"])
                _heartbeat(plane, node, down=down)
    return {"zones": zones, "nodes": nodes, "state": "down" if down else "up"}


def _heartbeat(plane: Plane, node: Obj, *, down: bool) -> None:
    name = node["metadata"]["name"]
    if down:
        plane.part(NodeController).heartbeat_lost(name)
    else:
        plane.part(NodeController).heartbeat_back(name)
        plane.part(Kubelet).wake(name)
    for observer in plane.machine_observers:
        observer(name)
    for pod in plane.pods.on_node(name):
        endpoints.mark(plane, pod)


@direction("node-down", "cluster", "node")
def node_down(stage: Stage, args: Args) -> Obj:
    return _one_node(stage, args, down=True)


@direction("node-up", "cluster", "node")
def node_up(stage: Stage, args: Args) -> Obj:
    return _one_node(stage, args, down=False)


def _one_node(stage: Stage, args: Args, *, down: bool) -> Obj:
    plane = plane_named(stage, args)
    node = _node(plane.cluster, args["node"])
    key = f"node/{plane.cluster.name}/{args['node']}"
    table = stage.world.store.table("outages")
    if down:
        table.put(key, {"since": stage.world.clock.now()})
    else:
        table.delete(key)
    _heartbeat(plane, node, down=down)
    return {"node": args["node"], "state": "down" if down else "up"}


@direction("node-add", "cluster", "zone", optional=("pool",))
def node_add(stage: Stage, args: Args) -> Obj:
    """A node appears, in a zone of the cluster's region that may be new to it."""
    cluster = plane_named(stage, args).cluster
    doc = stage.estate.document(cluster.name)
    region = "-".join(cluster.location.split("-")[:2])
    if args["zone"].rpartition("-")[0] != region:
        raise ApiError(400, f"zone {args['zone']!r} is not in {region}", "invalid")
    pool = _pool(doc, args.get("pool"))
    name = stage.fleet.add(cluster.name, pool, args["zone"])
    if args["zone"] not in doc["locations"]:
        zones = sorted([*doc["locations"], args["zone"]])
        pools = [
            {**p, "locations": zones} if p["name"] == pool["name"] else p for p in doc["nodePools"]
        ]
        stage.estate.change(cluster.name, locations=zones, nodePools=pools)
        cluster.zones[:] = zones
    return {"node": name, "zone": args["zone"]}


@direction("node-remove", "cluster", "node")
def node_remove(stage: Stage, args: Args) -> Obj:
    """A node and its instance are deleted, without a drain."""
    cluster = plane_named(stage, args).cluster
    stage.fleet.remove(cluster.name, _node(cluster, args["node"]))
    return {"node": args["node"], "state": "removed"}


@direction("node-upgrade", "cluster", optional=("pool", "version"))
def node_upgrade(stage: Stage, args: Args) -> Obj:
    """Upgrade a node pool: with surge, node by node, drained by evictions."""
    doc = stage.estate.document(plane_named(stage, args).cluster.name)
    pool = _pool(doc, args.get("pool"))
    version = args.get("version") or _newer(pool["version"])
    operation = stage.upgrades.start(doc["name"], pool["name"], version)
    return {"pool": pool["name"], "version": version, "operation": operation["name"]}


@direction("pod-crash", "cluster", "namespace", "pod", optional=("container", "exit_code"))
def pod_crash(stage: Stage, args: Args) -> Obj:
    """A container of a pod ends with an error; the kubelet restarts it with back-off."""
    plane = plane_named(stage, args)
    key = f"{args['namespace']}/{args['pod']}"
    pod = plane.pods.get(key)
    if pod is None:
        names = sorted(p["metadata"]["name"] for p in plane.pods.in_namespace(args["namespace"]))
        raise ApiError(
            404, f"no pod {key} in cluster {plane.cluster.name}; there: {names}", "notFound"
        )
    if (pod.get("status") or {}).get("phase") != "Running":
        raise ApiError(400, f"pod {key} is not running", "invalid")
    plane.part(Kubelet).crash(pod, args.get("container", ""), int(args.get("exit_code", 1)))
    return {"pod": key, "state": "crashed"}


@direction("rollout", "cluster", "namespace", "deployment", optional=("image",))
def rollout(stage: Stage, args: Args) -> Obj:
    """Start a rollout of a Deployment: a new image, or a restart."""
    cluster = plane_named(stage, args).cluster
    deployment = cluster.get("deployments", args["namespace"], args["deployment"])
    if deployment is None:
        names = [key_of(d) for d in cluster.list("deployments")]
        what = f"{args['namespace']}/{args['deployment']}"
        raise ApiError(
            404, f"no deployment {what} in cluster {cluster.name}; there: {names}", "notFound"
        )
    template = deployment["spec"]["template"]
    meta, spec = dict(template.get("metadata") or {}), dict(template["spec"])
    if args.get("image"):
        first, *rest = spec["containers"]
        spec["containers"] = [{**first, "image": args["image"]}, *rest]
    else:
        marked = {**(meta.get("annotations") or {}), RESTARTED: stamp(stage.world.clock.now())}
        meta["annotations"] = marked
    changed = {**deployment["spec"], "template": {"metadata": meta, "spec": spec}}
    cluster.update("deployments", {**deployment, "spec": changed})
    return {"deployment": key_of(deployment), "state": "rolling out"}


@direction("negs-stop", "cluster")
def negs_stop(stage: Stage, args: Args) -> Obj:
    """The cluster's NEG controller stands still: NEGs stay as they are, whatever the pods do."""
    plane = plane_named(stage, args)
    plane.outages.put(f"{PART}/{plane.cluster.name}", {"since": stage.world.clock.now()})
    return {"cluster": plane.cluster.name, "NEG controller": "stands still"}


@direction("negs-go", "cluster")
def negs_go(stage: Stage, args: Args) -> Obj:
    plane = plane_named(stage, args)
    plane.outages.delete(f"{PART}/{plane.cluster.name}")
    plane.part(NegController).look()
    return {"cluster": plane.cluster.name, "NEG controller": "runs"}


@direction("autoneg", "cluster", optional=("off",))
def autoneg(stage: Stage, args: Args) -> Obj:
    """Switch the stand-in for Google's autoneg controller on in a cluster, or off."""
    plane = plane_named(stage, args)
    part = plane.part(Autoneg)
    off = str(args.get("off", "")).lower() in ("true", "1", "yes")
    if off:
        part.switch.delete(plane.cluster.name)
    else:
        part.switch.put(plane.cluster.name, {})
        part.look()
    return {"cluster": plane.cluster.name, "autoneg": "off" if off else "on"}


@direction("load", "cluster", "namespace", "deployment", "cpu")
def load(stage: Stage, args: Args) -> Obj:
    """What a Deployment has to do: CPU in per cent of one pod's request; autoscalers follow."""
    plane, cpu = plane_named(stage, args), args["cpu"]
    if isinstance(cpu, str):
        cpu = float(cpu) if cpu.replace(".", "", 1).isdigit() else None
    if isinstance(cpu, bool) or not isinstance(cpu, int | float) or cpu < 0:
        raise ApiError(400, f"load: cpu must be a number >= 0, not {args['cpu']!r}", "invalid")
    scaler = plane.part(Autoscaler)
    key = scaler.load_key("Deployment", args["namespace"], args["deployment"])
    scaler.loads.put(key, {"cpu": float(cpu)})
    scaler.look()
    return {"deployment": f"{args['namespace']}/{args['deployment']}", "cpu": cpu}


def plane_named(stage: Stage, args: Args) -> Plane:
    found: Plane | None = stage.estate.planes.get(args["cluster"])
    if found is None:
        known = ", ".join(sorted(stage.estate.planes))
        raise ApiError(404, f"no cluster {args['cluster']!r}; there: {known}", "notFound")
    return found


def _node(cluster: Cluster, name: str) -> Obj:
    node = cluster.get("nodes", "", name)
    if node is None:
        known = [n["metadata"]["name"] for n in cluster.list("nodes")]
        raise ApiError(
            404, f"no node {name!r} in cluster {cluster.name}; there are {known}", "notFound"
        )
    return node


def _pool(doc: Obj, name: str | None) -> Obj:
    for pool in doc["nodePools"]:
        if name in (None, pool["name"]):
            return dict(pool)
    known = [pool["name"] for pool in doc["nodePools"]]
    raise ApiError(
        404, f"no node pool {name!r} in cluster {doc['name']}; there are {known}", "notFound"
    )


def _zones(stage: Stage) -> list[str]:
    return sorted({zone for plane in stage.estate.planes.values() for zone in plane.cluster.zones})


def _zone(stage: Stage, zone: str) -> str:
    if zone not in _zones(stage):
        raise ApiError(
            400, f"no cluster has nodes in zone {zone!r}; zones: {_zones(stage)}", "invalid"
        )
    return zone


def _newer(version: str) -> str:
    """The next GKE patch release after a version."""
    base, _, build = version.rpartition(".")
    return f"{base}.{int(build) + 1000}" if build.isdigit() else f"{version}-next"
