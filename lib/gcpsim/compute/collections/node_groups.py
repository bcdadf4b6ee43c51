"""Who made which instance, and the disks that instances are made with.

What a managed group is made of is seen from the instances that name it as their maker. Nothing here
makes instances: node pools and managed groups do.
"""

from gcpsim.compute.engine import links
from gcpsim.compute.engine.derived import Rows, number_of
from gcpsim.compute.engine.resources import Doc, Docs, Kind, Resources
from gcpsim.core.paths import name_of, zone_of

NODE = "goog-gke-node"


def made(compute: Resources, path: str) -> Docs:
    """The instances that the managed group of this path (or its manager) made, by name."""
    project, scope, _, name = links.split(path)
    ending = f"/{scope}/instanceGroupManagers/{name}"
    inside = scope if scope.startswith("zones/") else ""
    found = [
        instance
        for instance in compute.list(project, "instances", inside)
        if note(instance, "created-by").endswith(ending)
    ]
    return sorted(found, key=lambda instance: str(instance["name"]))


def note(instance: Doc, key: str) -> str:
    """A value of an instance's metadata; empty when it has none."""
    items = (instance.get("metadata") or {}).get("items") or ()
    return next((str(one["value"]) for one in items if one["key"] == key), "")


def manager_of(path: str) -> str:
    """The path of the manager of an instance group, whether there is one or not."""
    return path.replace("/instanceGroups/", "/instanceGroupManagers/")


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


DISKS = Kind("disks", "Disk", "disk", scopes=("zones",), readonly=True)
