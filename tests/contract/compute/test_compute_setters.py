"""The setters of proxies, rules and backend services: what they change and what they take off."""

from typing import Any

BS = "global/backendServices/bs"
RULE = "global/forwardingRules/rule"
SETTERS: list[tuple[str, str, dict[str, Any], str, Any, str]] = [
    (
        "global/targetHttpsProxies/tls",
        "targetHttpsProxies/tls/setUrlMap",
        {"urlMap": "global/urlMaps/other"},
        "urlMap",
        "global/urlMaps/other",
        "SetUrlMap",
    ),
    (
        "global/targetHttpProxies/proxy",
        "targetHttpProxies/proxy/setUrlMap",
        {"urlMap": "global/urlMaps/other"},
        "urlMap",
        "global/urlMaps/other",
        "SetUrlMap",
    ),
    (
        "global/targetHttpsProxies/tls",
        "targetHttpsProxies/tls/setSslCertificates",
        {"sslCertificates": ["global/sslCertificates/second"]},
        "sslCertificates",
        ["global/sslCertificates/second"],
        "SetSslCertificates",
    ),
    (
        "global/targetHttpsProxies/tls",
        "global/targetHttpsProxies/tls/setSslPolicy",
        {"sslPolicy": "global/sslPolicies/policy"},
        "sslPolicy",
        "global/sslPolicies/policy",
        "compute.targetHttpsProxies.setSslPolicy",
    ),
    (
        "global/targetHttpsProxies/tls",
        "global/targetHttpsProxies/tls/setQuicOverride",
        {"quicOverride": "DISABLE"},
        "quicOverride",
        "DISABLE",
        "compute.targetHttpsProxies.setQuicOverride",
    ),
    (
        RULE,
        f"{RULE}/setTarget",
        {"target": "global/targetHttpsProxies/tls"},
        "target",
        "global/targetHttpsProxies/tls",
        "SetTarget",
    ),
    (
        BS,
        f"{BS}/setSecurityPolicy",
        {"securityPolicy": "global/securityPolicies/armor"},
        "securityPolicy",
        "global/securityPolicies/armor",
        "setSecurityPolicy",
    ),
]


def test_setters(door: Any) -> None:
    door.make("global/sslCertificates", name="second", managed={"domains": ["b.example"]})
    door.url_map("other")
    for path, verb, body, name, wanted, kind in SETTERS:
        operation = door.do("POST", verb, body)
        assert operation["operationType"] == kind
        assert operation["targetLink"] == door.link(path)
        got = door.get(path)[name]
        if isinstance(wanted, list):
            assert got == [door.link(one) for one in wanted]
        else:
            assert got == (door.link(wanted) if "/" in wanted else wanted)


def test_setters_that_take_off(door: Any) -> None:
    door.do(
        "POST",
        "global/targetHttpsProxies/tls/setSslPolicy",
        {"sslPolicy": "global/sslPolicies/policy"},
    )
    door.do("POST", "global/targetHttpsProxies/tls/setSslPolicy", {"sslPolicy": None})
    assert "sslPolicy" not in door.get("global/targetHttpsProxies/tls")
    door.do("DELETE", "global/sslPolicies/policy")
    no_certificates = {"sslCertificates": []}
    refusal = door.refused("POST", "targetHttpsProxies/tls/setSslCertificates", no_certificates)
    assert refusal[:2] == (412, "conditionNotMet")
    assert refusal[2].startswith("Certificate Map or at least 1 SSL certificate must be specified")
    names = [f"many-{number}" for number in range(16)]
    for name in names:
        door.make("global/sslCertificates", name=name, managed={"domains": ["b.example"]})
    many = {"sslCertificates": [f"global/sslCertificates/{name}" for name in names]}
    refusal = door.refused("POST", "targetHttpsProxies/tls/setSslCertificates", many)
    assert refusal[0] == 400
    assert refusal[2].startswith("At most 15 SSL certificate(s) (16 in the request) can be")


def test_setters_of_the_proxies_without_patch(gce: Any) -> None:
    gce.backend_service("one", protocol="TCP")
    gce.backend_service("two", protocol="SSL")
    gce.make("global/sslCertificates", name="cert", managed={"domains": ["a.example"]})
    service = "global/backendServices/one"
    tcp = gce.make("global/targetTcpProxies", name="tcp", service=service)
    ssl = gce.make(
        "global/targetSslProxies",
        name="ssl",
        service=service,
        sslCertificates=["global/sslCertificates/cert"],
    )
    for path in (tcp, ssl):
        assert gce.ask("PATCH", path, {"proxyHeader": "PROXY_V1"})[0] == 405
        assert "fingerprint" not in gce.get(path)
        gce.do("POST", f"{path}/setBackendService", {"service": "global/backendServices/two"})
        gce.do("POST", f"{path}/setProxyHeader", {"proxyHeader": "PROXY_V1"})
        doc = gce.get(path)
        assert doc["service"] == gce.link("global/backendServices/two")
        assert doc["proxyHeader"] == "PROXY_V1"
