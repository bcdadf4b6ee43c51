"""Collections that nobody creates: operations, regions, zones and the project itself."""

from collections.abc import Callable
from typing import Any

from gcpsim.compute.engine import documents, links, listing, quotas
from gcpsim.compute.engine.catalog import REGIONS, ZONES, region_of, zones_of
from gcpsim.compute.engine.resources import Doc, Kind, Resources
from gcpsim.core import paths, projects
from gcpsim.core.discovery import Method
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import not_found

Handler = Callable[[Call, Method, str], Answer]
EPOCH = "1969-12-31T16:00:00.000-08:00"
OPERATIONS = Kind("operations", "Operation", "operation", scopes=("global", "regions", "zones"))


def handlers(compute: Resources) -> dict[str, dict[str, Handler]]:
    """collection -> method name -> handler."""
    fixed = Fixed(compute)
    return {
        "operations": {
            "get": fixed.operation,
            "list": fixed.operations,
            "delete": fixed.delete_operation,
            "wait": fixed.wait,
            "aggregatedList": fixed.aggregated_operations,
        },
        "zones": {"get": fixed.zone, "list": fixed.zones},
        "regions": {"get": fixed.region, "list": fixed.regions},
        "projects": {"get": fixed.project},
    }


class Fixed:
    def __init__(self, compute: Resources) -> None:
        self.compute = compute

    def _operation(self, call: Call, project: str) -> str:
        scope, rest = self.compute.place(call.path)
        path = f"projects/{project}/{scope}/operations/{rest[1]}"
        if path in self.compute.operations.docs:
            return path
        for other, doc in self.compute.operations.docs.items():
            if doc["id"] == rest[1] and other.startswith(f"projects/{project}/{scope}/"):
                return other
        raise not_found(path)

    def operation(self, call: Call, method: Method, project: str) -> Answer:
        return Answer(body=self.compute.operations.docs.get(self._operation(call, project)))

    def wait(self, call: Call, method: Method, project: str) -> Answer:
        path = self._operation(call, project)
        answer = self.compute.operation_answer(path)
        answer.waiter = self.compute.operations.waiter(path)
        return answer

    def delete_operation(self, call: Call, method: Method, project: str) -> Answer:
        self.compute.operations.docs.delete(self._operation(call, project))
        return Answer(204)

    def operations(self, call: Call, method: Method, project: str) -> Answer:
        scope, _ = self.compute.place(call.path)
        return Answer(body=listing.page(self.compute, OPERATIONS, call, project, scope))

    def aggregated_operations(self, call: Call, method: Method, project: str) -> Answer:
        return Answer(body=listing.aggregated(self.compute, OPERATIONS, call, project))

    def zone(self, call: Call, method: Method, project: str) -> Answer:
        return Answer(body=_zone(project, paths.zone_of(call.path)))

    def region(self, call: Call, method: Method, project: str) -> Answer:
        return Answer(body=self._region(project, paths.region_of(call.path)))

    def zones(self, call: Call, method: Method, project: str) -> Answer:
        return self._catalog(call, project, "zone", [_zone(project, name) for name in ZONES])

    def regions(self, call: Call, method: Method, project: str) -> Answer:
        return self._catalog(
            call, project, "region", [self._region(project, name) for name in REGIONS]
        )

    def _catalog(self, call: Call, project: str, kind: str, docs: list[Doc]) -> Answer:
        rows = [(links.path_of(doc["selfLink"]), doc) for doc in docs]
        by_path = dict(rows)
        items, token = listing.choose(rows, call, by_path.__getitem__)
        path = f"projects/{project}/{kind}s"
        body: dict[str, Any] = {"kind": f"compute#{kind}List", "id": path, "items": items}
        if token:
            body["nextPageToken"] = token
        body["selfLink"] = links.link(path)
        return Answer(body=body)

    def _region(self, project: str, name: str) -> Doc:
        return {
            "kind": "compute#region",
            "id": str(1000 + 10 * REGIONS.index(name)),
            "creationTimestamp": EPOCH,
            "name": name,
            "description": name,
            "status": "UP",
            "zones": [links.link(f"projects/{project}/zones/{zone}") for zone in zones_of(name)],
            "quotas": documents.shown(quotas.limits(self.compute, project, name)),
            "selfLink": links.link(f"projects/{project}/regions/{name}"),
            "supportsPzs": False,
        }

    def project(self, call: Call, method: Method, project: str) -> Answer:
        return Answer(
            body={
                "kind": "compute#project",
                "id": _own_id(project),
                "creationTimestamp": EPOCH,
                "name": project,
                "selfLink": links.link(f"projects/{project}"),
                "commonInstanceMetadata": {
                    "kind": "compute#metadata",
                    "fingerprint": "AAAAAAAAAAA=",
                },
                "cloudArmorTier": "CA_STANDARD",
                "defaultNetworkTier": "PREMIUM",
                "defaultServiceAccount": (
                    f"{projects.number(project)}-compute@developer.gserviceaccount.com"
                ),
                "quotas": documents.shown(quotas.limits(self.compute, project)),
                "vmDnsSetting": "ZONAL_ONLY",
                "xpnProjectStatus": "UNSPECIFIED_XPN_PROJECT_STATUS",
            }
        )


def _own_id(project: str) -> str:
    """Compute Engine's own id of a project, which is not the project's number (recorded)."""
    return str(10**18 + int(projects.number(project)) * 9_973 % (8 * 10**18))


def _zone(project: str, name: str) -> Doc:
    return {
        "kind": "compute#zone",
        "id": str(2000 + 10 * ZONES.index(name)),
        "creationTimestamp": EPOCH,
        "name": name,
        "description": name,
        "status": "UP",
        "region": links.link(f"projects/{project}/regions/{region_of(name)}"),
        "availableCpuPlatforms": ["Intel Broadwell"],
        "selfLink": links.link(f"projects/{project}/zones/{name}"),
        "supportsPzs": True,
    }
