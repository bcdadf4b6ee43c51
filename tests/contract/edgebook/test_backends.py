"""NEGs, zones, health and the firewall in front of them, as they change under a front door."""

import json

import pytest
from edgebook.base.errors import StepFailed

ANNOTATION = "cloud.google.com/neg"
CONTROLLER = "api/v1/namespaces/ingress-nginx/services/ingress-nginx-controller"


def applied(shop, **changes):
    book = shop.book(**changes)
    book.apply("apply", "auto", show_progress=False)
    return book


def states(table, check):
    return {item["subject"]: item for item in table.data["checks"] if item["check"] == check}


def test_a_new_zone_is_noticed_and_attached(shop):
    book = shop.stand()
    shop.sim.admin("POST", "stage/node-add", {"cluster": "blue", "zone": "us-central1-f"})
    shop.sim.advance(120)
    plan = book.plan()
    sentences = [change.sentence for change in plan.plan.to_do]
    assert any("attach us-central1-f of blue" in sentence for sentence in sentences)
    with pytest.raises(StepFailed) as failed:
        book.step("backends").verify()
    assert "us-central1-f" in str(failed.value)
    book.apply("apply", plan.hash, show_progress=False)
    assert book.plan().empty
    zones = {row.cells["zone"] for row in book.backends().rows}
    assert "us-central1-f" in zones


def test_without_a_firewall_rule_the_gate_says_so(shop):
    """The closed firewall of EXAMPLES' failure at 3 a.m.: why, what was seen, what to do."""
    backends = shop.params()["backends"]
    with pytest.raises(StepFailed) as failed:
        applied(shop, firewall={"manage": False}, backends=backends)
    error = failed.value
    assert "endpoints HEALTHY" in error.what
    assert "cannot reach" in error.why or "connects to the pods' own port" in error.why
    # It is not ours to open, so 50 firewall would lead back here: the rule to hand on is told.
    assert "shop-" in error.seen
    assert "gcloud compute firewall-rules create shop-allow-lb-blue" in error.next
    assert "50 firewall" not in error.next
    assert "changes are done and journaled" in error.state
    book = applied(shop)
    assert book.plan().empty
    assert book.verify().data["counts"]["failed"] == 0


def test_a_firewall_policy_before_our_rules_is_named_beforehand_and_afterwards(shop):
    """Rules of ours cannot open what a policy closes: who can, with which line."""
    wire = shop.book().door.wire

    def ask(verb, path, body=None):
        wire.request(
            "compute", verb, f"compute/v1/projects/shop-rehearsal/global/{path}", body=body
        )

    policy, rule = "firewallPolicies/corp", {
        "action": "deny", "direction": "INGRESS", "priority": 900,
        "match": {"srcIpRanges": ["0.0.0.0/0"],
                  "layer4Configs": [{"ipProtocol": "tcp", "ports": ["8080"]}]},
    }  # fmt: skip
    ask("POST", "firewallPolicies", {"name": "corp"})
    ask("POST", f"{policy}/addRule", rule)
    target = "projects/shop-rehearsal/global/networks/default"
    ask("POST", f"{policy}/addAssociation", {"name": "here", "attachmentTarget": target})
    assert shop.book().preflight().data["counts"]["failed"] == 0, "asked after the network's rules"
    order = "networkFirewallPolicyEnforcementOrder"
    ask("PATCH", "networks/default", {order: "BEFORE_CLASSIC_FIREWALL"})

    says = "rule 900 of firewall policy corp denies 130.211.0.0/22 to tcp:8080"
    line = (
        "gcloud compute network-firewall-policies rules create 899 --firewall-policy corp "
        "--global-firewall-policy --direction INGRESS --action allow"
    )
    with pytest.raises(StepFailed) as failed:
        shop.book().preflight()
    assert says in str(failed.value) and line in str(failed.value)
    with pytest.raises(StepFailed) as failed:
        applied(shop)
    assert says in failed.value.seen and line in failed.value.next
    assert "50 firewall" not in failed.value.next
    with pytest.raises(StepFailed) as failed:
        shop.book().step("backends").verify()
    assert "firewall policy corp" in str(failed.value)

    allow = {**rule, "action": "allow", "priority": 899}
    allow["match"] = {**rule["match"], "srcIpRanges": ["130.211.0.0/22", "35.191.0.0/16"]}
    ask("POST", f"{policy}/addRule", allow)
    book = applied(shop)
    assert book.verify().data["counts"]["failed"] == 0
    by = [row.cells["by"] for row in book.firewall().rows if row.cells["port"] == "tcp:8080"]
    assert set(by) == {"rule 899 of firewall policy corp"}
    shop.fault(service="compute", path="*getEffectiveFirewalls", code=403, times=0,
               reason="forbidden", message="Required permission")  # fmt: skip
    checks = states(shop.book().step("firewall").verify(), "firewall allows")
    assert checks[target]["state"] == "uncertain" and "cannot be read" in checks[target]["reason"]
    assert "compute.networks.getEffectiveFirewalls" in checks[target]["remedy"]
    assert [item["state"] for item in checks.values()].count("ok") > 1, (
        "the rules are read all the same"
    )
    shop.calm()


