"""Neighbours of the faults in docs/cases.md: they hurt in the same ways, and are told or refused.

A row is staged on a front door that stands; see staging.py. That nothing is written where something
is refused, and that the way that a refusal names works, are tests of their own below.
"""

import json
from typing import Any

import pytest
from edgebook.base.errors import OwnershipError, RefusedError

from tests.contract.edgebook.conftest import Staged
from tests.contract.edgebook.staging import (
    API,
    DEPLOYMENT,
    GLOBAL,
    NEG,
    NEGS,
    ZONE,
    Row,
    Stage,
    plan,
    play,
    record,
    status,
    teardown,
    teardown_plan,
    verify,
)
from tests.unit.params_edits import GONE

SHOP = "shop.example.com."
FRONT = "api/v1/namespaces/shop/services/storefront"
ELSEWHERE = {"backends.api.neg.namespace": "shop2"}
RENAMED = {**ELSEWHERE, "backends.api.neg.name": "shop2-api"}
TWO = {"80": [{"name": "shop-web"}, {"name": "others"}], "81": "odd"}
AUTONEG = {"controller.autoneg.dev/neg": json.dumps({"backend_services": TWO})}
TAKEN = {"dns.take_over": ["shop.example.com"]}
NO_API = {"backends.api": GONE, "routes.0.paths": GONE, "checks": []}
WEIGHTED = {
    "name": SHOP, "type": "A", "ttl": 300,
    "routingPolicy": {"wrr": {"items": [{"weight": 1, "rrdatas": [ip]}
                                        for ip in ("35.192.158.63", "203.0.113.9")]}},
}  # fmt: skip


def another_service(stage: Stage) -> None:
    """The same application as a Service of another namespace, with pods."""
    stage.kube("POST", "api/v1/namespaces", {"metadata": {"name": "shop2"}})
    spec = stage.kube("GET", API)["spec"]
    ports = [{name: port[name] for name in ("name", "port", "targetPort") if name in port}
             for port in spec["ports"]]  # fmt: skip
    service = {"metadata": {"name": "api"}, "spec": {"selector": spec["selector"], "ports": ports}}
    stage.kube("POST", "api/v1/namespaces/shop2/services", service)
    pods = stage.kube("GET", DEPLOYMENT)["spec"]
    body = {"metadata": {"name": "api"}, "spec": {**pods, "replicas": 3}}
    stage.kube("POST", "apis/apps/v1/namespaces/shop2/deployments", body)
    stage.advance()


def attached_by_hand(stage: Stage) -> None:
    """Others expose a Service of theirs, and hang its NEG into our backend service."""
    port = str(stage.kube("GET", FRONT)["spec"]["ports"][0]["port"])
    text = json.dumps({"exposed_ports": {port: {"name": "theirs"}}})
    stage.kube("PATCH", FRONT, {"metadata": {"annotations": {NEG: text}}})
    stage.advance()
    change_entries(stage, lambda entries: [*entries, {**entries[0], "group": zonal("theirs")}])


def zonal(name: str, letter: str = "a") -> str:
    return f"projects/shop-rehearsal/zones/us-central1-{letter}/networkEndpointGroups/{name}"


def change_entries(stage: Stage, change: Any) -> None:
    found = stage.compute("GET", "backendServices/shop-api")
    body = {"backends": change(found["backends"]), "fingerprint": found["fingerprint"]}
    stage.compute("PATCH", "backendServices/shop-api", body)
    stage.advance()


def service_of_others(neg: str, check: str, **more: str) -> dict[str, Any]:
    entries = [{"group": zonal(neg, letter), "balancingMode": "RATE",
                "maxRatePerEndpoint": 1} for letter in "abc"]  # fmt: skip
    body = {"name": "other", "protocol": "HTTP", "loadBalancingScheme": "EXTERNAL_MANAGED"}
    return {**body, **more, "healthChecks": [check], "backends": entries}


def served_by_others(stage: Stage, neg: str = "shop-api") -> None:
    """A backend service of nobody's front door serves from our NEGs."""
    body = service_of_others(neg, f"{GLOBAL}/healthChecks/shop-api-http")
    stage.compute("POST", "backendServices", body)
    stage.advance()


def under_an_ingress(stage: Stage) -> None:
    """An Ingress of GKE has its load balancer on the Service's pods."""
    stage.kube("PATCH", API, {"metadata": {"annotations": {NEG: '{"ingress": true}'}}})
    backend = {"service": {"name": "api", "port": {"number": 8080}}}
    meta = {"name": "gce", "annotations": {"kubernetes.io/ingress.class": "gce"}}
    body = {"metadata": meta, "spec": {"defaultBackend": backend}}
    stage.kube("POST", "apis/networking.k8s.io/v1/namespaces/shop/ingresses", body)
    for _ in range(3):
        stage.advance()


