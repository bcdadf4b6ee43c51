"""Firewall policies: who is asked when, and which rule decides."""

from typing import Any

import pytest
from edgebook.model.firewall_rules import Answer, Verdict
from edgebook.verify.firewall_policies import BEFORE_RULES, Policies, decide

SOURCE, PORT = "35.191.0.0/16", 8443
MISSING, OPEN = Answer(Verdict.MISSING), Answer(Verdict.ALLOWED, ("ours",))


def rule(action: str, priority: int = 7, **match: Any) -> dict[str, Any]:
    match = {"srcIpRanges": ["0.0.0.0/0", "::/0"], "layer4Configs": [{"ipProtocol": "tcp"}]} | match
    return {"action": action, "priority": priority, "direction": "INGRESS", "match": match}


def policy(name: str, *rules: dict[str, Any], type: str = "HIERARCHY") -> dict[str, Any]:
    return {"name": name, "type": type, "rules": list(rules)}


def said(*policies: dict[str, Any], order: str = "", rules: Answer = OPEN) -> Answer:
    above = Policies.of({"firewallPolicys": list(policies)}, order)
    return decide(above, rules, source=SOURCE, port=PORT, network="default")


def tcp(*ports: str) -> dict[str, Any]:
    return {"layer4Configs": [{"ipProtocol": "tcp", "ports": list(ports)}]}


@pytest.mark.parametrize(
    ("rules", "denied"),
    [
        ([], False),
        ([rule("deny")], True),
        ([rule("deny", srcIpRanges=["10.0.0.0/8"])], False),
        ([rule("deny", srcIpRanges=["35.191.7.0/24"])], True),
        ([rule("deny", srcIpRanges=["::/0"])], False),
        ([rule("deny", **tcp("22"))], False),
        ([rule("deny", **tcp("8000-9000"))], True),
        ([rule("deny", layer4Configs=[{"ipProtocol": "udp"}])], False),
        ([rule("deny", layer4Configs=[])], True),
        ([rule("deny", srcIpRanges=[])], True),
        ([rule("deny", srcIpRanges=[], srcRegionCodes=["US"])], False),
        ([rule("deny", 2), rule("allow", 1)], False),
        ([rule("deny", 2), rule("allow", 1, srcIpRanges=["35.191.7.0/24"])], True),
        ([rule("deny", 2), rule("goto_next", 1)], False),
        ([rule("deny") | {"disabled": True}], False),
        ([rule("deny") | {"direction": "EGRESS"}], False),
        ([rule("deny") | {"targetResources": ["projects/p/global/networks/other"]}], False),
        ([rule("deny") | {"targetResources": ["projects/p/global/networks/default"]}], True),
    ],
)
def test_a_policy_above_the_network_is_asked_first(rules: list[Any], denied: bool) -> None:
    answer = said(policy("org", *rules))
    assert (answer.verdict is Verdict.DENIED) is denied
    assert not denied or answer.by[0].endswith("of firewall policy org")


def test_the_next_one_is_asked_after_goto_next() -> None:
    answer = said(policy("org", rule("goto_next"), rule("deny", 9)), policy("folder", rule("deny")))
    assert answer.by == ("rule 7 of firewall policy folder",)


def test_a_network_policy_comes_when_the_network_says() -> None:
    corp = policy("corp", rule("deny"), type="NETWORK")
    assert said(corp).verdict is Verdict.ALLOWED, "our own rule spoke before"
    assert said(corp, order=BEFORE_RULES).verdict is Verdict.DENIED
    assert said(corp, rules=MISSING).by == ("rule 7 of firewall policy corp",)
    lets_in = policy("corp", rule("allow"), type="NETWORK")
    assert said(lets_in, rules=MISSING).verdict is Verdict.ALLOWED
    denied = Answer(Verdict.DENIED, ("deny-all",))
    assert said(lets_in, rules=denied) == denied
    assert said(rules=MISSING) == MISSING


@pytest.mark.parametrize("field", ["targetServiceAccounts", "targetSecureTags"])
def test_what_aims_at_accounts_or_tags_is_not_known(field: str) -> None:
    assert said(policy("org", rule("deny") | {field: ["x"]})).verdict is Verdict.UNSURE
