"""Kinds and rules that public manifests and gcloud lines met; each refusal is one of Google's."""

from typing import Any

import pytest

HEALTH = {"name": "h", "type": "HTTP", "httpHealthCheck": {"portSpecification": "USE_SERVING_PORT"}}


def service(gce: Any, name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "protocol": "HTTP", "loadBalancingScheme": "EXTERNAL", **fields}


@pytest.fixture
def classic(gce: Any) -> Any:
    """A classic load balancer that serves: rule, proxy, map, backend service."""
    gce.make("global/healthChecks", **HEALTH)
    body = service(gce, "b", healthChecks=["global/healthChecks/h"])
    gce.make("global/backendServices", **body)
    gce.make("global/urlMaps", name="u", defaultService="global/backendServices/b")
    gce.make("global/targetHttpProxies", name="t", urlMap="global/urlMaps/u")
    rule = {
        "name": "f",
        "portRange": "80",
        "loadBalancingScheme": "EXTERNAL",
        "target": "global/targetHttpProxies/t",
    }
    gce.make("global/forwardingRules", **rule)
    return gce


def test_from_classic_to_managed_in_googles_order(classic: Any) -> None:
    managed = {"loadBalancingScheme": "EXTERNAL_MANAGED"}
    path, state = "global/backendServices/b", "externalManagedMigrationState"
    code, _, why = classic.refused("PATCH", path, managed)
    assert code == 400
    assert "until the migration state is set to TEST_ALL_TRAFFIC" in why
    assert classic.refused("PATCH", path, {state: "TEST_ALL_TRAFFIC"})[0] == 400
    classic.do("PATCH", path, {state: "PREPARE"})
    share = {state: "TEST_BY_PERCENTAGE", "externalManagedMigrationTestingPercentage": 10.0}
    classic.do("PATCH", path, share)
    assert classic.refused("PATCH", path, {"externalManagedMigrationTestingPercentage": 101})
    done = {state: "TEST_ALL_TRAFFIC", "externalManagedMigrationTestingPercentage": None}
    classic.do("PATCH", path, done)
    assert classic.refused("PATCH", "global/forwardingRules/f", managed)[0] == 400
    classic.do("PATCH", path, managed)
    classic.do("PATCH", "global/forwardingRules/f", managed)
    found = classic.get("global/forwardingRules/f")
    assert found["loadBalancingScheme"] == "EXTERNAL_MANAGED"
    back = {"loadBalancingScheme": "EXTERNAL"}
    classic.do("PATCH", "global/forwardingRules/f", back)
    classic.do("PATCH", path, back)


@pytest.mark.parametrize("protocol", ["UNSPECIFIED", "UDP"])
def test_protocols_that_a_global_external_service_cannot_have(gce: Any, protocol: str) -> None:
    body = service(gce, "p", protocol=protocol)
    code, _, why = gce.refused("POST", "global/backendServices", body)
    assert code == 400
    assert why.endswith(f"(was {protocol}).")


def test_a_url_map_leads_to_http_only(classic: Any) -> None:
    classic.make("global/backendServices", **service(classic, "tcp", protocol="TCP"))
    body = {"name": "v", "defaultService": "global/backendServices/tcp"}
    assert classic.refused("POST", "global/urlMaps", body)[0] == 400
    code, _, why = classic.refused("PATCH", "global/backendServices/b", {"protocol": "TCP"})
    assert code == 400
    assert "urlMaps/u" in why


def test_limits_of_a_url_map(classic: Any) -> None:
    backend = "global/backendServices/b"
    matcher = {
        "name": "m",
        "defaultService": backend,
        "pathRules": [{"paths": [f"/p{n}"], "service": backend} for n in range(1001)],
    }
    body = {
        "name": "many",
        "defaultService": backend,
        "hostRules": [{"hosts": ["a.example.com"], "pathMatcher": "m"}],
        "pathMatchers": [matcher],
    }
    _, _, why = classic.refused("POST", "global/urlMaps", body)
    assert "Total number of paths is 1001, which exceeds the limit 1000." in why


def test_the_type_of_a_health_check_in_use_stays(classic: Any) -> None:
    change = {"type": "TCP", "tcpHealthCheck": {"port": 80}}
    assert classic.refused("PATCH", "global/healthChecks/h", change)[0] == 400
    classic.make("global/healthChecks", **{**HEALTH, "name": "free"})
    classic.do("PATCH", "global/healthChecks/free", change)


def test_validate_a_url_map_that_does_not_exist(classic: Any) -> None:
    body = {"resource": {"name": "new", "defaultService": "global/backendServices/b"}}
    answer = classic.ask("POST", "global/urlMaps/new/validate", body)[1]
    assert answer["result"] == {"loadSucceeded": True, "testPassed": True}
    assert classic.refused("GET", "global/urlMaps/new")[0] == 404


def test_backend_buckets(classic: Any) -> None:
    assert classic.refused("POST", "global/backendBuckets", {"name": "x"})[0] == 400
    classic.make("global/backendBuckets", name="static", bucketName="shop-static")
    body = {"name": "w", "defaultService": "global/backendBuckets/static"}
    classic.make("global/urlMaps", **body)
    code, reason, _ = classic.refused("DELETE", "global/backendBuckets/static")
    assert (code, reason) == (400, "resourceInUseByAnotherResource")
    classic.do("PATCH", "global/backendBuckets/static", {"enableCdn": True})
    assert classic.get("global/backendBuckets/static")["enableCdn"] is True


