"""Clusters and node pools changed through the GKE API: operations, statuses, refusals, in time."""

import base64
import ssl
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from googleapiclient import discovery, errors

PROJECT = "shop-rehearsal"
PARENT = f"projects/{PROJECT}/locations/us-central1"
BLUE = f"{PARENT}/clusters/blue"
POOL = f"{BLUE}/nodePools/default-pool"
NEW, OLD = "1.34.2-gke.1154000", "1.33.5-gke.1308000"


class Cluster:
    """The GKE API under a paused clock."""

    def __init__(self, staged: Any, api: Any) -> None:
        self.staged = staged
        self.locations = api.projects().locations()
        self.clusters = self.locations.clusters()
        self.pools = self.clusters.nodePools()

    def advance(self, seconds: float) -> None:
        self.staged.sim.advance(seconds)

    def operation(self, started: dict[str, Any]) -> dict[str, Any]:
        name = f"{PARENT}/operations/{started['name']}"
        found: dict[str, Any] = self.locations.operations().get(name=name).execute()
        return found

    def get(self, name: str = BLUE) -> dict[str, Any]:
        found: dict[str, Any] = self.clusters.get(name=name).execute()
        return found

    def pool(self, name: str = POOL) -> dict[str, Any]:
        found: dict[str, Any] = self.pools.get(name=name).execute()
        return found

    def finish(self, started: dict[str, Any], seconds: float = 1200) -> dict[str, Any]:
        self.advance(seconds)
        done = self.operation(started)
        assert done["status"] == "DONE", done
        return done

    def upgrade_master(self, version: str = NEW) -> None:
        self.finish(
            self.clusters.updateMaster(name=BLUE, body={"masterVersion": version}).execute()
        )


@pytest.fixture
def gke(stage: Callable[..., Any]) -> Iterator[Cluster]:
    import google_auth_httplib2
    import httplib2
    from google.auth.credentials import AnonymousCredentials

    staged = stage("empty")
    http = google_auth_httplib2.AuthorizedHttp(AnonymousCredentials(), httplib2.Http())
    with discovery.build(
        "container", "v1", http=http, client_options={"api_endpoint": staged.sim.url}
    ) as made:
        yield Cluster(staged, made)


def refusal(request: Any) -> tuple[int, str]:
    with pytest.raises(errors.HttpError) as caught:
        request.execute()
    return caught.value.status_code, str(caught.value.reason)


def test_control_plane_first_then_nodes(gke: Cluster) -> None:
    code, why = refusal(gke.pools.update(name=POOL, body={"nodeVersion": NEW}))
    assert code == 400
    assert "must not have a higher version than the master" in why
    started = gke.clusters.updateMaster(name=BLUE, body={"masterVersion": "1.34"}).execute()
    assert (started["operationType"], started["status"]) == ("UPGRADE_MASTER", "RUNNING")
    assert gke.get()["status"] == "RECONCILING"
    code, why = refusal(gke.pools.update(name=POOL, body={"nodeVersion": OLD}))
    assert (code, why) == (400, f"Cluster is running incompatible operation {started['name']}.")
    gke.finish(started, 430)
    blue = gke.get()
    assert (blue["currentMasterVersion"], blue["status"]) == (NEW, "RUNNING")
    assert refusal(gke.clusters.updateMaster(name=BLUE, body={"masterVersion": OLD}))[0] == 400

    body = {"update": {"desiredNodeVersion": "-", "desiredNodePoolId": "default-pool"}}
    started = gke.clusters.update(name=BLUE, body=body).execute()
    assert started["operationType"] == "UPGRADE_NODES"
    assert started["targetLink"].endswith("/clusters/blue/nodePools/default-pool")
    gke.advance(100)
    going = gke.operation(started)
    assert going["detail"].startswith("Done with 1 out of 3 nodes (33.3%): 1 being processed")
    numbers = {m["name"]: m["intValue"] for m in going["progress"]["metrics"]}
    assert numbers["NODES_TOTAL"] == "3"
    gke.finish(started)
    assert gke.pool()["version"] == gke.get()["currentNodeVersion"] == NEW
    nodes = gke.staged.core.list_node().items
    assert {node.status.node_info.kubelet_version for node in nodes} == {f"v{NEW}"}
    assert len(nodes) == 3


def test_an_upgrade_is_cancelled_and_rolled_back(gke: Cluster) -> None:
    gke.upgrade_master()
    started = gke.pools.update(name=POOL, body={"nodeVersion": NEW}).execute()
    gke.advance(100)
    name = f"{PARENT}/operations/{started['name']}"
    assert gke.locations.operations().cancel(name=name, body={}).execute() == {}
    gke.advance(400)
    stopped = gke.operation(started)
    assert (stopped["status"], stopped["error"]["code"]) == ("DONE", 1)
    versions = {node.status.node_info.kubelet_version for node in gke.staged.core.list_node().items}
    assert versions == {f"v{NEW}", f"v{OLD}"}
    back = gke.pools.rollback(name=POOL, body={}).execute()
    gke.finish(back)
    versions = {node.status.node_info.kubelet_version for node in gke.staged.core.list_node().items}
    assert versions == {f"v{OLD}"}
    assert refusal(gke.pools.rollback(name=POOL, body={}))[0] == 400


