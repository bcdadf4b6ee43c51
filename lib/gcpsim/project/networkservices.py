"""Network Services v1: service load balancing policies, which backend services may name.

Writes answer with an operation and take effect when it ends; the data plane reads what is here by
its table. Of the other collections of this service there is none.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

from gcpsim.core import paging, projects
from gcpsim.core.clock import rfc3339
from gcpsim.core.discovery import Method
from gcpsim.core.edge import Answer
from gcpsim.core.errors import ApiError
from gcpsim.core.operations import OperationStore
from gcpsim.core.paths import project_of
from gcpsim.core.schema import BodyReader
from gcpsim.core.service import Request, RestService
from gcpsim.core.world import World

Doc = dict[str, Any]
SERVICE = "networkservices"
TYPE = "type.googleapis.com/google.cloud.networkservices.v1."
POLICIES, OPERATIONS = "networkservices/serviceLbPolicies", "networkservices/operations"
RESOURCE_ID = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,62}")
MUTABLE = ("autoCapacityDrain", "description", "failoverConfig", "isolationConfig", "labels",
           "loadBalancingAlgorithm")  # fmt: skip
LEAST, MOST = 1, 99  # failoverHealthThreshold, percent
PAGE, LARGEST_PAGE = 100, 1000
VERBS = {"patch": "update"}


class Operations(OperationStore):
    """What is under way. An effect is the whole policy as it will be, or None."""

    def __init__(self, world: World) -> None:
        super().__init__(world, OPERATIONS, "networkservices/effects")
        self._policies = world.store.table(POLICIES)

    def start(self, target: str, verb: str, policy: Doc | None) -> Doc:
        """Begin; ApiError 409 while another operation has the policy."""
        if any(effect["target"] == target for _, effect in self.pending.items()):
            raise ApiError(409, "unable to queue the operation", "aborted", status="ABORTED")
        number = self.world.store.next_number(OPERATIONS)
        digest = hashlib.sha256(f"{target}/{number}".encode()).hexdigest()
        parent = target.partition("/serviceLbPolicies/")[0]
        doc: Doc = {
            "name": f"{parent}/operations/operation-{number}-{digest[:13]}-{digest[13:21]}",
            "metadata": {
                "@type": f"{TYPE}OperationMetadata",
                "createTime": rfc3339(self.world.clock.now()),
                "target": target,
                "verb": verb,
                "requestedCancellation": False,
                "apiVersion": "v1",
            },
            "done": False,
        }
        seconds = self.world.duration("networkservices.operation")
        self.begin(doc["name"], doc, {"target": target, "policy": policy}, seconds)
        return doc

    def end(self, name: str, effect: Doc) -> None:
        target, policy = effect["target"], effect["policy"]
        if policy is None:
            self._policies.delete(target)
            response: Doc = {"@type": "type.googleapis.com/google.protobuf.Empty"}
        else:
            self._policies.put(target, policy)
            response = {"@type": f"{TYPE}ServiceLbPolicy", **policy}
        doc = self.docs.get(name)
        if doc is not None:
            metadata = doc["metadata"] | {"endTime": rfc3339(self.world.clock.now())}
            ended = doc | {"metadata": metadata, "done": True, "response": response}
            self.docs.put(name, ended)


class NetworkServices(RestService):
    """Policies by name, `projects/P/locations/global/serviceLbPolicies/N` with the project's id."""

    name, root = SERVICE, "v1/"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.policies = world.store.table(POLICIES)
        self.operations = Operations(world)

    def implements(self, method: Method) -> bool:
        return method.id in IMPLEMENTED

    def respond(self, request: Request) -> Answer:
        location = request.params["locationsId"]
        if location != "global" and not (location == "-" and request.method.name == "list"):
            why = f"location {location!r}: gcpsim has policies of global load balancers only"
            raise ApiError(400, why, "badRequest")
        return Answer(body=IMPLEMENTED[request.method.id](self, request))

    def permission(self, request: Request) -> str:
        method = request.method
        return f"{SERVICE}.{method.collection}.{VERBS.get(method.name, method.name)}"

    def resume(self) -> None:
        self.operations.resume()

    def require(self, name: str) -> Doc:
        found = self.policies.get(name)
        if found is None:
            raise ApiError(404, f"Resource '{name}' was not found", "notFound")
        return found

    def users(self, name: str) -> list[str]:
        """The backend services that name a policy, sorted."""
        services = self.world.store.table("compute/backendServices").items()
        return sorted(
            path for path, doc in services
            if doc.get("serviceLbPolicy", "").endswith(f"/{name.partition('/locations/')[2]}")
            and path.startswith(f"projects/{project_of(name)}/")
        )  # fmt: skip


