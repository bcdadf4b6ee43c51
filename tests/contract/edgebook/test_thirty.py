"""The failures that people meet most: each is staged, and told by its one cause and a way out.

A row is a failure: how it is staged on a front door that stands (or before it is built), what is
asked then, the sentences that must come, and its wrong neighbours that must not. The numbers are
those of our list of thirty; the others are causes that were told wrongly once. Failures of traffic
are seen by clients in tests/contract/dataplane/test_failures.py.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.edgebook.conftest import Staged
from tests.contract.edgebook.staging import (
    API,
    GLOBAL,
    NEG,
    NEGS,
    OLD,
    Row,
    Stage,
    allowed,
    apply,
    described,
    leaks,
    neg,
    plan,
    play,
    preflight,
    record,
    status,
    teardown,
    teardown_plan,
    verify,
)

POLICIES = "apis/networking.k8s.io/v1/namespaces/shop/networkpolicies"
NOBODY = {"metadata": {"name": "nobody"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}
BOTH = {"ingress": True, "exposed_ports": {"8080": {"name": "shop-api"}}}
NAMED = {"spec": {"ports": [{"port": 8080, "targetPort": "nobody"}]}}
BACKENDS = ("web", "api", "mqtt", "postgres")
DENY = {"name": "deny-all", "denied": [{"IPProtocol": "tcp"}], "priority": 500}
CLASSIC = {
    "name": "shop-api",
    "protocol": "HTTP",
    "loadBalancingScheme": "EXTERNAL",
    "description": "Kept by Edgebook (front door shop)",
}


def elsewhere(name: str) -> dict[str, Any]:
    return record(name, "CNAME", "wrong.authorize.certificatemanager.goog.")


def other_ttl(stage: Stage) -> dict[str, Any]:
    found = stage.dns("GET", "rrsets/*.shop.example.com./A")
    return {**found, "ttl": 61}


def challenge(stage: Stage) -> str:
    names = [item["name"] for item in stage.dns("GET", "rrsets")["rrsets"]]
    return next(name for name in names if name.startswith("_acme-challenge"))


ROWS = [
    Row(
        "1 no firewall rule",
        lambda s: s.compute("DELETE", "firewalls/shop-allow-lb-blue"),
        verify,
        (
            "firewall rule shop-allow-lb-blue is gone: probes cannot reach tcp:8080 of 6 pods",
            "run 50 firewall: it makes the rule anew",
        ),
        ("must answer 200", "has no pods"),
    ),
    Row(
        "2 the firewall opens another port",
        lambda s: s.compute("PATCH", "firewalls/shop-allow-lb-blue", allowed("443")),
        verify,
        ("shop-allow-lb-blue tcp:443, but the pods listen on 8080", "run 50 firewall again"),
        ("must answer 200", "is gone"),
    ),
    Row(
        "3 a page that is not 200",
        lambda s: s.endpoints("status 404"),
        verify,
        (
            "the firewall lets probes in to port 8080; /healthz must answer 200",
            "set backends.api.health_check.path",
        ),
        ("50 firewall", "kubectl get pods"),
    ),
    Row(
        "4 a fixed port of the health check",
        lambda s: None,
        apply,
        ("probes go to port 9999", "remove backends.api.health_check.port"),
        ("health_check.path", "50 firewall"),
        params={"backends.api.health_check": {"type": "HTTP", "path": "/healthz", "port": 9999}},
    ),
    Row(
        "5 a health check of another protocol",
        lambda s: None,
        preflight,
        ("backends.api.health_check.type HTTPS is not possible on a port that speaks HTTP",),
        ("50 firewall",),
        params={"backends.api.health_check": {"type": "HTTPS", "path": "/healthz"}},
    ),
    Row(
        "6 nothing leads there",
        lambda s: [s.compute("DELETE", f"forwardingRules/shop-web{n}") for n in ("", "-redirect")],
        verify,
        ("create forwarding rule shop-web", "run 40 Certificate map again"),
        ("no pod is behind", "50 firewall", "must answer 200"),
    ),
    Row(
        "7 no pod matches",
        lambda s: [s.kube("PATCH", API, {"spec": {"selector": {"app": "nobody"}}}), s.advance()],
        verify,
        (
            "scaled to zero, all Pending, or its selector matches none",
            "`kubectl get deployments,statefulsets -n shop` says how many there should be",
        ),
        ("50 firewall", "must answer 200", "no forwarding rule"),
    ),
    Row(
        "8 the annotation is no JSON",
        lambda s: [s.annotate("{oops"), s.advance()],
        verify,
        (
            "the annotation of Service shop/api is no JSON object with exposed_ports: '{oops'",
            "run 60 backends: it writes the annotation anew",
        ),
        ("not applied yet", "what took it away"),
    ),
    Row(
        "9 a port that the Service has not",
        lambda s: None,
        preflight,
        ("blue/shop/api:8081 has ports 8080", "set backends.api.neg.port to a port of the Service"),
        ("run 60 backends",),
        built=False,
        params={"backends.api.neg.port": 8081},
    ),
    Row(
        "10 ingress beside a name",
        lambda s: [s.annotate(json.dumps(BOTH)), s.advance()],
        verify,
        ("update Service annotation api", "run 60 Backends again"),
        ("50 firewall",),
    ),
    Row(
        "11 the NEG's name is taken",
        lambda s: s.zonal("POST", NEGS, neg("shop-api", described("other", "x/y", "1"))),
        apply,
        (
            "conflicting description",
            "of the backend whose neg.name is shop-api",
        ),
        ("run 60 backends: it writes the annotation anew", "50 firewall"),
        built=False,
    ),
    Row(
        "12 a new zone",
        lambda s: [s.direct("node-add", cluster="blue", zone="us-central1-f"), s.advance()],
        verify,
        (
            "us-central1-f: its NEG is known to GKE and not attached: nodes appeared in a new zone",
            "run operate/zones, or 60 backends: they attach",
        ),
        ("50 firewall", "not ready"),
    ),
    Row(
        "13 a namespace that does not end",
        lambda s: [s.kube("DELETE", "api/v1/namespaces/shop"), s.advance()],
        verify,
        (
            "Service shop/api does not exist in active cluster blue",
            "namespace shop waits for svcneg shop-api, which backend service shop-api holds",
            "edgebook plan operate/swap -p to CLUSTER",
        ),
        ("run 60 backends: it puts the annotation back", "50 firewall"),
    ),
    Row(
        "14 a NEG of a cluster that is gone",
        lambda s: s.zonal("POST", NEGS, neg("shop-web", described("gone")), "us-central1-f"),
        leaks,
        ("shop-web us-central1-f",),
        ("run teardown",),
    ),
    Row(
        "15 a routes-based cluster",
        lambda s: s.cluster("old", useRoutes=True),
        preflight,
        (
            "cluster is VPC-native old NEGs need a VPC-native cluster",
            "it cannot be changed in place",
        ),
        built=False,
        params={"clusters.old": OLD}
        | {f"backends.{b}.neg.name": b + "-{cluster}" for b in BACKENDS},
    ),
    Row(
        "16 CONNECTION on HTTP",
        lambda s: None,
        plan,
        ("CONNECTION is not possible with protocol HTTP; use RATE", "line"),
        params={
            "backends.api.balancing": {"mode": "CONNECTION", "max_connections_per_endpoint": 5}
        },
    ),
    Row(
        "17 a chain of the classic scheme",
        lambda s: s.compute("POST", "backendServices", CLASSIC),
        plan,
        ("EXTERNAL",),
        built=False,
    ),
    Row(
        "20 a regional address",
        lambda s: s.regional("POST", "addresses", {"name": "shop-edge"}),
        preflight,
        (
            "it is an address of region us-central1, and a regional one cannot move",
            "leave address.adopt out",
        ),
        ("50 firewall",),
        built=False,
        params={"address": {"name": "shop-edge", "adopt": True}},
    ),
    Row(
        "21 names that still lead to the old address",
        lambda s: None,
        verify,
        ("shop.example.com still points to 35.192.158.63: left alone, it is the cut-over",),
        ("failed A record", "is not delegated"),
    ),
    Row(
        "22 the zone is not delegated",
        lambda s: s.direct("domain-undelegate", domain="example.com"),
        preflight,
        (
            "the Internet asks NXDOMAIN, the zone is on ns-cloud-c1.googledomains.com.",
            "enter the zone's name servers at the registrar",
        ),
        ("CNAME is wrong",),
        built=False,
    ),
    Row(
        "23 the challenge leads elsewhere",
        lambda s: s.dns("PATCH", f"rrsets/{challenge(s)}/CNAME", elsewhere(challenge(s))),
        verify,
        ("should be", "is wrong.authorize.certificatemanager.goog.", "set exactly that CNAME"),
        ("CAA 0 issue", "not delegated"),
    ),
    Row(
        "24 cert-manager's TXT is there",
        lambda s: s.dns(
            "POST", "rrsets", record("_acme-challenge.shop.example.com.", "TXT", '"x"')
        ),
        preflight,
        ('is TXT to "x", TTL 300, not ours: left alone', "use authorization: PER_PROJECT_RECORD"),
        ("CAA 0 issue",),
        built=False,
        params={"certificate.authorization": "FIXED_RECORD"},
    ),
    Row(
        "25 CAA forbids",
        lambda s: s.dns("POST", "rrsets", record("example.com.", "CAA", '0 issue "other.org"')),
        preflight,
        ('example.com: 0 issue "other.org"; add: example.com. CAA 0 issue "pki.goog"',),
        ("not delegated", "set exactly that CNAME"),
        built=False,
    ),
    Row(
        "26 issuance is limited",
        lambda s: s.direct("certificates", rate_limit=["shop.example.com"]),
        apply,
        ("RATE_LIMITED",),
        ("CAA 0 issue", "set exactly that CNAME"),
        built=False,
    ),
    Row(
        "27 nothing for clients without a name",
        lambda s: s.certs("DELETE", "certificateMaps/shop/certificateMapEntries/primary"),
        verify,
        ("create map entry primary", "run 20 Certificate again"),
        ("CAA 0 issue", "50 firewall"),
    ),
    Row(
        "28 the map is held by a proxy of others",
        lambda s: s.foreign_proxy(),
        teardown_plan,
        (
            "held by target HTTPS proxy foreign; target HTTPS proxy foreign: not ours, "
            "whoever owns it must let go: left alone",
            "held by backend service shop-api; target HTTPS proxy foreign: not ours",
        ),
        ("teardown does", "take shop-api out", "delete firewall rule", "delete certificate"),
    ),
    Row(
        "29 pods that end at once",
        lambda s: None,
        preflight,
        (
            "container pgbouncer has no preStop; terminationGracePeriodSeconds is 30",
            "NGINX closes idle connections after 75 s, Google keeps them 600 s",
        ),
        built=False,
    ),
    Row(
        "30 a record that is not as it was",
        lambda s: s.dns("PATCH", "rrsets/*.shop.example.com./A", other_ttl(s)),
        apply,
        ("1 of 1 changes done", "update DNS record set *.shop.example.com./A"),
        ("Precondition not met",),
    ),
    Row(
        "a deny rule of higher priority",
        lambda s: s.compute("POST", "firewalls", DENY),
        verify,
        ("rule deny-all denies 130.211.0.0/22 to tcp:8080", "set firewall.priority below 500"),
        ("must answer 200", "is gone"),
    ),
    Row(
        "a deny rule of higher priority, on the first page",
        lambda s: s.compute("POST", "firewalls", DENY),
        status,
        (
            "NOT HEALTHY",
            "rule deny-all denies 130.211.0.0/22 to tcp:8080. set firewall.priority below 500",
        ),
        ("must answer 200", "run 50 firewall:", "derives", "is gone"),
    ),
    Row(
        "a whole zone down for a minute",
        lambda s: [s.direct("zone-down", zone="us-central1-a"), s.advance(60)],
        verify,
        (
            "us-central1-a has no ready node of blue",
            "nothing to change here: traffic goes to the other zones",
        ),
        ("must answer 200", "50 firewall", "run 60", "readinessProbe"),
    ),
    Row(
        "one zone does not answer, though its nodes are ready",
        lambda s: s.endpoints("timeout", zones="a"),
        verify,
        (
            "4 other endpoints of it answer the same probe, and none of the 2 in us-central1-a",
            "nothing to change here: look at the zone's nodes",
        ),
        ("must answer 200", "50 firewall", "run 60", "readinessProbe"),
    ),
    Row(
        "a whole zone down, its pods elsewhere by now",
        lambda s: [s.direct("zone-down", zone="us-central1-a"), s.advance()],
        verify,
        (
            "uncertain zones have nodes blue us-central1-a has no ready node of blue: "
            "traffic goes to us-central1-b, us-central1-c",
        ),
        ("must answer 200", "50 firewall", "run 60", "readinessProbe", " failed "),
    ),
    Row(
        "a whole zone down, on the first page",
        lambda s: [s.direct("zone-down", zone="us-central1-a"), s.advance(60)],
        status,
        (
            "NOT HEALTHY: 14 of 21 endpoints HEALTHY",
            "shop-api us-central1-a: us-central1-a has no ready node of blue",
        ),
        ("must answer 200", "50 firewall", "readinessProbe"),
    ),
    Row(
        "the same, its pods elsewhere by now",
        lambda s: [s.direct("zone-down", zone="us-central1-a"), s.advance()],
        status,
        ("healthy now, but in doubt: blue: us-central1-a has no ready node of blue",),
        ("must answer 200", "NOT HEALTHY"),
    ),
    Row(
        "one pod that does not answer",
        lambda s: s.endpoints("status 500", zones="a", most=1),
        verify,
        ("1 of 2: 5 other endpoints of it answer the same probe", "the logs of these pods"),
        ("must answer 200", "50 firewall", "health_check.path", "readinessProbe"),
    ),
    Row(
        "nobody listens on a port that is declared",
        lambda s: [s.readiness(port="health"), s.endpoints("refused")],
        verify,
        (
            "no readinessProbe asks port 8080, the pods are Ready by HTTP on port 9100 (/healthz)",
            "when it is refused, let the pods of shop/api listen there, or correct targetPort",
        ),
        ("must answer 200", "50 firewall", "set backends.api.health_check"),
    ),
    Row(
        "the same, on the first page",
        lambda s: [s.readiness(port="health"), s.endpoints("refused")],
        status,
        ("no readinessProbe asks port 8080", "let the pods of shop/api listen there"),
        ("must answer 200", "50 firewall", "set backends.api.health_check"),
    ),
    Row(
        "a NetworkPolicy that lets nobody in",
        lambda s: [s.kube("POST", POLICIES, NOBODY), s.endpoints("timeout")],
        verify,
        (
            "NetworkPolicy shop/nobody lets 130.211.0.0/22 and 35.191.0.0/16 not in to port 8080",
            "add a NetworkPolicy for these pods with ingress from ipBlock",
        ),
        ("must answer 200", "50 firewall", "targetPort"),
    ),
    Row(
        "another page than the pods' own probe asks",
        lambda s: [s.readiness(path="/ready"), s.endpoints("status 404")],
        verify,
        (
            "/healthz must answer 200, and the pods' readinessProbe asks /ready there",
            "set backends.api.health_check.path to /ready",
        ),
        ("50 firewall", "targetPort", "port-forward"),
    ),
    Row(
        "a port on which the pods speak TLS",
        lambda s: [s.readiness(scheme="HTTPS"), s.endpoints("no HTTP answer")],
        verify,
        (
            "HTTP probes on port 8080, where the pods' readinessProbe speaks HTTPS",
            "set backends.api.health_check.type to HTTPS and backends.api.protocol to HTTPS",
        ),
        ("must answer 200", "50 firewall", "targetPort", "port-forward"),
    ),
    Row(
        "a policy of the organization above",
        lambda s: s.policy_of_the_organization(),
        verify,
        (
            "0 of 2: rule 900 of firewall policy corp denies 130.211.0.0/22 to tcp:8080",
            "hand this to whoever keeps that policy, where priority 899 is free: `gcloud compute "
            "firewall-policies rules create 899 --firewall-policy 1",
        ),
        ("50 firewall", "must answer 200", "--global-firewall-policy"),
    ),
    Row(
        "a policy of the region, before the rules",
        lambda s: s.policy_of_the_region(),
        verify,
        (
            "0 of 2: rule 900 of firewall policy near denies 130.211.0.0/22 to tcp:8080",
            "rules create 899 --firewall-policy near --firewall-policy-region us-central1",
        ),
        ("50 firewall", "must answer 200", "--global-firewall-policy", "green tcp:8080 rule 900"),
    ),
    Row(
        "closed, and kept by others",
        lambda s: s.compute("DELETE", "firewalls/shop-allow-lb-blue"),
        verify,
        (
            "firewall.manage is false: hand this to whoever keeps the firewall: `gcloud compute "
            "firewall-rules create shop-allow-lb-blue",
        ),
        ("run 50 firewall",),
        params={"firewall.manage": False},
    ),
    Row(
        "a target port that no container has",
        lambda s: [s.kube("PATCH", API, NAMED), s.advance()],
        verify,
        (
            "no container of its pods has a port of that name: 6 pods of shop/api are ready",
            "name the container's port as the Service's targetPort says",
        ),
        ("scaled to zero", "50 firewall", "must answer 200"),
    ),
    Row(
        "a cluster that does not answer",
        lambda s: s.direct("cluster-down", cluster="blue"),
        verify,
        ("cluster blue cannot be read: its endpoints may be frozen",),
        ("create Service annotation", "scaled to zero"),
    ),
    Row(
        "a cluster that is deleted",
        lambda s: s.delete_cluster(),
        verify,
        (
            "cluster blue is not in GKE any more: nobody is behind its NEGs",
            "serve from another cluster (edgebook plan operate/swap -p to CLUSTER",
        ),
        ("cluster-info", "roll no pods", "scaled to zero"),
    ),
    Row(
        "a cluster that is deleted, on the first page",
        lambda s: s.delete_cluster(),
        status,
        ("NOT HEALTHY", "cluster blue is not in GKE any more"),
        ("cannot be told", "cannot be read"),
    ),
    Row(
        "a teardown while its cluster does not answer",
        lambda s: s.direct("cluster-down", cluster="blue"),
        teardown,
        ("cluster blue does not answer, and it may be its: look again when it does",),
        ("run teardown again", "leaked"),
    ),
    Row(
        "a NEG controller that stands still while pods change",
        lambda s: s.stall(),
        verify,
        (
            "svcneg shop-api was last synced at",
            "GKE has not looked at the svcneg since",
            "roll no pods until its lastSyncTime moves on",
        ),
        ("belong to no pod", "must answer 200", "it takes seconds"),
    ),
    Row(
        "a controller that stands still, on the first page",
        lambda s: s.stall(),
        status,
        ("healthy now, but in doubt: shop-api blue: svcneg shop-api was last synced at",),
        ("NOT HEALTHY", "cannot be told"),
    ),
    Row(
        "a NEG of a cluster that is gone, attached beside ours",
        lambda s: s.foreign_neg("old-api", "shop", "api", "8080"),
        verify,
        (
            "shop-api old-api us-central1-a",
            "made for shop/api of cluster 01234567 port 8080, which is no cluster of the params",
            "its endpoints are as they were",
            "gcloud compute backend-services remove-backend shop-api --global "
            "--network-endpoint-group old-api --network-endpoint-group-zone us-central1-a",
        ),
        ("teardown", "run 60"),
    ),
    Row(
        "a record of ours that is taken away, on the first page",
        lambda s: s.take_away("*.shop.example.com."),
        status,
        ("NOT HEALTHY: *.shop.example.com has no A record; 1 change to make",),
        ("in doubt", "validation CNAME"),
    ),
    Row(
        "a validation CNAME that is taken away, on the first page",
        lambda s: s.take_away(challenge(s)),
        status,
        (
            "healthy now, but in doubt: the validation CNAME of shop.example.com is gone: its "
            "certificate will not be renewed; 1 change to make",
        ),
        ("NOT HEALTHY", "has no A record"),
    ),
    Row(
        "a hostname that is only wished for",
        lambda s: None,
        status,
        ("front door shop in shop-rehearsal: healthy; ",),
        ("NOT HEALTHY", "in doubt", "has no A record"),
        params={"hostnames": ["shop.example.com", "*.shop.example.com", "new.example.com"]},
    ),
    Row(
        "a live front door has no leaks",
        lambda s: None,
        leaks,
        ("nothing is left over",),
        ("teardown",),
    ),
    Row(
        "a private zone",
        lambda s: s.zone("inside", visibility="private"),
        preflight,
        ("private",),
        built=False,
        params={"dns.zone": "inside"},
    ),
]


# A second front door that serves from the NEGs of the first, under the same names.
SECOND = {
    "name": "second",
    "address.name": "second-edge",
    "certificate.name": "second",
    "hostnames": ["new.example.com"],
    "routes.0.hosts": ["new.example.com"],
    "checks": [],
}

# What passes by itself, or is seen by clients: staged there.
ELSEWHERE = {
    18: ("edgebook/test_faults.py", "test_412_is_read_again_and_merged"),
    19: ("edgebook/test_faults.py", "test_errors_that_pass_are_waited_for"),
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_it_is_told_by_its_cause_and_a_way_out(row: Row, staged: Staged) -> None:
    play(row, staged)


def test_none_of_the_thirty_is_left_out() -> None:
    numbers = {int(row.name.split()[0]) for row in ROWS if row.name[0].isdigit()}
    assert numbers | ELSEWHERE.keys() == set(range(1, 31))
    assert len({row.name for row in ROWS}) == len(ROWS) and all(row.says for row in ROWS)
    for file, name in ELSEWHERE.values():
        text = (Path(__file__).parents[1] / file).read_text(encoding="utf-8")
        assert f"def {name}(" in text, f"{file}::{name}"


def test_what_others_serve_from_is_served_after_a_teardown_too(staged: Staged) -> None:
    """A proxy of others on our URL map: its backends, their NEGs and the firewall stay."""
    staged.sim.admin("POST", "reset", {"to": "built"})
    staged.edits = {}
    stage = Stage(staged)
    stage.foreign_proxy()
    rule = {"name": "foreign", "target": f"{GLOBAL}/targetHttpsProxies/foreign",
            "portRange": "443", "loadBalancingScheme": "EXTERNAL_MANAGED"}  # fmt: skip
    stage.compute("POST", "forwardingRules", rule)
    teardown(staged)
    stage.advance()
    for entry in stage.compute("GET", "backendServices/shop-api")["backends"]:
        asked = {"group": entry["group"]}
        found = stage.compute("POST", "backendServices/shop-api/getHealth", asked)["healthStatus"]
        assert {one["healthState"] for one in found} == {"HEALTHY"} and len(found) == 2
    assert "shop-api" in stage.kube("GET", API)["metadata"]["annotations"][NEG]


def test_what_another_front_door_serves_from_is_not_left_over(staged: Staged) -> None:
    """Two front doors share NEGs: taking one down lists none of them, and the other serves on."""
    staged.sim.admin("POST", "reset", {"to": "built"})
    staged.edits = SECOND
    staged.book().apply("apply", "auto", show_progress=False)
    said = str(staged.book().teardown().apply("apply", "auto", show_progress=False))
    assert "detach it there" not in said and "made for" not in said
    assert staged.book().leaks().rows == ()
    staged.edits = {}
    assert staged.book().status().data["healthy"] is True
