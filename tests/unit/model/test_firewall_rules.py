"""What Google's firewall lets through: rules, priorities, denies, ranges."""

import json

import pytest
from edgebook.base.errors import ApiError
from edgebook.model.firewall_rules import Verdict, evaluate, speaks_of

SOURCE, PORT, TAGS = "35.191.0.0/16", 8443, ["gke-blue-1-node"]


def rule(name, **more):
    body = {"name": name, "network": "global/networks/default", "priority": 1000}
    return {**body, "allowed": [{"IPProtocol": "tcp", "ports": ["8443"]}], **more}


def verdict(*rules):
    found = evaluate(rules, network="default", source=SOURCE, port=PORT, tags=TAGS)
    return found.verdict, found.rules


def test_firewall_without_a_rule_denies():
    assert verdict() == (Verdict.MISSING, ())


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"sourceRanges": [SOURCE]}, Verdict.ALLOWED),
        ({"sourceRanges": ["35.191.0.0/17"]}, Verdict.MISSING),
        ({"sourceRanges": ["35.191.0.0/17", "35.191.128.0/17"]}, Verdict.ALLOWED),
        ({"sourceRanges": ["0.0.0.0/0"]}, Verdict.ALLOWED),
        ({"sourceRanges": [SOURCE], "targetTags": ["gke-blue-1-node"]}, Verdict.ALLOWED),
        ({"sourceRanges": [SOURCE], "targetTags": ["other"]}, Verdict.MISSING),
        ({"sourceRanges": [SOURCE], "disabled": True}, Verdict.MISSING),
        ({"sourceRanges": [SOURCE], "direction": "EGRESS"}, Verdict.MISSING),
        ({"sourceRanges": [SOURCE], "network": "global/networks/other"}, Verdict.MISSING),
        ({"sourceTags": ["bastion"]}, Verdict.MISSING),
        ({"sourceRanges": [SOURCE], "targetServiceAccounts": ["a@b"]}, Verdict.UNSURE),
    ],
)
def test_firewall_of_one_rule(more, expected):
    assert verdict(rule("one", **more))[0] is expected


@pytest.mark.parametrize(
    ("accounts", "expected"),
    [
        (None, Verdict.UNSURE),
        (["nodes@p"], Verdict.DENIED),
        (["others@p"], Verdict.ALLOWED),
        (["default"], Verdict.ALLOWED),
    ],
)
def test_a_denial_for_service_accounts(accounts, expected):
    denies = rule("deny", priority=500, sourceRanges=[SOURCE], targetServiceAccounts=["nodes@p"])
    denies["denied"] = denies.pop("allowed")
    rules = [denies, rule("one", sourceRanges=[SOURCE])]
    found = evaluate(
        rules, network="default", source=SOURCE, port=PORT, tags=TAGS, accounts=accounts
    )
    assert found.verdict is expected


def test_the_account_of_compute_engine_is_called_default():
    account = "1-compute@developer.gserviceaccount.com"
    allows = rule("one", sourceRanges=[SOURCE], targetServiceAccounts=[account])
    found = evaluate(
        [allows], network="default", source=SOURCE, port=PORT, tags=TAGS, accounts=["default"]
    )
    assert found.verdict is Verdict.ALLOWED


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ([{"IPProtocol": "tcp"}], Verdict.ALLOWED),
        ([{"IPProtocol": "all"}], Verdict.ALLOWED),
        ([{"IPProtocol": "6", "ports": ["8000-9000"]}], Verdict.ALLOWED),
        ([{"IPProtocol": "tcp", "ports": ["443"]}], Verdict.MISSING),
        ([{"IPProtocol": "udp"}], Verdict.MISSING),
    ],
)
def test_firewall_ports_and_protocols(allowed, expected):
    assert verdict(rule("one", sourceRanges=[SOURCE], allowed=allowed))[0] is expected


def test_firewall_denies_by_priority():
    allow = rule("allow", sourceRanges=[SOURCE])
    deny = {k: v for k, v in rule("deny", sourceRanges=["35.191.7.0/24"]).items() if k != "allowed"}
    deny["denied"] = [{"IPProtocol": "all"}]
    assert verdict(allow, {**deny, "priority": 999}) == (Verdict.DENIED, ("deny",))
    assert verdict(allow, {**deny, "priority": 1000}) == (Verdict.DENIED, ("deny",))
    assert verdict(allow, {**deny, "priority": 1001}) == (Verdict.ALLOWED, ("allow",))


def test_a_rule_without_a_priority_has_1000():
    allow = rule("allow", sourceRanges=[SOURCE])
    bare = {k: v for k, v in allow.items() if k != "priority"}
    deny = {k: v for k, v in rule("deny", sourceRanges=[SOURCE]).items() if k != "allowed"}
    deny["denied"] = [{"IPProtocol": "all"}]
    assert verdict(bare, {**deny, "priority": 1001}) == (Verdict.ALLOWED, ("allow",))
    assert verdict(bare, {**deny, "priority": 1000}) == (Verdict.DENIED, ("deny",))


def test_rules_for_elsewhere_say_nothing():
    deny = {k: v for k, v in rule("deny", sourceRanges=["10.0.0.0/8"]).items() if k != "allowed"}
    deny |= {"denied": [{"IPProtocol": "all"}], "priority": 1}
    assert verdict(rule("allow", sourceRanges=[SOURCE]), deny) == (Verdict.ALLOWED, ("allow",))
    both = rule("both", sourceRanges=["10.0.0.0/8", "35.191.0.0/17"])
    assert verdict(both) == (Verdict.MISSING, ("both",))


def test_firewall_names_what_speaks_of_the_source():
    near = rule("near", sourceRanges=[SOURCE], allowed=[{"IPProtocol": "tcp", "ports": ["443"]}])
    assert speaks_of([near], SOURCE, TAGS) == ["near tcp:443"]


def test_firewall_ipv6():
    six = rule("six", sourceRanges=["2600:2d00:1:1::/64"])
    found = evaluate([six], network="default", source="2600:2d00:1:1::/64", port=8443, tags=TAGS)
    assert found.verdict is Verdict.ALLOWED


def error(code, reason="", status="", operation="", message=""):
    return ApiError(
        "x", code=code, reason=reason, status=status, operation=operation, message=message
    )


def body(code, message, reason="", **more):
    errors = [{"message": message, "domain": "global", "reason": reason}] if reason else []
    return json.dumps({"error": {"code": code, "message": message, "errors": errors, **more}})


def node(name, zone, ready="True", **labels):
    return {
        "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone, **labels}},
        "spec": {},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }
