"""Network endpoint groups, and the health of their endpoints as the load balancer sees it."""

from typing import Any

import pytest
from google.cloud import compute_v1

ZONE = "zones/us-central1-a"
NEG = f"{ZONE}/networkEndpointGroups/neg"
HC = "global/healthChecks/hc"
BS = "global/backendServices/bs"
RANGES = ["35.191.0.0/16", "130.211.0.0/22"]


def endpoint(number: int, port: int = 8443) -> dict[str, Any]:
    return {"ipAddress": f"10.4.0.{number}", "port": port, "instance": "node"}


def attach(gce: Any, *endpoints: dict[str, Any]) -> Any:
    return gce.ask("POST", f"{NEG}/attachNetworkEndpoints", {"networkEndpoints": list(endpoints)})


def listed(gce: Any, **body: str) -> list[dict[str, Any]]:
    status, answer = gce.ask("POST", f"{NEG}/listNetworkEndpoints", body)
    assert status == 200
    assert answer["kind"] == "compute#networkEndpointGroupsListNetworkEndpoints"
    return list(answer.get("items", []))


def answers(gce: Any, *numbers: int, answer: str = "ok") -> None:
    for number in numbers:
        gce.sim.admin("POST", "stage/endpoint", {"ip": f"10.4.0.{number}", "answer": answer})


def health(gce: Any) -> dict[str, str]:
    """IP -> state, of getHealth."""
    status, body = gce.ask("POST", f"{BS}/getHealth", {"group": gce.link(NEG)})
    assert status == 200, body
    assert body["kind"] == "compute#backendServiceGroupHealth"
    return {one["ipAddress"]: one["healthState"] for one in body.get("healthStatus", [])}


@pytest.fixture
def neg(gce: Any) -> Any:
    """A group with two endpoints of one node, in no backend service."""
    gce.instance("node", "10.4.0.0/24")
    gce.neg()
    answers(gce, 1, 2, 3)
    assert attach(gce, endpoint(1), endpoint(2))[0] == 200
    return gce


@pytest.fixture
def served(neg: Any) -> Any:
    """The group behind a backend service, whose firewall lets the probes through."""
    neg.health_check()
    backend = {"group": NEG, "balancingMode": "RATE", "maxRatePerEndpoint": 1}
    neg.backend_service(healthChecks=[HC], backends=[backend])
    neg.make(
        "global/firewalls",
        name="probes",
        allowed=[{"IPProtocol": "tcp", "ports": ["8000-9000"]}],
        sourceRanges=RANGES,
        targetTags=["node"],
    )
    return neg


def test_attach_list_detach(neg: Any) -> None:
    items = listed(neg)
    assert items == [{"networkEndpoint": endpoint(1)}, {"networkEndpoint": endpoint(2)}]
    assert neg.get(NEG)["size"] == 2
    operation = neg.do("POST", f"{NEG}/detachNetworkEndpoints", {"networkEndpoints": [endpoint(1)]})
    assert operation["zone"] == neg.link(ZONE)
    assert operation["targetLink"] == neg.link(NEG)
    assert listed(neg) == [{"networkEndpoint": endpoint(2)}]
    assert neg.get(NEG)["size"] == 1


def test_through_the_official_client(neg: Any) -> None:
    client = neg.client(compute_v1.NetworkEndpointGroupsClient)
    where = {"project": neg.project, "zone": "us-central1-a", "network_endpoint_group": "neg"}
    url = neg.link(f"{ZONE}/instances/node")
    body = compute_v1.NetworkEndpointGroupsAttachEndpointsRequest(
        network_endpoints=[
            compute_v1.NetworkEndpoint(ip_address="10.4.0.3", port=8443, instance=url)
        ]
    )
    client.attach_network_endpoints(
        **where, network_endpoint_groups_attach_endpoints_request_resource=body
    ).result(timeout=10)
    asked = compute_v1.NetworkEndpointGroupsListEndpointsRequest(health_status="SKIP")
    found = client.list_network_endpoints(
        **where, network_endpoint_groups_list_endpoints_request_resource=asked
    )
    assert [
        (item.network_endpoint.ip_address, item.network_endpoint.instance) for item in found
    ] == [("10.4.0.1", "node"), ("10.4.0.2", "node"), ("10.4.0.3", "node")]


def test_attaching_twice_changes_nothing(neg: Any) -> None:
    assert attach(neg, endpoint(1))[0] == 200
    assert neg.get(NEG)["size"] == 2
    again = {**endpoint(1), "annotations": {"a": "b"}}
    assert attach(neg, again)[0] == 200
    assert {"networkEndpoint": again} in listed(neg)


def test_pages_of_endpoints(neg: Any) -> None:
    path = f"{NEG}/listNetworkEndpoints"
    _, first = neg.ask("POST", path, {}, maxResults="1")
    _, second = neg.ask("POST", path, {}, maxResults="1", pageToken=first["nextPageToken"])
    assert first["items"] + second["items"] == listed(neg)
    assert "nextPageToken" not in second


