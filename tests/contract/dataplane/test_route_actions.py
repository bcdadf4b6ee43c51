"""What a URL map does beyond choosing: matches, timeouts, retries, faults, mirrors, weights
(facts: traffic.md 2, 6, 7, 11)."""

import threading
import time
from typing import Any

import pytest

from tests.contract.dataplane.routing import bs, matcher, put


def ruled(door: Any, action: dict[str, Any], **match: Any) -> None:
    """Everything (or what matches) goes to service b with a routeAction."""
    rule = {"priority": 1, "matchRules": [{"prefixMatch": "/", **match}], "service": bs(door, "b")}
    put(door, **matcher(door, "*", routeRules=[{**rule, "routeAction": action}]))


@pytest.mark.parametrize(
    ("match", "headers", "others"),
    [
        ({"headerName": "x-v", "prefixMatch": "be"}, {"X-V": "beta"}, [{}, {"X-V": "abe"}]),
        ({"headerName": "x-v", "suffixMatch": "ta"}, {"X-V": "beta"}, [{}, {"X-V": "tab"}]),
        ({"headerName": "x-v", "presentMatch": True}, {"X-V": ""}, [{"X-W": "1"}]),
        ({"headerName": "x-v", "rangeMatch": {"rangeStart": "1", "rangeEnd": "5"}}, {"X-V": "4"},
         [{"X-V": "5"}, {"X-V": "x"}]),
        ({"headerName": "x-v", "exactMatch": "1", "invertMatch": True}, {"X-V": "2"},
         [{"X-V": "1"}]),
        ({"headerName": ":authority", "exactMatch": "shop.example.com"}, {},
         [{"Host": "other.example.com"}]),
    ],
)  # fmt: skip
def test_header_matches(
    routed: Any, match: dict[str, Any], headers: dict[str, str], others: list[dict[str, str]]
) -> None:
    ruled(routed, {}, headerMatches=[match])
    assert routed.fetch(headers=headers).pod == "b"
    assert {routed.fetch(headers=other).pod for other in others} == {"a"}


def test_method_and_query_matches(routed: Any) -> None:
    asked = [{"name": "beta", "exactMatch": "1"}]
    named = [{"headerName": ":method", "exactMatch": "PUT"}]
    ruled(routed, {}, headerMatches=named, queryParameterMatches=asked)
    assert routed.fetch("/?beta=1", method="PUT").pod == "b"
    assert routed.fetch("/?beta=1").pod == "a"
    assert routed.fetch("/?beta=2", method="PUT").pod == "a"


def slow(seconds: float, *, times: int = 1 << 30) -> Any:
    """A hook of a pod that takes its time for its first so many requests."""
    left = iter(range(times))

    def hook(handler: Any) -> bool:
        if next(left, None) is not None:
            threading.Event().wait(seconds)
        return False

    return hook


def test_a_routes_timeout_counts_only_beside_a_retry_policy(routed: Any) -> None:
    """routeAction.timeout: ignored by EXTERNAL_MANAGED unless a custom retryPolicy exists."""
    routed.pods[1].hook = slow(0.4)
    timeout = {"timeout": {"seconds": 0, "nanos": 100_000_000}}
    ruled(routed, timeout)
    assert routed.fetch().status == 200
    ruled(routed, {**timeout, "retryPolicy": {"retryConditions": ["5xx"], "numRetries": 1}})
    assert routed.fetch().status == 504


def test_each_try_has_a_timeout_of_its_own(routed: Any) -> None:
    policy = {
        "retryConditions": ["gateway-error"], "numRetries": 2,
        "perTryTimeout": {"seconds": 0, "nanos": 200_000_000},
    }  # fmt: skip
    ruled(routed, {"retryPolicy": policy})
    routed.pods[1].hook = slow(1, times=1)
    assert routed.fetch("/again").status == 200
    assert routed.pods[1].seen == ["GET /again"] * 2