def test_ingress_true_is_taken_out_of_the_annotation(shop):
    book = shop.book()
    kube = book.door.reader.cluster("blue")
    text = json.dumps({"ingress": True, "exposed_ports": {"80": {}}})
    kube.patch(CONTROLLER, {"metadata": {"annotations": {ANNOTATION: text}}})
    applied(shop)
    content = json.loads(kube.find(CONTROLLER)["metadata"]["annotations"][ANNOTATION])
    assert content == {"exposed_ports": {"80": {}, "443": {"name": "shop-web"}}}
    assert book.plan().empty


def test_a_backend_that_is_taken_out_leaves_nothing_and_comes_back_under_another_name(shop):
    """Nothing in the params leads to its Service any more: its attached NEG does.

    The annotation stayed, GKE kept the NEGs, and the next name was refused: "another tool made it".
    """
    path = "api/v1/namespaces/shop/services/api"
    kube = shop.book().door.reader.cluster("blue")
    named = shop.params()["backends"]
    named["api"]["neg"]["name"] = "shop-api-{cluster}"
    applied(shop, backends=named)
    negs = "compute/v1/projects/shop-rehearsal/zones/us-central1-a/networkEndpointGroups"
    shop.sim.advance(60)

    def of_api(book):
        found = book.door.wire.get("compute", negs).get("items") or ()
        return [neg["name"] for neg in found if neg["name"].startswith("shop-api")]

    book = applied(shop)
    assert of_api(book)
    routes = shop.params()["routes"]
    routes[0]["paths"] = {}
    rest = {name: value for name, value in shop.params()["backends"].items() if name != "api"}
    book = applied(shop, backends=rest, routes=routes)
    assert ANNOTATION not in kube.find(path)["metadata"].get("annotations", {})
    shop.sim.advance(300)
    assert of_api(book) == [], "GKE collects what no annotation names"
    assert book.plan().empty
    book = applied(shop, backends=named)
    content = json.loads(kube.find(path)["metadata"]["annotations"][ANNOTATION])
    assert content["exposed_ports"]["8080"] == {"name": "shop-api-blue"}
    assert book.plan().empty


def test_a_name_that_is_taken_is_explained(shop):
    """Another Service's NEG has our custom name: GKE refuses, and says so in the svcneg."""
    book = shop.book()
    scope = "compute/v1/projects/shop-rehearsal/zones/us-central1-a/networkEndpointGroups"
    said = {"cluster-uid": "other", "namespace": "x", "service-name": "y", "port": "1"}
    body = {"name": "shop-web", "networkEndpointType": "GCE_VM_IP_PORT",
            "network": "projects/shop-rehearsal/global/networks/default",
            "description": json.dumps(said)}  # fmt: skip
    book.door.wire.request("compute", "POST", scope, body=body)
    with pytest.raises(StepFailed) as failed:
        book.apply("apply", "auto", show_progress=False)
    assert "neg.name" in failed.value.next and "conflicting description" in failed.value.seen


def test_a_missing_service_blocks_before_anything_is_changed(shop):
    params = shop.params()["backends"]
    params["web"]["neg"]["service"] = "no-such-service"
    book = shop.book(backends=params)
    with pytest.raises(StepFailed) as failed:
        book.preflight()
    assert "no-such-service" in str(failed.value)
    with pytest.raises(Exception, match="in the way"):
        book.apply("apply", "auto", show_progress=False)
    assert all(e["verb"] == "GET" or e["method"] == "testIamPermissions" for e in shop.log())


def test_endpoints_say_since_when_they_are_as_they_are(shop):
    book = shop.stand()
    first = book.endpoints()
    assert list(first.frame.columns) == [
        "backend", "cluster", "zone", "NEG", "endpoint", "health",
    ]  # fmt: skip
    assert set(first.frame["health"]) == {"HEALTHY"}
    shop.sim.admin("POST", "stage/zone-down", {"zone": "us-central1-a"})
    shop.sim.advance(120)
    second = book.endpoints()
    bad = [row.cells for row in second.rows if row.cells["health"] != "HEALTHY"]
    assert bad and all(row["zone"] == "us-central1-a" for row in bad)
    assert all(row["since"] for row in bad)
    assert "since" in second.columns
    assert "rgba(220" in second._repr_html_()


def test_tables_show_themselves_everywhere(shop):
    book = shop.stand()
    for name in ("certificates", "endpoints", "dns", "frontends", "firewall", "backends"):
        table = getattr(book, name)()
        assert len(table.frame) == len(table) > 0, name
        assert str(table) and "<table" in table._repr_html_()
        json.dumps(table.to_json())
    status = book.status()
    assert "nothing to change" in str(status) and json.dumps(status.to_json())
    assert book.topology().data["edges"]
