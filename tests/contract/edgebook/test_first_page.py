"""Hands on a front door that serves: each is seen by a verify, and by the first page where users
feel it.

Rows as in `test_neighbours`. What was called healthy once, though nobody came in, stands here.
"""

from typing import Any

import pytest

from tests.contract.edgebook.conftest import Staged
from tests.contract.edgebook.staging import API, GLOBAL, Row, Stage, play, record, status, verify
from tests.contract.edgebook.test_neighbours import change_entries

ENTRIES = "certificateMaps/shop/certificateMapEntries"
WILDCARD = "*.shop.example.com."
DENIES = {
    "action": "deny(403)", "priority": 2147483647,
    "match": {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ["*"]}},
}  # fmt: skip
GONE_ENTRY = "it comes here, and no entry of the map is for it"


def armed(stage: Stage, *rules: dict[str, Any]) -> None:
    """Somebody hangs a Cloud Armor policy in front of the api."""
    stage.compute("POST", "securityPolicies", {"name": "siege", "rules": [*rules, DENIES]})
    stage.advance(60)
    policy = {"securityPolicy": f"{GLOBAL}/securityPolicies/siege"}
    stage.compute("POST", "backendServices/shop-api/setSecurityPolicy", policy)
    stage.advance()


def allowing(stage: Stage) -> None:
    match = {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ["203.0.113.0/24"]}}
    armed(stage, {"action": "allow", "priority": 10, "match": match})


def set_by_hand(stage: Stage, **fields: Any) -> None:
    found = stage.compute("GET", "backendServices/shop-api")
    body = {**fields, "fingerprint": found["fingerprint"]}
    stage.compute("PATCH", "backendServices/shop-api", body)
    stage.advance()


def answers(stage: Stage, name: str, type_: str, *data: str) -> None:
    rows = [row for row in stage.dns("GET", "rrsets")["rrsets"]
            if (row["name"], row["type"]) == (name, type_)]  # fmt: skip
    change = {"deletions": rows, "additions": [record(name, type_, *data)]}
    stage.dns("POST", "changes", change)
    stage.advance(60)


def also_elsewhere(stage: Stage) -> None:
    ours = stage.compute("GET", "addresses/shop-edge")["address"]
    answers(stage, WILDCARD, "A", ours, "203.0.113.9")


def on_another_address(stage: Stage) -> None:
    """Somebody makes our forwarding rule anew, with an address of theirs."""
    target = stage.compute("GET", "forwardingRules/shop-web")["target"]
    stage.compute("DELETE", "forwardingRules/shop-web")
    stage.advance(60)
    stage.compute("POST", "addresses", {"name": "theirs"})
    stage.advance(60)
    rule = {"name": "shop-web", "IPAddress": f"{GLOBAL}/addresses/theirs", "portRange": "443",
            "target": target, "loadBalancingScheme": "EXTERNAL_MANAGED"}  # fmt: skip
    stage.compute("POST", "forwardingRules", rule)
    stage.advance()


def denied_by_account(stage: Stage) -> None:
    where = "v1/projects/shop-rehearsal/locations/us-central1/clusters/blue"
    pools = stage.door.wire.request("container", "GET", where)["nodePools"]
    rule = {"name": "deny-sa", "network": f"{GLOBAL}/networks/default", "priority": 500,
            "denied": [{"IPProtocol": "tcp"}],
            "targetServiceAccounts": [pools[0]["config"]["serviceAccount"]]}  # fmt: skip
    stage.compute("POST", "firewalls", rule)
    stage.advance()


def led_away(stage: Stage, place: str) -> None:
    """Somebody leads a place of our URL map to what is theirs."""
    theirs = {"name": "theirs", "loadBalancingScheme": "EXTERNAL_MANAGED", "protocol": "HTTP"}
    stage.compute("POST", "backendServices", theirs)
    stage.compute("POST", "backendBuckets", {"name": "static", "bucketName": "static-site"})
    stage.advance(60)
    found = {**stage.compute("GET", "urlMaps/shop"), "tests": []}
    (matcher,) = found["pathMatchers"]
    if place == "default":
        found["defaultService"] = f"{GLOBAL}/backendServices/theirs"
    elif place == "path":
        matcher["pathRules"][0]["service"] = f"{GLOBAL}/backendServices/theirs"
    else:
        matcher["defaultService"] = f"{GLOBAL}/backendBuckets/static"
    stage.compute("PUT", "urlMaps/shop", found)
    stage.advance()


def to_another_number(stage: Stage) -> None:
    """Somebody gives the Service a targetPort by a number that no container names."""
    (port,) = stage.kube("GET", API)["spec"]["ports"]
    stage.kube("PATCH", API, {"spec": {"ports": [{**port, "targetPort": 9999}]}})
    stage.advance(1200)


