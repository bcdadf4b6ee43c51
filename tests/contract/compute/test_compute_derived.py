"""Collections that follow from something else: routes, node pools' groups, disks, machine types."""

import re
from typing import Any

import pytest
from gcpsim.core.errors import ApiError
from gcpsim.gke.service import Gke

P = "projects/shop"
ZONE = f"{P}/zones/us-central1-a"
CLUSTER = {"cluster": {"name": "blue", "initialNodeCount": 2, "nodeConfig": {
    "machineType": "e2-standard-8"}}}  # fmt: skip


def ask(cloud: Any, path: str, **query: str) -> Any:
    return cloud.request("compute", "GET", path, **query)


def change(cloud: Any, method: str, path: str, body: Any = None) -> None:
    """A write, and the time that its operation takes."""
    cloud.request("compute", method, path, body)
    cloud.advance(120)


def refused(cloud: Any, method: str, path: str, body: Any = None) -> ApiError:
    with pytest.raises(ApiError) as caught:
        cloud.request("compute", method, path, body)
    return caught.value


@pytest.fixture
def cluster(cloud: Any) -> Any:
    """A zonal cluster `blue` with a pool of two nodes; gives its document."""
    cloud.world.gke = Gke(cloud.world)
    cloud.request("container", "POST", f"{P}/locations/us-central1-a/clusters", CLUSTER)
    cloud.advance(3600)
    return cloud.request("container", "GET", f"{P}/locations/us-central1-a/clusters/blue")


def test_a_network_has_its_routes(cloud: Any) -> None:
    ask(cloud, f"{P}/global/networks")
    routes = {one["destRange"]: one for one in ask(cloud, f"{P}/global/routes")["items"]}
    default = routes["0.0.0.0/0"]
    assert re.fullmatch("default-route-[0-9a-f]{16}", default["name"])
    assert default["nextHopGateway"].endswith("/global/gateways/default-internet-gateway")
    assert (default["priority"], default["description"]) == (1000, "Default route to the Internet.")
    local = routes["10.128.0.0/20"]
    assert local["nextHopNetwork"] == local["network"] == default["network"]
    assert (local["priority"], local["routeType"]) == (0, "SUBNET")
    assert ask(cloud, f"{P}/global/routes/{local['name']}") == local
    assert ask(cloud, f"{P}/global/routes/{local['id']}") == local
    named = ask(cloud, f"{P}/global/routes", filter=f"name={local['name']}")
    assert [one["name"] for one in named["items"]] == [local["name"]]
    error = refused(cloud, "DELETE", f"{P}/global/routes/{local['name']}")
    assert (error.code, error.message) == (400, "The local route cannot be deleted.")
    change(cloud, "DELETE", f"{P}/global/routes/{default['name']}")
    left = {one["destRange"] for one in ask(cloud, f"{P}/global/routes")["items"]}
    assert left == routes.keys() - {"0.0.0.0/0"}


def test_routes_go_with_their_network_but_for_those_of_users(cloud: Any) -> None:
    body = {"name": "net", "autoCreateSubnetworks": False}
    change(cloud, "POST", f"{P}/global/networks", body)
    link = f"{P}/global/networks/net"
    change(cloud, "POST", f"{P}/regions/us-central1/subnetworks", {
        "name": "sub", "network": link, "ipCidrRange": "10.0.0.0/24",
        "secondaryIpRanges": [{"rangeName": "pods", "ipCidrRange": "10.4.0.0/14"}]})  # fmt: skip
    change(cloud, "POST", f"{P}/global/routes", {
        "name": "mine", "network": link, "destRange": "192.0.2.0/24",
        "nextHopIp": "10.0.0.9"})  # fmt: skip

    def ranges() -> set[str]:
        rows = ask(cloud, f"{P}/global/routes")["items"]
        return {one["destRange"] for one in rows if one["network"].endswith("/net")}

    assert ranges() == {"0.0.0.0/0", "10.0.0.0/24", "10.4.0.0/14", "192.0.2.0/24"}
    change(cloud, "DELETE", f"{P}/regions/us-central1/subnetworks/sub")
    assert ranges() == {"0.0.0.0/0", "192.0.2.0/24"}
    error = refused(cloud, "DELETE", link)
    assert error.code == 400 and f"'{P}/global/routes/mine'" in error.message
    change(cloud, "DELETE", f"{P}/global/routes/mine")
    change(cloud, "DELETE", link)
    assert ranges() == set()


