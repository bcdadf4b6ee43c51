"""What Google sets by itself, field by field: nothing missing, nothing more (recorded objects)."""

import re
from typing import Any

import pytest

STAMPS = {"creationTimestamp", "id", "kind", "name", "selfLink"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}-0[78]:00")


def settled(gce: Any, path: str) -> dict[str, Any]:
    """A resource without what every resource has, which is checked here."""
    doc = gce.get(path)
    _, name = path.split("/")[-2:]
    assert doc["name"] == name
    assert doc["selfLink"] == gce.link(path)
    assert re.fullmatch(r"\d{15,20}", doc["id"])
    assert TIME.fullmatch(doc["creationTimestamp"])
    for field in ("fingerprint", "labelFingerprint"):
        if field in doc:
            assert re.fullmatch(r"[-_A-Za-z0-9]{11}=", doc[field])
    assert doc["kind"].startswith("compute#")
    return {
        key: value
        for key, value in doc.items()
        if key not in STAMPS | {"fingerprint", "labelFingerprint"}
    } | {key: True for key in ("fingerprint", "labelFingerprint") if key in doc}


def test_global_address(gce: Any) -> None:
    path = gce.make("global/addresses", name="ip", description="x", labels={"a": "b"})
    doc = settled(gce, path)
    assert re.fullmatch(r"34\.\d+\.\d+\.\d+", doc.pop("address"))
    assert doc == {
        "addressType": "EXTERNAL",
        "description": "x",
        "labelFingerprint": True,
        "networkTier": "PREMIUM",
        "status": "RESERVED",
    }
    assert gce.get(path)["kind"] == "compute#address"


def test_global_ipv6_address(gce: Any) -> None:
    doc = settled(gce, gce.make("global/addresses", name="ip", ipVersion="IPV6"))
    assert doc["address"].startswith("2600:1901:")
    assert doc["ipVersion"] == "IPV6"


def test_regional_address(gce: Any) -> None:
    doc = settled(gce, gce.make("regions/us-central1/addresses", name="ip"))
    assert doc["region"] == gce.link("regions/us-central1")
    assert doc["addressType"] == "EXTERNAL"


def test_internal_address(gce: Any) -> None:
    path = gce.make("regions/us-central1/addresses", name="ip", addressType="INTERNAL")
    doc = settled(gce, path)
    assert doc["address"].startswith("10.128.0.")
    assert doc["purpose"] == "GCE_ENDPOINT"
    assert doc["subnetwork"] == gce.link("regions/us-central1/subnetworks/default")


@pytest.mark.parametrize(
    ("kind", "block", "port"),
    [
        ("HTTP", "httpHealthCheck", 80),
        ("HTTPS", "httpsHealthCheck", 443),
        ("HTTP2", "http2HealthCheck", 443),
        ("TCP", "tcpHealthCheck", 80),
        ("SSL", "sslHealthCheck", 443),
    ],
)
def test_health_check(gce: Any, kind: str, block: str, port: int) -> None:
    doc = settled(gce, gce.make("global/healthChecks", name="hc", type=kind, **{block: {}}))
    path = {"requestPath": "/"} if kind.startswith("HTTP") else {}
    assert doc == {
        "checkIntervalSec": 5,
        "healthyThreshold": 2,
        "timeoutSec": 5,
        "type": kind,
        "unhealthyThreshold": 2,
        block: {"port": port, "proxyHeader": "NONE", **path},
    }


def test_health_check_on_the_serving_port_has_no_port(gce: Any) -> None:
    doc = settled(gce, gce.health_check())
    assert doc["httpsHealthCheck"] == {
        "portSpecification": "USE_SERVING_PORT",
        "proxyHeader": "NONE",
        "requestPath": "/",
    }


@pytest.mark.parametrize("protocol", ["HTTP", "HTTPS", "HTTP2", "SSL", "TCP"])
def test_backend_service(gce: Any, protocol: str) -> None:
    gce.health_check()
    path = gce.backend_service(
        protocol=protocol,
        healthChecks=["global/healthChecks/hc"],
        connectionDraining={"drainingTimeoutSec": 300},
        iap={"enabled": False, "oauth2ClientId": "", "oauth2ClientSecret": ""},
        backends=[],
        customRequestHeaders=[],
    )
    assert settled(gce, path) == {
        "affinityCookieTtlSec": 0,
        "connectionDraining": {"drainingTimeoutSec": 300},
        "description": "",
        "fingerprint": True,
        "healthChecks": [gce.link("global/healthChecks/hc")],
        "iap": {
            "enabled": False,
            "oauth2ClientId": "",
            "oauth2ClientSecretSha256": (
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
            ),
        },
        "loadBalancingScheme": "EXTERNAL_MANAGED",
        "port": 80,
        "portName": "http",
        "protocol": protocol,
        "sessionAffinity": "NONE",
        "timeoutSec": 30,
    }


def test_backend_service_with_a_name_only(gce: Any) -> None:
    doc = settled(gce, gce.make("global/backendServices", name="bs"))
    assert doc["loadBalancingScheme"] == "EXTERNAL"
    assert doc["protocol"] == "HTTP"
    assert doc["connectionDraining"] == {"drainingTimeoutSec": 0}
    assert doc["enableCDN"] is False
    assert doc["enableCDN"] is False
    assert not {"backends", "healthChecks", "iap", "usedBy", "localityLbPolicy"} & set(doc)


