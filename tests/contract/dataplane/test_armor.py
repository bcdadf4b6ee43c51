"""Cloud Armor in the path (facts: traffic.md 13)."""

from typing import Any

import pytest


def policy(door: Any, *rules: dict[str, Any]) -> None:
    """A policy with these rules (priority in their order) on the service bs."""
    listed = [{"priority": number, **rule} for number, rule in enumerate(rules, 1)]
    door.make("global/securityPolicies", name="armor", rules=listed)
    door.do(
        "POST",
        "global/backendServices/bs/setSecurityPolicy",
        {"securityPolicy": door.link("global/securityPolicies/armor")},
    )


def ranges(*texts: str) -> dict[str, Any]:
    return {"match": {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": list(texts)}}}


def expression(text: str) -> dict[str, Any]:
    return {"match": {"expr": {"expression": text}}}


def test_the_first_match_by_priority_acts(shop: Any) -> None:
    policy(
        shop,
        {"action": "allow", **ranges("203.0.113.7")},
        {"action": "deny(404)", **ranges("203.0.113.0/24")},
        {"action": "deny(403)", "preview": True, **ranges("*")},
    )
    statuses = {
        client: shop.by_proxy(client).status
        for client in ("203.0.113.7", "203.0.113.8", "198.51.100.1")
    }
    assert statuses == {"203.0.113.7": 200, "203.0.113.8": 404, "198.51.100.1": 200}


@pytest.mark.parametrize("status", [403, 404, 502])
def test_statuses_of_denials(shop: Any, status: int) -> None:
    policy(shop, {"action": f"deny({status})", **ranges("*")})
    assert shop.fetch().status == status
    (row,) = shop.flowed(1)
    assert row["outcome"] == f"{status} denied_by_security_policy"


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("request.path.startsWith('/admin')", ["/admin", "/admin/x?y=1"]),
        ("request.path == '/x' && request.headers['x-a'].contains('b')", ["/x"]),
        ("request.path.lower().endsWith('.php') || request.query.contains('q=1')",
         ["/A.PHP", "/z?q=1"]),
        ("request.method == 'GET' && !has(request.headers['x-a'])", []),
        ("(request.path.matches('^/[0-9]+$')) && inIpRange(origin.ip, '0.0.0.0/0')", ["/42"]),
        ("request.headers['host'] != 'shop.example.com'", []),
    ],
)  # fmt: skip
def test_expressions(shop: Any, text: str, denied: list[str]) -> None:
    policy(shop, {"action": "deny(403)", **expression(text)})
    paths = ["/", "/admin", "/admin/x?y=1", "/x", "/A.PHP", "/z?q=1", "/42", "/42a"]
    found = [path for path in paths if shop.fetch(path, headers={"X-A": "abc"}).status == 403]
    assert found == denied


def test_an_expression_that_is_not_carried_is_named(shop: Any) -> None:
    policy(
        shop, {"action": "deny(403)", **expression("evaluatePreconfiguredWaf('xss-v33-stable')")}
    )
    answer = shop.fetch()
    assert answer.status == 501
    assert b"securityPolicies/armor rule 1 expression evaluatePreconfiguredWaf" in answer.body


def test_the_region_of_clients_is_that_of_their_location(shop: Any) -> None:
    policy(shop, {"action": "deny(403)", **expression("origin.region_code == 'BE'")})
    assert shop.fetch(at="europe-west1").status == 403
    assert shop.fetch(at="us-central1").status == 200


def test_throttling_by_address(shop: Any) -> None:
    options = {
        "conformAction": "allow",
        "exceedAction": "deny(429)",
        "enforceOnKey": "IP",
        "rateLimitThreshold": {"count": 2, "intervalSec": 60},
    }
    policy(shop, {"action": "throttle", "rateLimitOptions": options, **ranges("*")})
    for client in ("203.0.113.1", "203.0.113.2"):
        assert [shop.by_proxy(client).status for _ in range(3)] == [200, 200, 429]


def test_throttling(shop: Any) -> None:
    options = {
        "conformAction": "allow",
        "exceedAction": "deny(429)",
        "enforceOnKey": "ALL",
        "rateLimitThreshold": {"count": 3, "intervalSec": 60},
    }
    policy(shop, {"action": "throttle", "rateLimitOptions": options, **ranges("*")})
    assert [shop.fetch().status for _ in range(5)] == [200, 200, 200, 429, 429]
