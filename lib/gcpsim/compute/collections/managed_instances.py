"""The machines of managed instance groups: made from templates, deleted, made again when lost.

Each is made and deleted by an operation of Google's own account, so that clients see it come and
go, and a restart finishes what was under way. Why one was refused is kept for listErrors.
"""

import copy
import string

from gcpsim.compute.collections.node_groups import made, note
from gcpsim.compute.engine import links, quotas
from gcpsim.compute.engine.resources import Doc, Docs, Resources
from gcpsim.core import projects
from gcpsim.core.clock import rfc3339
from gcpsim.core.errors import ApiError
from gcpsim.core.paths import collection_of, name_of, with_project, zone_of

ERRORS = "compute/managedErrors"
KEPT_ERRORS = 20
LETTERS = string.ascii_lowercase + string.digits
REASONS = {"quotaExceeded": "QUOTA_EXCEEDED", "notFound": "RESOURCE_NOT_FOUND"}


def actions(compute: Resources, path: str, there: Docs) -> dict[str, str]:
    """What is being done to each instance, by name: NONE, CREATING, DELETING."""
    words = {"insert": "CREATING", "delete": "DELETING"}
    found = {}
    for instance in there:
        held = compute.operations.holder(links.path_of(instance["selfLink"]))
        found[instance["name"]] = words.get(held["verb"], "NONE") if held else "NONE"
    return found


def template_of(instance: Doc) -> str:
    """The link of the template that an instance was made from."""
    project = links.split(links.path_of(instance["selfLink"]))[0]
    path = note(instance, "instance-template")
    return links.link(with_project(path, project)) if path else ""


def interface_of(compute: Resources, manager: Doc) -> Doc:
    """The first network interface of the machines of a group."""
    template = compute.get(links.path_of(manager["instanceTemplate"])) or {}
    found: Doc = (template.get("properties") or {"networkInterfaces": [{}]})["networkInterfaces"][0]
    return found


def keep(compute: Resources, path: str) -> None:
    """Make and delete machines until a group has as many as it should, of the template it names."""
    doc, held = compute.get(path), compute.operations.holder(path)
    if doc is None or (held is not None and held["verb"] in ("insert", "delete")):
        return
    there = made(compute, path)
    doing = actions(compute, path, there)
    staying = [one for one in there if doing[one["name"]] != "DELETING"]
    if doc["updatePolicy"]["type"] == "PROACTIVE":
        outdated = [one for one in staying if template_of(one) != doc["instanceTemplate"]]
        for instance in outdated:
            delete(compute, instance)
        staying = [one for one in staying if one not in outdated]
    for instance in staying[doc["targetSize"] :]:
        delete(compute, instance)
    zones = _zones(path, doc)
    for _ in range(doc["targetSize"] - len(staying)):
        counts = {zone: sum(zone_of(one["selfLink"]) == zone for one in staying) for zone in zones}
        new = _create(compute, path, doc, min(zones, key=lambda zone: counts[zone]))
        if new is None:
            return
        staying.append(new)


def keep_all(compute: Resources, project: str, zone: str) -> None:
    """Look at the groups that have machines in a zone: one of them may be gone."""
    for manager in compute.list(project, "instanceGroupManagers"):
        path = links.path_of(manager["selfLink"])
        if zone in _zones(path, manager):
            keep(compute, path)


def _zones(path: str, doc: Doc) -> list[str]:
    entries = (doc.get("distributionPolicy") or {}).get("zones")
    return [name_of(entry["zone"]) for entry in entries] if entries else [zone_of(path)]


def _create(compute: Resources, path: str, manager: Doc, zone: str) -> Doc | None:
    project = links.split(path)[0]
    scope = f"zones/{zone}"
    body = _body(compute, path, manager, zone)
    try:
        if compute.world.options.enforce_quotas:
            quotas.require(compute, "instances", project, scope, body)
        instance = compute.make(project, scope, "instances", body)
    except ApiError as error:
        _note_error(compute, path, f"projects/{project}/{scope}/instances/{body['name']}", error)
        return None
    _operation(compute, instance, "insert", {"put": {**instance, "status": "RUNNING"}})
    return instance


