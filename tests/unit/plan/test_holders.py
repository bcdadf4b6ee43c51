"""Who holds what: every pair that Google refuses to tear apart, and nothing else."""

from typing import Any

import pytest
from edgebook.model.links import link
from edgebook.model.values import LiveResource, ResourceKey
from edgebook.plan.holders import Holders

P = "projects/p/global"
C = "projects/p/locations/global"
ZONE = "projects/p/managedZones/z"


def key(kind: str, name: str, scope: str = P) -> ResourceKey:
    return ResourceKey(kind, scope, name)


CHECK, SERVICE, MAP = key("healthCheck", "h"), key("backendService", "s"), key("urlMap", "m")
PROXY, RULE, ADDRESS = key("targetHttpsProxy", "p"), key("forwardingRule", "r"), key("address", "a")
CERTS = key("certificateMap", "c", C)
ENTRY = key("certificateMapEntry", "e", f"{C}/certificateMaps/c")
CERTIFICATE, AUTHORIZATION = key("certificate", "x", C), key("dnsAuthorization", "d", C)
RECORD = key("dnsRecordSet", "shop.example.com./A", ZONE)
CNAME = key("dnsRecordSet", "_acme-challenge.shop.example.com./CNAME", ZONE)
ANNOTATION = key("serviceAnnotation", "web", "clusters/blue/namespaces/n")
NEG = "https://www.googleapis.com/compute/v1/projects/p/zones/z/networkEndpointGroups/shop-web"
BODIES: dict[ResourceKey, dict[str, Any]] = {
    CHECK: {"selfLink": link(CHECK)},
    SERVICE: {"healthChecks": [link(CHECK)], "backends": [{"group": NEG}]},
    MAP: {"pathMatchers": [{"defaultService": link(SERVICE)}], "usedBy": [link(PROXY)]},
    # Certificate Manager writes the project's number, and the proxy has a form of its own.
    PROXY: {"urlMap": link(MAP), "certificateMap": link(CERTS).replace("projects/p", "projects/1")},
    RULE: {"target": link(PROXY), "IPAddress": "203.0.113.1"},
    ADDRESS: {"address": "203.0.113.1", "users": [link(RULE)]},
    CERTS: {"gclbTargets": [{"targetHttpsProxy": link(PROXY)}]},
    ENTRY: {"certificates": [f"{C.replace('/p/', '/1/')}/certificates/x"]},
    CERTIFICATE: {"managed": {"dnsAuthorizations": [f"{C}/dnsAuthorizations/d"]}},
    AUTHORIZATION: {
        "dnsResourceRecord": {"name": "_acme-challenge.shop.example.com.", "data": "0f.goog."}
    },
    RECORD: {"name": "shop.example.com.", "type": "A", "rrdatas": ["203.0.113.1"]},
    CNAME: {
        "name": "_acme-challenge.shop.example.com.",
        "type": "CNAME",
        "rrdatas": ["0f.goog."],
    },
    ANNOTATION: {"exposed_ports": {"443": {"name": "shop-web"}}},
}
LIVE = {one: LiveResource(one, body) for one, body in BODIES.items()}
HELD = {
    CHECK: {SERVICE},
    SERVICE: {MAP},
    MAP: {PROXY},
    PROXY: {RULE},
    RULE: set(),
    ADDRESS: {RULE, RECORD},
    CERTS: {PROXY, ENTRY},
    ENTRY: {PROXY},
    CERTIFICATE: {ENTRY},
    AUTHORIZATION: {CERTIFICATE, CNAME},
    RECORD: set(),
    CNAME: {CERTIFICATE},
    ANNOTATION: {SERVICE},
}


@pytest.mark.parametrize("one", sorted(BODIES), ids=str)
def test_who_holds_it(one: ResourceKey) -> None:
    assert Holders(LIVE).of(one) == HELD[one]


def test_what_the_server_says_of_users_is_no_reference() -> None:
    """`users`, `usedBy` and `gclbTargets` point the other way."""
    assert ADDRESS not in Holders(LIVE).of(RULE)
    assert MAP not in Holders(LIVE).of(PROXY)


def test_another_projects_resource_of_that_name_is_another() -> None:
    other = {
        **LIVE,
        SERVICE: LiveResource(SERVICE, {"healthChecks": ["projects/q/global/healthChecks/h"]}),
    }
    assert Holders(other).of(CHECK) == set()


def test_a_record_that_shares_its_data_with_more_is_not_the_authorizations() -> None:
    shared = dict(BODIES[CNAME], rrdatas=["0f.goog.", "other."])
    other = {**LIVE, CNAME: LiveResource(CNAME, shared)}
    assert Holders(other).of(AUTHORIZATION) == {CERTIFICATE}


def test_who_is_not_there_is_held_by_nobody() -> None:
    nobody = key("serviceAnnotation", "gone", "clusters/blue/namespaces/n")
    assert list(Holders(LIVE).of(nobody)) == []