def _parent(request: Request) -> str:
    return f"projects/{request.project}/locations/{request.params['locationsId']}"


def _name(request: Request) -> str:
    return f"{_parent(request)}/serviceLbPolicies/{request.params['serviceLbPoliciesId']}"


def _body(request: Request) -> Doc:
    """What a client wrote of a policy; ApiError 400 for what a policy cannot say."""
    reader = BodyReader(SERVICE, root="service_lb_policy")
    body = reader.read("ServiceLbPolicy", request.call.json())
    threshold = (body.get("failoverConfig") or {}).get("failoverHealthThreshold")
    if threshold is not None and not LEAST <= threshold <= MOST:
        why = f"failoverHealthThreshold must be between {LEAST} and {MOST}, not {threshold}"
        raise ApiError(400, why, "badRequest")
    return {key: body[key] for key in MUTABLE if body.get(key) is not None}


def create(service: NetworkServices, request: Request) -> Doc:
    identity = request.query.get("serviceLbPolicyId", "")
    if not RESOURCE_ID.fullmatch(identity):
        raise ApiError(400, f"invalid serviceLbPolicyId {identity!r}", "badRequest")
    name = f"{_parent(request)}/serviceLbPolicies/{identity}"
    if name in service.policies:
        raise ApiError(409, f"Resource '{name}' already exists", "alreadyExists")
    now = rfc3339(service.world.clock.now())
    policy = {"name": name, "createTime": now, "updateTime": now, **_body(request)}
    projects.remember(service.world.store, request.project)
    return service.operations.start(name, "create", policy)


def get(service: NetworkServices, request: Request) -> Doc:
    return service.require(_name(request))


def list_(service: NetworkServices, request: Request) -> Doc:
    prefix = f"projects/{request.project}/"
    mine = [doc for name, doc in sorted(service.policies.items()) if name.startswith(prefix)]
    size = paging.size_of(request.query.get("pageSize", ""), default=PAGE, largest=LARGEST_PAGE)
    if size is None:
        raise ApiError(400, "pageSize must be a number", "badRequest")
    try:
        token = request.query.get("pageToken", "")
        found, after = paging.page(mine, size=size, token=token, position=lambda one: one["name"])
    except paging.BadToken:
        raise ApiError(400, "invalid pageToken", "badRequest") from None
    body: Doc = {"serviceLbPolicies": found} if found else {}
    return body | ({"nextPageToken": after} if after else {})


def patch(service: NetworkServices, request: Request) -> Doc:
    name = _name(request)
    before, body = service.require(name), _body(request)
    given = request.query.get("updateMask", "")
    wanted = {one.strip().partition(".")[0] for one in given.split(",")} if given else set(body)
    if "*" in wanted:
        wanted = set(MUTABLE)
    if unknown := sorted(wanted - set(MUTABLE)):
        raise ApiError(400, f"updateMask: {', '.join(unknown)} cannot be updated", "badRequest")
    kept = {key: value for key, value in before.items() if key not in wanted}
    after = kept | {key: body[key] for key in wanted if key in body}
    after["updateTime"] = rfc3339(service.world.clock.now())
    return service.operations.start(name, "update", after)


def delete(service: NetworkServices, request: Request) -> Doc:
    name = _name(request)
    service.require(name)
    if users := service.users(name):
        why = f"service_lb_policy '{name}' is in use by: {', '.join(users)}"
        raise ApiError(400, why, "failedPrecondition", status="FAILED_PRECONDITION")
    return service.operations.start(name, "delete", None)


def operation(service: NetworkServices, request: Request) -> Doc:
    name = f"{_parent(request)}/operations/{request.params['operationsId']}"
    found = service.operations.docs.get(name)
    if found is None:
        raise ApiError(404, f"Resource '{name}' was not found", "notFound")
    return found


PREFIX = "networkservices.projects.locations."
IMPLEMENTED: dict[str, Callable[[NetworkServices, Request], Doc]] = {
    f"{PREFIX}operations.get": operation,
    f"{PREFIX}serviceLbPolicies.create": create,
    f"{PREFIX}serviceLbPolicies.delete": delete,
    f"{PREFIX}serviceLbPolicies.get": get,
    f"{PREFIX}serviceLbPolicies.list": list_,
    f"{PREFIX}serviceLbPolicies.patch": patch,
}