def test_backend_gets_its_capacity(gce: Any) -> None:
    gce.health_check()
    gce.neg()
    backend = {
        "group": "zones/us-central1-a/networkEndpointGroups/neg",
        "balancingMode": "RATE",
        "maxRatePerEndpoint": 100,
    }
    path = gce.backend_service(healthChecks=["global/healthChecks/hc"], backends=[backend])
    assert gce.get(path)["backends"] == [
        {
            "group": gce.link("zones/us-central1-a/networkEndpointGroups/neg"),
            "balancingMode": "RATE",
            "capacityScaler": 1.0,
            "maxRatePerEndpoint": 100.0,
        }
    ]


def test_url_map_and_who_uses_the_service(gce: Any) -> None:
    service = gce.backend_service()
    path = gce.url_map()
    assert settled(gce, path) == {"defaultService": gce.link(service), "fingerprint": True}
    assert gce.get(service)["usedBy"] == [{"reference": gce.link(path)}]


def test_redirect_map(gce: Any) -> None:
    path = gce.make("global/urlMaps", name="um", defaultUrlRedirect={"httpsRedirect": True})
    assert gce.get(path)["defaultUrlRedirect"] == {
        "httpsRedirect": True,
        "redirectResponseCode": "MOVED_PERMANENTLY_DEFAULT",
    }


def test_http_proxy(gce: Any) -> None:
    gce.backend_service()
    gce.url_map()
    path = gce.make("global/targetHttpProxies", name="proxy", urlMap="global/urlMaps/um")
    assert settled(gce, path) == {"fingerprint": True, "urlMap": gce.link("global/urlMaps/um")}


def test_tcp_proxy(gce: Any) -> None:
    gce.backend_service(protocol="TCP")
    path = gce.make(
        "global/targetTcpProxies", name="proxy", service="global/backendServices/bs", description=""
    )
    doc = settled(gce, path)
    doc.pop("description", None)
    assert doc == {"proxyHeader": "NONE", "service": gce.link("global/backendServices/bs")}


def test_forwarding_rule(gce: Any) -> None:
    gce.backend_service()
    path = gce.http_door()
    doc = settled(gce, path)
    assert re.fullmatch(r"34\.\d+\.\d+\.\d+", doc.pop("IPAddress"))
    assert doc == {
        "IPProtocol": "TCP",
        "description": "",
        "fingerprint": True,
        "labelFingerprint": True,
        "loadBalancingScheme": "EXTERNAL_MANAGED",
        "networkTier": "PREMIUM",
        "portRange": "80-80",
        "target": gce.link("global/targetHttpProxies/proxy"),
    }


def test_firewall(gce: Any) -> None:
    allowed = [{"IPProtocol": "TCP", "ports": ["80", "1000-2000"]}]
    assert settled(gce, gce.make("global/firewalls", name="fw", allowed=allowed)) == {
        "allowed": [{"IPProtocol": "tcp", "ports": ["80", "1000-2000"]}],
        "description": "",
        "direction": "INGRESS",
        "disabled": False,
        "enableLogging": False,
        "logConfig": {"enable": False},
        "network": gce.link("global/networks/default"),
        "priority": 1000,
        "sourceRanges": ["0.0.0.0/0"],
    }


def test_network_endpoint_group(gce: Any) -> None:
    doc = settled(gce, gce.neg(defaultPort=90))
    beta = doc.pop("loadBalancer")
    assert beta["defaultPort"] == 90
    assert "/compute/beta/" in beta["network"]
    assert doc == {
        "defaultPort": 90,
        "network": gce.link("global/networks/default"),
        "networkEndpointType": "GCE_VM_IP_PORT",
        "size": 0,
        "subnetwork": gce.link("regions/us-central1/subnetworks/default"),
        "zone": gce.link("zones/us-central1-a"),
    }


SUITES = {"RESTRICTED": 6, "MODERN": 10, "COMPATIBLE": 15}


@pytest.mark.parametrize("profile", SUITES)
def test_ssl_policy(gce: Any, profile: str) -> None:
    doc = settled(gce, gce.make("global/sslPolicies", name="policy", profile=profile))
    assert len(doc.pop("enabledFeatures")) == SUITES[profile]
    assert doc == {"fingerprint": True, "minTlsVersion": "TLS_1_0", "profile": profile}


def test_every_project_has_the_default_network(gce: Any) -> None:
    network = gce.get("global/networks/default")
    assert network["autoCreateSubnetworks"] is True
    assert network["description"] == "Default network for the project"
    assert network["routingConfig"]["routingMode"] == "REGIONAL"
    assert gce.link("regions/us-central1/subnetworks/default") in network["subnetworks"]
    assert network["selfLinkWithId"] == gce.link(f"global/networks/{network['id']}")
    subnet = gce.get("regions/europe-west1/subnetworks/default")
    assert subnet["ipCidrRange"] == "10.132.0.0/20"
    assert subnet["gatewayAddress"] == "10.132.0.1"
    names = [item["name"] for item in gce.get("global/firewalls")["items"]]
    assert names == [
        "default-allow-icmp",
        "default-allow-internal",
        "default-allow-rdp",
        "default-allow-ssh",
    ]


def test_project_and_catalog(gce: Any) -> None:
    project = gce.get("")
    assert project["kind"] == "compute#project"
    assert project["name"] == gce.project
    limits = {row["metric"]: row for row in project["quotas"]}
    assert limits["FIREWALLS"] == {"metric": "FIREWALLS", "limit": 200.0, "usage": 4.0}
    zone = gce.get("zones/us-central1-f")
    assert zone["region"] == gce.link("regions/us-central1")
    assert gce.link("zones/us-central1-f") in gce.get("regions/us-central1")["zones"]
    code, reason, message = gce.refused("GET", "zones/us-central1-z")
    assert (code, reason) == (404, "notFound")
    assert message == f"The resource '{gce.path('zones/us-central1-z')}' was not found"
