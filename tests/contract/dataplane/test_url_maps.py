"""URL maps as they route (facts: traffic.md 2, 11)."""

from collections import Counter
from typing import Any

import pytest

from tests.contract.dataplane.routing import bs, matcher, put


def test_hosts(routed: Any) -> None:
    rules = [
        {"hosts": ["*.example.com", "*-b.example.org"], "pathMatcher": "wild"},
        {"hosts": ["shop.example.com"], "pathMatcher": "exact"},
    ]
    matchers = [
        {"name": "wild", "defaultService": bs(routed, "b")},
        {"name": "exact", "defaultService": bs(routed, "c")},
    ]
    put(routed, hostRules=rules, pathMatchers=matchers)
    served = {
        host: routed.fetch(host=host).pod
        for host in (
            "shop.example.com", "x.example.com", "a.b.example.com", "x-b.example.org",
            "example.com", "q.org",
        )
    }  # fmt: skip
    assert served == {
        "shop.example.com": "c",
        "x.example.com": "b",
        "a.b.example.com": "b",  # any depth, unlike certificates
        "x-b.example.org": "b",
        "example.com": "a",
        "q.org": "a",
    }
    # The port of the Host header counts.
    assert routed.fetch(host="shop.example.com:8443").pod == "a"


def test_path_rules(routed: Any) -> None:
    rules = [
        {"paths": ["/api/*"], "service": bs(routed, "b")},
        {"paths": ["/api/v2/*", "/api"], "service": bs(routed, "c")},
    ]
    put(routed, **matcher(routed, "*", pathRules=rules))
    served = {path: routed.fetch(path).pod for path in ("/api", "/api/x", "/api/v2/x", "/API/x")}
    assert served == {"/api": "c", "/api/x": "b", "/api/v2/x": "c", "/API/x": "a"}


def test_route_rules_by_priority(routed: Any) -> None:
    rules = [
        {
            "priority": 2,
            "matchRules": [{"prefixMatch": "/a"}],
            "service": bs(routed, "b"),
        },
        {
            "priority": 1,
            "matchRules": [
                {
                    "prefixMatch": "/",
                    "headerMatches": [{"headerName": "x-canary", "exactMatch": "yes"}],
                },
                {
                    "fullPathMatch": "/Exact",
                    "ignoreCase": True,
                    "queryParameterMatches": [{"name": "beta", "presentMatch": True}],
                },
            ],
            "service": bs(routed, "c"),
        },
    ]
    put(routed, **matcher(routed, "*", routeRules=rules))
    assert routed.fetch("/ab").pod == "b"  # a plain prefix of the string
    assert routed.fetch("/a", headers={"X-Canary": "yes"}).pod == "c"
    assert routed.fetch("/exact?beta=").pod == "c"
    assert routed.fetch("/exact").pod == "a"


def test_path_templates(routed: Any) -> None:
    rules = [
        {
            "priority": 1,
            "matchRules": [{"pathTemplateMatch": "/users/{id=*}/**"}],
            "service": bs(routed, "b"),
            "routeAction": {"urlRewrite": {"pathTemplateRewrite": "/u/{id}"}},
        }
    ]
    put(routed, **matcher(routed, "*", routeRules=rules))
    assert routed.fetch("/users/7/x/y").json["path"] == "/u/7"
    assert routed.fetch("/users/7").pod == "a"


@pytest.mark.parametrize(
    ("redirect", "asked", "status", "location"),
    [
        ({"httpsRedirect": True}, "/a?b=1", 301, "https://shop.example.com/a?b=1"),
        (
            {"hostRedirect": "new.example.com", "redirectResponseCode": "FOUND"},
            "/a",
            302,
            "http://new.example.com/a",
        ),
        (
            {"pathRedirect": "/b", "redirectResponseCode": "SEE_OTHER", "stripQuery": True},
            "/a?x=1",
            303,
            "http://shop.example.com/b",
        ),
        (
            {"prefixRedirect": "/new/", "redirectResponseCode": "PERMANENT_REDIRECT"},
            "/a/x",
            308,
            "http://shop.example.com/new/a/x",
        ),
        (
            {"hostRedirect": "t.example.com", "redirectResponseCode": "TEMPORARY_REDIRECT"},
            "/",
            307,
            "http://t.example.com/",
        ),
    ],
)
def test_redirects(
    routed: Any, redirect: dict[str, Any], asked: str, status: int, location: str
) -> None:
    put(routed, **matcher(routed, "*", defaultUrlRedirect=redirect))
    answer = routed.fetch(asked)
    assert (answer.status, answer.headers["location"]) == (status, location)


def test_rewrites(routed: Any) -> None:
    rules = [
        {
            "paths": ["/old/*"],
            "service": bs(routed, "b"),
            "routeAction": {
                "urlRewrite": {"hostRewrite": "inside.example.net", "pathPrefixRewrite": "/new/"}
            },
        }
    ]
    put(routed, **matcher(routed, "*", pathRules=rules))
    answer = routed.fetch("/old/x?y=1")
    assert answer.json["path"] == "/new/x?y=1"
    assert answer.arrived["host"] == "inside.example.net"
    assert answer.arrived["x-client-request-url"] == "http://shop.example.com/old/x?y=1"
    assert answer.arrived["x-envoy-original-path"] == "/old/x?y=1"


