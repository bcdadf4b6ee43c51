"""Cloud Armor in the path: the rules of a security policy by priority, first match acts.

Allow and deny by address and by the common expressions. What can't be carried makes the backend
service answer 501 with the rule's name, or a stream's front not be served: a rule that is silently
ignored would be worse.
"""

from gcpsim.dataplane.routes import expressions, limits
from gcpsim.dataplane.routes.documents import Doc, Documents, NotCarried, short
from gcpsim.dataplane.routes.envoy import HTTP, T, typed

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


def connection_filters(documents: Documents, service: Doc) -> list[Doc]:
    """The filters that a stream passes before its backend: addresses decide, when it begins."""
    policy = documents.get(service.get("securityPolicy") or "")
    if policy is None:
        return []
    matchers = []
    for where, rule in _in_force(policy):
        ranges = ((rule.get("match") or {}).get("config") or {}).get("srcIpRanges")
        action = _action(where, rule)
        if action is None or not ranges:
            what = "expression" if action else rule["action"]
            raise NotCarried(f"{where} {what} before a stream")
        everybody = ["0.0.0.0/0", "::/0"]
        chosen = everybody if "*" in ranges else ranges
        matchers.append({"predicate": expressions.in_ranges(chosen), "on_match": action})
    if not matchers:
        return []
    name = "envoy.extensions.filters.network.rbac.v3.RBAC"
    return [typed("armor", name, stat_prefix="armor", matcher=_matcher(matchers))]


def denied_by(status: int) -> str:
    """The mark in the details of a refusal by which its status is chosen."""
    return f"deny-{status}"


def _rules(policy: Doc, country: str) -> Doc:
    matchers = []
    for where, rule in _in_force(policy):
        action = _action(where, rule)
        if action is not None:
            predicate = _predicate(where, rule["match"], country)
            matchers.append({"predicate": predicate, "on_match": action})
    if not matchers:
        return {}
    return {
        HTTP + "rbac": {
            "@type": T + HTTP + "rbac.v3.RBACPerRoute",
            "rbac": {"matcher": _matcher(matchers)},
        }
    }


def _in_force(policy: Doc) -> list[tuple[str, Doc]]:
    """(name, rule) by priority, without those that are only previewed."""
    rules = sorted(policy.get("rules") or [], key=lambda one: int(one.get("priority", 0)))
    name = short(policy["selfLink"])
    return [(f"{name} rule {r.get('priority', 0)}", r) for r in rules if not r.get("preview")]


def _matcher(matchers: list[Doc]) -> Doc:
    return {
        "matcher_list": {"matchers": matchers},
        "on_no_match": _on_match("allow", "ALLOW"),
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
