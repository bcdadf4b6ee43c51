"""getHealth as recorded answers of the real Compute Engine show it."""

from typing import Any

REGION, ZONE = "regions/us-central1", "zones/us-central1-a"


def test_a_passthrough_service_answers_for_its_rule(wire: Any) -> None:
    """Recorded: a network load balancer with a zonal group of machines (GCE_VM_IP)."""
    wire.make(f"{REGION}/healthChecks", name="hc", type="TCP", tcpHealthCheck={"port": 80})
    wire.make(f"{ZONE}/instances", name="vm", machineType=f"{ZONE}/machineTypes/e2-medium")
    wire.make(f"{ZONE}/networkEndpointGroups", name="neg", networkEndpointType="GCE_VM_IP")
    group = f"{ZONE}/networkEndpointGroups/neg"
    endpoints = {"networkEndpoints": [{"instance": "vm"}]}
    wire.do("POST", f"{group}/attachNetworkEndpoints", endpoints)
    service = f"{REGION}/backendServices/bs"
    wire.make(
        f"{REGION}/backendServices",
        name="bs",
        loadBalancingScheme="EXTERNAL",
        healthChecks=[f"{REGION}/healthChecks/hc"],
        backends=[{"group": group, "balancingMode": "CONNECTION"}],
    )
    rule = wire.make(
        f"{REGION}/forwardingRules",
        name="rule",
        backendService=service,
        ports=["80"],
        loadBalancingScheme="EXTERNAL",
    )
    answer = wire.do("POST", f"{service}/getHealth", {"group": wire.link(group)})
    address = wire.get(f"{ZONE}/instances/vm")["networkInterfaces"][0]["networkIP"]
    assert answer == {
        "kind": "compute#backendServiceGroupHealth",
        "healthStatus": [
            {
                "forwardingRule": rule["selfLink"],
                "forwardingRuleIp": rule["IPAddress"],
                "healthState": "UNHEALTHY",
                "instance": wire.link(f"{ZONE}/instances/vm"),
                "ipAddress": address,
                "port": 80,
            }
        ],
    }
