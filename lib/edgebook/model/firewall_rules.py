"""Whether a packet gets through a VPC network's firewall rules: pure evaluation, as Google does it.

Rules are asked by priority, denies before allows of the same priority, and at the end everything is
denied. A source range counts as allowed only when all of it is. Firewall policies are asked by
`verify.firewall_policies`. Source: Google documentation page "VPC firewall rules".
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from edgebook.model.paths import name_of

DEFAULT_ACCOUNT = "default"  # how GKE calls the one of Compute Engine
OF_COMPUTE = "-compute@developer.gserviceaccount.com"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Verdict(StrEnum):
    ALLOWED = "allowed"
    DENIED = "denied"
    MISSING = "missing"  # no rule speaks of it: the implied deny
    UNSURE = "unsure"  # a rule aims at service accounts, and those of the nodes are not known


@dataclass(frozen=True)
class Answer:
    """The verdict and the rules that made it; `policy`: the firewall policy that they stand in."""

    verdict: Verdict
    rules: tuple[str, ...] = ()
    policy: str = ""

    @property
    def by(self) -> tuple[str, ...]:
        """The rules, each with its policy when it stands in one."""
        within = f" of firewall policy {self.policy}" if self.policy else ""
        return tuple(f"{rule}{within}" for rule in self.rules)


def evaluate(
    rules: Iterable[Mapping[str, Any]],
    *,
    network: str,
    source: str,
    port: int,
    tags: Iterable[str],
    accounts: Iterable[str] | None = None,
    protocol: str = "tcp",
) -> Answer:
    """Ingress from all of `source` to `port` on nodes with these tags; `network` is its name.

    `accounts` are the nodes' service accounts, `default` for that of Compute Engine; None when they
    are not known: a rule that aims at some may be about these nodes or not.
    """
    runs_as = None if accounts is None else set(accounts)
    wanted = set(tags)
    open_parts: list[Network] = [ipaddress.ip_network(source)]
    used: list[str] = []
    unsure: list[str] = []
    denies = False  # one of those may
    for rule in sorted(rules, key=_order):
        if not _applies(rule, network, wanted, protocol, port):
            continue
        name = str(rule.get("name", ""))
        hit = [part for part in open_parts if _overlaps(rule, part)]
        if not hit:
            continue
        if aimed := set(rule.get("targetServiceAccounts") or ()):
            if runs_as is None:
                unsure.append(name)
                denies = denies or "denied" in rule
                continue
            if not _run_as(aimed, runs_as):
                continue
        if "denied" in rule:
            return (
                Answer(Verdict.UNSURE, tuple(unsure)) if unsure else Answer(Verdict.DENIED, (name,))
            )
        used.append(name)
        open_parts = [rest for part in open_parts for rest in _without(part, rule)]
        if not open_parts and denies:
            return Answer(Verdict.UNSURE, tuple(unsure))
        if not open_parts:
            return Answer(Verdict.ALLOWED, tuple(used))
    if unsure:
        return Answer(Verdict.UNSURE, tuple(unsure))
    return Answer(Verdict.MISSING, tuple(used))


def opens(rule: Mapping[str, Any], port: int, protocol: str = "tcp") -> bool:
    """Whether the allowed part of a rule, by itself, is about that port."""
    return any(names(part, protocol, port) for part in rule.get("allowed") or ())


def _run_as(aimed: set[str], accounts: set[str]) -> bool:
    """Whether nodes of these accounts are among those that a rule aims at."""
    return bool(aimed & accounts) or (
        DEFAULT_ACCOUNT in accounts and any(one.endswith(OF_COMPUTE) for one in aimed)
    )


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
    return any(names(part, protocol, port) for part in parts)


def names(part: Mapping[str, Any], protocol: str, port: int) -> bool:
    """Whether one entry of a rule (IPProtocol, ports) is about that port."""
    numbers = {"tcp": "6", "udp": "17"}
    said = str(part.get("IPProtocol", "")).lower()
    if said not in {"all", protocol, numbers.get(protocol, "")}:
        return False
    ports = part.get("ports") or ()
    return not ports or any(_covers(str(item), port) for item in ports)


def _covers(ports: str, port: int) -> bool:
    first, _, last = ports.partition("-")
    last = last or first
    # What is no port covers none: then it is told as closed, and looked at.
    return first.isdecimal() and last.isdecimal() and int(first) <= port <= int(last)


def _ranges(rule: Mapping[str, Any]) -> list[Network]:
    ranges = rule.get("sourceRanges")
    if not ranges:
        # Without ranges a rule means everybody, unless it names sources by tag.
        by_tag = rule.get("sourceTags") or rule.get("sourceServiceAccounts")
        ranges = () if by_tag else ("0.0.0.0/0",)
    return [network for item in ranges if (network := _network(str(item))) is not None]


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


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