@pytest.mark.parametrize("cidr", ["10.0.0.0/30", "10.0.0.7/32", "10.0.0.1/29", "x"])
def test_a_range_that_is_none_or_too_small_is_refused(cloud: Any, cidr: str) -> None:
    body = {"name": "net", "autoCreateSubnetworks": False}
    change(cloud, "POST", f"{P}/global/networks", body)
    subnet = {"name": "s", "network": f"{P}/global/networks/net", "ipCidrRange": cidr}
    error = refused(cloud, "POST", f"{P}/regions/us-central1/subnetworks", subnet)
    assert (error.code, error.reason) == (400, "invalid")
    assert "resource.ipCidrRange" in error.message


def test_a_node_pool_is_a_managed_group_of_a_template(cloud: Any, cluster: Any) -> None:
    (url,) = cluster["nodePools"][0]["instanceGroupUrls"]
    name = url.rpartition("/")[2]
    (manager,) = ask(cloud, f"{ZONE}/instanceGroupManagers")["items"]
    assert (manager["selfLink"], manager["name"]) == (url, name)
    assert manager["targetSize"] == manager["currentActions"]["none"] == 2
    assert ask(cloud, f"{ZONE}/instanceGroupManagers/{name}") == manager
    everywhere = ask(cloud, f"{P}/aggregated/instanceGroupManagers")["items"]
    assert everywhere["zones/us-central1-a"]["instanceGroupManagers"] == [manager]
    assert everywhere["zones/us-central1-b"]["warning"]["code"] == "NO_RESULTS_ON_PAGE"
    listed = cloud.request(
        "compute", "POST", f"{ZONE}/instanceGroupManagers/{name}/listManagedInstances"
    )["managedInstances"]
    instances = {one["selfLink"] for one in ask(cloud, f"{ZONE}/instances")["items"]}
    assert {one["instance"] for one in listed} == instances and len(instances) == 2

    template = manager["instanceTemplate"].partition("/compute/v1/")[2]
    found = ask(cloud, template)["properties"]
    assert found["machineType"] == "e2-standard-8"
    assert found["tags"]["items"] == [f"gke-blue-{cluster['id'][:8]}-node"]
    (group,) = ask(cloud, f"{ZONE}/instanceGroups")["items"]
    assert (group["name"], group["size"]) == (name, 2)
    members = cloud.request("compute", "POST", f"{ZONE}/instanceGroups/{name}/listInstances", {})
    assert {one["instance"] for one in members["items"]} == instances


def test_what_gke_manages_is_changed_by_gke(cloud: Any, cluster: Any) -> None:
    (group,) = ask(cloud, f"{ZONE}/instanceGroups")["items"]
    path = f"{ZONE}/instanceGroups/{group['name']}"
    manager = path.replace("/instanceGroups/", "/instanceGroupManagers/")
    for verb, where, body in (
        ("DELETE", path, None),
        ("POST", f"{path}/addInstances", {"instances": []}),
        ("POST", f"{path}/setNamedPorts", {"namedPorts": []}),
    ):
        error = refused(cloud, verb, where, body)
        assert error.reason == "resourceInUseByAnotherResource"
        assert f"already being used by '{manager}'" in error.message
    error = refused(cloud, "DELETE", manager)
    assert error.code == 400 and "which a node pool of GKE has, is not supported" in error.message
    template = ask(cloud, manager)["instanceTemplate"].partition("/compute/v1/")[2]
    error = refused(cloud, "DELETE", template)
    assert error.message.endswith(f"' is already being used by '{manager}'")
    size = f"{P}/locations/us-central1-a/clusters/blue/nodePools/default-pool:setSize"
    cloud.request("container", "POST", size, {"nodeCount": 3})
    cloud.advance(3600)
    assert ask(cloud, manager)["targetSize"] == 3
    cloud.request("container", "DELETE", f"{P}/locations/us-central1-a/clusters/blue")
    cloud.advance(3600)
    for collection in ("instanceGroupManagers", "instanceGroups", "disks"):
        assert "items" not in ask(cloud, f"{ZONE}/{collection}"), collection


