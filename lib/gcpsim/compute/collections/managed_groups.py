"""Managed instance groups: what a manager is asked for, and what it shows.

The group beside it, of the same name, is what backend services name. Making and deleting machines
is `managed_instances`' work, after the operation that asks for it, as at Google: an operation is
DONE when it is known what to do.
"""

from typing import Any

from gcpsim.compute.collections import managed_instances, node_groups
from gcpsim.compute.engine import links
from gcpsim.compute.engine.catalog import zones_of
from gcpsim.compute.engine.resources import Doc, Draft, Kind, Resources
from gcpsim.compute.engine.service import Compute
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import already_exists, in_use, invalid, required
from gcpsim.core.paths import cut_scope, name_of

ACTIONS = ("abandoning", "creating", "creatingWithoutRetries", "deleting", "none", "recreating",
           "refreshing", "restarting", "resuming", "starting", "stopping", "stoppingWithoutRetries",
           "suspending", "verifying")  # fmt: skip
SHOWN_ONLY = ("currentActions", "instanceGroup", "namedPorts", "status")
MOST = {"zones": 1000, "regions": 2000}
LIFECYCLE = {"defaultActionOnFailure": "REPAIR", "forceUpdateOnRepair": "NO"}
SPREAD_OVER = 3  # zones of a regional group that names none


def prepare(draft: Draft) -> None:
    body, old = draft.body, draft.old
    for field in SHOWN_ONLY:
        body.pop(field, None)
    kept = () if old is None else ("id", "creationTimestamp", "kind", "selfLink")
    body.update({field: old[field] for field in kept} if old is not None else {})
    _versions(body, old or {})
    if body.get("targetSize") is None:
        raise required("resource.targetSize")
    most = MOST[cut_scope(draft.scope)[0]]
    if not 0 <= body["targetSize"] <= most:
        why = f"Must be between 0 and {most}."
        raise invalid("resource.targetSize", body["targetSize"], why)
    if len(body.setdefault("baseInstanceName", body["name"][:58])) > 58:
        raise invalid("resource.baseInstanceName", body["baseInstanceName"], "Too long.")
    zones = _zones(draft)
    _update_policy(body, len(zones))
    body["instanceLifecyclePolicy"] = LIFECYCLE | (body.get("instanceLifecyclePolicy") or {})
    body.setdefault("listManagedInstancesResults", "PAGELESS")
    body["standbyPolicy"] = {"initialDelaySec": 0, "mode": "MANUAL"} | (
        body.get("standbyPolicy") or {}
    )
    group = f"projects/{draft.project}/{draft.scope}/instanceGroups/{body['name']}"
    if old is None and draft.compute.get(group) is not None:
        raise already_exists(group)


def _versions(body: Doc, old: Doc) -> None:
    """The template and the versions, of which clients change the one or the other."""
    template, versions = body.get("instanceTemplate"), body.get("versions")
    if versions and (not template or versions != old.get("versions")):
        whole = next((one for one in versions if "targetSize" not in one), versions[0])
        template = whole.get("instanceTemplate")
    elif template and (not versions or template != old.get("instanceTemplate")):
        versions = [{"instanceTemplate": template}]
    if not template:
        raise required("resource.instanceTemplate")
    body["instanceTemplate"], body["versions"] = template, versions


def _zones(draft: Draft) -> list[str]:
    """The zones that a group has machines in; of a regional one its distribution says so."""
    kind, place = cut_scope(draft.scope)
    if kind == "zones":
        return [place]
    policy = draft.body.setdefault("distributionPolicy", {})
    if not policy.get("zones"):
        chosen = zones_of(place)[:SPREAD_OVER]
        policy["zones"] = [{"zone": f"projects/{draft.project}/zones/{zone}"} for zone in chosen]
    for index, entry in enumerate(policy["zones"]):
        given = entry.get("zone") or ""
        zone = name_of(given)
        if zone not in zones_of(place):
            where = f"resource.distributionPolicy.zones[{index}].zone"
            raise invalid(where, given, f"The zone is not in the region '{place}'.")
        entry["zone"] = links.link(f"projects/{draft.project}/zones/{zone}")
    policy.setdefault("targetShape", "EVEN")
    return [name_of(entry["zone"]) for entry in policy["zones"]]