def test_defaults_of_an_endpoint(gce: Any) -> None:
    gce.instance("node", "10.4.0.0/24")
    gce.neg(defaultPort=90)
    gce.do("POST", f"{NEG}/attachNetworkEndpoints", {"networkEndpoints": [{"instance": "node"}]})
    (item,) = listed(gce)
    address = gce.get(f"{ZONE}/instances/node")["networkInterfaces"][0]["networkIP"]
    assert item["networkEndpoint"] == {"instance": "node", "ipAddress": address, "port": 90}


REFUSED: dict[str, tuple[list[dict[str, Any]], int, str]] = {
    "a foreign pod": (
        [{**endpoint(1), "ipAddress": "10.9.0.13"}],
        400,
        "Invalid value for field 'resource.ipAddress': '10.9.0.13'. Specified IP address 10.9.0.13 "
        "doesn't belong to the (sub)network default or to the instance node.",
    ),
    "no instance": (
        [{"ipAddress": "10.4.0.1", "port": 1}],
        400,
        "Required field 'resource.networkEndpoints[0].instance' not specified",
    ),
    "no port": (
        [{"ipAddress": "10.4.0.1", "instance": "node"}],
        400,
        "Required field 'resource.networkEndpoints[0].port' not specified",
    ),
    "a port that is none": (
        [endpoint(1, port=70000)],
        400,
        "Invalid value for field 'resource.networkEndpoints[0].port': '70000'. Must be between 1 "
        "and 65535.",
    ),
    "no endpoints": ([], 400, "Required field 'resource.networkEndpoints' not specified"),
}


def test_refused_endpoints(neg: Any) -> None:
    for case, (endpoints, code, message) in REFUSED.items():
        body = {"networkEndpoints": endpoints}
        got = neg.refused("POST", f"{NEG}/attachNetworkEndpoints", body)
        assert (got[0], got[2]) == (code, message), case
    gone = {"networkEndpoints": [{**endpoint(1), "instance": "gone"}]}
    refusal = neg.refused("POST", f"{NEG}/attachNetworkEndpoints", gone)
    assert refusal[2] == f"The resource '{neg.path(ZONE)}/instances/gone' was not found"
    body = {"networkEndpoints": [endpoint(9)]}
    assert neg.refused("POST", f"{NEG}/detachNetworkEndpoints", body)[0] == 400
    many = {"networkEndpoints": [endpoint(1, port) for port in range(1, 502)]}
    assert neg.refused("POST", f"{NEG}/attachNetworkEndpoints", many)[:2] == (400, "invalid")
    assert neg.get(NEG)["size"] == 2


def test_endpoints_go_with_their_instance(neg: Any) -> None:
    neg.do("DELETE", f"{ZONE}/instances/node")
    assert listed(neg) == []
    assert neg.get(NEG)["size"] == 0


def test_no_health_before_a_forwarding_rule(served: Any) -> None:
    assert health(served) == {}
    served.url_map()
    served.make("global/targetHttpProxies", name="proxy", urlMap="global/urlMaps/um")
    assert health(served) == {}
    served.make(
        "global/forwardingRules",
        name="rule",
        target="global/targetHttpProxies/proxy",
        portRange="80",
        loadBalancingScheme="EXTERNAL_MANAGED",
    )
    assert health(served) == {"10.4.0.1": "HEALTHY", "10.4.0.2": "HEALTHY"}
    served.do("DELETE", "global/forwardingRules/rule")
    assert health(served) == {}


def test_what_get_health_says_of_an_endpoint(served: Any) -> None:
    served.http_door()
    _, body = served.ask("POST", f"{BS}/getHealth", {"group": NEG})
    assert body["healthStatus"][0] == {
        "healthState": "HEALTHY",
        "instance": served.link(f"{ZONE}/instances/node"),
        "ipAddress": "10.4.0.1",
        "port": 8443,
    }
    (first, _) = listed(served, healthStatus="SHOW")
    assert first["healths"] == [
        {
            "backendService": {"backendService": served.link(BS)},
            "healthCheck": {"healthCheck": served.link(HC)},
            "healthState": "HEALTHY",
        }
    ]
    assert "healths" not in listed(served, healthStatus="SKIP")[0]


