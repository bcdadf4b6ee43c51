"""NetworkPolicies that keep Google's probes and requests away from pods. Pure.

They are a cluster's own firewall: once a policy selects a pod, only what some policy lets in gets
in, and Google's front ends come from outside of every pod and namespace selector. Whether a cluster
enforces them at all is not looked at here.
"""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, ip_network
from typing import Any

from edgebook.model.ranges import IPV4_RANGES

Object = Mapping[str, Any]
WHERE = "apis/networking.k8s.io/v1/namespaces/{}/networkpolicies"


def keeping_out(policies: Iterable[Object], pod: Object, port: int) -> tuple[str, ...]:
    """Names of the policies that select a pod, when they let a range of Google's not in; sorted."""
    labels = (pod.get("metadata") or {}).get("labels") or {}
    mine = [one for one in policies if _ingress(one) and _selects(_spec(one), labels)]
    rules = [rule for one in mine for rule in _spec(one).get("ingress") or ()]
    named = dict(_named_ports(pod))
    if not mine or all(
        any(_from(rule, ip_network(text)) and _to(rule, port, named) for rule in rules)
        for text in IPV4_RANGES
    ):
        return ()
    return tuple(sorted(str(one["metadata"]["name"]) for one in mine))


def _spec(policy: Object) -> Object:
    return policy.get("spec") or {}


def _ingress(policy: Object) -> bool:
    return "Ingress" in (_spec(policy).get("policyTypes") or ("Ingress",))


def _selects(spec: Object, labels: Object) -> bool:
    selector = spec.get("podSelector") or {}
    if not (selector.get("matchLabels") or {}).items() <= labels.items():
        return False
    return all(_expression(one, labels) for one in selector.get("matchExpressions") or ())


def _expression(wanted: Object, labels: Object) -> bool:
    value, values = labels.get(wanted["key"]), wanted.get("values") or ()
    if wanted["operator"] == "Exists":
        return value is not None
    if wanted["operator"] == "DoesNotExist":
        return value is None
    return (value in values) is (wanted["operator"] == "In")


def _from(rule: Object, range_: Any) -> bool:
    peers = rule.get("from") or ()
    return not peers or any(_block(peer.get("ipBlock"), range_) for peer in peers)


def _block(block: Object | None, range_: IPv4Network) -> bool:
    if not block:
        return False
    there = ip_network(str(block.get("cidr")), strict=False)
    if there.version != 4 or not range_.subnet_of(there):
        return False
    return not any(range_.overlaps(ip_network(str(e), strict=False)) for e in _except(block))


def _except(block: Object) -> Iterable[str]:
    return block.get("except") or ()


def _to(rule: Object, port: int, named: Mapping[str, int]) -> bool:
    ports = rule.get("ports") or ()
    return not ports or any(_port(one, port, named) for one in ports)


def _port(wanted: Object, port: int, named: Mapping[str, int]) -> bool:
    if wanted.get("protocol", "TCP") != "TCP":
        return False
    first = wanted.get("port")
    if first is None:
        return True
    if not isinstance(first, int):
        return named.get(str(first)) == port
    return first <= port <= int(wanted.get("endPort") or first)


def _named_ports(pod: Object) -> Iterator[tuple[str, int]]:
    for container in (pod.get("spec") or {}).get("containers") or ():
        for one in container.get("ports") or ():
            if one.get("name"):
                yield str(one["name"]), int(one["containerPort"])
