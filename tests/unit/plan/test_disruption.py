"""What a change does to traffic, in words; empty means that nobody notices."""

from typing import Any

import pytest
from edgebook.model.values import Action, Ref, ResourceKey
from edgebook.plan import disruption

U = Action.UPDATE
ARMOR = Ref("securityPolicy", "armor")
CASES: list[tuple[Action, str, dict[str, Any], dict[str, Any], dict[str, Any], str]] = [
    (Action.REPLACE, "address", {}, {}, {},
     "the IP changes: every client has to learn the new one"),
    (Action.REPLACE, "forwardingRule", {}, {}, {}, "its port answers nobody while it is replaced"),
    (Action.REPLACE, "urlMap", {}, {}, {}, "traffic that needs it fails while it is replaced"),
    (Action.DELETE, "forwardingRule", {}, {}, {}, "its port stops answering"),
    (Action.DELETE, "certificateMapEntry", {}, {}, {}, "its hostname is no longer served"),
    (Action.DELETE, "healthCheck", {}, {}, {}, ""),
    (U, "dnsRecordSet", {"rrdatas": ["1"]}, {}, {"ttl": 60},
     "clients move to this front door as their caches expire (TTL 60 s)"),
    (U, "dnsRecordSet", {"ttl": 60}, {}, {"ttl": 60}, ""),
    (U, "firewall", {"disabled": False}, {"disabled": True}, {},
     "Google can no longer reach the pods behind it"),
    (U, "firewall", {"priority": 1}, {"disabled": True}, {}, ""),
    (U, "firewall", {"disabled": True}, {"disabled": False}, {}, ""),
    (U, "firewall", {"targetTags": ["a", "b"]}, {"targetTags": ["b"]}, {"targetTags": ["a", "b"]},
     "Google can no longer reach the nodes tagged a"),
    (U, "firewall", {"targetTags": ["b"]}, {"targetTags": ["a", "b"]}, {"targetTags": ["b"]}, ""),
    (U, "backendService", {"protocol": "HTTP"}, {"protocol": "HTTPS"}, {},
     "requests fail unless the pods speak HTTPS already"),
    (U, "backendService", {"healthChecks": []}, {}, {},
     "endpoints count as unhealthy until the new check has passed"),
    (U, "backendService", {"iap.enabled": False}, {"iap": {"enabled": True}}, {},
     "everybody has to log in"),
    (U, "backendService", {"iap.enabled": True}, {"iap": {"enabled": False}}, {},
     "everybody gets in unasked"),
    (U, "backendService", {"timeoutSec": 30}, {"timeoutSec": 60}, {}, ""),
    (U, "sslPolicy", {"minTlsVersion": "TLS_1_0"}, {"minTlsVersion": "TLS_1_2"}, {},
     "clients below TLS 1.2 are refused"),
    (U, "sslPolicy", {"minTlsVersion": "TLS_1_2"}, {"minTlsVersion": "TLS_1_0"}, {}, ""),
    (U, "sslPolicy", {"profile": "MODERN"}, {"profile": "RESTRICTED", "minTlsVersion": "TLS_1_0"},
     {}, "clients without one of the new ciphers are refused"),
    (U, "sslPolicy", {"customFeatures": ["x"]}, {"minTlsVersion": "TLS_1_0"}, {},
     "clients without one of the new ciphers are refused"),
    (U, "targetTcpProxy", {"proxyHeader": "NONE"}, {"proxyHeader": "PROXY_V1"}, {},
     "connections fail unless the pods expect PROXY header PROXY_V1 now"),
    (U, "targetSslProxy", {"sslPolicy": "a"}, {"proxyHeader": "NONE"}, {}, ""),
    (U, "serviceAnnotation", {"exposed_ports.443.name": "old"}, {}, {},
     "GKE stops updating the old NEGs at once: no rollout until the new ones are attached"),
    (U, "serviceAnnotation", {"exposed_ports.443.name": None}, {}, {}, ""),
    (U, "address", {"labels": {}}, {}, {}, ""),
    (U, "backendService", {"timeoutSec": 60}, {"timeoutSec": 30}, {},
     "answers and idle connections that take longer than 30 s are cut"),
    (U, "backendService", {"securityPolicy": None}, {"securityPolicy": ARMOR}, {},
     "requests that Cloud Armor policy armor denies are refused"),
    (U, "backendService", {"securityPolicy": "a/b/armor"}, {"securityPolicy": None}, {},
     "requests that Cloud Armor policy armor denied get in"),
    (U, "backendService", {"edgeSecurityPolicy": None}, {"edgeSecurityPolicy": ARMOR}, {},
     "requests that edge security policy armor denies are refused"),
    (U, "targetHttpsProxy", {"sslPolicy": None}, {"sslPolicy": Ref("sslPolicy", "strict")}, {},
     "clients that SSL policy strict does not take are refused"),
    (U, "targetHttpsProxy", {"sslPolicy": "a/strict"}, {"sslPolicy": None}, {}, ""),
    (U, "targetHttpsProxy", {"quicOverride": "NONE"}, {"quicOverride": "ENABLE"}, {}, ""),
    (U, "targetTcpProxy", {"service": "a/old"}, {"service": Ref("backendService", "new")}, {},
     "new connections go to backend service new, not to old any more"),
    (U, "forwardingRule", {"target": "p/global/targetSslProxies/x"},
     {"target": Ref("targetTcpProxy", "x", "projects/p/global")}, {},
     "a target TCP proxy answers instead of a target SSL proxy: clients have to speak its protocol "
     "from then on"),
    (U, "forwardingRule", {"target": "p/global/targetTcpProxies/x"},
     {"target": Ref("targetTcpProxy", "y", "projects/p/global")}, {}, ""),
    (U, "forwardingRule", {"labels": {}}, {"target": Ref("targetTcpProxy", "y", "p")}, {}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("action", "kind", "before", "after", "live", "expected"), CASES)
def test_what_it_disrupts(
    action: Action,
    kind: str,
    before: dict[str, Any],
    after: dict[str, Any],
    live: dict[str, Any],
    expected: str,
) -> None:
    key = ResourceKey(kind, "projects/p/global", "x")
    assert disruption.of(action, key, before, after, live) == expected


def test_detaching_and_rivals_are_named() -> None:
    assert disruption.of_detaching([]) == ""
    assert "connections to blue, green may be cut" in disruption.of_detaching(["green", "blue"])
    assert disruption.of_rival("old").endswith("between the delete of old and this")