def answers(stage: Stage, *new: dict[str, Any]) -> None:
    """Other records of shop.example.com."""
    rows = [row for row in stage.dns("GET", "rrsets")["rrsets"] if row["name"] == SHOP]
    stage.dns("POST", "changes", {"deletions": rows, "additions": list(new)})
    stage.advance(60)


def emptied(stage: Stage) -> None:
    for letter in "abc":
        zone, path = f"us-central1-{letter}", f"{NEGS}/shop-api"
        found = stage.zonal("POST", f"{path}/listNetworkEndpoints", {}, zone)["items"]
        gone = {"networkEndpoints": [item["networkEndpoint"] for item in found]}
        stage.zonal("POST", f"{path}/detachNetworkEndpoints", gone, zone)
    stage.advance(60)


def led_away(stage: Stage) -> None:
    """Somebody leads our proxy to a URL map of theirs."""
    body = {"name": "theirs", "defaultService": f"{GLOBAL}/backendServices/shop-api"}
    stage.compute("POST", "urlMaps", body)
    stage.advance(60)
    path = "compute/v1/projects/shop-rehearsal/targetHttpsProxies/shop-web/setUrlMap"
    stage.door.wire.request("compute", "POST", path, body={"urlMap": f"{GLOBAL}/urlMaps/theirs"})
    stage.advance(60)


def probed_otherwise(stage: Stage) -> None:
    probe = {"port": 9999, "portSpecification": "USE_FIXED_PORT", "requestPath": "/healthz"}
    stage.compute("PATCH", "healthChecks/shop-api-http", {"httpHealthCheck": probe})
    stage.advance()


def move_names(shop: Staged) -> Any:
    return shop.book().move("cut-over").plan()


ROWS = (
    Row(
        "autoneg is told to write into our backend service",
        lambda s: s.kube("PATCH", FRONT, {"metadata": {"annotations": AUTONEG}}),
        plan,
        (
            "autoneg writes Service shop/storefront of blue into it too",
            "take shop-web out of the annotation controller.autoneg.dev/neg",
        ),
        ("unknown", "shop-api out of"),
    ),
    Row(
        "the NEG of another Service, attached by hand",
        attached_by_hand,
        plan,
        ("networkEndpointGroups/theirs: not ours: left alone",),
        ("storefront", "out of the annotation"),
    ),
    Row(
        "an Ingress of GKE serves from the Service",
        under_an_ingress,
        plan,
        ("an Ingress of GKE serves from it (backend service k8s1-", "Plan refused: 1 thing"),
        ("expose shop/api 8080 as shop-api",),
        built=False,
    ),
    Row(
        "others live on the port that would be closed",
        served_by_others,
        plan,
        ("backend service other serves from NEG shop-api, and others live on it",),
        ("shop-allow-lb-blue close what", "take shop-api out"),
        params=NO_API,
    ),
    Row(
        "others lead to our backend service, whose port would be closed",
        led_away,
        plan,
        ("backend service shop-api serves from NEG shop-api, and others live on it",),
        ("shop-allow-lb-blue close what", "take shop-api out"),
        params=NO_API,
    ),
    Row(
        "nobody lives on it: it is closed",
        lambda s: None,
        plan,
        ("close what nothing uses any more", "take shop-api out of the annotation"),
        ("others live on it",),
        params=NO_API,
    ),
    Row(
        "a teardown under others' load balancer on our NEG",
        served_by_others,
        teardown_plan,
        ("firewall rule shop-allow-lb-blue held by backend service other",),
        ("delete firewall rule shop-allow-lb-blue",),
    ),
    Row(
        "a routing policy would be overwritten",
        lambda s: answers(s, WEIGHTED),
        plan,
        ("a routing policy (wrr of 203.0.113.9, 35.192.158.63) -> A to address shop-edge",),
        ("rrdatas: none",),
        params=TAKEN,
    ),
    Row(
        "names by a routing policy are left out of a cut-over in words",
        lambda s: answers(s, WEIGHTED),
        move_names,
        ("not moved by itself: shop.example.com is A to a routing policy (wrr of",),
        ("somebody else changed it",),
    ),
    Row(
        "names by a CNAME are left out of a cut-over in words",
        lambda s: answers(s, record(SHOP, "CNAME", "old.example.net.")),
        move_names,
        ("not moved by itself: shop.example.com is a CNAME to old.example.net.",),
    ),
    Row(
        "a name by a CNAME, on the way to the runbook that moves it",
        lambda s: answers(s, record(SHOP, "CNAME", "www.shop.example.com.")),
        verify,
        ("edgebook plan 80_cut_over", "still points to 35.192.158.63"),
        ("10 Address and DNS creates it", "run 10 Address and DNS again"),
        params=TAKEN,
    ),
    Row(
        "the Service has another port by now",
        lambda s: [
            s.kube("PATCH", API, {"spec": {"ports": [{"port": 9090, "targetPort": 8080}]}}),
            s.advance(),
        ],
        verify,
        ("Service shop/api has no port 8080; it has 9090",),
        ("targetPort is a name", "no pod is behind"),
    ),
    Row(
        "a NEG that was emptied by hand",
        emptied,
        verify,
        ("6 of 6 ready pods are no endpoint", "GKE has not put them into the NEG: 6 pods"),
        ("no pod matches", "no pod is behind"),
    ),
    Row(
        "probes that somebody changed by hand",
        probed_otherwise,
        status,
        ("health check shop-api-http is not as the params say", "run 30 frontends again"),
        ("must answer 200", "set backends.api.health_check"),
    ),
    Row(
        "a proxy that somebody led elsewhere",
        led_away,
        status,
        ("NOT HEALTHY: shop-web blue: no forwarding rule leads there",),
        ("rehearsal: healthy;",),
    ),
    Row(
        "one zone without capacity, by hand",
        lambda s: change_entries(s, lambda e: [{**e[0], "capacityScaler": 0}, *e[1:]]),
        status,
        ("in doubt: shop-api: capacity 0 in 1 of 3 NEGs: no request goes to us-central1-a",),
        ("nothing gets traffic",),
    ),
    Row(
        "our firewall rule, disabled by hand",
        lambda s: [
            s.compute("PATCH", "firewalls/shop-allow-lb-blue", {"disabled": True}),
            s.advance(),
        ],
        verify,
        ("firewall rule shop-allow-lb-blue is disabled", "run 50 firewall: it enables the rule"),
        ("but the pods listen on",),
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_neighbour_is_told_as_what_it_is(row: Row, staged: Staged) -> None:
    play(row, staged)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        (ELSEWHERE, "NEG name shop-api belongs to Service shop/api of blue, and GKE keeps it"),
        (RENAMED, "it serves from Service shop/api of blue (NEG shop-api), and another Service"),
    ],
)
def test_another_service_is_refused_before_the_first_write(
    params: dict[str, Any], says: str, staged: Staged
) -> None:
    staged.sim.admin("POST", "reset", {"to": "built"})
    staged.edits = {}
    another_service(Stage(staged))
    staged.edits = params
    staged.sim.admin("DELETE", "calls")
    with pytest.raises(OwnershipError) as refused:
        staged.book().apply("apply", "auto", show_progress=False)
    assert says in refused.value.why and "give it one of its own" in refused.value.why
    assert [call for call in staged.log() if call["verb"] in ("PATCH", "PUT", "DELETE")] == []