def test_header_actions(routed: Any) -> None:
    def adds(side: str, name: str, value: str, replace: bool = True) -> dict[str, Any]:
        one = {"headerName": name, "headerValue": value, "replace": replace}
        return {f"{side}HeadersToAdd": [one]}

    routed.do("PATCH", "global/backendServices/b", {"customRequestHeaders": ["x-who:service"]})
    rules = [
        {
            "priority": 1,
            "matchRules": [{"prefixMatch": "/b"}],
            "service": bs(routed, "b"),
            "headerAction": {
                **adds("request", "X-Who", "rule"),
                "requestHeadersToRemove": ["X-Secret"],
                **adds("response", "X-Answer", "{client_encrypted}"),
            },
        }
    ]
    around = adds("request", "x-map", "map", replace=False)
    put(routed, headerAction=around, **matcher(routed, "*", routeRules=rules))
    answer = routed.fetch("/b", headers={"X-Secret": "s", "X-Map": "mine"})
    assert answer.arrived["x-who"] == "rule"  # the URL map's win over the service's
    assert "x-secret" not in answer.arrived
    assert answer.headers["x-answer"] == "false"
    values = [value for name, value in answer.json["headers"] if name == "x-map"]
    assert ",".join(values).replace(" ", "") == "mine,map"


def test_weights_split_by_request(routed: Any) -> None:
    def weights(a: int, b: int) -> dict[str, Any]:
        return {
            "defaultRouteAction": {
                "weightedBackendServices": [
                    {"backendService": bs(routed, "a"), "weight": a},
                    {"backendService": bs(routed, "b"), "weight": b},
                ]
            },
            "defaultService": None,
        }

    def shares(count: int) -> Counter[str]:
        connection = routed.connect()
        found = Counter(connection.get().pod for _ in range(count))
        connection.close()
        return found

    put(routed, **weights(90, 10))
    mixed = shares(300)
    assert 5 <= mixed["b"] <= 70 and mixed["a"] + mixed["b"] == 300
    put(routed, **weights(0, 100))
    assert shares(20) == {"b": 20}


def test_a_fault_is_injected(routed: Any) -> None:
    abort = {"abort": {"httpStatus": 418, "percentage": 100.0}}
    action = {"faultInjectionPolicy": abort}
    rules = [
        {
            "priority": 1,
            "matchRules": [{"prefixMatch": "/tea"}],
            "service": bs(routed, "b"),
            "routeAction": action,
        }
    ]
    put(routed, **matcher(routed, "*", routeRules=rules))
    assert routed.fetch("/tea").status == 418
    assert routed.fetch("/").status == 200


def test_cors(routed: Any) -> None:
    policy = {
        "allowOrigins": ["https://app.example.com"],
        "allowMethods": ["GET", "PUT"],
        "allowHeaders": ["X-A"],
        "maxAge": 60,
        "allowCredentials": True,
    }
    rules = [
        {
            "priority": 1,
            "matchRules": [{"prefixMatch": "/"}],
            "service": bs(routed, "b"),
            "routeAction": {"corsPolicy": policy},
        }
    ]
    put(routed, **matcher(routed, "*", routeRules=rules))
    origin = {"Origin": "https://app.example.com"}
    asked = {**origin, "Access-Control-Request-Method": "PUT"}
    answer = routed.fetch(method="OPTIONS", headers=asked)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "https://app.example.com"
    assert answer.headers["access-control-allow-methods"] == "GET, PUT"
    assert answer.headers["access-control-max-age"] == "60"
    assert routed.fetch(headers=origin).headers["access-control-allow-credentials"] == "true"
    foreign = routed.fetch(headers={"Origin": "https://evil.example.com"})
    assert "access-control-allow-origin" not in foreign.headers


def test_a_mirror_gets_a_shadow_that_nobody_waits_for(routed: Any) -> None:
    rules = [
        {
            "priority": 1,
            "matchRules": [{"prefixMatch": "/"}],
            "service": bs(routed, "b"),
            "routeAction": {"requestMirrorPolicy": {"backendService": bs(routed, "c")}},
        }
    ]
    put(routed, **matcher(routed, "*", routeRules=rules))
    mirror = routed.pods[2]
    hosts = []
    mirror.hook = lambda handler: bool(hosts.append(handler.headers["Host"]))
    assert routed.fetch("/shadowed").pod == "b"
    mirror.wait_for("GET /shadowed")
    assert hosts == ["shop.example.com-shadow"]


def test_retries_as_the_policy_says(routed: Any) -> None:
    policy = {"retryConditions": ["5xx"], "numRetries": 2}
    rules = [
        {
            "priority": 1,
            "matchRules": [{"prefixMatch": "/"}],
            "service": bs(routed, "b"),
            "routeAction": {"retryPolicy": policy},
        }
    ]
    put(routed, **matcher(routed, "*", routeRules=rules))
    pod = routed.pods[1]
    failures = iter([True, True])

    def hook(handler: Any) -> bool:
        if next(failures, False):
            handler.say({}, status=500)
            return True
        return False

    pod.hook = hook
    assert routed.fetch("/x", method="POST").status == 200
    assert pod.seen == ["POST /x"] * 3


@pytest.mark.parametrize(
    ("asked", "clean"),
    [
        ("/a/./b?x=1", "/a/b?x=1"),
        ("/a/b/../c", "/a/c"),
        ("/a/b/..", "/a/"),
        ("/../a", "/a"),
        ("/a/..b/c", ""),
        ("/a/.../c", ""),
        ("/a.b/c.", ""),
    ],
)
def test_dots_in_paths_are_sent_back(routed: Any, asked: str, clean: str) -> None:
    answer = routed.fetch(asked)
    if clean:
        assert (answer.status, answer.headers["location"]) == (
            302,
            f"http://shop.example.com{clean}",
        )
    else:
        assert (answer.status, answer.json["path"]) == (200, asked)
