"""What firewall policies say of a packet, before and after a network's own rules: pure evaluation.

Hierarchical policies are asked first. Network policies come before or after the network's rules,
as its networkFirewallPolicyEnforcementOrder says. In a policy the first rule that speaks decides:
`allow` and `deny` end it, `goto_next` leaves it to what is asked next. Source: Google documentation
page "Firewall policies and rules: evaluation order".
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from edgebook.base.errors import EdgebookError
from edgebook.model.firewall_rules import Answer, Verdict, names

BEFORE_RULES = "BEFORE_CLASSIC_FIREWALL"
REGIONAL = "NETWORK_REGIONAL"
OF_NETWORKS = ("NETWORK", REGIONAL)
# Sources by which no address of Google's probes is meant.
OTHER_SOURCES = (
    "srcAddressGroups", "srcFqdns", "srcNetworks", "srcRegionCodes", "srcSecureTags",
    "srcThreatIntelligences",
)  # fmt: skip


@dataclass(frozen=True)
class Policies:
    """The policies that a network stands under; `unread`: why they could not be seen, and `way`."""

    before: tuple[Mapping[str, Any], ...] = ()
    after: tuple[Mapping[str, Any], ...] = ()
    unread: str = ""
    way: str = ""

    @classmethod
    def of(cls, effective: Mapping[str, Any], order: str) -> "Policies":
        """From getEffectiveFirewalls, which has them in the order in which they are asked."""
        first: list[Mapping[str, Any]] = []
        later: list[Mapping[str, Any]] = []
        for policy in effective.get("firewallPolicys") or ():
            waits = policy.get("type") in OF_NETWORKS and order != BEFORE_RULES
            (later if waits else first).append(policy)
        return cls(tuple(first), tuple(later))

    @classmethod
    def not_read(cls, error: EdgebookError) -> "Policies":
        return cls(unread=f"they cannot be read: {error.why or error.what}", way=error.next)

    @staticmethod
    def regional(effective: Mapping[str, Any], region: str) -> list[Mapping[str, Any]]:
        """The policies of one region, from its own getEffectiveFirewalls, with its name."""
        found = effective.get("firewallPolicys") or ()
        return [{**one, "region": region} for one in found if one.get("type") == REGIONAL]

    def then(self, later: "Policies") -> "Policies":
        """These, and those that are asked after them on the same side of the network's rules."""
        unread, way = (self.unread, self.way) if self.unread else (later.unread, later.way)
        return Policies(self.before + later.before, self.after + later.after, unread, way)

    @property
    def all(self) -> tuple[Mapping[str, Any], ...]:
        return self.before + self.after


def decide(
    policies: Policies,
    rules: Answer,
    *,
    source: str,
    port: int,
    network: str,
    to_come: bool = False,
) -> Answer:
    """What comes of a packet, when the network's own rules alone would say `rules`.

    Ingress over TCP from all of `source`; `network` is its name. `to_come`: a rule of ours will
    speak before what is asked after the rules.
    """
    ends = _first(policies.before, source, port, network)
    if ends is not None:
        return ends
    if rules.verdict is not Verdict.MISSING or to_come:
        return rules
    return _first(policies.after, source, port, network) or rules


def rule_of(policies: Policies, answer: Answer) -> Mapping[str, Any]:
    """The rule of a policy that made an answer."""
    rules = [
        rule
        for policy in policies.all
        if policy_name(policy) == answer.policy
        for rule in policy.get("rules") or ()
        if _rule_name(rule) in answer.rules
    ]
    return rules[0] if rules else {}


def policy_name(policy: Mapping[str, Any]) -> str:
    """What people call it; hierarchical policies have numbers for names."""
    return str(policy.get("shortName") or policy.get("displayName") or policy.get("name", ""))


def _first(
    policies: Iterable[Mapping[str, Any]], source: str, port: int, network: str
) -> Answer | None:
    """The answer of the first policy that does not leave it to the next."""
    for policy in policies:
        name = policy_name(policy)
        for rule in sorted(policy.get("rules") or (), key=lambda r: int(r.get("priority", 0))):
            if not _speaks(rule, source, port, network):
                continue
            action = rule.get("action")
            if action == "goto_next":
                break
            words = (_rule_name(rule),)
            if rule.get("targetServiceAccounts") or rule.get("targetSecureTags"):
                return Answer(Verdict.UNSURE, words, name)
            return Answer(Verdict.DENIED if action == "deny" else Verdict.ALLOWED, words, name)
    return None


def _rule_name(rule: Mapping[str, Any]) -> str:
    return f"rule {rule.get('priority', 0)}"


def _speaks(rule: Mapping[str, Any], source: str, port: int, network: str) -> bool:
    match = rule.get("match") or {}
    if rule.get("disabled") or rule.get("direction", "INGRESS") != "INGRESS":
        return False
    aimed = rule.get("targetResources") or ()
    if aimed and not any(str(item).endswith(f"/networks/{network}") for item in aimed):
        return False
    ranges = match.get("srcIpRanges") or ()
    if not ranges:
        if any(match.get(field) for field in OTHER_SOURCES):
            return False
        ranges = ("0.0.0.0/0", "::/0")
    part = ipaddress.ip_network(source)
    near = [ipaddress.ip_network(str(item), strict=False) for item in ranges]
    same = [item for item in near if item.version == part.version]
    if rule.get("action") == "deny":
        touched = any(item.overlaps(part) for item in same)
    else:
        touched = any(part.subnet_of(item) for item in same)  # type: ignore[arg-type]
    configs = match.get("layer4Configs") or ({"ipProtocol": "all"},)
    return touched and any(
        names({"IPProtocol": c.get("ipProtocol"), "ports": c.get("ports")}, "tcp", port)
        for c in configs
    )
