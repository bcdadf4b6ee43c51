"""Instances that are GKE nodes, as recorded lists of the real Compute Engine show them."""

from typing import Any

import pytest

FIELDS = {
    "cpuPlatform",
    "creationTimestamp",
    "deletionProtection",
    "disks",
    "fingerprint",
    "id",
    "kind",
    "labelFingerprint",
    "labels",
    "lastStartTimestamp",
    "machineType",
    "metadata",
    "name",
    "networkInterfaces",
    "scheduling",
    "selfLink",
    "serviceAccounts",
    "shieldedInstanceConfig",
    "shieldedInstanceIntegrityPolicy",
    "startRestricted",
    "status",
    "tags",
    "zone",
}


@pytest.fixture
def node(start_sim: Any) -> dict[str, Any]:
    """A node of a cluster, as Compute Engine lists it."""
    sim = start_sim("--time-scale", "0", "--scenario", "greenfield")
    path = "/compute/v1/projects/shop-rehearsal/zones/us-central1-a/instances"
    status, body = sim.http("GET", path)
    assert status == 200, body
    first: dict[str, Any] = body["items"][0]
    return first


def test_a_node_of_a_cluster(node: dict[str, Any]) -> None:
    assert set(node) >= FIELDS
    (tag,) = node["tags"]["items"]
    assert tag.startswith("gke-") and tag.endswith("-node")
    (disk,) = node["disks"]
    assert disk.pop("source").endswith(f"/zones/us-central1-a/disks/{node['name']}")
    assert disk == {
        "autoDelete": True,
        "boot": True,
        "deviceName": "persistent-disk-0",
        "diskSizeGb": "100",
        "index": 0,
        "interface": "SCSI",
        "kind": "compute#attachedDisk",
        "mode": "READ_WRITE",
        "type": "PERSISTENT",
    }


def test_its_network_interface(node: dict[str, Any]) -> None:
    (interface,) = node["networkInterfaces"]
    assert (interface["kind"], interface["name"]) == ("compute#networkInterface", "nic0")
    assert interface["stackType"] == "IPV4_ONLY"
    assert interface["fingerprint"]
    (config,) = interface["accessConfigs"]
    assert config.pop("natIP")
    assert config == {
        "kind": "compute#accessConfig",
        "name": "external-nat",
        "networkTier": "PREMIUM",
        "type": "ONE_TO_ONE_NAT",
    }


def test_its_metadata_says_whose_it_is(node: dict[str, Any]) -> None:
    assert node["metadata"]["kind"] == "compute#metadata"
    items = {item["key"]: item["value"] for item in node["metadata"]["items"]}
    cluster = node["labels"]["goog-k8s-cluster-name"]
    assert items["cluster-name"] == cluster
    assert items["cluster-location"] == "us-central1"
    assert f"gke-{cluster}-{items['cluster-uid'][:8]}-node" == node["tags"]["items"][0]
    assert items["created-by"].endswith("-grp")
    assert items["created-by"].split("/")[-1].removesuffix("-grp") in node["name"]
    (account,) = node["serviceAccounts"]
    assert account["email"].endswith("-compute@developer.gserviceaccount.com")
    assert account["scopes"]
