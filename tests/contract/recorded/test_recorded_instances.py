"""Instances that are GKE nodes, as recorded lists of the real Compute Engine show them."""

import ipaddress
import re
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


PROJECT = "/compute/v1/projects/shop-rehearsal"


@pytest.fixture
def clusters(start_sim: Any) -> Any:
    """A simulator with clusters."""
    return start_sim("--time-scale", "0", "--scenario", "greenfield")


@pytest.fixture
def node(clusters: Any) -> dict[str, Any]:
    """A node of a cluster, as Compute Engine lists it."""
    status, body = clusters.http("GET", f"{PROJECT}/zones/us-central1-a/instances")
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


def test_its_pods_have_a_range_of_the_subnetwork(clusters: Any, node: dict[str, Any]) -> None:
    """Recorded: `gke-<cluster>-pods-<8 hex digits>` in the subnetwork and in the alias range."""
    (alias,) = node["networkInterfaces"][0]["aliasIpRanges"]
    _, subnet = clusters.http("GET", f"{PROJECT}/regions/us-central1/subnetworks/default")
    ranges = {one["rangeName"]: one["ipCidrRange"] for one in subnet["secondaryIpRanges"]}
    network = ipaddress.ip_network(ranges[alias["subnetworkRangeName"]])
    assert ipaddress.ip_network(alias["ipCidrRange"]).subnet_of(network)
    cluster = node["labels"]["goog-k8s-cluster-name"]
    assert re.fullmatch(rf"gke-{cluster}-pods-[0-9a-f]{{8}}", alias["subnetworkRangeName"])