def test_instance_groups(gce: Any) -> None:
    zone = "zones/us-central1-a"
    gce.make(f"{zone}/instanceGroups", name="g")
    gce.make(
        f"{zone}/instances",
        name="vm",
        machineType=f"{zone}/machineTypes/e2-medium",
        disks=[{"boot": True, "initializeParams": {}}],
        networkInterfaces=[{"network": "global/networks/default"}],
    )
    member = {"instances": [{"instance": f"{zone}/instances/vm"}]}
    gce.do("POST", f"{zone}/instanceGroups/g/addInstances", member)
    assert gce.get(f"{zone}/instanceGroups/g")["size"] == 1
    listed = gce.ask("POST", f"{zone}/instanceGroups/g/listInstances", {})[1]
    assert [item["status"] for item in listed["items"]] == ["RUNNING"]
    assert gce.refused("POST", f"{zone}/instanceGroups/g/addInstances", member)[0] == 400
    ports = {"namedPorts": [{"name": "http", "port": 80}]}
    gce.do("POST", f"{zone}/instanceGroups/g/setNamedPorts", ports)
    assert gce.get(f"{zone}/instanceGroups/g")["namedPorts"] == ports["namedPorts"]
    gce.do("POST", f"{zone}/instanceGroups/g/removeInstances", member)
    assert gce.get(f"{zone}/instanceGroups/g")["size"] == 0


def test_groups_of_endpoints_elsewhere(gce: Any) -> None:
    places = {"global": "networkEndpointGroups", "regions/us-central1": "networkEndpointGroups"}
    kind = {"name": "n", "networkEndpointType": "INTERNET_FQDN_PORT", "defaultPort": 443}
    gce.make(f"global/{places['global']}", **kind)
    endpoint = {"networkEndpoints": [{"fqdn": "api.example.com", "port": 443}]}
    gce.do("POST", "global/networkEndpointGroups/n/attachNetworkEndpoints", endpoint)
    assert gce.get("global/networkEndpointGroups/n")["size"] == 1
    body = service(gce, "o", loadBalancingScheme="EXTERNAL_MANAGED", protocol="HTTPS")
    body["backends"] = [{"group": "global/networkEndpointGroups/n"}]
    gce.make("global/backendServices", **body)
    gce.do("POST", "global/networkEndpointGroups/n/detachNetworkEndpoints", endpoint)
    assert gce.get("global/networkEndpointGroups/n")["size"] == 0
    run = {"name": "s", "networkEndpointType": "SERVERLESS", "cloudRun": {"service": "web"}}
    gce.make("regions/us-central1/networkEndpointGroups", **run)
    wrong = {"name": "s2", "networkEndpointType": "SERVERLESS"}
    assert gce.refused("POST", "regions/us-central1/networkEndpointGroups", wrong)[0] == 400
    zonal = {"name": "z", "networkEndpointType": "INTERNET_IP_PORT"}
    assert gce.refused("POST", "zones/us-central1-a/networkEndpointGroups", zonal)[0] == 400
    hybrid = {"name": "hy", "networkEndpointType": "NON_GCP_PRIVATE_IP_PORT"}
    gce.make("zones/us-central1-a/networkEndpointGroups", **hybrid)


def test_routers_routes_and_peerings(gce: Any) -> None:
    network = "global/networks/default"
    nat = {"name": "nat", "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES"}
    gce.make("regions/us-central1/routers", name="r", network=network)
    gce.do("PATCH", "regions/us-central1/routers/r", {"nats": [nat]})
    assert gce.get("regions/us-central1/routers/r")["nats"][0]["natIpAllocateOption"] == "AUTO_ONLY"
    route = {
        "name": "way",
        "network": network,
        "destRange": "192.0.2.0/24",
        "nextHopIp": "10.0.0.1",
    }
    gce.make("global/routes", **route)
    assert gce.refused("POST", "global/routes", {**route, "name": "b", "nextHopIp": None})[0] == 400
    gce.make("global/networks", name="other", autoCreateSubnetworks=False)
    one = {"networkPeering": {"name": "p", "network": "global/networks/other"}}
    gce.do("POST", "global/networks/default/addPeering", one)
    (peering,) = gce.get("global/networks/default")["peerings"]
    assert peering["state"] == "INACTIVE"
    two = {"networkPeering": {"name": "p", "network": network}}
    gce.do("POST", "global/networks/other/addPeering", two)
    assert gce.get("global/networks/default")["peerings"][0]["state"] == "ACTIVE"
    gce.do("POST", "global/networks/default/removePeering", {"name": "p"})
    assert "peerings" not in gce.get("global/networks/default")


def test_what_decides_about_packets_of_a_network(gce: Any, sim: Any) -> None:
    from google.cloud import compute_v1

    gce.make("global/networks", name="apart", autoCreateSubnetworks=False)
    deny = {"denied": [{"IPProtocol": "tcp", "ports": ["443"]}], "priority": 10}
    gce.make("global/firewalls", name="no-https", network="global/networks/apart", **deny)
    client = sim.compute(compute_v1.NetworksClient)
    found = client.get_effective_firewalls(project=gce.project, network="apart")
    assert [(rule.name, rule.priority) for rule in found.firewalls] == [("no-https", 10)]
    assert not found.firewall_policys
    names = gce.get("global/networks/default/getEffectiveFirewalls")["firewalls"]
    assert "default-allow-ssh" in [rule["name"] for rule in names]
    assert "no-https" not in [rule["name"] for rule in names]
    gce.do("DELETE", "global/firewalls/no-https")
    assert gce.get("global/networks/apart/getEffectiveFirewalls") == {}
    code, _, why = gce.refused("GET", "global/networks/none/getEffectiveFirewalls", None)
    assert code == 404 and "none" in why
