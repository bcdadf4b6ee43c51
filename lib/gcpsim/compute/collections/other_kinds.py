"""Collections with few rules of their own: backend buckets, instance groups and routers."""

from gcpsim.compute.collections import node_groups
from gcpsim.compute.engine import links
from gcpsim.compute.engine.resources import Doc, Draft, Kind, Resources
from gcpsim.compute.engine.service import Compute
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import in_use, invalid, required, stale_fingerprint


def prepare_bucket(draft: Draft) -> None:
    body = draft.body
    if not body.get("bucketName"):
        raise required("resource.bucketName")
    body.setdefault("enableCdn", False)
    body.setdefault("description", "")


def _set_edge_policy(
    compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc
) -> Answer:
    changes = {"edgeSecurityPolicy": body.get("securityPolicy") or None}
    return compute.set_fields(kind, call, path, doc, changes, "setEdgeSecurityPolicy")


def prepare_group(draft: Draft) -> None:
    body = draft.body
    if not body.get("network"):
        body["network"] = links.link(f"projects/{draft.project}/global/networks/default")
    body.setdefault("description", "")


def _members(compute: Resources, path: str) -> list[str]:
    """Links of the instances: those that were added, or of a managed group those it made."""
    doc = compute.world.store.table("compute/members").get(path)
    if compute.get(path) is None or _is_managed(compute, path):
        return [one["selfLink"] for one in node_groups.made(compute, path)]
    return list(doc["instances"]) if doc else []


def _is_managed(compute: Resources, path: str) -> bool:
    return compute.get(node_groups.manager_of(path)) is not None


def require_own(compute: Resources, path: str, doc: Doc | None = None) -> None:
    """The machines of a managed group, and the group itself, are its manager's to change."""
    if _is_managed(compute, path):
        raise in_use("instance_group", path, node_groups.manager_of(path))


def view_group(compute: Resources, path: str, doc: Doc) -> None:
    doc["size"] = len(_members(compute, path))


def forget_group(compute: Resources, path: str, doc: Doc | None) -> None:
    if doc is None:
        compute.world.store.table("compute/members").delete(path)


def _membership(*, add: bool) -> "object":
    verb = "addInstances" if add else "removeInstances"

    def change(compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc) -> Answer:
        compute.require_free(path)
        require_own(compute, path)
        project, scope, _, _ = links.split(path)
        present = _members(compute, path)
        for index, item in enumerate(body.get("instances") or []):
            field = f"resource.instances[{index}].instance"
            given = item.get("instance", "")
            found = compute.resolve(field, given, project, ("instances",))
            link = found["selfLink"]
            if f"/{scope}/" not in link:
                raise invalid(field, given, "The instance is not in the zone of the group.")
            if add and link in present:
                raise invalid(field, given, "Already a member of the instance group.")
            if not add and link not in present:
                raise invalid(field, given, "Not a member of the instance group.")
            present = [*present, link] if add else [one for one in present if one != link]
        compute.world.store.table("compute/members").put(path, {"instances": present})
        operation = f"compute.instanceGroups.{verb}"
        return compute.operation_answer(compute.begin(kind, call, path, verb, operation, doc, {}))

    return change


def _list_instances(
    compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc
) -> Answer:
    items = []
    for link in _members(compute, path):
        status = (compute.get(links.path_of(link)) or {}).get("status", "TERMINATED")
        items.append({"instance": link, "status": status})
    if body.get("instanceState") == "RUNNING":
        items = [item for item in items if item["status"] == "RUNNING"]
    answer: Doc = {"kind": "compute#instanceGroupsListInstances"}
    return Answer(body=answer | ({"items": items} if items else {}))


def _set_named_ports(
    compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc
) -> Answer:
    if body.get("fingerprint") not in (None, "", doc.get("fingerprint")):
        raise stale_fingerprint()
    ports = body.get("namedPorts") or None
    return compute.set_fields(kind, call, path, doc, {"namedPorts": ports}, "setNamedPorts")


def prepare_router(draft: Draft) -> None:
    body = draft.body
    if not body.get("network"):
        raise required("resource.network")
    asn = (body.get("bgp") or {}).get("asn")
    if asn is not None and not (64512 <= asn <= 65534 or 4200000000 <= asn <= 4294967294):
        raise invalid("resource.bgp.asn", asn, "Must be a private ASN as of RFC 6996.")
    for index, nat in enumerate(body.get("nats") or []):
        nat.setdefault("type", "PUBLIC")
        nat.setdefault("natIpAllocateOption", "AUTO_ONLY")
        if not nat.get("sourceSubnetworkIpRangesToNat"):
            raise required(f"resource.nats[{index}].sourceSubnetworkIpRangesToNat")


def _router_status(
    compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc
) -> Answer:
    result: Doc = {"network": doc["network"]}
    nats = [
        {"name": nat.get("name", ""), "numVmEndpointsWithNatMappings": 0}
        for nat in doc.get("nats", [])
    ]
    if nats:
        result["natStatus"] = nats
    return Answer(body={"kind": "compute#routerStatusResponse", "result": result})


BACKEND_BUCKETS = Kind(
    "backendBuckets",
    "BackendBucket",
    "backend_bucket",
    patch=True,
    put=True,
    refs=(("edgeSecurityPolicy", ("securityPolicies",)),),
    prepare=prepare_bucket,
    verbs={"setEdgeSecurityPolicy": _set_edge_policy},
)
INSTANCE_GROUPS = Kind(
    "instanceGroups",
    "InstanceGroup",
    "instance_group",
    scopes=("zones", "regions"),
    fingerprint="lenient",
    refs=(("network", ("networks",)), ("subnetwork", ("subnetworks",))),
    prepare=prepare_group,
    view=view_group,
    remove=require_own,
    after=forget_group,
    verbs={
        "addInstances": _membership(add=True),  # type: ignore[dict-item]
        "removeInstances": _membership(add=False),  # type: ignore[dict-item]
        "listInstances": _list_instances,
        "setNamedPorts": _set_named_ports,
    },
)
ROUTERS = Kind(
    "routers",
    "Router",
    "router",
    scopes=("regions",),
    patch=True,
    put=True,
    refs=(("network", ("networks",)), ("nats[].natIps[]", ("addresses",))),
    prepare=prepare_router,
    verbs={"getRouterStatus": _router_status},
)