def test_the_firewall_decides(served: Any) -> None:
    served.http_door()
    rule = "global/firewalls/probes"
    broken: list[dict[str, Any]] = [
        {"sourceRanges": RANGES[:1]},
        {"allowed": [{"IPProtocol": "tcp", "ports": ["443"]}]},
        {"allowed": [{"IPProtocol": "udp"}]},
        {"targetTags": ["other"]},
        {"disabled": True},
    ]
    good = served.get(rule)
    for change in broken:
        served.do("PATCH", rule, change)
        assert set(health(served).values()) == {"UNHEALTHY"}, change
        served.do("PUT", rule, good)
        assert set(health(served).values()) == {"HEALTHY"}, change
    served.make(
        "global/firewalls",
        name="of-another-account",
        denied=[{"IPProtocol": "tcp"}],
        priority=1,
        sourceRanges=RANGES,
        targetServiceAccounts=["batch@p.iam.gserviceaccount.com"],
    )
    assert set(health(served).values()) == {"HEALTHY"}, "a rule for those who run as another"
    served.make(
        "global/firewalls",
        name="never",
        denied=[{"IPProtocol": "tcp"}],
        priority=999,
        sourceRanges=["130.211.1.0/24"],
    )
    assert set(health(served).values()) == {"UNHEALTHY"}


def test_the_endpoint_decides(served: Any) -> None:
    served.http_door()
    answers(served, 2, answer="refused")
    assert health(served) == {"10.4.0.1": "HEALTHY", "10.4.0.2": "UNHEALTHY"}
    answers(served, 2)
    assert health(served)["10.4.0.2"] == "HEALTHY"


def test_health_of_what_is_no_backend(served: Any) -> None:
    served.http_door()
    served.neg("other")
    other = {"group": f"{ZONE}/networkEndpointGroups/other"}
    assert served.refused("POST", f"{BS}/getHealth", other)[:2] == (400, "invalid")
    assert served.refused("POST", f"{BS}/getHealth", {})[:2] == (400, "required")


def test_health_and_drain_on_the_clock(frozen: Any) -> None:
    gce = frozen

    def start(verb: str, path: str, body: Any) -> Any:
        status, operation = gce.ask(verb, path, body)
        assert status == 200, operation
        return operation

    def make(collection: str, **body: Any) -> None:
        start("POST", collection, body)
        gce.sim.advance(60)

    interface = {"aliasIpRanges": [{"ipCidrRange": "10.4.0.0/24"}]}
    make(
        f"{ZONE}/instances",
        name="node",
        machineType="e2-medium",
        tags={"items": ["node"]},
        networkInterfaces=[interface],
    )
    make(f"{ZONE}/networkEndpointGroups", name="neg")
    check = {"checkIntervalSec": 10, "timeoutSec": 5, "healthyThreshold": 2}
    make("global/healthChecks", name="hc", type="TCP", tcpHealthCheck={"port": 8443}, **check)
    backend = {"group": NEG, "balancingMode": "RATE", "maxRatePerEndpoint": 1}
    make(
        "global/backendServices",
        name="bs",
        loadBalancingScheme="EXTERNAL_MANAGED",
        protocol="HTTP",
        healthChecks=[HC],
        backends=[backend],
        connectionDraining={"drainingTimeoutSec": 300},
    )
    rule = {"allowed": [{"IPProtocol": "tcp"}], "sourceRanges": RANGES}
    make("global/firewalls", name="probes", **rule)
    make("global/urlMaps", name="um", defaultService=BS)
    make("global/targetHttpProxies", name="proxy", urlMap="global/urlMaps/um")
    answers(gce, 1, 2)
    start("POST", f"{NEG}/attachNetworkEndpoints", {"networkEndpoints": [endpoint(1), endpoint(2)]})
    gce.sim.advance(60)
    make(
        "global/forwardingRules",
        name="rule",
        target="global/targetHttpProxies/proxy",
        portRange="80",
        loadBalancingScheme="EXTERNAL_MANAGED",
    )
    # Two checks of ten seconds, and some time until the world has heard of it.
    gce.sim.advance(120)
    assert set(health(gce).values()) == {"HEALTHY"}
    answers(gce, 2, answer="timeout")
    gce.sim.advance(5)
    assert health(gce)["10.4.0.2"] == "HEALTHY"
    gce.sim.advance(30)
    assert health(gce)["10.4.0.2"] == "UNHEALTHY"
    answers(gce, 2)
    gce.sim.advance(60)

    detached = start("POST", f"{NEG}/detachNetworkEndpoints", {"networkEndpoints": [endpoint(2)]})
    assert health(gce) == {"10.4.0.1": "HEALTHY"}
    states = {
        item["networkEndpoint"]["ipAddress"]: item["healths"][0]["healthState"]
        for item in listed(gce, healthStatus="SHOW")
    }
    assert states == {"10.4.0.1": "HEALTHY", "10.4.0.2": "DRAINING"}
    path = detached["selfLink"].removeprefix(gce.link(""))
    gce.sim.advance(200)
    assert gce.get(path)["status"] == "RUNNING"
    assert len(listed(gce)) == 2
    gce.sim.advance(200)
    assert gce.get(path)["status"] == "DONE"
    assert len(listed(gce)) == 1
