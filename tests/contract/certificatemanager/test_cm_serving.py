"""Certificate maps on proxies: gclbTargets, refusals of a map in use, choice by server name."""

from typing import Any

import pytest

HOME = "projects/p/locations/global"
GLOBAL = "projects/p/global"
MAP = f"{HOME}/certificateMaps/map"
COMPUTE = "https://www.googleapis.com/compute/v1"


@pytest.fixture
def front(cloud: Any) -> Any:
    """A map with two entries, and an HTTPS proxy that uses it, without a forwarding rule."""
    authority = cloud.world.certificates.authority
    from datetime import UTC, datetime

    start = datetime.fromtimestamp(cloud.world.clock.now(), UTC)
    end = datetime(2027, 3, 1, tzinfo=UTC)
    for name, host in (("exact", "a.example.com"), ("wild", "*.example.com"), ("main", "x.test")):
        chain, key = authority.leaf([host], start, end)
        body = {"selfManaged": {"pemCertificate": chain, "pemPrivateKey": key}}
        cloud.certs("POST", f"{HOME}/certificates", body, certificateId=name)
    cloud.certs("POST", f"{HOME}/certificateMaps", {}, certificateMapId="map")
    cloud.advance(5)
    for name, match in (
        ("exact", {"hostname": "a.example.com"}),
        ("wild", {"hostname": "*.example.com"}),
    ):
        entry = match | {"certificates": [f"{HOME}/certificates/{name}"]}
        cloud.certs("POST", f"{MAP}/certificateMapEntries", entry, certificateMapEntryId=name)
    insert(cloud, "healthChecks", {"name": "hc", "type": "TCP", "tcpHealthCheck": {"port": 80}})
    backend = {
        "name": "bs",
        "protocol": "HTTP",
        "loadBalancingScheme": "EXTERNAL_MANAGED",
        "healthChecks": [f"{COMPUTE}/{GLOBAL}/healthChecks/hc"],
    }
    insert(cloud, "backendServices", backend)
    insert(
        cloud,
        "urlMaps",
        {"name": "um", "defaultService": f"{COMPUTE}/{GLOBAL}/backendServices/bs"},
    )
    proxy = {
        "name": "proxy",
        "urlMap": f"{COMPUTE}/{GLOBAL}/urlMaps/um",
        "certificateMap": f"//certificatemanager.googleapis.com/{MAP}",
    }
    insert(cloud, "targetHttpsProxies", proxy)
    return cloud


def insert(cloud: Any, collection: str, body: Any) -> None:
    operation = cloud.request("compute", "POST", f"{GLOBAL}/{collection}", body)
    cloud.advance(60)
    assert "error" not in operation


def add_rule(cloud: Any) -> None:
    rule = {
        "name": "rule",
        "target": f"{COMPUTE}/{GLOBAL}/targetHttpsProxies/proxy",
        "portRange": "443",
        "loadBalancingScheme": "EXTERNAL_MANAGED",
    }
    operation = cloud.request("compute", "POST", f"{GLOBAL}/forwardingRules", rule)
    assert "error" not in operation


def test_a_proxy_shows_once_a_forwarding_rule_leads_to_it(front: Any) -> None:
    assert "gclbTargets" not in front.certs("GET", MAP)
    add_rule(front)
    front.advance(15)
    assert "gclbTargets" not in front.certs("GET", MAP)
    front.advance(60)
    rule = front.world.compute.get(f"{GLOBAL}/forwardingRules/rule")
    assert front.certs("GET", MAP)["gclbTargets"] == [
        {
            "targetHttpsProxy": f"//compute.googleapis.com/{GLOBAL}/targetHttpsProxies/proxy",
            "ipConfigs": [{"ipAddress": rule["IPAddress"], "ports": [443]}],
        }
    ]


def test_a_map_on_a_proxy_is_not_deleted_nor_right_after(front: Any) -> None:
    for name in ("exact", "wild"):
        front.certs("DELETE", f"{MAP}/certificateMapEntries/{name}")
    front.advance(5)
    error = front.refusal("certificatemanager", "DELETE", MAP)
    assert (error.code, error.status) == (400, "FAILED_PRECONDITION")
    assert f"//compute.googleapis.com/{GLOBAL}/targetHttpsProxies/proxy" in error.message
    front.request("compute", "DELETE", f"{GLOBAL}/targetHttpsProxies/proxy")
    front.advance(20)
    error = front.refusal("certificatemanager", "DELETE", MAP)
    assert error.status == "FAILED_PRECONDITION"
    front.advance(60)
    front.certs("DELETE", MAP)
    front.advance(5)
    assert front.refusal("certificatemanager", "GET", MAP).code == 404


def test_the_most_specific_active_entry_is_chosen(front: Any) -> None:
    front.advance(60)
    select = front.world.certificates.serving.select
    assert select(MAP, "a.example.com") == [f"{HOME}/certificates/exact"]
    assert select(MAP, "b.example.com") == [f"{HOME}/certificates/wild"]
    assert select(MAP, "c.b.example.com") == []
    assert select(MAP, "") == []
    entry = {"matcher": "PRIMARY", "certificates": [f"{HOME}/certificates/main"]}
    front.certs("POST", f"{MAP}/certificateMapEntries", entry, certificateMapEntryId="main")
    front.advance(5)
    assert select(MAP, "elsewhere.test") == []
    front.advance(30)
    assert select(MAP, "elsewhere.test") == [f"{HOME}/certificates/main"]
    assert select(MAP, "") == [f"{HOME}/certificates/main"]


def test_load_balancer_authorization_needs_traffic_to_arrive(front: Any) -> None:
    body = {"managed": {"domains": ["www.example.com"]}}
    front.certs("POST", f"{HOME}/certificates", body, certificateId="lb")
    front.advance(70)

    def issues() -> Any:
        managed = front.certs("GET", f"{HOME}/certificates/lb")["managed"]
        info = managed["authorizationAttemptInfo"][0]
        return info.get("troubleshooting", {}).get("issues") or info["state"]

    assert issues() == ["NO_RESOLVED_IPS", "CERTIFICATE_NOT_ATTACHED"]
    zone = {"name": "z", "dnsName": "example.com.", "description": ""}
    front.dns("POST", "projects/p/managedZones", zone)
    record = {"name": "www.example.com.", "type": "A", "ttl": 60, "rrdatas": ["192.0.2.1"]}
    front.dns("POST", "projects/p/managedZones/z/rrsets", record)
    front.advance(300)
    assert issues() == ["CERTIFICATE_NOT_ATTACHED"]
    entry = {"hostname": "www.example.com", "certificates": [f"{HOME}/certificates/lb"]}
    front.certs("POST", f"{MAP}/certificateMapEntries", entry, certificateMapEntryId="lb")
    add_rule(front)
    front.advance(400)
    assert issues() == ["RESOLVED_TO_NOT_SERVING"]
    address = front.world.compute.get(f"{GLOBAL}/forwardingRules/rule")["IPAddress"]
    path = "projects/p/managedZones/z/rrsets/www.example.com./A"
    front.dns("PATCH", path, {"rrdatas": [address]})
    front.advance(400)
    assert issues() == "AUTHORIZED"
    front.advance(800)
    assert front.certs("GET", f"{HOME}/certificates/lb")["managed"]["state"] == "ACTIVE"
