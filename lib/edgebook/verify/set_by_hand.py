"""What people set on what is ours and the params do not mention: it stays, and users feel it.

The plan leaves it alone and reports it once; a verify that says nothing of it would call a front
door well whose users somebody keeps out. It must not judge what the params wish for.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from edgebook.base.errors import AccessError, ApiError
from edgebook.model.kinds import named
from edgebook.model.links import canonical
from edgebook.model.paths import name_of
from edgebook.model.values import CheckResult, Step
from edgebook.plan.unmentioned import LEFT
from edgebook.verify.backend_checks import groups_of
from edgebook.verify.facts import FAILED, UNCERTAIN, Facts, result

EVERYBODY = {"*", "0.0.0.0/0"}
LAST = 2147483647  # priority of the rule that every policy ends with


def left(facts: Facts) -> Iterator[CheckResult]:
    """Settings of ours that only people can have made; says nothing where there are none."""
    for change in facts.plan.reports:
        why, found, way = change.sentence.partition(LEFT)
        if found:
            subject, remedy = named(change.key), way.lstrip("; ")
            yield result(UNCERTAIN, "nothing set by hand", subject, f"{why}{found}", remedy,
                         step=change.step)  # fmt: skip


def refusing(facts: Facts) -> Iterator[CheckResult]:
    """Cloud Armor policies on our backend services that let nobody in; silent about others."""
    check = "Cloud Armor lets users in"
    for key in sorted(groups_of(facts)):
        body = facts.body("backendService", key.name) or {}
        for field in ("securityPolicy", "edgeSecurityPolicy"):
            policy = str(body.get(field) or "")
            if not policy:
                continue
            try:
                found = facts.reader.one("compute", f"compute/v1/{canonical(policy)}").result()
            except (AccessError, ApiError) as error:
                why = f"policy {name_of(policy)} cannot be read: {error.why or error.what}"
                why = why.partition("\n")[0]
                yield result(UNCERTAIN, check, key.name, why, error.next, step=Step.FRONTENDS)
                continue
            if found and (rule := denies_all(found)):
                why = f"policy {name_of(policy)} lets nobody in: its rule {rule} denies everybody, "
                why += "and none before it allows"
                remedy = f"add a rule that allows your users before {rule}, or take the policy off"
                yield result(FAILED, check, key.name, why, remedy, step=Step.FRONTENDS)


def denies_all(policy: Mapping[str, Any]) -> str:
    """The priority of the rule that refuses everybody; empty when anybody may get in.

    Rules in preview deny nobody, and each rule before it that is none of deny may let somebody in.
    """
    rules = [rule for rule in policy.get("rules") or () if not rule.get("preview")]
    for rule in sorted(rules, key=lambda one: int(one.get("priority", LAST))):
        if not str(rule.get("action", "")).startswith("deny"):
            return ""
        if _everybody(rule.get("match") or {}):
            return str(rule.get("priority", LAST))
    return ""


def _everybody(match: Mapping[str, Any]) -> bool:
    ranges = set((match.get("config") or {}).get("srcIpRanges") or ())
    return bool(ranges & EVERYBODY) and not match.get("expr")
