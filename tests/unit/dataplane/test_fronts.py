"""Which forwarding rules of those that a location knows are served."""

from typing import Any

from gcpsim.dataplane.routes.documents import Documents
from gcpsim.dataplane.routes.listeners import fronts

HERE = "projects/p/global"


def rule(name: str, created: str, port: str = "443-443", ip: str = "203.0.113.1") -> Any:
    link = f"https://www.googleapis.com/compute/v1/{HERE}/targetTcpProxies/t"
    body = {"IPAddress": ip, "portRange": port, "target": link, "creationTimestamp": created}
    return f"{HERE}/forwardingRules/{name}", body


def served(*rules: Any, proxies: bool = True) -> list[str]:
    proxy = {f"{HERE}/targetTcpProxies/t": {"name": "t"}} if proxies else {}
    tables = {"compute/forwardingRules": dict(rules), "compute/targetTcpProxies": proxy}
    return [front.path.rpartition("/")[2] for front in fronts(Documents(tables))]


def test_of_two_rules_at_one_place_the_newest_serves_whatever_its_name() -> None:
    old, new = "2026-11-26T01:00:00.000-08:00", "2026-11-26T02:00:00.000-08:00"
    assert served(rule("a", old), rule("b", new)) == ["b"]
    assert served(rule("a", new), rule("b", old)) == ["a"]
    assert served(rule("a", old)) == ["a"]


def test_other_ports_and_addresses_are_other_places() -> None:
    at = "2026-11-26T01:00:00.000-08:00"
    other = rule("b", at, port="80-80"), rule("c", at, ip="203.0.113.2")
    assert served(rule("a", at), *other) == ["a", "b", "c"]


def test_a_rule_whose_proxy_is_not_known_yet_takes_no_place() -> None:
    assert served(rule("a", "2026-11-26T01:00:00.000-08:00"), proxies=False) == []
