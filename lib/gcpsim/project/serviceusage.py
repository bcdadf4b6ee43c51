"""Service Usage v1: which Google services a project has enabled. All of them, until told otherwise.

A disabled service answers 403 accessNotConfigured; the HTTP edge asks `is_enabled`.
"""

import hashlib
from collections.abc import Callable
from typing import Any

from gcpsim.core import paging, projects
from gcpsim.core.discovery import Method
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import ApiError
from gcpsim.core.operations import OperationStore
from gcpsim.core.paths import name_of
from gcpsim.core.service import Request, RestService
from gcpsim.core.world import World

Doc = dict[str, Any]
SERVICE = "serviceusage"
TYPE = "type.googleapis.com/google.api.serviceusage.v1."
TITLES = {
    "anthos.googleapis.com": "Anthos API",
    "artifactregistry.googleapis.com": "Artifact Registry API",
    "certificatemanager.googleapis.com": "Certificate Manager API",
    "cloudresourcemanager.googleapis.com": "Cloud Resource Manager API",
    "compute.googleapis.com": "Compute Engine API",
    "container.googleapis.com": "Kubernetes Engine API",
    "dns.googleapis.com": "Cloud DNS API",
    "gkehub.googleapis.com": "GKE Hub API",
    "iam.googleapis.com": "Identity and Access Management (IAM) API",
    "iap.googleapis.com": "Cloud Identity-Aware Proxy API",
    "iamcredentials.googleapis.com": "IAM Service Account Credentials API",
    "logging.googleapis.com": "Cloud Logging API",
    "monitoring.googleapis.com": "Cloud Monitoring API",
    "multiclusteringress.googleapis.com": "Multi Cluster Ingress API",
    "multiclusterservicediscovery.googleapis.com": "Multi-Cluster Service Discovery API",
    "networkmanagement.googleapis.com": "Network Management API",
    "networksecurity.googleapis.com": "Network Security API",
    "networkconnectivity.googleapis.com": "Network Connectivity API",
    "networkservices.googleapis.com": "Network Services API",
    "privateca.googleapis.com": "Certificate Authority API",
    "run.googleapis.com": "Cloud Run Admin API",
    "secretmanager.googleapis.com": "Secret Manager API",
    "servicedirectory.googleapis.com": "Service Directory API",
    "servicenetworking.googleapis.com": "Service Networking API",
    "serviceusage.googleapis.com": "Service Usage API",
    "storage.googleapis.com": "Cloud Storage API",
    "trafficdirector.googleapis.com": "Traffic Director API",
}
DONE = "operations/noop.DONE_OPERATION"
PAGE, LARGEST_PAGE, BATCH, BATCH_GET = 50, 200, 20, 30


class Operations(OperationStore):
    """Enabling and disabling under way. `take_effect` gives the response of an effect."""

    def __init__(self, world: World, take_effect: Callable[[Doc], Doc]) -> None:
        super().__init__(world, "serviceusage/operations", "serviceusage/effects")
        self._take_effect = take_effect

    def end(self, name: str, effect: Doc) -> None:
        response = self._take_effect(effect)
        operation = self.docs.get(name)
        if operation is not None:
            self.docs.put(name, operation | {"done": True, "response": response})


class ServiceUsage(RestService):
    """Enabled services of all projects."""

    name, root = SERVICE, "v1/"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._disabled = world.store.table("serviceusage/disabled")
        self.operations = Operations(world, self._end)
        world.stage["services"] = self.direct

    def implements(self, method: Method) -> bool:
        return method.id in IMPLEMENTED

    def respond(self, request: Request) -> Answer:
        name = request.params.get("v1Id1", "")
        project = projects.project_id(self.world.store, name)
        return IMPLEMENTED[request.method.id](self, request.call, project, request.params)

    def unknown(self, call: Call) -> ApiError:
        return ApiError(404, "Method not found.", "notFound")

    def is_enabled(self, project: str, service: str) -> bool:
        """Whether a project (id or number) may use a service such as `compute.googleapis.com`."""
        if not len(self._disabled):
            return True
        return f"{projects.project_id(self.world.store, project)}/{service}" not in self._disabled

    def set_enabled(self, project: str, service: str, enabled: bool) -> None:
        key = f"{project}/{service}"
        projects.remember(self.world.store, project)
        if enabled:
            self._disabled.delete(key)
        else:
            self._disabled.put(key, {})

    def direct(self, args: Doc) -> Doc:
        """Stage direction `services`: {"project": P, "disable": [services], "enable": [...]}."""
        lists_given = all(isinstance(args.get(key, []), list) for key in ("disable", "enable"))
        project = args.get("project")
        unknown = set(args) - {"project", "disable", "enable"}
        if unknown or not lists_given or not isinstance(project, str):
            why = f"services: give project, and disable and enable as lists, not {args!r}"
            raise ApiError(400, why, "invalid")
        for key, enabled in (("disable", False), ("enable", True)):
            for service in args.get(key, []):
                self.set_enabled(project, str(service), enabled)
        prefix = f"{project}/"
        return {
            "disabled": sorted(k[len(prefix) :] for k in self._disabled if k.startswith(prefix))
        }

    def resume(self) -> None:
        self.operations.resume()

    def service(self, project: str, name: str) -> Doc:
        """One service as clients read it; ApiError 403 for one that Google does not have."""
        if name not in TITLES:
            why = f"Not found or permission denied for service(s): {name}."
            raise ApiError(403, why, "forbidden")
        parent = f"projects/{projects.number(project)}"
        return {
            "name": f"{parent}/services/{name}",
            "config": {"name": name, "title": TITLES[name]},
            "state": "ENABLED" if self.is_enabled(project, name) else "DISABLED",
            "parent": parent,
        }

    def begin(self, project: str, services: list[str], enabled: bool, kind: str) -> Doc:
        """An operation that enables or disables; done at once when there is nothing to do."""
        shown = [self.service(project, name) for name in services]
        wanted = "ENABLED" if enabled else "DISABLED"
        metadata = {
            "@type": f"{TYPE}OperationMetadata",
            "resourceNames": [one["name"] for one in shown],
        }
        effect = {"project": project, "services": services, "enabled": enabled, "kind": kind}
        if all(one["state"] == wanted for one in shown):
            return {"name": DONE, "done": True, "response": self._response(effect)}
        number = self.world.store.next_number("serviceusage/operations")
        digest = hashlib.sha256(f"{project}/{number}".encode()).hexdigest()
        name = f"operations/acf.p2-{projects.number(project)}-{digest[:8]}-{digest[8:20]}"
        doc = {"name": name, "metadata": metadata, "done": False}
        self.operations.begin(name, doc, effect, self.world.duration("serviceusage.operation"))
        return self.find(name)

    def find(self, name: str) -> Doc:
        found = self.operations.docs.get(name)
        if found is None:
            raise ApiError(404, f"Operation not found: {name}", "notFound")
        return found

    def _end(self, effect: Doc) -> Doc:
        for service in effect["services"]:
            self.set_enabled(effect["project"], service, effect["enabled"])
        return self._response(effect)

    def _response(self, effect: Doc) -> Doc:
        state = "ENABLED" if effect["enabled"] else "DISABLED"
        shown = [
            self.service(effect["project"], name) | {"state": state} for name in effect["services"]
        ]
        body = {"services": shown} if effect["kind"].startswith("Batch") else {"service": shown[0]}
        return {"@type": f"{TYPE}{effect['kind']}Response"} | body


