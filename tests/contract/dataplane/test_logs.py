"""What the front ends did, read as one reads Google's logs."""

from typing import Any


def entries(door: Any, log: str, count: int) -> list[dict[str, Any]]:
    """The entries of a log once there are so many, oldest first."""
    body = {
        "resourceNames": [f"projects/{door.project}"],
        "filter": f'logName="projects/{door.project}/logs/{log}"',
        "orderBy": "timestamp asc",
    }
    while True:
        status, answer = door.sim.http("POST", "/v2/entries:list", body)
        assert status == 200, answer
        found = answer.get("entries") or []
        if len(found) >= count:
            return list(found)


def test_requests_are_logged_with_their_details(shop: Any) -> None:
    shop.do("PATCH", "global/backendServices/bs", {"logConfig": {"enable": True}})
    assert shop.fetch("/good", headers={"User-Agent": "tester"}).status == 200
    shop.pods[0].hook = lambda handler: setattr(handler, "close_connection", True) or True
    assert shop.fetch("/bad", method="POST", body=b"x").status == 503
    good, bad = entries(shop, "requests", 2)
    assert good["httpRequest"]["status"] == 200
    assert good["httpRequest"]["requestUrl"] == "http://shop.example.com/good"
    assert good["httpRequest"]["userAgent"] == "tester"
    assert good["jsonPayload"]["statusDetails"] == "response_sent_by_backend"
    labels = good["resource"]["labels"]
    assert labels["forwarding_rule_name"] == "rule"
    assert labels["backend_service_name"] == "bs"
    assert labels["url_map_name"] == "um"
    assert labels["target_proxy_name"] == "proxy"
    details = bad["jsonPayload"]["statusDetails"]
    assert details == "backend_connection_closed_before_data_sent_to_client"


def test_redirects_are_not_logged(shop: Any) -> None:
    shop.do("PATCH", "global/backendServices/bs", {"logConfig": {"enable": True}})
    old = shop.get("global/urlMaps/um")
    rules = [{"paths": ["/old"], "urlRedirect": {"pathRedirect": "/new"}}]
    matcher = {"name": "m", "defaultService": old["defaultService"], "pathRules": rules}
    body = {"hostRules": [{"hosts": ["*"], "pathMatcher": "m"}], "pathMatchers": [matcher]}
    shop.do("PATCH", "global/urlMaps/um", body)
    assert shop.fetch("/old").status == 301
    assert shop.fetch("/last").status == 200
    found = entries(shop, "requests", 1)
    assert [one["httpRequest"]["requestUrl"] for one in found] == ["http://shop.example.com/last"]
    assert {row["outcome"] for row in shop.flowed(2)} == {"200", "301"}
