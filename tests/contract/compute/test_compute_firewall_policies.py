"""Network firewall policies: rules, associations, and what they make of probes."""

from typing import Any

from google.cloud import compute_v1

POLICY = "global/firewallPolicies/corp"
DENY = {
    "action": "deny",
    "direction": "INGRESS",
    "priority": 100,
    "match": {
        "srcIpRanges": ["35.191.0.0/16"],
        "layer4Configs": [{"ipProtocol": "tcp", "ports": ["8080-8090"]}],
    },
}

PORT = {"ipProtocol": "tcp", "ports": ["http"]}


def test_rules_of_a_policy(gce: Any, sim: Any) -> None:
    gce.make("global/firewallPolicies", name="corp")
    predefined = gce.get(POLICY)["rules"]
    assert [rule["action"] for rule in predefined] == ["goto_next"] * 4
    gce.do("POST", f"{POLICY}/addRule", DENY)
    code, why, text = gce.refused("POST", f"{POLICY}/addRule", DENY)
    assert (code, why) == (400, "invalid") and "same priorities" in text
    gce.do("POST", f"{POLICY}/patchRule", {"action": "allow"}, priority="100")
    rule = gce.get(f"{POLICY}/getRule", priority="100")
    assert (rule["action"], rule["match"]) == ("allow", DENY["match"])

    client = sim.compute(compute_v1.NetworkFirewallPoliciesClient)
    seen = client.get(project=gce.project, firewall_policy="corp")
    assert [rule.priority for rule in seen.rules] == [100, *range(2147483644, 2147483648)]
    assert [one.name for one in client.list(project=gce.project)] == ["corp"]

    gce.make("global/firewallPolicies", name="other")
    source = {"sourceFirewallPolicy": POLICY}
    gce.do("POST", "global/firewallPolicies/other/cloneRules", None, **source)
    assert gce.get("global/firewallPolicies/other")["rules"][0]["priority"] == 100
    gce.do("POST", f"{POLICY}/removeRule", None, priority="100")
    assert len(gce.get(POLICY)["rules"]) == 4
    for verb, path, priority in (
        ("GET", "getRule", "100"),
        ("POST", "removeRule", "100"),
        ("POST", "removeRule", "2147483647"),
    ):
        assert gce.refused(verb, f"{POLICY}/{path}", None, priority=priority)[0] == 400


def test_rules_that_google_refuses(gce: Any) -> None:
    gce.make("global/firewallPolicies", name="corp")
    for wrong, says in (
        ({"action": "drop"}, "action"),
        ({"priority": 2147483640}, "priority"),
        ({"direction": None}, "direction"),
        ({"match": {"srcIpRanges": ["35.191.0.0/16"]}}, "layer4Configs"),
        ({"match": {"layer4Configs": [{"ipProtocol": "tcp"}]}}, "srcIpRanges"),
        ({"match": {**DENY["match"], "layer4Configs": [{}]}}, "ipProtocol"),
        ({"match": {**DENY["match"], "layer4Configs": [PORT]}}, "ports"),
        ({"match": {**DENY["match"], "srcIpRanges": ["35.191/16"]}}, "srcIpRanges[0]"),
    ):
        code, _, text = gce.refused("POST", f"{POLICY}/addRule", {**DENY, **wrong})
        assert code == 400 and says in text, wrong
    assert len(gce.get(POLICY)["rules"]) == 4
    for association, says in (
        ({"name": "a"}, "attachmentTarget"),
        ({"attachmentTarget": "x"}, "x"),
    ):
        body = {"name": "wrong", "associations": [association]}
        code, _, text = gce.refused("POST", "global/firewallPolicies", body)
        assert code in (400, 404) and says in text


def test_a_network_has_one_policy_and_keeps_it(gce: Any, sim: Any) -> None:
    gce.make("global/networks", name="apart", autoCreateSubnetworks=False)
    for name in ("corp", "other"):
        gce.make("global/firewallPolicies", name=name)
    link = {"attachmentTarget": gce.link("global/networks/apart"), "name": "apart"}
    gce.do("POST", f"{POLICY}/addRule", DENY)
    gce.do("POST", f"{POLICY}/addAssociation", link)
    assert gce.get(f"{POLICY}/getAssociation", name="apart")["shortName"] == "corp"
    other = "global/firewallPolicies/other"
    code, _, text = gce.refused("POST", f"{other}/addAssociation", {**link, "name": "again"})
    assert code == 400 and "already associated" in text and "corp" in text

    client = sim.compute(compute_v1.NetworksClient)
    (found,) = client.get_effective_firewalls(project=gce.project, network="apart").firewall_policys
    assert (found.name, found.type_, found.rules[0].action) == ("corp", "NETWORK", "deny")

    for path, noun in ((POLICY, "firewall_policy"), ("global/networks/apart", "network")):
        code, why, text = gce.refused("DELETE", path, None)
        assert (code, why) == (400, "resourceInUseByAnotherResource") and noun in text
    replace = {"replaceExistingAssociation": "true"}
    gce.do("POST", f"{other}/addAssociation", link, **replace)
    assert gce.get(POLICY)["associations"] == [] and gce.get(other)["associations"]
    gce.do("DELETE", POLICY)
    gce.do("POST", f"{other}/removeAssociation", None, name="apart")
    assert gce.refused("POST", f"{other}/removeAssociation", None, name="apart")[0] == 400
    assert gce.get("global/networks/apart/getEffectiveFirewalls") == {}
    gce.do("DELETE", "global/networks/apart")