def _body(compute: Resources, path: str, manager: Doc, zone: str) -> Doc:
    project = links.split(path)[0]
    number = projects.number(project)
    template = links.path_of(manager["instanceTemplate"])
    properties = copy.deepcopy((compute.get(template) or {})["properties"])
    taken = {one["name"] for one in compute.list(project, "instances", f"zones/{zone}")}
    name = ""
    while not name or name in taken:
        suffix = "".join(compute.world.random.choice(LETTERS) for _ in range(4))
        name = f"{manager['baseInstanceName']}-{suffix}"
    metadata = properties.get("metadata") or {}
    notes = {
        "instance-template": with_project(template, number),
        "created-by": with_project(path, number),
    }
    items = [one for one in metadata.get("items") or () if one["key"] not in notes]
    items += [{"key": key, "value": value} for key, value in notes.items()]
    return {**properties, "name": name, "status": "STAGING", "metadata": {"items": items}}


def arrived(compute: Resources, path: str, doc: Doc) -> None:
    """A machine runs: it joins the target pools of its group."""
    project = links.split(path)[0]
    maker = note(doc, "created-by")
    manager = compute.get(with_project(maker, project)) if maker else None
    for pool in (manager or {}).get("targetPools") or ():
        known = compute.get(links.path_of(pool))
        if known is not None and doc["selfLink"] not in known.get("instances", []):
            members = [*known.get("instances", []), doc["selfLink"]]
            compute.put(links.path_of(pool), {**known, "instances": members})


def _leave_pools(compute: Resources, path: str) -> None:
    for user in compute.users(path):
        pool = compute.get(user) if collection_of(user) == "targetPools" else None
        if pool is not None:
            members = [one for one in pool["instances"] if one != links.link(path)]
            compute.put(user, {**pool, "instances": members})


def delete(compute: Resources, instance: Doc) -> None:
    """Begin to delete a machine; nothing when that is under way."""
    path = links.path_of(instance["selfLink"])
    held = compute.operations.holder(path)
    if held is None or held["verb"] != "delete":
        _leave_pools(compute, path)
        compute.put(path, {**instance, "status": "STOPPING"})
        _operation(compute, instance, "delete", {"delete": True})


def abandon(compute: Resources, instance: Doc) -> None:
    """A machine goes on alone: its group is not its maker any more."""
    items = [one for one in instance["metadata"]["items"] if one["key"] != "created-by"]
    path = links.path_of(instance["selfLink"])
    compute.put(path, {**instance, "metadata": {**instance["metadata"], "items": items}})


def _operation(compute: Resources, instance: Doc, verb: str, effect: Doc) -> None:
    path = links.path_of(instance["selfLink"])
    project, scope, _, _ = links.split(path)
    compute.operations.start(
        project=project,
        scope=scope,
        kind=verb,
        verb=verb,
        target=path,
        target_id=instance["id"],
        user=f"{projects.number(project)}@cloudservices.gserviceaccount.com",
        seconds=compute.world.duration(f"compute.instances.{verb}"),
        effect=effect,
    )


def _note_error(compute: Resources, path: str, instance: str, error: ApiError) -> None:
    known = compute.world.store.table(ERRORS).get(path) or {"items": []}
    item = {
        "error": {"code": REASONS.get(error.reason, "INVALID"), "message": error.message},
        "instanceActionDetails": {
            "action": "CREATING",
            "instance": links.link(instance),
            "version": {},
        },
        "timestamp": rfc3339(compute.world.clock.now(), offset=True),
    }
    table = compute.world.store.table(ERRORS)
    table.put(path, {"items": [item, *known["items"]][:KEPT_ERRORS]})
