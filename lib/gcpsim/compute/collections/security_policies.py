"""Cloud Armor security policies and their rules."""

from gcpsim.compute.engine import links
from gcpsim.compute.engine.resources import Doc, Draft, Kind, Resources
from gcpsim.compute.engine.service import Compute
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import ApiError, invalid, required

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


def _rule(doc: Doc, call: Call) -> Doc:
    wanted = call.query.get("priority", "0")
    for rule in doc["rules"]:
        if str(rule["priority"]) == wanted:
            return rule  # type: ignore[no-any-return]
    raise invalid(
        "priority", wanted, "The rule at the priority does not exist in the security policy."
    )


def get_rule(compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc) -> Answer:
    return Answer(body=_rule(doc, call))


def add_rule(compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc) -> Answer:
    _check("resource", body)
    if any(rule["priority"] == body["priority"] for rule in doc["rules"]):
        raise ApiError(
            400,
            f"Invalid value for field 'resource.priority': '{body['priority']}'. Cannot have rules "
            "with the same priorities.",
            "invalid",
        )
    return _put(compute, kind, call, path, doc, [*doc["rules"], body], "addRule")


def patch_rule(compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc) -> Answer:
    chosen = _rule(doc, call)
    rules = [{**rule, **body} if rule is chosen else rule for rule in doc["rules"]]
    return _put(compute, kind, call, path, doc, rules, "patchRule")


def remove_rule(compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc) -> Answer:
    chosen = _rule(doc, call)
    if chosen["priority"] == DEFAULT_PRIORITY:
        raise invalid("priority", chosen["priority"], "The default rule cannot be removed.")
    rules = [rule for rule in doc["rules"] if rule is not chosen]
    return _put(compute, kind, call, path, doc, rules, "removeRule")


def _put(
    compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, rules: list[Doc], verb: str
) -> Answer:
    return compute.set_fields(kind, call, path, doc, {"rules": rules}, verb)


def view(compute: Resources, path: str, doc: Doc) -> None:
    doc["selfLinkWithId"] = links.link(f"{path.rsplit('/', 1)[0]}/{doc['id']}")


SECURITY_POLICIES = Kind(
    "securityPolicies",
    "SecurityPolicy",
    "security_policy",
    scopes=("global",),
    fingerprint="lenient",
    labels=True,
    patch=True,
    prepare=prepare,
    verbs={
        "getRule": get_rule,
        "addRule": add_rule,
        "patchRule": patch_rule,
        "removeRule": remove_rule,
    },
    view=view,
    operation_types={"addRule": "AddRule", "patchRule": "PatchRule", "removeRule": "RemoveRule"},
)
