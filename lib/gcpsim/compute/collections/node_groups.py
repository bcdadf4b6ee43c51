"""Managed instance groups, their templates and disks: of node pools, and read only.

Which groups there are is GKE's to say (`derive`). What a group is made of, and how far it is, is
seen from the instances that name it as their maker. Nothing here makes instances.
"""

import hashlib

from gcpsim.compute.engine import links
from gcpsim.compute.engine.derived import Rows
from gcpsim.compute.engine.resources import Doc, Docs, Kind, Resources
from gcpsim.compute.engine.service import Compute
from gcpsim.core.edge import Answer, Call
from gcpsim.core.paths import name_of, zone_of

ACTIONS = ("abandoning", "creating", "creatingWithoutRetries", "deleting", "none", "recreating",
           "refreshing", "restarting", "resuming", "starting", "stopping", "stoppingWithoutRetries",
           "suspending", "verifying")  # fmt: skip
NODE = "goog-gke-node"


def made(compute: Resources, path: str) -> Docs:
    """The instances that a managed group made, by name."""
    project, scope, _, name = links.split(path)
    ending = f"/instanceGroupManagers/{name}"
    found = [
        instance
        for instance in compute.list(project, "instances", scope)
        if _note(instance, "created-by").endswith(ending)
    ]
    return sorted(found, key=lambda instance: str(instance["name"]))


def _note(instance: Doc, key: str) -> str:
    items = (instance.get("metadata") or {}).get("items") or ()
    return next((str(one["value"]) for one in items if one["key"] == key), "")


def view_manager(compute: Resources, path: str, doc: Doc) -> None:
    """The instances that a group has, counted."""
    size = len(made(compute, path))
    doc["targetSize"] = size
    doc["currentActions"] = {**dict.fromkeys(ACTIONS, 0), "none": size}
    versions = [{"instanceTemplate": doc["instanceTemplate"], "targetSize": {"calculated": size}}]
    doc["versions"] = versions


def list_managed(
    compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc
) -> Answer:
    template = doc["instanceTemplate"]
    instances = [
        {
            "instance": instance["selfLink"],
            "id": instance["id"],
            "instanceStatus": instance["status"],
            "currentAction": "NONE",
            "name": instance["name"],
            "version": {"instanceTemplate": template},
        }
        for instance in made(compute, path)
    ]
    return Answer(body={"managedInstances": instances} if instances else {})


def disks(compute: Resources, project: str, scope: str) -> Rows:
    """The disks that instances are made with."""
    rows: Rows = []
    for instance in compute.list(project, "instances", scope):
        for attached in instance.get("disks") or ():
            path = links.path_of(attached.get("source", ""))
            if "/disks/" not in path or f"/zones/{zone_of(path)}/" not in instance["selfLink"]:
                continue
            kind = "pd-balanced" if NODE in (instance.get("labels") or {}) else "pd-standard"
            place = path.partition("/disks/")[0]
            rows.append((path, _disk(path, place, kind, instance, attached)))
    return rows


def _disk(path: str, place: str, kind: str, instance: Doc, attached: Doc) -> Doc:
    doc = {
        "kind": "compute#disk",
        "id": number_of(path),
        "creationTimestamp": instance["creationTimestamp"],
        "name": name_of(path),
        "sizeGb": str(attached["diskSizeGb"]),
        "zone": links.link(place),
        "status": "READY",
        "selfLink": links.link(path),
        "type": links.link(f"{place}/diskTypes/{kind}"),
        "lastAttachTimestamp": instance["creationTimestamp"],
        "users": [instance["selfLink"]],
        "physicalBlockSizeBytes": "4096",
        "enableConfidentialCompute": False,
        "labelFingerprint": "42WmSpB8rSM=",
    }
    labels = instance.get("labels")
    return doc | ({"labels": labels} if labels else {})


def number_of(path: str) -> str:
    """The id of what is derived: the same each time it is asked for."""
    return str(int(hashlib.sha256(path.encode()).hexdigest()[:15], 16) + 10**18)


MANAGERS = Kind(
    "instanceGroupManagers",
    "InstanceGroupManager",
    "instance_group_manager",
    scopes=("zones", "regions"),
    readonly=True,
    view=view_manager,
    verbs={"listManagedInstances": list_managed},
)
TEMPLATES = Kind("instanceTemplates", "InstanceTemplate", "instance_template", readonly=True)
AUTOSCALERS = Kind(
    "autoscalers", "Autoscaler", "autoscaler", scopes=("zones", "regions"), readonly=True
)
DISKS = Kind("disks", "Disk", "disk", scopes=("zones",), readonly=True)