def test_retriable_4xx_is_409_and_nothing_else(routed: Any) -> None:
    ruled(routed, {"retryPolicy": {"retryConditions": ["retriable-4xx"], "numRetries": 1}})
    for status, tries in ((409, 2), (404, 1)):
        routed.pods[1].seen.clear()

        def refuse(handler: Any, status: int = status) -> bool:
            handler.say({}, status=status)
            return True

        routed.pods[1].hook = refuse
        assert routed.fetch("/x").status == status
        assert routed.pods[1].seen == ["GET /x"] * tries


def test_a_fault_delays_and_is_told(routed: Any) -> None:
    delay = {"fixedDelay": {"seconds": 0, "nanos": 300_000_000}, "percentage": 100.0}
    ruled(routed, {"faultInjectionPolicy": {"delay": delay}})
    began = time.monotonic()
    assert routed.fetch().pod == "b"
    assert time.monotonic() - began >= 0.3
    abort = {"abort": {"httpStatus": 555, "percentage": 100.0}}
    ruled(routed, {"faultInjectionPolicy": abort})
    assert routed.fetch().status == 555
    assert "555 fault_filter_abort" in {row["outcome"] for row in routed.flowed(2)}


def test_a_mirror_of_no_requests_gets_none(routed: Any) -> None:
    mirror = {"backendService": bs(routed, "c"), "mirrorPercent": 0.0}
    ruled(routed, {"requestMirrorPolicy": mirror})
    assert {routed.fetch("/quiet").pod for _ in range(4)} == {"b"}
    ruled(routed, {"requestMirrorPolicy": {**mirror, "mirrorPercent": 100.0}})
    assert routed.fetch("/loud").pod == "b"
    routed.pods[2].wait_for("GET /loud")
    assert "GET /quiet" not in routed.pods[2].seen
    assert sum(row["count"] for row in routed.flowed(5)) == 5, "a shadow is not counted"


def test_cors_that_is_disabled_or_by_expression(routed: Any) -> None:
    policy = {"allowOriginRegexes": [r"https://[a-z]+\.example\.com"], "allowMethods": ["GET"]}
    origin = {"Origin": "https://app.example.com"}
    ruled(routed, {"corsPolicy": policy})
    assert routed.fetch(headers=origin).headers["access-control-allow-origin"] == origin["Origin"]
    ruled(routed, {"corsPolicy": {**policy, "disabled": True}})
    assert "access-control-allow-origin" not in routed.fetch(headers=origin).headers


def weights(door: Any, **parts: int) -> dict[str, Any]:
    listed = [{"backendService": bs(door, name), "weight": part} for name, part in parts.items()]
    return {"defaultRouteAction": {"weightedBackendServices": listed}, "defaultService": None}


def test_weights_win_over_affinity_and_leave_what_is_in_flight(routed: Any) -> None:
    """The split comes first, affinity acts inside the chosen service."""
    routed.do("PATCH", "global/backendServices/a", {"sessionAffinity": "GENERATED_COOKIE"})
    put(routed, **weights(routed, a=1, b=0))
    held = {"Cookie": routed.fetch().headers["set-cookie"].split(";")[0]}
    go, done = threading.Event(), []
    routed.pods[0].hook = lambda handler: not go.wait(10)
    late = threading.Thread(target=lambda: done.append(routed.fetch("/late").pod))
    late.start()
    routed.pods[0].wait_for("GET /late")
    put(routed, **weights(routed, a=0, b=1))
    assert {routed.fetch(headers=held).pod for _ in range(6)} == {"b"}
    go.set()
    late.join(20)
    assert done == ["a"]


@pytest.mark.parametrize(
    ("action", "named"),
    [
        ({"urlRewrite": {"regexRewrite": {"pathPattern": "a", "pathSubstitution": "b"}}},
         "urlRewrite.regexRewrite"),
        ({"cachePolicy": {"cacheMode": "CACHE_ALL_STATIC"}}, "routeAction.cachePolicy"),
    ],
)  # fmt: skip
def test_an_action_that_is_not_carried_is_named(
    routed: Any, action: dict[str, Any], named: str
) -> None:
    ruled(routed, action)
    answer = routed.fetch()
    assert answer.status == 501
    assert f"urlMaps/um {named}".encode() in answer.body