def test_another_service_as_a_backend_of_its_own_comes_in_one_run(staged: Staged) -> None:
    """The way that the refusal names: the old NEG feeds its entries until they are gone."""
    staged.sim.admin("POST", "reset", {"to": "built"})
    staged.edits = {}
    stage = Stage(staged)
    another_service(stage)
    old = staged.params()["backends"]["api"]
    new = {**old, "neg": {**old["neg"], "namespace": "shop2", "name": "shop2-api"}}
    staged.edits = {
        "backends.api": GONE,
        "backends.api2": new,
        "routes.0.paths": {"/api/*": "api2"},
    }
    staged.sim.admin("DELETE", "calls")
    staged.book().apply("apply", "auto", show_progress=False)
    made = [(call["verb"], str(call.get("path"))) for call in staged.log()]
    gone = next(i for i, (verb, path) in enumerate(made)
                if verb == "DELETE" and path.endswith("backendServices/shop-api"))  # fmt: skip
    unexposed = next(i for i, (verb, path) in enumerate(made)
                     if verb == "PATCH" and path.endswith("shop/services/api"))  # fmt: skip
    assert gone < unexposed
    assert staged.book().door.read().plan.empty


def test_a_cut_over_of_a_name_that_cannot_move_does_not_begin(staged: Staged) -> None:
    staged.sim.admin("POST", "reset", {"to": "built"})
    staged.edits = {}
    stage = Stage(staged)
    answers(stage, record(SHOP, "CNAME", "old.example.net."))
    staged.edits = TAKEN
    before = stage.door.wire.request("dns", "GET", f"{ZONE}/rrsets")["rrsets"]
    move = staged.book().move("cut-over")
    with pytest.raises(RefusedError) as refused:
        move.apply("apply", "auto")
    assert "shop.example.com is a CNAME to old.example.net." in refused.value.why
    assert stage.door.wire.request("dns", "GET", f"{ZONE}/rrsets")["rrsets"] == before


def test_what_others_serve_from_is_served_after_a_teardown_too(staged: Staged) -> None:
    staged.sim.admin("POST", "reset", {"to": "built"})
    staged.edits = {}
    stage = Stage(staged)
    served_by_others(stage)
    done = str(teardown(staged))
    assert stage.compute("GET", "firewalls/shop-allow-lb-blue")["sourceRanges"]
    assert "shop-api" in stage.kube("GET", API)["metadata"]["annotations"][NEG]
    assert "shop-allow-lb-blue" in done and "held by backend service other" in done