def test_blue_green_phases(gke: Cluster) -> None:
    gke.upgrade_master()
    settings = {"strategy": "BLUE_GREEN", "blueGreenSettings": {"nodePoolSoakDuration": "600s"}}
    gke.finish(gke.pools.update(name=POOL, body={"upgradeSettings": settings}).execute(), 30)
    started = gke.pools.update(name=POOL, body={"nodeVersion": NEW}).execute()
    gke.advance(5)
    assert gke.pool()["updateInfo"]["blueGreenInfo"]["phase"] == "CREATING_GREEN_POOL"
    gke.advance(120)
    assert gke.pool()["updateInfo"]["blueGreenInfo"]["phase"] == "NODE_POOL_SOAKING"
    assert len(gke.staged.core.list_node().items) == 6
    gke.pools.completeUpgrade(name=POOL, body={}).execute()
    gke.finish(started, 60)
    assert "updateInfo" not in gke.pool()
    assert len(gke.staged.core.list_node().items) == 3
    assert refusal(gke.pools.completeUpgrade(name=POOL, body={}))[0] == 400


def test_a_cluster_comes_and_goes(gke: Cluster) -> None:
    body = {"cluster": {"name": "red", "initialNodeCount": 1, "network": "default"}}
    parent = f"projects/{PROJECT}/locations/europe-west4-a"
    started = gke.clusters.create(parent=parent, body=body).execute()
    assert (started["operationType"], started["status"]) == ("CREATE_CLUSTER", "RUNNING")
    red = f"{parent}/clusters/red"
    assert gke.get(red)["status"] == "PROVISIONING"
    assert refusal(gke.clusters.create(parent=parent, body=body))[0] == 409
    gke.advance(400)
    made = gke.get(red)
    assert (made["status"], made["locations"]) == ("RUNNING", ["europe-west4-a"])
    assert made["currentNodeCount"] == 1
    ca = base64.b64decode(made["masterAuth"]["clusterCaCertificate"]).decode()
    context = ssl.create_default_context(cadata=ca)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    with opener.open(f"https://{made['endpoint']}/version", timeout=30) as answer:
        assert answer.status == 200
    deleted = gke.clusters.delete(name=red).execute()
    assert gke.get(red)["status"] == "STOPPING"
    gke.advance(300)
    assert refusal(gke.clusters.get(name=red))[0] == 404
    name = f"{parent}/operations/{deleted['name']}"
    assert gke.locations.operations().get(name=name).execute()["status"] == "DONE"
    again = gke.clusters.create(parent=parent, body=body).execute()
    assert again["status"] == "RUNNING"


def test_node_pools_come_grow_shrink_and_go(gke: Cluster) -> None:
    body = {
        "nodePool": {
            "name": "web",
            "initialNodeCount": 1,
            "config": {"machineType": "e2-standard-2", "labels": {"tier": "web"}},
        }
    }
    started = gke.pools.create(parent=BLUE, body=body).execute()
    assert started["operationType"] == "CREATE_NODE_POOL"
    gke.finish(started, 120)
    web = f"{BLUE}/nodePools/web"
    assert gke.pool(web)["status"] == "RUNNING"
    mine = "cloud.google.com/gke-nodepool=web,tier=web"

    def count() -> int:
        return len(gke.staged.core.list_node(label_selector=mine).items)

    assert count() == 3
    gke.finish(gke.pools.setSize(name=web, body={"nodeCount": 2}).execute(), 120)
    assert count() == 6
    gke.finish(gke.pools.setSize(name=web, body={"nodeCount": 0}).execute(), 200)
    assert count() == 0
    management = {"management": {"autoUpgrade": False, "autoRepair": True}}
    done = gke.pools.setManagement(name=web, body=management).execute()
    assert gke.finish(done, 30)["operationType"] == "SET_NODE_POOL_MANAGEMENT"
    gke.finish(gke.pools.delete(name=web).execute(), 60)
    assert [pool["name"] for pool in gke.get()["nodePools"]] == ["default-pool"]
    assert refusal(gke.pools.get(name=web))[0] == 404


def test_settings_of_a_cluster(gke: Cluster) -> None:
    label = {"resourceLabels": {"team": "shop"}, "labelFingerprint": "stale"}
    assert refusal(gke.clusters.setResourceLabels(name=BLUE, body=label))[0] == 400
    label["labelFingerprint"] = gke.get()["labelFingerprint"]
    gke.finish(gke.clusters.setResourceLabels(name=BLUE, body=label).execute(), 30)
    assert gke.get()["resourceLabels"] == {"team": "shop"}
    exclusion = {
        "startTime": "2027-01-01T00:00:00Z",
        "endTime": "2027-01-20T00:00:00Z",
        "maintenanceExclusionOptions": {"scope": "NO_UPGRADES"},
    }
    policy = {"window": {"maintenanceExclusions": {"move": exclusion}}}
    before = gke.get()["maintenancePolicy"]["resourceVersion"]
    policy = {**policy, "resourceVersion": before}
    body = {"maintenancePolicy": policy}
    gke.finish(gke.clusters.setMaintenancePolicy(name=BLUE, body=body).execute(), 30)
    found = gke.get()["maintenancePolicy"]
    assert found["window"]["maintenanceExclusions"]["move"] == exclusion
    assert found["resourceVersion"] != before
    assert refusal(gke.clusters.setMaintenancePolicy(name=BLUE, body=body))[0] == 409
    channel = {"update": {"desiredReleaseChannel": {"channel": "STABLE"}}}
    gke.finish(gke.clusters.update(name=BLUE, body=channel).execute(), 30)
    assert gke.get()["releaseChannel"] == {"channel": "STABLE"}
    assert refusal(gke.clusters.update(name=BLUE, body={"update": {}}))[0] == 400
    stale = {"update": {"desiredReleaseChannel": {"channel": "RAPID"}, "etag": "old"}}
    assert refusal(gke.clusters.update(name=BLUE, body=stale))[0] == 409
