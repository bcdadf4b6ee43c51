"""GKE clusters as recorded lists of the real API show them: the fields that every cluster has."""

from typing import Any

import pytest

FIELDS = {
    "addonsConfig",
    "autopilot",
    "autoscaling",
    "binaryAuthorization",
    "clusterIpv4Cidr",
    "createTime",
    "currentMasterVersion",
    "currentNodeCount",
    "currentNodeVersion",
    "databaseEncryption",
    "endpoint",
    "etag",
    "id",
    "initialClusterVersion",
    "initialNodeCount",
    "instanceGroupUrls",
    "ipAllocationPolicy",
    "labelFingerprint",
    "legacyAbac",
    "location",
    "locations",
    "loggingConfig",
    "loggingService",
    "maintenancePolicy",
    "masterAuth",
    "masterAuthorizedNetworksConfig",
    "monitoringConfig",
    "monitoringService",
    "name",
    "network",
    "networkConfig",
    "nodeConfig",
    "nodePoolAutoConfig",
    "nodePoolDefaults",
    "nodePools",
    "notificationConfig",
    "releaseChannel",
    "selfLink",
    "servicesIpv4Cidr",
    "shieldedNodes",
    "status",
    "subnetwork",
    "zone",
}
POOL = {
    "config",
    "etag",
    "initialNodeCount",
    "instanceGroupUrls",
    "locations",
    "management",
    "name",
    "podIpv4CidrSize",
    "selfLink",
    "status",
    "upgradeSettings",
    "version",
}


def clusters(sim: Any) -> list[dict[str, Any]]:
    status, body = sim.http("GET", "/v1/projects/shop-rehearsal/locations/-/clusters")
    assert status == 200, body
    found: list[dict[str, Any]] = body["clusters"]
    return found


def test_every_cluster(start_sim: Any) -> None:
    for cluster in clusters(start_sim("--time-scale", "0", "--scenario", "greenfield")):
        assert set(cluster) >= FIELDS
        assert cluster["labelFingerprint"] == "a9dc16a7"
        assert cluster["maintenancePolicy"] == {"resourceVersion": "e3b0c442"}
        assert cluster["createTime"].endswith("+00:00")
        assert len(cluster["id"]) == 64
        assert cluster["etag"].count("-") == 4
        for pool in cluster["nodePools"]:
            assert set(pool) >= POOL
            assert pool["selfLink"] == f"{cluster['selfLink']}/nodePools/{pool['name']}"


@pytest.mark.parametrize(
    ("location", "place"),
    [("us-central1", "locations/us-central1"), ("us-central1-a", "zones/us-central1-a")],
)
def test_links_of_zonal_clusters_say_zones(location: str, place: str) -> None:
    """Recorded: zonal clusters under zones/, regional ones under locations/."""
    from gcpsim.gke.documents import ClusterSpec, cluster

    spec = ClusterSpec("small", location, ("us-central1-a",), "p")
    doc = cluster(spec, "10.0.0.0/14", 1_800_000_000.0)
    root = "https://container.googleapis.com/v1/projects/p"
    assert doc["selfLink"] == f"{root}/{place}/clusters/small"
    assert doc["nodePools"][0]["selfLink"].startswith(f"{root}/{place}/clusters/small/nodePools/")
