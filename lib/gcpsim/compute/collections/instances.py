"""Instances, as far as GKE nodes need them: addresses, tags, labels, status."""

import ipaddress

from gcpsim.compute.collections import managed_instances, neg_endpoints
from gcpsim.compute.engine import documents, links
from gcpsim.compute.engine.resources import Doc, Draft, Kind, Resources
from gcpsim.compute.engine.service import Compute
from gcpsim.core.clock import rfc3339
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import required, stale_fingerprint
from gcpsim.core.paths import name_of, place_of, zone_of

SHIELDED = {
    "enableIntegrityMonitoring": True,
    "enableSecureBoot": False,
    "enableVtpm": True,
}


def prepare(draft: Draft) -> None:
    body, compute = draft.body, draft.compute
    if draft.old is not None:
        return
    zone = draft.scope.removeprefix("zones/")
    place = f"projects/{draft.project}/{draft.scope}"
    if not body.get("machineType"):
        raise required("resource.machineType")
    machine = name_of(body["machineType"])
    body["machineType"] = links.link(f"{place}/machineTypes/{machine}")
    interfaces = body.get("networkInterfaces") or [{}]
    for index, interface in enumerate(interfaces):
        _interface(draft, zone, index, interface)
    body["networkInterfaces"] = interfaces
    body.setdefault("status", "RUNNING")
    body.setdefault("canIpForward", False)
    body.setdefault("deletionProtection", False)
    body.setdefault("startRestricted", False)
    body.setdefault("cpuPlatform", "Intel Broadwell")
    body.setdefault("lastStartTimestamp", rfc3339(compute.world.clock.now(), offset=True))
    body["disks"] = [
        _disk(place, body["name"], index, disk)
        for index, disk in enumerate(body.get("disks") or [])
    ]
    metadata = body.setdefault("metadata", {})
    metadata["kind"] = "compute#metadata"
    metadata["fingerprint"] = documents.fingerprint(metadata.get("items"), salt="metadata")
    tags = body.setdefault("tags", {})
    tags["fingerprint"] = _tags_fingerprint(tags)
    body.setdefault("shieldedInstanceConfig", dict(SHIELDED))
    body.setdefault("shieldedInstanceIntegrityPolicy", {"updateAutoLearnPolicy": True})
    body.setdefault(
        "scheduling",
        {
            "automaticRestart": True,
            "onHostMaintenance": "MIGRATE",
            "preemptible": False,
            "provisioningModel": "STANDARD",
        },
    )


def _disk(place: str, instance: str, index: int, disk: Doc) -> Doc:
    """A disk as an instance shows it: attached, not how it was to be made."""
    wanted = disk.pop("initializeParams", None) or {}
    name = wanted.get("diskName") or (instance if index == 0 else f"{instance}-{index}")
    attached = {
        "autoDelete": False,
        "boot": False,
        "deviceName": f"persistent-disk-{index}",
        "diskSizeGb": str(wanted.get("diskSizeGb", "10")),
        "index": index,
        "interface": "SCSI",
        "kind": "compute#attachedDisk",
        "mode": "READ_WRITE",
        "source": links.link(f"{place}/disks/{name}"),
        "type": "PERSISTENT",
    }
    return attached | disk


def _interface(draft: Draft, zone: str, index: int, interface: Doc) -> None:
    compute, project = draft.compute, draft.project
    region = zone.rsplit("-", 1)[0]
    interface.setdefault("kind", "compute#networkInterface")
    interface.setdefault("name", f"nic{index}")
    where = f"resource.networkInterfaces[{index}]"
    network = interface.get("network") or links.link(f"projects/{project}/global/networks/default")
    name = name_of(network)
    subnet = (
        interface.get("subnetwork") or f"projects/{project}/regions/{region}/subnetworks/{name}"
    )
    found = compute.resolve(f"{where}.subnetwork", subnet, project, ("subnetworks",))
    interface["network"], interface["subnetwork"] = found["network"], found["selfLink"]
    if "networkIP" not in interface:
        cidr = ipaddress.ip_network(found["ipCidrRange"])
        number = compute.world.store.next_number(f"subnet/{found['id']}", 2)
        interface["networkIP"] = str(cidr[number % (cidr.num_addresses - 3) + 2])
    interface.setdefault("stackType", "IPV4_ONLY")
    for config in interface.get("accessConfigs") or []:
        from gcpsim.compute.collections.addresses import allocate

        config.setdefault("natIP", allocate(compute, f"regions/{region}"))
        config.setdefault("kind", "compute#accessConfig")
        config.setdefault("name", "external-nat")
        config.setdefault("networkTier", "PREMIUM")
        config.setdefault("type", "ONE_TO_ONE_NAT")
    interface["fingerprint"] = documents.fingerprint(interface)


def _tags_fingerprint(tags: Doc) -> str:
    items = tags.get("items")
    return documents.fingerprint(items, salt="tags") if items else documents.NO_LABELS


def set_tags(compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc) -> Answer:
    if body.get("fingerprint") != doc["tags"]["fingerprint"]:
        raise stale_fingerprint()
    tags: Doc = {"fingerprint": _tags_fingerprint(body)}
    if body.get("items"):
        tags["items"] = body["items"]
    compute.require_free(path)
    op = compute.begin(kind, call, path, "setTags", "setTags", doc, {"put": {**doc, "tags": tags}})
    return compute.operation_answer(op)


def settled(compute: Resources, path: str, doc: Doc | None) -> None:
    """A deleted instance takes its endpoints out of the network endpoint groups of its zone, and is
    made again by the managed group it was of."""
    if doc is None:
        neg_endpoints.forget_instance(compute, place_of(path), name_of(path))
        managed_instances.keep_all(compute, links.split(path)[0], zone_of(path))
    elif doc.get("status") == "RUNNING":
        managed_instances.arrived(compute, path, doc)


def list_referrers(
    compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc
) -> Answer:
    return Answer(body={"kind": "compute#instanceListReferrers", "id": f"{path}/referrers"})


INSTANCES = Kind(
    "instances",
    "Instance",
    "instance",
    scopes=("zones",),
    fingerprint="lenient",
    labels=True,
    refs=(
        ("networkInterfaces[].network", ("networks",)),
        ("networkInterfaces[].subnetwork", ("subnetworks",)),
    ),
    prepare=prepare,
    after=settled,
    loose=("targetPools",),
    verbs={"setTags": set_tags, "listReferrers": list_referrers},
)
