"""Cloud Armor policies, step by step as in recorded traffic of the real Compute Engine."""

from typing import Any

PATH = "global/securityPolicies"
LAST = 2147483647


def matches(*ranges: str) -> dict[str, Any]:
    return {"config": {"srcIpRanges": list(ranges)}, "versionedExpr": "SRC_IPS_V1"}


def rules(wire: Any) -> dict[int, str]:
    """Priority and number of every rule, in the order in which they are shown."""
    return {rule["priority"]: rule["ruleNumber"] for rule in wire.get(f"{PATH}/sp")["rules"]}


def test_a_policy_and_its_rules(wire: Any) -> None:
    """Recorded: insert with two rules, AddRule twice, PatchRule of the default, RemoveRule."""
    policy = wire.make(
        PATH,
        name="sp",
        rules=[
            {"action": "deny(403)", "match": matches("*"), "priority": LAST, "headerAction": {}},
            {"action": "allow", "match": matches("192.0.2.0/24"), "priority": 1000},
        ],
    )
    assert policy["type"] == "CLOUD_ARMOR"
    assert policy["selfLinkWithId"] == wire.link(f"{PATH}/{policy['id']}")
    assert {"fingerprint", "labelFingerprint"} < set(policy)
    assert rules(wire) == {1000: "2", LAST: "1"}
    assert policy["rules"][1] == {
        "action": "deny(403)",
        "headerAction": {},
        "kind": "compute#securityPolicyRule",
        "match": matches("*"),
        "preview": False,
        "priority": LAST,
        "ruleNumber": "1",
    }
    new = {"action": "deny(502)", "match": matches("198.51.100.0/24"), "priority": 555}
    assert wire.do("POST", f"{PATH}/sp/addRule", new)["operationType"] == "AddRule"
    first = {"action": "deny(403)", "match": matches("203.0.113.0/24"), "preview": False}
    wire.do("POST", f"{PATH}/sp/addRule", first)
    assert rules(wire) == {0: "4", 555: "3", 1000: "2", LAST: "1"}
    change = wire.do(
        "POST", f"{PATH}/sp/patchRule?priority={LAST}&updateMask=", {"action": "allow"}
    )
    assert change["operationType"] == "PatchRule"
    assert wire.get(f"{PATH}/sp")["rules"][-1]["action"] == "allow"
    gone = wire.do("POST", f"{PATH}/sp/removeRule?priority=1000")
    assert gone["operationType"] == "RemoveRule"
    assert rules(wire) == {0: "4", 555: "3", LAST: "1"}


def test_inserting_and_deleting_are_called_so(wire: Any) -> None:
    assert wire.do("POST", PATH, {"name": "sp"})["operationType"] == "insert"
    assert wire.do("DELETE", f"{PATH}/sp")["operationType"] == "delete"


def test_a_policy_read_from_here_may_be_sent_back(wire: Any) -> None:
    """What an answer holds, a request may hold: clients PATCH whole objects."""
    policy = wire.make(PATH, name="sp")
    wire.do("PATCH", f"{PATH}/sp", {**policy, "description": "new"})
    assert wire.get(f"{PATH}/sp")["description"] == "new"
    assert rules(wire) == {LAST: "1"}