def _update_policy(body: Doc, zones: int) -> None:
    policy = body.setdefault("updatePolicy", {})
    policy.setdefault("type", "OPPORTUNISTIC")
    policy.setdefault("minimalAction", "REPLACE")
    policy.setdefault("replacementMethod", "SUBSTITUTE")
    if "distributionPolicy" in body:
        policy.setdefault("instanceRedistributionType", "PROACTIVE")
    for field in ("maxSurge", "maxUnavailable"):
        limit = policy.setdefault(field, {"fixed": zones})
        part = body["targetSize"] * limit.get("percent", 0)
        by_percent = -(-part // 100) if field == "maxSurge" else part // 100
        limit["calculated"] = limit.get("fixed", by_percent)


def view(compute: Resources, path: str, doc: Doc) -> None:
    """What a group has, counted; of a node pool's all is derived from its nodes."""
    there = node_groups.made(compute, path)
    if compute.get(path) is None:
        doc["targetSize"] = len(there)
        doc["versions"] = [{"instanceTemplate": doc["instanceTemplate"]}]
    found = managed_instances.actions(compute, path, there)
    known = list(found.values())
    actions = {action: known.count(action.upper()) for action in ACTIONS}
    actions["creating"] += max(0, doc["targetSize"] - len(known) + actions["deleting"])
    doc["currentActions"] = actions
    group = path.replace("/instanceGroupManagers/", "/instanceGroups/")
    doc["instanceGroup"] = links.link(group)
    ports = (compute.get(group) or {}).get("namedPorts")
    if ports:
        doc["namedPorts"] = ports
    fixed = sum((one.get("targetSize") or {}).get("fixed", 0) for one in doc["versions"])
    doc["versions"] = [
        {**one, "targetSize": {"calculated": doc["targetSize"] - fixed, **(given or {})}}
        for one in doc["versions"]
        for given in [one.get("targetSize")]
    ]
    if compute.get(path) is not None:
        doc["status"] = _status(compute, path, doc, there, stable=actions["none"] == len(known))


def _status(compute: Resources, path: str, doc: Doc, there: list[Doc], *, stable: bool) -> Doc:
    reached = all(
        managed_instances.template_of(instance) == doc["instanceTemplate"] for instance in there
    )
    scalers = [user for user in compute.users(path) if "/autoscalers/" in user]
    return {
        **({"autoscaler": links.link(scalers[0])} if scalers else {}),
        "allInstancesConfig": {"effective": True},
        "isStable": stable and len(there) == doc["targetSize"],
        "stateful": {"hasStatefulConfig": False, "perInstanceConfigs": {"allEffective": True}},
        "versionTarget": {"isReached": reached},
    }


def remove(compute: Resources, path: str, doc: Doc) -> None:
    """A group that a load balancer names stays; the machines of another go with it."""
    users = compute.users(path.replace("/instanceGroupManagers/", "/instanceGroups/"))
    if users:
        raise in_use("instance_group_manager", path, users[0])
    for instance in node_groups.made(compute, path):
        managed_instances.delete(compute, instance)


def settled(compute: Resources, path: str, doc: Doc | None) -> None:
    """The end of an operation: the group beside the manager, and as many machines as asked for."""
    project, scope, _, name = links.split(path)
    group = path.replace("/instanceGroupManagers/", "/instanceGroups/")
    if doc is None:
        compute.drop(group)
        compute.world.store.table(managed_instances.ERRORS).delete(path)
        return
    if compute.get(group) is None:
        interface = managed_instances.interface_of(compute, doc)
        body = {"name": name, "description": CONTROLLED.format(name=name)}
        body |= {key: interface[key] for key in ("network", "subnetwork") if key in interface}
        compute.make(project, scope, "instanceGroups", body)
    managed_instances.keep(compute, path)


CONTROLLED = (
    "This instance group is controlled by Instance Group Manager '{name}'. To modify instances in "
    "this group, use the Instance Group Manager API: "
    "https://cloud.google.com/compute/docs/reference/latest/instanceGroupManagers"
)


def list_managed(
    compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc
) -> Answer:
    there = node_groups.made(compute, path)
    actions = managed_instances.actions(compute, path, there)
    instances = [
        {
            "instance": instance["selfLink"],
            "id": instance["id"],
            "instanceStatus": instance["status"],
            "currentAction": actions[instance["name"]],
            "name": instance["name"],
            "version": {
                "instanceTemplate": managed_instances.template_of(instance)
                or doc["instanceTemplate"]
            },
        }
        for instance in there
    ]
    return Answer(body={"managedInstances": instances} if instances else {})


def list_errors(compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc) -> Answer:
    known = compute.world.store.table(managed_instances.ERRORS).get(path) or {}
    return Answer(body={"items": known["items"]} if known.get("items") else {})


def resize(compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc) -> Answer:
    size = call.query.get("size", "")
    if not size.isdigit():
        raise required("size") if not size else invalid("size", size, "Must be a number.")
    return compute.set_fields(kind, call, path, doc, {"targetSize": int(size)}, "resize")


def set_template(
    compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc
) -> Answer:
    given = body.get("instanceTemplate")
    if not given:
        raise required("resource.instanceTemplate")
    changes = {"instanceTemplate": given, "versions": None}
    return compute.set_fields(kind, call, path, doc, changes, "setInstanceTemplate")


def _members(verb: str, *, fewer: bool, gone: bool) -> Any:
    """deleteInstances (fewer, gone), abandonInstances (fewer) and recreateInstances (gone)."""

    def change(compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc) -> Answer:
        compute.require_free(path)
        project = links.split(path)[0]
        there = {one["selfLink"]: one for one in node_groups.made(compute, path)}
        chosen = []
        for index, given in enumerate(body.get("instances") or ()):
            field = f"instances[{index}]"
            wanted = links.link(links.reference(field, given, project, ("instances",)))
            if wanted not in there:
                raise invalid(field, given, "The instance does not belong to the managed group.")
            chosen.append(there[wanted])
        if not chosen:
            raise required("instances")
        changes = {"targetSize": doc["targetSize"] - (len(chosen) if fewer else 0)}
        answer = compute.set_fields(kind, call, path, doc, changes, verb)
        for instance in chosen:
            (managed_instances.delete if gone else managed_instances.abandon)(compute, instance)
        return answer

    return change


MANAGERS = Kind(
    "instanceGroupManagers",
    "InstanceGroupManager",
    "instance_group_manager",
    scopes=("zones", "regions"),
    fingerprint="lenient",
    patch=True,
    immutable=("baseInstanceName",),
    refs=(
        ("instanceTemplate", ("instanceTemplates",)),
        ("versions[].instanceTemplate", ("instanceTemplates",)),
        ("autoHealingPolicies[].healthCheck", ("healthChecks", "httpHealthChecks")),
        ("targetPools[]", ("targetPools",)),
    ),
    prepare=prepare,
    view=view,
    remove=remove,
    after=settled,
    operation_types={
        verb: f"compute.instanceGroupManagers.{verb}"
        for verb in (
            "abandonInstances", "delete", "deleteInstances", "insert", "patch", "recreateInstances",
            "resize", "setInstanceTemplate",
        )
    },
    verbs={
        "abandonInstances": _members("abandonInstances", fewer=True, gone=False),
        "deleteInstances": _members("deleteInstances", fewer=True, gone=True),
        "listErrors": list_errors,
        "listManagedInstances": list_managed,
        "recreateInstances": _members("recreateInstances", fewer=False, gone=True),
        "resize": resize,
        "setInstanceTemplate": set_template,
    },
)  # fmt: skip