Handler = Callable[[ServiceUsage, Call, str, dict[str, str]], Answer]


def _get(usage: ServiceUsage, call: Call, project: str, params: dict[str, str]) -> Answer:
    return Answer(body=usage.service(project, params["servicesId"]))


def _list(usage: ServiceUsage, call: Call, project: str, params: dict[str, str]) -> Answer:
    wanted = call.query.get("filter", "").replace(" ", "")
    if wanted not in ("", "state:ENABLED", "state:DISABLED"):
        raise ApiError(400, f"Invalid filter: {wanted}", "invalid")
    wrong = ApiError(400, "Request contains an invalid argument.", "invalid")
    size = paging.size_of(call.query.get("pageSize", ""), default=PAGE, largest=LARGEST_PAGE)
    if size is None:
        raise wrong
    shown = [usage.service(project, name) for name in sorted(TITLES)]
    if wanted:
        shown = [one for one in shown if one["state"] == wanted.split(":")[1]]
    try:
        found, token = paging.page(
            shown, size=size, token=call.query.get("pageToken", ""), asked=wanted
        )
    except paging.BadToken:
        raise wrong from None
    body: Doc = {"services": found} if found else {}
    return Answer(body=body | ({"nextPageToken": token} if token else {}))


def _batch_get(usage: ServiceUsage, call: Call, project: str, params: dict[str, str]) -> Answer:
    asked = [name_of(one) for one in call.query.get("names", "").split(",") if one]
    if not 1 <= len(asked) <= BATCH_GET:
        raise ApiError(400, f"Give between 1 and {BATCH_GET} names.", "invalid")
    return Answer(body={"services": [usage.service(project, name) for name in asked]})


def _enable(usage: ServiceUsage, call: Call, project: str, params: dict[str, str]) -> Answer:
    return Answer(body=usage.begin(project, [params["servicesId"]], True, "EnableService"))


def _disable(usage: ServiceUsage, call: Call, project: str, params: dict[str, str]) -> Answer:
    return Answer(body=usage.begin(project, [params["servicesId"]], False, "DisableService"))


def _batch_enable(usage: ServiceUsage, call: Call, project: str, params: dict[str, str]) -> Answer:
    body = call.json()
    asked = body.get("serviceIds") if isinstance(body, dict) else None
    if not isinstance(asked, list) or not 1 <= len(asked) <= BATCH:
        raise ApiError(400, f"Give between 1 and {BATCH} service ids.", "invalid")
    return Answer(
        body=usage.begin(project, [str(one) for one in asked], True, "BatchEnableServices")
    )


def _operation_get(usage: ServiceUsage, call: Call, project: str, params: dict[str, str]) -> Answer:
    name = f"operations/{params['operationsId']}"
    if name == DONE:
        return Answer(body={"name": DONE, "done": True})
    return Answer(body=usage.find(name))


IMPLEMENTED: dict[str, Handler] = {
    "serviceusage.operations.get": _operation_get,
    "serviceusage.services.batchEnable": _batch_enable,
    "serviceusage.services.batchGet": _batch_get,
    "serviceusage.services.disable": _disable,
    "serviceusage.services.enable": _enable,
    "serviceusage.services.get": _get,
    "serviceusage.services.list": _list,
}