ROWS = (
    Row(
        "all NEGs taken off, on the first page",
        lambda s: change_entries(s, lambda entries: []),
        status,
        (
            "NOT HEALTHY: shop-api: no NEG is attached, and requests are led there",
            "run 60 backends: it attaches them",
        ),
        ("rehearsal: healthy;", "50 firewall"),
    ),
    Row(
        "all NEGs taken off, in a verify",
        lambda s: change_entries(s, lambda entries: []),
        verify,
        ("failed endpoints HEALTHY shop-api no NEG is attached, and requests are led there",),
        ("not there yet: 60 Backends creates it endpoints", "50 firewall"),
    ),
    Row(
        "a zone taken off",
        lambda s: change_entries(s, lambda entries: entries[1:]),
        verify,
        (
            "2 ready pods in us-central1-a get no traffic: a zone's NEG is not attached",
            "or somebody took it off",
        ),
        ("it takes seconds", "are no endpoint"),
    ),
    Row(
        "other balancing, on the first page",
        lambda s: change_entries(s, lambda e: [{**x, "maxRatePerEndpoint": 0.1} for x in e]),
        status,
        ("1 change to make (backends shop-api: balancing of 3 NEGs)",),
        ("NOT HEALTHY",),
    ),
    Row(
        "a policy that lets nobody in",
        armed,
        status,
        (
            "NOT HEALTHY: shop-api: policy siege lets nobody in: its rule 2147483647 denies",
            '--security-policy ""`',
        ),
        ("rehearsal: healthy;",),
    ),
    Row(
        "a policy that lets nobody in, in a verify",
        armed,
        verify,
        ("failed Cloud Armor lets users in shop-api policy siege lets nobody in",),
    ),
    Row(
        "a policy that lets some in",
        allowing,
        verify,
        ("uncertain nothing set by hand backend service shop-api securityPolicy is siege",),
        (" failed ", "lets nobody in"),
    ),
    Row(
        "a login that was put in front by hand",
        lambda s: set_by_hand(
            s, iap={"enabled": True, "oauth2ClientId": "x", "oauth2ClientSecret": "y"}
        ),
        status,
        ("in doubt: backend service shop-api: iap.enabled is true and not in the params",),
        ("NOT HEALTHY",),
    ),
    Row(
        "a name that answers another address beside ours",
        also_elsewhere,
        verify,
        ("uncertain A record answers *.shop.example.com also answers 203.0.113.9",),
        ("it is the cut-over; *.shop",),
    ),
    Row(
        "the same, on the first page",
        also_elsewhere,
        status,
        ("in doubt: *.shop.example.com: also answers 203.0.113.9",),
        ("rehearsal: healthy;", "NOT HEALTHY"),
    ),
    Row(
        "an AAAA record that leads elsewhere, on the first page",
        lambda s: answers(s, WILDCARD, "AAAA", "2001:db8::9"),
        status,
        ("in doubt: *.shop.example.com./AAAA: AAAA to 2001:db8::9, TTL 300 stays",),
        ("NOT HEALTHY",),
    ),
    Row(
        "a CAA record that forbids the renewal, on the first page",
        lambda s: answers(s, "shop.example.com.", "CAA", '0 issue "other.org"'),
        status,
        ("in doubt: CAA keeps shop.example.com from being renewed",),
        ("NOT HEALTHY",),
    ),
    Row(
        "a CAA record that forbids the wildcard only",
        lambda s: answers(s, "shop.example.com.", "CAA", '0 issuewild ";"'),
        verify,
        ('add: shop.example.com. CAA 0 issuewild "pki.goog"',),
        ('CAA 0 issue "pki.goog"',),
    ),
    Row(
        "a CAA record that says nothing of issuing",
        lambda s: answers(s, "shop.example.com.", "CAA", '0 iodef "mailto:a@example.com"'),
        verify,
        ("CAA of shop.example.com forbids nobody",),
        (" failed ", "names it"),
    ),
    Row(
        "a zone that nobody asks any more, on the first page",
        lambda s: s.direct("domain-undelegate", domain="example.com"),
        status,
        (
            "NOT HEALTHY: *.shop.example.com: resolvers get no answer (NXDOMAIN), though",
            "enter the zone's name servers at the registrar",
        ),
        ("run 10", "rehearsal: healthy;"),
    ),
    Row(
        "a zone that nobody asks any more, in a verify",
        lambda s: s.direct("domain-undelegate", domain="example.com"),
        verify,
        ("NXDOMAIN; the record stands in the zone, so nobody asks that zone",),
        ("run 10 address and DNS",),
    ),
    Row(
        "an entry of the map that is gone, on the first page",
        lambda s: s.certs("DELETE", f"{ENTRIES}/wildcard-shop-example-com"),
        status,
        (f"NOT HEALTHY: *.shop.example.com: {GONE_ENTRY}", "run 20 certificate: it makes it"),
        ("primary: the map has no entry",),
    ),
    Row(
        "the entry for clients without a name, on the first page",
        lambda s: s.certs("DELETE", f"{ENTRIES}/primary"),
        status,
        ("NOT HEALTHY: primary: the map has no entry for clients without a name of its own",),
        (GONE_ENTRY,),
    ),
    Row(
        "our rule on an address of theirs, on the first page",
        on_another_address,
        status,
        ("NOT HEALTHY: forwarding rule shop-web: exists and was not created by edgebook",),
        ("rehearsal: healthy;",),
    ),
    Row(
        "our rule on an address of theirs, in a verify",
        on_another_address,
        verify,
        ("failed nothing left to change certificate-map forwarding rule shop-web exists and was",),
    ),
    Row(
        "a deny rule for the nodes' service account",
        denied_by_account,
        verify,
        ("rule deny-sa denies 130.211.0.0/22 to tcp:8080", "set firewall.priority below 500"),
        ("must answer 200", "ok firewall allows"),
    ),
    Row(
        "names that are led to a bucket of theirs, on the first page",
        lambda s: led_away(s, "names"),
        status,
        (
            "NOT HEALTHY: URL map shop: somebody leads *.shop.example.com, shop.example.com to "
            "backend bucket static: users get what the params do not name; 1 change to make",
            "run 30 frontends: it leads them back; and find out who led them away",
        ),
        ("rehearsal: healthy;",),
    ),
    Row(
        "a path that is led to a service of theirs, in a verify",
        lambda s: led_away(s, "path"),
        verify,
        (
            "somebody leads *.shop.example.com, shop.example.com /api/* to backend service theirs",
            "shop-api blue the URL map leads its requests elsewhere",
            "run 30 frontends, then 60 backends: it leads them back",
        ),
        ("40 certificate map", "no forwarding rule leads there", "the frontend is not there"),
    ),
    Row(
        "a default that none of our names comes to, on the first page",
        lambda s: led_away(s, "default"),
        status,
        (
            "in doubt: URL map shop: somebody leads hosts without a rule to backend service theirs",
            "run 30 frontends: it leads them back",
        ),
        ("NOT HEALTHY", "users get"),
    ),
    Row(
        "paths that an edit of the params leads to another backend of ours",
        lambda s: None,
        status,
        ("rehearsal: healthy; 1 change to make (URL map shop: ",),
        ("somebody", "NOT HEALTHY"),
        params={"routes.0.paths": {"/api/*": "web", "/orders/*": "api"}},
    ),
    Row(
        "a targetPort by a number that no container names, on the first page",
        to_another_number,
        status,
        (
            "the pods of shop/api name 8080; the endpoints are on 9999; and tcp:9999 is closed",
            "correct targetPort of Service shop/api (port 8080), or let the pods listen on 9999; "
            "only when they listen there: run 50 firewall",
        ),
        ("but the pods listen on 9999",),
    ),
    Row(
        "a targetPort by a number that no container names, in a verify",
        to_another_number,
        verify,
        (
            "the pods of shop/api name 8080; the endpoints are on 9999; and tcp:9999 is closed",
            "correct targetPort of Service shop/api (port 8080), or let the pods listen on 9999; "
            "only when they listen there: run 50 firewall",
        ),
        ("but the pods listen on 9999",),
    ),
)


def test_the_steps_that_it_names_lead_requests_back(staged: Staged) -> None:
    staged.sim.admin("POST", "reset", {"to": "built"})
    staged.edits = {}
    led_away(Stage(staged), "path")
    for step in ("frontends", "backends"):
        staged.book().step(step).apply("apply", "auto", show_progress=False)
    assert staged.book().status().data["problems"] == []
    assert staged.book().status().data["doubts"] == []
    assert staged.book().door.read().plan.empty


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_hands_did_is_seen(row: Row, staged: Staged) -> None:
    play(row, staged)


def test_a_world_that_is_put_back_has_its_old_cluster(staged: Staged) -> None:
    """A cluster that was made anew has another uid, and would refuse the NEGs of the old one."""
    staged.sim.admin("POST", "reset", {"to": "built"})
    staged.edits = {}
    stage = Stage(staged)
    stage.delete_cluster()
    stage.cluster("blue", useIpAliases=True)
    stage.advance()
    staged.sim.admin("POST", "reset", {"to": "built"})
    stage.advance()
    assert staged.book().status().data["healthy"] is True
    assert staged.book().verify().data["counts"]["failed"] == 0
