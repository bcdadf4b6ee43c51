"""URL maps: which service a request goes to, validation, tests, and what a broken map is told."""

from typing import Any

import pytest

A, B, C = (f"global/backendServices/{name}" for name in "abc")
MATCHERS = [
    {
        "name": "paths",
        "defaultService": A,
        "pathRules": [
            {"paths": ["/b", "/b/*"], "service": B},
            {"paths": ["/b/c/*"], "service": C},
        ],
    }
]
HOSTS = [{"hosts": ["x.example.com", "*.y.example.com"], "pathMatcher": "paths"}]


@pytest.fixture
def maps(gce: Any) -> Any:
    for name in "abc":
        gce.backend_service(name)
    return gce


def test_tests_are_run_when_a_map_is_written(maps: Any) -> None:
    right = [
        {"host": "other.example.com", "path": "/b", "service": A},
        {"host": "x.example.com", "path": "/b", "service": B},
        {"host": "x.example.com", "path": "/b/1", "service": B},
        {"host": "x.example.com", "path": "/b/c/1", "service": C},
        {"host": "q.y.example.com", "path": "/b/c/1", "service": C},
        {"host": "x.example.com", "path": "/bb", "service": A},
    ]
    body = {"name": "um", "defaultService": A, "hostRules": HOSTS, "pathMatchers": MATCHERS}
    maps.do("POST", "global/urlMaps", {**body, "tests": right})
    assert len(maps.get("global/urlMaps/um")["tests"]) == 6
    wrong = [{"host": "x.example.com", "path": "/b", "service": C}]
    code, reason, message = maps.refused(
        "POST", "global/urlMaps", {**body, "name": "two", "tests": wrong}
    )
    assert (code, reason) == (400, "invalid")
    assert "x.example.com/b" in message
    assert maps.refused("PATCH", "global/urlMaps/um", {"tests": wrong})[:2] == (400, "invalid")
    assert maps.refused("GET", "global/urlMaps/two")[0] == 404


def test_validate_keeps_nothing(maps: Any) -> None:
    maps.url_map(service=A)
    tests = [{"host": "x.example.com", "path": "/b", "service": B}]
    resource = {"defaultService": A, "hostRules": HOSTS, "pathMatchers": MATCHERS, "tests": tests}
    path = "global/urlMaps/um/validate"
    status, answer = maps.ask("POST", path, {"resource": resource})
    assert (status, answer) == (200, {"result": {"loadSucceeded": True, "testPassed": True}})
    tests[0]["service"] = C
    _, answer = maps.ask("POST", path, {"resource": resource})
    assert answer["result"]["testPassed"] is False
    failure = answer["result"]["testFailures"][0]
    assert (failure["host"], failure["path"]) == ("x.example.com", "/b")
    broken = {**resource, "hostRules": [{"hosts": ["x"], "pathMatcher": "none"}]}
    _, answer = maps.ask("POST", path, {"resource": broken})
    assert answer["result"]["loadSucceeded"] is False
    assert "Path matcher is not defined." in answer["result"]["loadErrors"][0]
    assert "hostRules" not in maps.get("global/urlMaps/um")


def matcher(**body: Any) -> dict[str, Any]:
    return {"name": "m", "defaultService": A, **body}


BROKEN: dict[str, dict[str, Any]] = {
    "host rule without its matcher": {"hostRules": [{"hosts": ["x"], "pathMatcher": "none"}]},
    "host rule without hosts": {
        "hostRules": [{"pathMatcher": "m"}],
        "pathMatchers": [matcher()],
    },
    "the same host twice": {
        "hostRules": [
            {"hosts": ["x"], "pathMatcher": "m"},
            {"hosts": ["X"], "pathMatcher": "m"},
        ],
        "pathMatchers": [matcher()],
    },
    "a host that is none": {
        "hostRules": [{"hosts": ["a b"], "pathMatcher": "m"}],
        "pathMatchers": [matcher()],
    },
    "matcher without a name": {"pathMatchers": [{"defaultService": A}]},
    "path without a slash": {
        "hostRules": [{"hosts": ["x"], "pathMatcher": "m"}],
        "pathMatchers": [matcher(pathRules=[{"paths": ["b"], "service": B}])],
    },
    "a star in the middle": {
        "hostRules": [{"hosts": ["x"], "pathMatcher": "m"}],
        "pathMatchers": [matcher(pathRules=[{"paths": ["/*/b"], "service": B}])],
    },
    "path rule without a service": {
        "hostRules": [{"hosts": ["x"], "pathMatcher": "m"}],
        "pathMatchers": [matcher(pathRules=[{"paths": ["/b"]}])],
    },
    "path rules beside route rules": {
        "hostRules": [{"hosts": ["x"], "pathMatcher": "m"}],
        "pathMatchers": [
            matcher(
                pathRules=[{"paths": ["/b"], "service": B}],
                routeRules=[{"priority": 1, "service": B}],
            )
        ],
    },
    "weight out of range": {
        "defaultRouteAction": {"weightedBackendServices": [{"backendService": B, "weight": 1001}]}
    },
}


def test_broken_maps(maps: Any) -> None:
    for case, body in BROKEN.items():
        code, reason, message = maps.refused(
            "POST", "global/urlMaps", {"name": "um", "defaultService": A, **body}
        )
        assert code == 400, case
        assert reason in ("invalid", "required"), case
        assert "'resource." in message, case
    assert "items" not in maps.get("global/urlMaps")


def test_weighted_services_are_in_use(maps: Any) -> None:
    weights = [{"backendService": A, "weight": 10}, {"backendService": B, "weight": 0}]
    path = maps.make(
        "global/urlMaps", name="um", defaultRouteAction={"weightedBackendServices": weights}
    )
    shown = maps.get(path)["defaultRouteAction"]["weightedBackendServices"]
    assert [(one["backendService"], one["weight"]) for one in shown] == [
        (maps.link(A), 10),
        (maps.link(B), 0),
    ]
    for service in (A, B):
        assert maps.refused("DELETE", service)[1] == "resourceInUseByAnotherResource"
    maps.do("DELETE", C)


def test_a_redirect_to_https_is_not_for_an_https_proxy(maps: Any) -> None:
    maps.make("global/sslCertificates", name="cert", managed={"domains": ["a.example"]})
    path = maps.make("global/urlMaps", name="um", defaultUrlRedirect={"httpsRedirect": True})
    body = {"name": "p", "urlMap": path, "sslCertificates": ["global/sslCertificates/cert"]}
    assert maps.refused("POST", "global/targetHttpsProxies", body)[:2] == (400, "invalid")
    maps.make("global/targetHttpProxies", name="p", urlMap=path)


def test_invalidate_cache(maps: Any) -> None:
    maps.url_map(service=A)
    maps.do("POST", "global/urlMaps/um/invalidateCache", {"path": "/*"})
    assert maps.refused("POST", "global/urlMaps/um/invalidateCache", {})[:2] == (400, "required")
