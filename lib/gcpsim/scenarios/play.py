"""Playing a scenario: network, addresses, clusters, DNS, workloads, in that order, all at once.

Time is at scale 0 meanwhile, so that the world starts with everything Ready. Everything is made
through the services' own APIs; what they refuse becomes a ScenarioError with file and line.
"""

from typing import Any

from gcpsim.core.errors import ApiError
from gcpsim.core.world import World
from gcpsim.gke.certmanager import CertManager
from gcpsim.gke.service import Gke
from gcpsim.k8s.objects.cluster import Cluster
from gcpsim.k8s.types.names import group_of
from gcpsim.k8s.types.status import StatusError
from gcpsim.scenarios.reader import VARIABLE, Manifest, Scenario, ScenarioError, parsed

DAY = 86400.0


def play(world: World, gke: Gke, scenario: Scenario) -> None:
    """Build the scenario in an empty world; it is settled when this returns."""
    clock = world.clock
    scale = clock.scale
    clock.set(scale=0)
    try:
        _play(world, gke, scenario)
    except (ApiError, StatusError) as error:
        raise ScenarioError(f"{scenario.source}: {error.message}") from error
    finally:
        clock.set(scale=scale)
        world.commit()


def _play(world: World, gke: Gke, scenario: Scenario) -> None:
    project = scenario.project
    about = {"project": project, "source": scenario.source}
    world.store.table("meta").put("scenario", about)
    world.compute.ensure_project(project)
    if scenario.network != "default":
        body = {"name": scenario.network, "autoCreateSubnetworks": True}
        world.compute.call("POST", f"projects/{project}/global/networks", body)
        world.clock.settle()
    for name, region in scenario.addresses:
        path = f"projects/{project}/regions/{region}/addresses"
        world.compute.call("POST", path, {"name": name})
    world.clock.settle()
    for spec in scenario.clusters:
        world.compute.ensure_project(spec.project)
        gke.create(spec)
    world.clock.settle()
    for plane in gke.estate.planes.values():
        plane.part(CertManager).backdate = scenario.certificate_age_days * DAY
    variables = _addresses(world, scenario)
    for zone in scenario.dns:
        _make_zone(world, project, zone, variables)
    world.clock.settle()
    for clusters, manifests in scenario.workloads:
        for name in clusters:
            for manifest in manifests:
                _create(gke.estate.clusters[name], manifest, variables)
        world.clock.settle()
    for plane in gke.estate.planes.values():
        plane.part(CertManager).backdate = 0.0


def _addresses(world: World, scenario: Scenario) -> dict[str, str]:
    found = {}
    for name, region in scenario.addresses:
        doc = world.compute.get(f"projects/{scenario.project}/regions/{region}/addresses/{name}")
        found[name] = str((doc or {})["address"])
    return found


def _filled(text: str, variables: dict[str, str]) -> str:
    return VARIABLE.sub(lambda found: variables[found[1]], text)


def _create(cluster: Cluster, manifest: Manifest, variables: dict[str, str]) -> None:
    obj = parsed(_filled(manifest.text, variables))
    where = f"{manifest.source} line {manifest.line}"
    group = group_of(str(obj["apiVersion"]))
    resource = cluster.registry.by_kind(group, obj["kind"])
    if resource is None:
        kind = f"{obj['apiVersion']} {obj['kind']}"
        raise ScenarioError(f"{where}: cluster {cluster.name} has no resource {kind}")
    try:
        cluster.create(resource, obj)
    except StatusError as error:
        name = f"{obj['kind']} {obj['metadata'].get('name', '')}"
        raise ScenarioError(
            f"{where}: {name} in cluster {cluster.name}: {error.message}"
        ) from error


def _make_zone(world: World, project: str, zone: dict[str, Any], variables: dict[str, str]) -> None:
    path = f"projects/{project}/managedZones"
    body = {"name": zone["zone"], "dnsName": zone["dns_name"], "description": ""}
    world.dns.call("POST", path, body)
    additions = [
        {
            "name": record["name"],
            "type": record["type"],
            "ttl": record.get("ttl", 300),
            "rrdatas": [_filled(data, variables) for data in record["rrdatas"]],
        }
        for record in zone.get("records") or ()
    ]
    if additions:
        world.dns.call("POST", f"{path}/{zone['zone']}/changes", {"additions": additions})
