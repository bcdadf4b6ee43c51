"""What Google refuses, with code, reason and message to the letter."""

from typing import Any

import pytest

from tests.contract.compute.insert_cases import BS, CASES, HC, NEG, backend, field


def door(gce: Any) -> None:
    """A backend service with a group and all that is before it."""
    gce.health_check()
    gce.neg()
    gce.backend_service(healthChecks=[HC], backends=[backend()])
    gce.make("global/addresses", name="ip")
    gce.url_map()
    gce.make("global/targetHttpProxies", name="proxy", urlMap="global/urlMaps/um")
    gce.make(
        "global/forwardingRules",
        name="rule",
        IPAddress=gce.link("global/addresses/ip"),
        target="global/targetHttpProxies/proxy",
        portRange="80",
        loadBalancingScheme="EXTERNAL_MANAGED",
    )


IN_USE = {
    NEG: ("network_endpoint_group", BS),
    BS: ("backend_service", "global/urlMaps/um"),
    "global/urlMaps/um": ("url_map", "global/targetHttpProxies/proxy"),
    "global/targetHttpProxies/proxy": ("target_http_proxy", "global/forwardingRules/rule"),
    "global/addresses/ip": ("address", "global/forwardingRules/rule"),
    "global/networks/default": ("network", "global/firewalls/default-allow-icmp"),
}


def test_in_use_at_every_level(gce: Any) -> None:
    door(gce)
    for path, (noun, user) in IN_USE.items():
        assert gce.refused("DELETE", path) == (
            400,
            "resourceInUseByAnotherResource",
            f"The {noun} resource '{gce.path(path)}' is already being used by '{gce.path(user)}'",
        )
        assert gce.get(path)["name"]


def test_in_use_with_the_project_number(gce: Any) -> None:
    door(gce)
    number = gce.number()
    assert gce.refused("DELETE", HC) == (
        400,
        "resourceInUseByAnotherResource",
        f"The health_check resource 'GLOBAL:global/PROJECT:{number}/HEALTH_CHECK:hc' is already "
        f"being used by 'GLOBAL:global/PROJECT:{number}/BACKEND_SERVICE:bs'",
    )


def test_what_was_in_use_can_go_from_the_front_to_the_back(gce: Any) -> None:
    door(gce)
    order = [
        "global/forwardingRules/rule",
        "global/targetHttpProxies/proxy",
        "global/urlMaps/um",
        BS,
        HC,
        NEG,
        "global/addresses/ip",
    ]
    for path in order:
        gce.do("DELETE", path)
        gce.refused("GET", path)


def test_policies_in_use(gce: Any) -> None:
    gce.make("global/securityPolicies", name="armor")
    gce.make("global/sslPolicies", name="tls")
    gce.make("global/sslCertificates", name="cert", managed={"domains": ["a.example"]})
    gce.backend_service()
    policy = {"securityPolicy": "global/securityPolicies/armor"}
    gce.do("POST", f"{BS}/setSecurityPolicy", policy)
    gce.url_map()
    gce.make(
        "global/targetHttpsProxies",
        name="proxy",
        urlMap="global/urlMaps/um",
        sslPolicy="global/sslPolicies/tls",
        sslCertificates=["global/sslCertificates/cert"],
    )
    for path, noun, user in (
        ("global/securityPolicies/armor", "security_policy", BS),
        ("global/sslPolicies/tls", "ssl_policy", "global/targetHttpsProxies/proxy"),
        ("global/sslCertificates/cert", "ssl_certificate", "global/targetHttpsProxies/proxy"),
    ):
        _, reason, message = gce.refused("DELETE", path)
        assert reason == "resourceInUseByAnotherResource"
        assert message == (
            f"The {noun} resource '{gce.path(path)}' is already being used by '{gce.path(user)}'"
        )


@pytest.fixture
def stage(gce: Any) -> Any:
    gce.health_check()
    gce.health_check("other")
    gce.neg()
    gce.backend_service()
    gce.backend_service("tcp", protocol="TCP")
    gce.backend_service("old", loadBalancingScheme="EXTERNAL")
    gce.url_map()
    gce.url_map("old", "global/backendServices/old")
    gce.make("global/sslCertificates", name="cert", managed={"domains": ["a.example"]})
    gce.make("global/targetHttpProxies", name="proxy", urlMap="global/urlMaps/um")
    gce.make("global/targetHttpProxies", name="old", urlMap="global/urlMaps/old")
    region = "regions/us-central1"
    gce.make(
        f"{region}/backendServices",
        name="bs",
        loadBalancingScheme="EXTERNAL_MANAGED",
        protocol="HTTP",
    )
    gce.make(f"{region}/urlMaps", name="um", defaultService=f"{region}/backendServices/bs")
    return gce


