"""Cloud Armor security policies and their rules."""

from gcpsim.compute.collections.policy_rules import PolicyRules
from gcpsim.compute.engine import links
from gcpsim.compute.engine.resources import Doc, Draft, Kind, Resources
from gcpsim.core.errors import invalid, required
from gcpsim.core.paths import parent_of

DEFAULT_PRIORITY = 2147483647


def _default_rule() -> Doc:
    return {
        "kind": "compute#securityPolicyRule",
        "action": "allow",
        "description": "default rule",
        "match": {"config": {"srcIpRanges": ["*"]}, "versionedExpr": "SRC_IPS_V1"},
        "preview": False,
        "priority": DEFAULT_PRIORITY,
    }


def prepare(draft: Draft) -> None:
    body = draft.body
    body.setdefault("type", "CLOUD_ARMOR")
    rules = body.get("rules") or []
    if draft.old is not None and "rules" not in body:
        rules = draft.old.get("rules") or []
    rules = [dict(rule) for rule in rules]
    for index, rule in enumerate(rules):
        _check(f"resource.rules[{index}]", rule)
    priorities = [rule["priority"] for rule in rules]
    if len(set(priorities)) != len(priorities):
        raise invalid("resource.rules", "", "Rule priorities must be unique.")
    if DEFAULT_PRIORITY not in priorities:
        rules = [*rules, _default_rule()]
    numbered = max((int(rule.get("ruleNumber", 0)) for rule in rules), default=0)
    for rule in rules:
        if "ruleNumber" not in rule:
            numbered += 1
            rule["ruleNumber"] = str(numbered)
    body["rules"] = sorted(rules, key=lambda rule: rule["priority"])


def _check(where: str, rule: Doc) -> None:
    rule.setdefault("priority", 0)
    if not rule.get("action"):
        raise required(f"{where}.action")
    if not rule.get("match"):
        raise required(f"{where}.match")
    rule.setdefault("kind", "compute#securityPolicyRule")
    rule.setdefault("preview", False)


def _default(rule: Doc) -> str:
    is_default = rule["priority"] == DEFAULT_PRIORITY
    return "The default rule cannot be removed." if is_default else ""


RULES = PolicyRules("security policy", _check, fixed=lambda rule: "", kept=_default)


def view(compute: Resources, path: str, doc: Doc) -> None:
    doc["selfLinkWithId"] = links.link(f"{parent_of(path)}/{doc['id']}")


SECURITY_POLICIES = Kind(
    "securityPolicies",
    "SecurityPolicy",
    "security_policy",
    scopes=("global",),
    fingerprint="lenient",
    labels=True,
    patch=True,
    prepare=prepare,
    verbs=RULES.verbs,
    view=view,
    operation_types={"addRule": "AddRule", "patchRule": "PatchRule", "removeRule": "RemoveRule"},
)
