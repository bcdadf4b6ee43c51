"""Resources as recorded traffic of the real Compute Engine shows them: which fields, which not.

Source of every fact here: recorded traffic of the real APIs, named by what was recorded.
"""

import re
from typing import Any

import pytest

EMPTY_SHA = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
US = "regions/us-central1"


def test_only_the_classic_scheme_shows_cdn_that_was_not_sent(wire: Any) -> None:
    """Recorded: backend services of both schemes, made by clients that did not send enableCDN."""
    assert wire.make("global/backendServices", name="classic")["enableCDN"] is False
    managed = wire.make(
        "global/backendServices", name="managed", loadBalancingScheme="EXTERNAL_MANAGED"
    )
    assert "enableCDN" not in managed
    assert {k: managed[k] for k in ("port", "portName", "affinityCookieTtlSec")} == {
        "port": 80,
        "portName": "http",
        "affinityCookieTtlSec": 0,
    }
    sent = wire.make(
        "global/backendServices",
        name="sent",
        loadBalancingScheme="EXTERNAL_MANAGED",
        enableCDN=False,
    )
    assert sent["enableCDN"] is False


def test_iap_is_shown_as_sent_but_for_its_secret(wire: Any) -> None:
    """Recorded: a Terraform client that sends only `enabled`, another that sends all three."""
    only = wire.make("global/backendServices", name="only", iap={"enabled": False})
    assert only["iap"] == {"enabled": False}
    every = {"enabled": False, "oauth2ClientId": "", "oauth2ClientSecret": ""}
    assert wire.make("global/backendServices", name="every", iap=every)["iap"] == {
        "enabled": False,
        "oauth2ClientId": "",
        "oauth2ClientSecretSha256": EMPTY_SHA,
    }


def test_a_secret_of_iap_survives_a_put_that_leaves_it_out(wire: Any) -> None:
    iap = {"enabled": True, "oauth2ClientId": "id", "oauth2ClientSecret": "word"}
    before = wire.make("global/backendServices", name="bs", iap=iap)
    assert "word" not in str(before)
    kept = before["iap"]["oauth2ClientSecretSha256"]
    wire.do("PUT", "global/backendServices/bs", before)
    assert wire.get("global/backendServices/bs")["iap"]["oauth2ClientSecretSha256"] == kept


@pytest.mark.parametrize(("scheme", "has_ports"), [("EXTERNAL", True), ("INTERNAL", False)])
def test_regional_passthrough_services(wire: Any, scheme: str, has_ports: bool) -> None:
    """Recorded: a network load balancer's service shows port, name and CDN, an internal one not."""
    wire.make(f"{US}/healthChecks", name="hc", type="TCP", tcpHealthCheck={"port": 80})
    wire.make(
        "zones/us-central1-a/networkEndpointGroups", name="neg", networkEndpointType="GCE_VM_IP"
    )
    service = wire.make(
        f"{US}/backendServices",
        name="bs",
        loadBalancingScheme=scheme,
        healthChecks=[f"{US}/healthChecks/hc"],
        backends=[
            {
                "group": "zones/us-central1-a/networkEndpointGroups/neg",
                "balancingMode": "CONNECTION",
            }
        ],
    )
    assert service["protocol"] == "TCP"
    shown = {"port", "portName", "affinityCookieTtlSec", "enableCDN"} & set(service)
    assert len(shown) == (4 if has_ports else 0)
    assert "capacityScaler" not in service["backends"][0]


def test_whole_floats_are_printed_without_a_point(wire: Any) -> None:
    """Recorded: `"capacityScaler": 1`."""
    wire.make("global/healthChecks", name="hc", type="HTTP", httpHealthCheck={})
    wire.make("zones/us-central1-a/networkEndpointGroups", name="neg")
    backend = {
        "group": "zones/us-central1-a/networkEndpointGroups/neg",
        "balancingMode": "RATE",
        "maxRatePerEndpoint": 100.0,
    }
    service = wire.make(
        "global/backendServices",
        name="bs",
        loadBalancingScheme="EXTERNAL_MANAGED",
        healthChecks=["global/healthChecks/hc"],
        backends=[backend],
    )
    (shown,) = service["backends"]
    assert (repr(shown["capacityScaler"]), repr(shown["maxRatePerEndpoint"])) == ("1", "100")


def test_fingerprints_are_base64_for_urls(wire: Any) -> None:
    """Recorded: fingerprints with `-` and `_`. Clients may send back either alphabet."""
    for number in range(20):
        doc = wire.make("global/backendServices", name=f"bs{number}")
        assert re.fullmatch(r"[-_A-Za-z0-9]{11}=", doc["fingerprint"])
        standard = doc["fingerprint"].replace("-", "+").replace("_", "/")
        change = {"timeoutSec": 40, "fingerprint": standard}
        wire.do("PATCH", f"global/backendServices/bs{number}", change)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("global/addresses", {}),
        (f"{US}/addresses", {}),
        ("global/backendServices", {}),
        ("global/httpHealthChecks", {}),
        ("global/firewalls", {"allowed": [{"IPProtocol": "tcp"}]}),
    ],
)
def test_description_is_empty_where_none_was_sent(
    wire: Any, path: str, body: dict[str, Any]
) -> None:
    """Recorded: these collections print `"description": ""`, the following ones leave it out."""
    assert wire.make(path, name="thing", **body)["description"] == ""


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("global/healthChecks", {"type": "TCP", "tcpHealthCheck": {}}),
        ("global/sslPolicies", {}),
        ("global/networks", {"autoCreateSubnetworks": False}),
        ("global/securityPolicies", {}),
        ("zones/us-central1-a/networkEndpointGroups", {}),
        ("global/urlMaps", {"defaultUrlRedirect": {"httpsRedirect": True}}),
    ],
)
def test_description_is_absent_where_none_was_sent(
    wire: Any, path: str, body: dict[str, Any]
) -> None:
    assert "description" not in wire.make(path, name="thing", **body)


