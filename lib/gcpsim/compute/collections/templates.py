"""Instance templates: what the machines of a managed group are like. They never change.

A template names an image, not a copy of it, and holds neither networks nor images: what it names is
asked for again when a machine is made of it.
"""

from gcpsim.compute.collections import images
from gcpsim.compute.engine import documents, links
from gcpsim.compute.engine.resources import Doc, Draft, Kind
from gcpsim.core.errors import invalid, not_implemented, required

WHERE = "resource.properties"
SCHEDULING = {
    "automaticRestart": True,
    "onHostMaintenance": "MIGRATE",
    "preemptible": False,
    "provisioningModel": "STANDARD",
}


def prepare(draft: Draft) -> None:
    body = draft.body
    if body.get("sourceInstance"):
        raise not_implemented("compute.instanceTemplates.insert with sourceInstance")
    properties = body.get("properties")
    if not properties:
        raise required(WHERE)
    if not properties.get("machineType"):
        raise required(f"{WHERE}.machineType")
    if "/" in properties["machineType"]:
        why = "A template names a machine type without its zone."
        raise invalid(f"{WHERE}.machineType", properties["machineType"], why)
    if not properties.get("disks"):
        raise invalid(f"{WHERE}.disks", "", "No disks are specified.")
    if not properties.get("networkInterfaces"):
        why = "At least one network interface is required."
        raise invalid(f"{WHERE}.networkInterfaces", "", why)
    for index, disk in enumerate(properties["disks"]):
        _disk(draft, index, disk)
    for index, interface in enumerate(properties["networkInterfaces"]):
        _interface(draft, index, interface)
    documents.check_labels(properties.get("labels") or {}, f"{WHERE}.labels")
    properties.setdefault("canIpForward", False)
    properties["scheduling"] = SCHEDULING | (properties.get("scheduling") or {})
    metadata = properties.setdefault("metadata", {})
    metadata["kind"] = "compute#metadata"
    metadata["fingerprint"] = documents.fingerprint(metadata.get("items"), salt="metadata")
    body.setdefault("description", "")


def _disk(draft: Draft, index: int, disk: Doc) -> None:
    disk.setdefault("kind", "compute#attachedDisk")
    disk.setdefault("type", "PERSISTENT")
    disk.setdefault("mode", "READ_WRITE")
    disk.setdefault("boot", index == 0)
    disk.setdefault("autoDelete", False)
    disk["index"] = index
    made_of = disk.get("initializeParams") or {}
    if made_of.get("sourceImage"):
        where = f"{WHERE}.disks[{index}].initializeParams.sourceImage"
        made_of["sourceImage"] = images.canonical(where, made_of["sourceImage"], draft.project)
    elif disk["boot"] and not disk.get("source") and not made_of.get("sourceSnapshot"):
        raise invalid(f"{WHERE}.disks[{index}]", "", "Boot disk must have a source specified")


def _interface(draft: Draft, index: int, interface: Doc) -> None:
    where = f"{WHERE}.networkInterfaces[{index}]"
    interface["kind"], interface["name"] = "compute#networkInterface", f"nic{index}"
    for field, collection in (("network", "networks"), ("subnetwork", "subnetworks")):
        given = interface.get(field)
        if field == "network" and not given and not interface.get("subnetwork"):
            given = links.link(f"projects/{draft.project}/global/networks/default")
        if given:
            found = draft.compute.resolve(f"{where}.{field}", given, draft.project, (collection,))
            interface[field] = found["selfLink"]
            interface.setdefault("network", found.get("network", found["selfLink"]))
    for config in interface.get("accessConfigs") or ():
        config.setdefault("kind", "compute#accessConfig")
        config.setdefault("name", "External NAT")
        config.setdefault("networkTier", "PREMIUM")
        config.setdefault("type", "ONE_TO_ONE_NAT")


TEMPLATES = Kind(
    "instanceTemplates",
    "InstanceTemplate",
    "instance_template",
    scopes=("global", "regions"),
    prepare=prepare,
)
