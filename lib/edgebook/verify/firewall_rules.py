"""Whether a packet gets through a VPC network's firewall rules: pure evaluation, as Google does it.

Rules are asked by priority, denies before allows of the same priority, and at the end everything is
denied. A source range counts as allowed only when all of it is. Firewall policies above the
network are not seen here. Source: Google documentation page "VPC firewall rules".
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from edgebook.model.paths import name_of

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Verdict(StrEnum):
    ALLOWED = "allowed"
    DENIED = "denied"
    MISSING = "missing"  # no rule speaks of it: the implied deny
    UNSURE = "unsure"  # a rule aims at service accounts, which are not known here


@dataclass(frozen=True)
class Answer:
    """The verdict and the rules that made it."""

    verdict: Verdict
    rules: tuple[str, ...] = ()


def evaluate(
    rules: Iterable[Mapping[str, Any]],
    *,
    network: str,
    source: str,
    port: int,
    tags: Iterable[str],
    protocol: str = "tcp",
) -> Answer:
    """Ingress from all of `source` to `port` on nodes with these tags; `network` is its name."""
    wanted = set(tags)
    open_parts: list[Network] = [ipaddress.ip_network(source)]
    used: list[str] = []
    unsure: list[str] = []
    for rule in sorted(rules, key=_order):
        if not _applies(rule, network, wanted, protocol, port):
            continue
        name = str(rule.get("name", ""))
        hit = [part for part in open_parts if _overlaps(rule, part)]
        if not hit:
            continue
        if rule.get("targetServiceAccounts"):
            unsure.append(name)
            continue
        if "denied" in rule:
            return Answer(Verdict.DENIED, (name,))
        used.append(name)
        open_parts = [rest for part in open_parts for rest in _without(part, rule)]
        if not open_parts:
            return Answer(Verdict.ALLOWED, tuple(used))
    if unsure:
        return Answer(Verdict.UNSURE, tuple(unsure))
    return Answer(Verdict.MISSING, tuple(used))


def speaks_of(rules: Iterable[Mapping[str, Any]], source: str, tags: Iterable[str]) -> list[str]:
    """Allow rules for that source and target whatever their port, as `name tcp:443`."""
    wanted, part = set(tags), ipaddress.ip_network(source)
    found = []
    for rule in sorted(rules, key=_order):
        aimed = set(rule.get("targetTags", ()))
        if rule.get("allowed") and _overlaps(rule, part) and (not aimed or aimed & wanted):
            for item in rule["allowed"]:
                if str(item.get("IPProtocol", "")).lower() not in ("all", "tcp", "6"):
                    continue
                ports = ",".join(item.get("ports", ())) or "all"
                found.append(f"{rule.get('name')} {item.get('IPProtocol')}:{ports}")
    return found


def _order(rule: Mapping[str, Any]) -> tuple[int, int, int, str]:
    """As Google asks them; among equals the narrower first, so that it is the one that is named."""
    denies_first = 0 if "denied" in rule else 1
    width = -min((item.prefixlen for item in _ranges(rule)), default=128)
    return (int(rule.get("priority", 1000)), denies_first, width, str(rule.get("name", "")))


def _applies(
    rule: Mapping[str, Any], network: str, tags: set[str], protocol: str, port: int
) -> bool:
    if rule.get("disabled") or rule.get("direction", "INGRESS") != "INGRESS":
        return False
    if name_of(str(rule.get("network", "default"))) != network:
        return False
    aimed = set(rule.get("targetTags", ()))
    if aimed and not aimed & tags:
        return False
    parts = rule.get("denied") or rule.get("allowed") or ()
    return any(_names(part, protocol, port) for part in parts)


def _names(part: Mapping[str, Any], protocol: str, port: int) -> bool:
    numbers = {"tcp": "6", "udp": "17"}
    said = str(part.get("IPProtocol", "")).lower()
    if said not in {"all", protocol, numbers.get(protocol, "")}:
        return False
    ports = part.get("ports") or ()
    return not ports or any(_covers(str(item), port) for item in ports)


def _covers(ports: str, port: int) -> bool:
    first, _, last = ports.partition("-")
    return int(first) <= port <= int(last or first)


def _ranges(rule: Mapping[str, Any]) -> list[Network]:
    ranges = rule.get("sourceRanges")
    if not ranges:
        # Without ranges a rule means everybody, unless it names sources by tag.
        by_tag = rule.get("sourceTags") or rule.get("sourceServiceAccounts")
        ranges = () if by_tag else ("0.0.0.0/0",)
    return [ipaddress.ip_network(str(item), strict=False) for item in ranges]


def _overlaps(rule: Mapping[str, Any], part: Network) -> bool:
    return any(item.version == part.version and item.overlaps(part) for item in _ranges(rule))


def _without(part: Network, rule: Mapping[str, Any]) -> list[Network]:
    """What is left of `part` when the rule's ranges are taken out."""
    rest: list[Network] = [part]
    for item in _ranges(rule):
        if item.version != part.version:
            continue
        left: list[Network] = []
        for piece in rest:
            if not item.overlaps(piece):
                left.append(piece)
            elif piece.prefixlen < item.prefixlen:
                left += list(piece.address_exclude(item))  # type: ignore[arg-type]
        rest = left
    return rest


def policy_denies(
    effective: Mapping[str, Any], *, source: str, port: int, protocol: str = "tcp"
) -> str:
    """The rule of a firewall policy that denies before a network's own rules are asked.

    `effective` is the answer of getEffectiveFirewalls: policies in the order in which they are
    asked. `allow` and `deny` end it; `goto_next` leaves it to the next level.
    """
    for policy in effective.get("firewallPolicys") or ():
        name = str(policy.get("displayName") or policy.get("shortName") or policy.get("name", ""))
        for rule in sorted(policy.get("rules") or (), key=lambda r: int(r.get("priority", 0))):
            if not _policy_speaks(rule, source, port, protocol):
                continue
            if rule.get("action") == "deny":
                return f"rule {rule.get('priority')} of firewall policy {name}"
            if rule.get("action") == "allow":
                return ""
            break  # goto_next
    return ""


def _policy_speaks(rule: Mapping[str, Any], source: str, port: int, protocol: str) -> bool:
    match = rule.get("match") or {}
    if rule.get("disabled") or rule.get("direction", "INGRESS") != "INGRESS":
        return False
    ranges = match.get("srcIpRanges") or ("0.0.0.0/0",)
    part = ipaddress.ip_network(source)
    near = [ipaddress.ip_network(str(item), strict=False) for item in ranges]
    if not any(item.version == part.version and item.overlaps(part) for item in near):
        return False
    configs = match.get("layer4Configs") or ({"ipProtocol": "all"},)
    return any(
        _names({"IPProtocol": c.get("ipProtocol"), "ports": c.get("ports")}, protocol, port)
        for c in configs
    )