def test_a_forwarding_rule_that_says_little(wire: Any) -> None:
    """Recorded: a rule made with name, target, port and scheme."""
    wire.make("global/urlMaps", name="um", defaultUrlRedirect={"httpsRedirect": True})
    wire.make("global/targetHttpProxies", name="proxy", urlMap="global/urlMaps/um")
    rule = wire.make(
        "global/forwardingRules",
        name="rule",
        target="global/targetHttpProxies/proxy",
        portRange="80",
        loadBalancingScheme="EXTERNAL",
    )
    assert set(rule) == {
        "IPAddress",
        "IPProtocol",
        "creationTimestamp",
        "description",
        "fingerprint",
        "id",
        "kind",
        "labelFingerprint",
        "loadBalancingScheme",
        "name",
        "networkTier",
        "portRange",
        "selfLink",
        "target",
    }
    assert (rule["description"], rule["portRange"]) == ("", "80-80")
    assert rule["labelFingerprint"] == "42WmSpB8rSM="


def test_a_redirect_says_what_was_sent(wire: Any) -> None:
    """Recorded: a PUT of hostRedirect and code; httpsRedirect and stripQuery did not appear."""
    before = wire.make("global/urlMaps", name="um", defaultUrlRedirect={"httpsRedirect": True})
    redirect = {
        "hostRedirect": "www.example.com",
        "redirectResponseCode": "MOVED_PERMANENTLY_DEFAULT",
    }
    operation = wire.do(
        "PUT", "global/urlMaps/um", {**before, "defaultUrlRedirect": redirect, "description": "new"}
    )
    assert operation["operationType"] == "update"
    assert wire.get("global/urlMaps/um")["defaultUrlRedirect"] == redirect


def test_a_custom_network(wire: Any) -> None:
    """Recorded: no mtu when none was sent, and two self links."""
    network = wire.make("global/networks", name="vpc", autoCreateSubnetworks=False)
    assert set(network) == {
        "autoCreateSubnetworks",
        "creationTimestamp",
        "id",
        "kind",
        "name",
        "networkFirewallPolicyEnforcementOrder",
        "routingConfig",
        "selfLink",
        "selfLinkWithId",
    }
    assert network["routingConfig"] == {
        "bgpBestPathSelectionMode": "LEGACY",
        "routingMode": "REGIONAL",
    }
    assert network["selfLinkWithId"] == wire.link(f"global/networks/{network['id']}")


def test_a_network_keeps_an_mtu_that_was_sent(wire: Any) -> None:
    network = wire.make("global/networks", name="vpc", autoCreateSubnetworks=False, mtu=8896)
    assert network["mtu"] == 8896


def test_links_have_the_version_of_the_request(wire: Any) -> None:
    """Recorded: a client of the beta API, all of whose links came back as beta."""
    wire.make("global/healthChecks", name="hc", type="TCP", tcpHealthCheck={})
    wire.make("global/backendServices", name="bs", healthChecks=["global/healthChecks/hc"])
    status, doc = wire.ask("GET", "global/backendServices/bs", version="beta")
    assert status == 200
    assert doc["selfLink"] == wire.link("global/backendServices/bs", "beta")
    assert doc["healthChecks"] == [wire.link("global/healthChecks/hc", "beta")]


def test_the_project_itself(wire: Any) -> None:
    """Recorded: an id of Compute Engine's own, quotas in whole numbers."""
    project = wire.get("")
    assert set(project) == {
        "cloudArmorTier",
        "commonInstanceMetadata",
        "creationTimestamp",
        "defaultNetworkTier",
        "defaultServiceAccount",
        "id",
        "kind",
        "name",
        "quotas",
        "selfLink",
        "vmDnsSetting",
        "xpnProjectStatus",
    }
    number = project["defaultServiceAccount"].removesuffix("-compute@developer.gserviceaccount.com")
    assert number.isdigit() and project["id"].isdigit()
    assert project["id"] != number
    assert all(isinstance(row["limit"], int) for row in project["quotas"])


def test_a_rule_of_a_target_pool_takes_all_ports(wire: Any) -> None:
    """Known from gcloud's output: portRange is filled in when none was sent."""
    wire.make(f"{US}/targetPools", name="pool")
    rule = wire.make(f"{US}/forwardingRules", name="rule", target=f"{US}/targetPools/pool")
    assert (rule["portRange"], rule["IPProtocol"]) == ("1-65535", "TCP")
    assert (rule["loadBalancingScheme"], rule["description"]) == ("EXTERNAL", "")