def test_refused_inserts(stage: Any) -> None:
    for case, (collection, body, wanted) in CASES.items():
        body = body if "name" in body or case == "no name" else {"name": "new", **body}
        code, reason, message = wanted
        message = message.replace("projects/P", f"projects/{stage.project}")
        message = message.replace("LINK", stage.link("").rstrip("/"))
        assert stage.refused("POST", collection, body) == (code, reason, message), case
        if body.get("name") == "new":
            assert stage.refused("GET", f"{collection}/{body['name']}")[0] == 404, case


def rule(gce: Any, name: str, **body: Any) -> dict[str, Any]:
    return {
        "name": name,
        "target": "global/targetHttpProxies/proxy",
        "loadBalancingScheme": "EXTERNAL_MANAGED",
        **body,
    }


def test_addresses_and_ports_clash(stage: Any) -> None:
    stage.make("global/addresses", name="ip")
    ip = stage.get("global/addresses/ip")["address"]
    rules = "global/forwardingRules"
    stage.make(rules, **rule(stage, "a", IPAddress="global/addresses/ip", portRange="80"))
    stage.make(rules, **rule(stage, "b", IPAddress=ip, portRange="8080-8080"))
    clash = field(
        "resource.IPAddress", ip, "Specified IP address is in-use and would result in a conflict."
    )
    for given in (ip, "global/addresses/ip"):
        body = rule(stage, "c", IPAddress=given, portRange="80")
        assert stage.refused("POST", rules, body) == clash
    users = stage.get("global/addresses/ip")["users"]
    assert users == [stage.link(f"{rules}/a"), stage.link(f"{rules}/b")]
    assert stage.get("global/addresses/ip")["status"] == "IN_USE"


def test_a_regional_address_on_a_global_rule(stage: Any) -> None:
    stage.make("regions/us-central1/addresses", name="ip")
    ip = stage.get("regions/us-central1/addresses/ip")["address"]
    for given in (ip, "regions/us-central1/addresses/ip"):
        body = rule(stage, "c", IPAddress=given, portRange="80")
        assert stage.refused("POST", "global/forwardingRules", body) == field(
            "resource.IPAddress", ip, "Invalid IP address specified."
        )


def test_ip_version_beside_an_address(stage: Any) -> None:
    stage.make("global/addresses", name="ip")
    body = rule(stage, "c", IPAddress="global/addresses/ip", portRange="80", ipVersion="IPV4")
    assert stage.refused("POST", "global/forwardingRules", body) == field(
        "resource.ipVersion", "IPV4", "Both IP Version and IP Address cannot be specified."
    )


def test_capacity_zero_needs_another_backend(stage: Any) -> None:
    stage.neg("other")
    stage.neg("third")
    others = NEG.replace("/neg", "/other")
    body = [backend(capacityScaler=0), backend(group=others)]
    stage.backend_service("two", healthChecks=[HC], backends=body)
    path = "global/backendServices/two"
    doc = stage.get(path)
    assert [item["capacityScaler"] for item in doc["backends"]] == [0, 1]
    change = {"fingerprint": doc["fingerprint"], "backends": doc["backends"][:1]}
    assert stage.refused("PATCH", path, change)[1] == "invalid"
    assert stage.get(path) == doc


def test_denied_permission(gce: Any) -> None:
    gce.make("global/addresses", name="ip")
    stage = {"project": gce.project, "deny": ["compute.globalAddresses.*"]}
    gce.sim.admin("POST", "stage/permissions", stage)
    for verb, path, needed in (
        ("GET", "global/addresses/ip", "get"),
        ("POST", "global/addresses", "create"),
        ("DELETE", "global/addresses/ip", "delete"),
        ("POST", "global/addresses/ip/setLabels", "setLabels"),
    ):
        assert gce.refused(verb, path, {"name": "x"} if verb == "POST" else None) == (
            403,
            "forbidden",
            f"Required 'compute.globalAddresses.{needed}' permission for '{gce.path(path)}'",
        )
    asked = {"permissions": ["compute.globalAddresses.get", "compute.addresses.get"]}
    gce.backend_service()
    assert gce.ask("POST", f"{BS}/testIamPermissions", asked) == (
        200,
        {"permissions": ["compute.addresses.get"]},
    )


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["X-Goog-Who:me"], "The header name is not allowed."),
        (["X-A:b", "Connection:close"], "The header name is not allowed."),
        (["X-A"], "A header is written as name:value."),
        ([f"X-{number}:a" for number in range(17)],
         "Total number of custom headers is 17, which exceeds the limit 16."),
        (["X-A:" + "b" * 8189], "Total number of bytes of custom headers is 8193"),
    ],
)  # fmt: skip
def test_custom_headers_that_google_does_not_take(gce: Any, lines: list[str], why: str) -> None:
    gce.backend_service()
    for side in ("customRequestHeaders", "customResponseHeaders"):
        code, reason, message = gce.refused("PATCH", BS, {side: lines})
        assert (code, reason) == (400, "invalid")
        assert side in message and why in message
    gce.do("PATCH", BS, {"customRequestHeaders": ["X-Good:yes", "Host:inside.example"]})
    assert gce.get(BS)["customRequestHeaders"] == ["X-Good:yes", "Host:inside.example"]
