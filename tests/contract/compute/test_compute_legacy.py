"""The pieces of a passthrough load balancer: regional rules, target pools, their health checks."""

from typing import Any

import pytest

REGION = "regions/us-central1"
POOL = f"{REGION}/targetPools/pool"
NODE = "zones/us-central1-a/instances/node"


@pytest.fixture
def pool(gce: Any) -> Any:
    gce.instance("node", "10.4.0.0/24")
    gce.make("global/httpHealthChecks", name="hc", port=10256, requestPath="/healthz")
    gce.make(
        f"{REGION}/targetPools",
        name="pool",
        instances=[NODE],
        healthChecks=["global/httpHealthChecks/hc"],
    )
    return gce


def test_a_pool_and_its_rule(pool: Any) -> None:
    doc = pool.get(POOL)
    assert doc["instances"] == [pool.link(NODE)]
    assert doc["healthChecks"] == [pool.link("global/httpHealthChecks/hc")]
    assert doc["sessionAffinity"] == "NONE"
    pool.make(
        f"{REGION}/forwardingRules", name="rule", target=POOL, portRange="80-443", description="d"
    )
    rule = pool.get(f"{REGION}/forwardingRules/rule")
    assert rule["IPAddress"].startswith("35.")
    assert rule["portRange"] == "80-443"
    assert rule["region"] == pool.link(REGION)
    assert rule["loadBalancingScheme"] == "EXTERNAL"
    _, reason, message = pool.refused("DELETE", POOL)
    assert reason == "resourceInUseByAnotherResource"
    assert message.startswith("The target_pool resource")
    _, reason, _ = pool.refused("DELETE", "global/httpHealthChecks/hc")
    assert reason == "resourceInUseByAnotherResource"


def test_members_of_a_pool(pool: Any) -> None:
    pool.instance("other", "10.5.0.0/24")
    other = {"instance": NODE.replace("/node", "/other")}
    pool.do("POST", f"{POOL}/addInstance", {"instances": [other]})
    assert len(pool.get(POOL)["instances"]) == 2
    pool.do("POST", f"{POOL}/removeInstance", {"instances": [{"instance": NODE}]})
    assert pool.get(POOL)["instances"] == [pool.link(other["instance"])]
    health = pool.ask("POST", f"{POOL}/getHealth", other)[1]
    assert health["kind"] == "compute#targetPoolInstanceHealth"
    assert health["healthStatus"][0]["healthState"] == "HEALTHY"
    check = {"healthChecks": [{"healthCheck": "global/httpHealthChecks/hc"}]}
    pool.do("POST", f"{POOL}/removeHealthCheck", check)
    pool.do("DELETE", "global/httpHealthChecks/hc")
    for verb in ("addInstance", "removeInstance", "addHealthCheck"):
        assert pool.refused("POST", f"{POOL}/{verb}", {})[:2] == (400, "required")


def test_an_instance_may_leave_while_a_pool_lists_it(pool: Any) -> None:
    pool.do("DELETE", NODE)
    assert pool.get(POOL)["instances"] == [pool.link(NODE)]


def test_a_promoted_address_is_in_use(pool: Any) -> None:
    pool.make(f"{REGION}/forwardingRules", name="rule", target=POOL, portRange="80")
    rule = pool.get(f"{REGION}/forwardingRules/rule")
    path = pool.make(f"{REGION}/addresses", name="kept", address=rule["IPAddress"])
    doc = pool.get(path)
    assert (doc["status"], doc["users"]) == ("IN_USE", [rule["selfLink"]])
    pool.do("DELETE", f"{REGION}/forwardingRules/rule")
    assert pool.get(path)["status"] == "RESERVED"
    foreign = {"name": "x", "address": "203.0.113.7"}
    assert pool.refused("POST", f"{REGION}/addresses", foreign)[:2] == (400, "invalid")


def test_an_internal_rule_takes_an_address_of_its_subnetwork(gce: Any) -> None:
    service = gce.make(
        f"{REGION}/backendServices", name="bs", loadBalancingScheme="INTERNAL", protocol="TCP"
    )
    path = gce.make(
        f"{REGION}/forwardingRules",
        name="rule",
        loadBalancingScheme="INTERNAL",
        backendService=service,
        ports=["80"],
    )
    doc = gce.get(path)
    assert doc["IPAddress"].startswith("10.128.")
    assert doc["backendService"] == gce.link(service)


def test_tags_of_an_instance(gce: Any) -> None:
    gce.instance("node", "10.4.0.0/24")
    tags = gce.get(NODE)["tags"]
    assert tags["items"] == ["node"]
    change = {"items": ["a", "b"], "fingerprint": tags["fingerprint"]}
    gce.do("POST", f"{NODE}/setTags", change)
    assert gce.get(NODE)["tags"]["items"] == ["a", "b"]
    assert gce.refused("POST", f"{NODE}/setTags", change)[:2] == (412, "conditionNotMet")


def test_subnetworks_do_not_overlap(gce: Any) -> None:
    net = gce.make("global/networks", name="own", autoCreateSubnetworks=False)
    assert "subnetworks" not in gce.get(net)
    gce.make(f"{REGION}/subnetworks", name="one", network=net, ipCidrRange="10.0.0.0/16")
    clash = {"name": "two", "network": net, "ipCidrRange": "10.0.4.0/24"}
    assert gce.refused("POST", f"{REGION}/subnetworks", clash) == (
        400,
        "invalid",
        "Invalid IPCidrRange: 10.0.4.0/24 conflicts with existing subnetwork 'one' in region "
        "'us-central1'.",
    )
    subnet = gce.path(f"{REGION}/subnetworks/one")
    assert gce.refused("DELETE", net) == (
        400,
        "resourceInUseByAnotherResource",
        f"The network resource '{gce.path(net)}' is already being used by '{subnet}'",
    )


def test_an_auto_mode_network_goes_with_its_subnetworks(gce: Any) -> None:
    net = gce.make("global/networks", name="own", autoCreateSubnetworks=True)
    assert len(gce.get(net)["subnetworks"]) > 30
    gce.do("DELETE", net)
    assert gce.refused("GET", f"{REGION}/subnetworks/own")[0] == 404


def test_nulls_in_lists_are_passed_over(gce: Any) -> None:
    gce.make("regions/us-central1/targetPools", name="nulls", healthChecks=[None])
    assert not gce.get("regions/us-central1/targetPools/nulls").get("healthChecks")