def test_disks_are_those_of_instances(cloud: Any, cluster: Any) -> None:
    instances = {one["name"]: one for one in ask(cloud, f"{ZONE}/instances")["items"]}
    disks = {one["name"]: one for one in ask(cloud, f"{ZONE}/disks")["items"]}
    assert disks.keys() == instances.keys()
    for name, disk in disks.items():
        assert disk["selfLink"] == instances[name]["disks"][0]["source"]
        assert disk["users"] == [instances[name]["selfLink"]]
        assert (disk["sizeGb"], disk["status"]) == ("100", "READY")
        assert disk["type"].endswith("/diskTypes/pd-balanced")
        assert ask(cloud, f"{ZONE}/disks/{name}") == disk


def test_machine_types_are_there_to_read(cloud: Any) -> None:
    found = ask(cloud, f"{ZONE}/machineTypes")
    assert found["kind"] == "compute#machineTypeList"
    types = {one["name"]: one for one in found["items"]}
    four = types["e2-standard-4"]
    assert (four["guestCpus"], four["memoryMb"], four["zone"]) == (4, 16384, "us-central1-a")
    assert four["description"] == "Efficient Instance, 4 vCPUs, 16 GB RAM"
    assert types["e2-medium"]["isSharedCpu"] and not four["isSharedCpu"]
    assert ask(cloud, f"{ZONE}/machineTypes/e2-standard-4") == four
    page = ask(cloud, f"{ZONE}/machineTypes", maxResults="5")
    assert len(page["items"]) == 5 and page["nextPageToken"]
    cheap = ask(cloud, f"{ZONE}/machineTypes", filter="guestCpus<2")
    assert {one["name"] for one in cheap["items"]} == {
        "f1-micro", "g1-small", "n1-standard-1", "t2d-standard-1"}  # fmt: skip
    missing = refused(cloud, "GET", f"{ZONE}/machineTypes/e9-none")
    assert missing.message == f"The resource '{ZONE}/machineTypes/e9-none' was not found"
    assert refused(cloud, "GET", f"{P}/zones/nowhere-z/machineTypes").code == 400


def test_groups_of_the_internet_are_not_probed(cloud: Any) -> None:
    """They have no network: probing passes over them, and nothing else waits for them."""
    neg = {"name": "n", "networkEndpointType": "INTERNET_FQDN_PORT", "defaultPort": 443}
    change(cloud, "POST", f"{P}/global/networkEndpointGroups", neg)
    group = {"group": f"{P}/global/networkEndpointGroups/n"}
    body = {"name": "b", "protocol": "HTTPS", "loadBalancingScheme": "EXTERNAL_MANAGED",
            "backends": [group]}  # fmt: skip
    change(cloud, "POST", f"{P}/global/backendServices", body)
    service = f"{P}/global/backendServices/b"
    change(cloud, "POST", f"{P}/global/urlMaps", {"name": "u", "defaultService": service})
    proxy = {"name": "t", "urlMap": f"{P}/global/urlMaps/u"}
    change(cloud, "POST", f"{P}/global/targetHttpProxies", proxy)
    rule = {"name": "f", "portRange": "80", "loadBalancingScheme": "EXTERNAL_MANAGED",
            "target": f"{P}/global/targetHttpProxies/t"}  # fmt: skip
    change(cloud, "POST", f"{P}/global/forwardingRules", rule)
    endpoint = {"networkEndpoints": [{"fqdn": "api.example.com", "port": 443}]}
    change(cloud, "POST", f"{group['group']}/attachNetworkEndpoints", endpoint)
    health = cloud.world.compute.health
    health.mark()
    health.evaluate()
    assert list(health.records.keys()) == []
    told = cloud.request("compute", "POST", f"{service}/getHealth", group)
    assert "healthStatus" not in told
