"""Cloud Armor in the path: the rules of a security policy by priority, first match acts.

Allow and deny by address and by the common expressions. What can't be carried makes the backend
service answer 501 with the rule's name: a rule that is silently ignored would be worse.
"""

from gcpsim.dataplane.routes import expressions, limits
from gcpsim.dataplane.routes.documents import Doc, Documents, NotCarried, short
from gcpsim.dataplane.routes.envoy import HTTP, T

STATUSES = (403, 404, 429, 502)
ACTION = T + "envoy.config.rbac.v3.Action"


def filters(documents: Documents, service: Doc, country: str) -> Doc:
    """The per-route filter configuration of a backend service's security policy.

    Clients of a location are taken to be in its `country`.
    """
    policy = documents.get(service.get("securityPolicy") or "")
    if policy is None:
        return {}
    return _rules(policy, country) | limits.filters(policy)


def denied_by(status: int) -> str:
    """The mark in the details of a refusal by which its status is chosen."""
    return f"deny-{status}"


def _rules(policy: Doc, country: str) -> Doc:
    matchers = []
    for rule in sorted(policy.get("rules") or [], key=lambda one: int(one.get("priority", 0))):
        if rule.get("preview"):
            continue
        where = f"{short(policy['selfLink'])} rule {rule.get('priority', 0)}"
        action = _action(where, rule)
        if action is not None:
            predicate = _predicate(where, rule["match"], country)
            matchers.append({"predicate": predicate, "on_match": action})
    if not matchers:
        return {}
    return {
        HTTP + "rbac": {
            "@type": T + HTTP + "rbac.v3.RBACPerRoute",
            "rbac": {
                "matcher": {
                    "matcher_list": {"matchers": matchers},
                    "on_no_match": _on_match("allow", "ALLOW"),
                }
            },
        }
    }


def _action(where: str, rule: Doc) -> Doc | None:
    action = rule["action"]
    if action == "allow":
        return _on_match("allow", "ALLOW")
    if action in ("throttle", "rate_based_ban"):
        return None
    if action.startswith("deny(") and action[5:-1].isdigit() and int(action[5:-1]) in STATUSES:
        return _on_match(f"{denied_by(int(action[5:-1]))} {where}", "DENY")
    raise NotCarried(f"{where} action {action}")


def _on_match(name: str, action: str) -> Doc:
    return {
        "action": {"name": "act", "typed_config": {"@type": ACTION, "name": name, "action": action}}
    }


def _predicate(where: str, match: Doc, country: str) -> Doc:
    ranges = (match.get("config") or {}).get("srcIpRanges")
    if ranges:
        return expressions.anything() if "*" in ranges else expressions.in_ranges(ranges)
    text = (match.get("expr") or {}).get("expression", "")
    try:
        return expressions.predicate(text, country)
    except expressions.Unknown as what:
        raise NotCarried(f"{where} expression {what}") from None
