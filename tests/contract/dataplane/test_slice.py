"""From a forwarding rule to a pod."""

from typing import Any


def test_a_request_reaches_a_pod_at_each_location(shop: Any) -> None:
    for location in ("us-central1", "europe-west1"):
        answer = shop.fetch("/hello?x=1", at=location)
        assert answer.status == 200
        assert answer.json["path"] == "/hello?x=1"
        assert answer.pod == "one"
