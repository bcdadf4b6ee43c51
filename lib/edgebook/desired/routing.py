"""The URL maps: which request goes where, and the tests that Google runs at every write of one."""

from collections.abc import Iterator, Mapping
from typing import Any

from edgebook.desired.context import Context, merged
from edgebook.model.values import Ref, Resource
from edgebook.params.apitypes import SERVICE_KEYS
from edgebook.params.names import slug
from edgebook.params.types import (
    FrontendProtocol,
    RedirectCode,
    RedirectSpec,
    RouteSpec,
    TargetSpec,
)

MAX_TESTS = 100  # of one URL map
SAMPLE = "edgebook-test"
CODES = {
    RedirectCode.MOVED_PERMANENTLY: "MOVED_PERMANENTLY_DEFAULT",
    RedirectCode.FOUND: "FOUND",
    RedirectCode.SEE_OTHER: "SEE_OTHER",
    RedirectCode.TEMPORARY: "TEMPORARY_REDIRECT",
    RedirectCode.PERMANENT: "PERMANENT_REDIRECT",
}


def url_maps(context: Context) -> Iterator[Resource]:
    if any(f.protocol is FrontendProtocol.HTTPS for f in context.spec.frontends):
        yield _routes(context)
    for frontend in sorted(context.spec.frontends, key=lambda f: f.name):
        if frontend.redirect_http:
            name = context.names.redirect(frontend.name)
            redirect = {
                "httpsRedirect": True,
                "redirectResponseCode": "MOVED_PERMANENTLY_DEFAULT",
                "stripQuery": False,
            }
            body = {"name": name, "defaultUrlRedirect": redirect}
            yield context.resource("urlMap", name, body, what="redirect to HTTPS")


def _routes(context: Context) -> Resource:
    """Hosts without a route of their own get the first route's default."""
    name, routes = context.names.url_map(), context.spec.routes
    rules = [
        {"hosts": sorted(route.hosts), "pathMatcher": _matcher_name(route)} for route in routes
    ]
    body: dict[str, Any] = {
        "name": name,
        **dict.fromkeys(("defaultService", "defaultRouteAction", "defaultUrlRedirect")),
        **_action(context, routes[0].default, default=True),
        "hostRules": rules,
        "pathMatchers": [_matcher(context, route) for route in routes],
        "tests": list(_tests(context))[:MAX_TESTS],
    }
    paths = sum(len(route.paths) for route in routes)
    hosts = sum(len(route.hosts) for route in routes)
    what = f"{hosts} host{_s(hosts)}, {paths} path{_s(paths)}, {len(body['tests'])} tests"
    return context.resource("urlMap", name, merged(body, context.spec.url_map_api), what=what)


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _matcher_name(route: RouteSpec) -> str:
    return slug(sorted(route.hosts)[0])


def _matcher(context: Context, route: RouteSpec) -> dict[str, Any]:
    rules = [
        {"paths": [path], **_action(context, target)}
        for path, target in sorted(route.paths.items())
    ]
    matcher: dict[str, Any] = {
        "name": _matcher_name(route),
        **_action(context, route.default, default=True),
        "pathRules": rules or None,
        "routeRules": None,
    }
    return merged(matcher, _named(context, route.api))


def _named(context: Context, value: Any, key: str = "") -> Any:
    """Fields under `api:` with the params' own backends by name made references."""
    if isinstance(value, Mapping):
        return {name: _named(context, item, name) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_named(context, item, key) for item in value]
    if key in SERVICE_KEYS and isinstance(value, str) and value in context.spec.backends:
        return _service(context, value)
    return value


def _service(context: Context, backend: str) -> Ref:
    return context.ref("backendService", context.names.backend_service(backend))


def _action(context: Context, target: TargetSpec, *, default: bool = False) -> dict[str, Any]:
    """The fields that send requests to a target; as a default they carry other names.

    Those that are not wanted are None, so that what was there before is seen and goes.
    """
    names = ("defaultService", "defaultRouteAction", "defaultUrlRedirect")
    service, action, redirect = names if default else ("service", "routeAction", "urlRedirect")
    result: dict[str, Any] = dict.fromkeys((service, action, redirect))
    if target.redirect:
        return result | {redirect: _redirect(target.redirect)}
    route: dict[str, Any] = {}
    if target.backend:
        result[service] = _service(context, target.backend)
    else:
        route["weightedBackendServices"] = [
            {"backendService": _service(context, name), "weight": weight}
            for name, weight in sorted(target.weights.items())
        ]
    if target.rewrite:
        rewrite = {
            "hostRewrite": target.rewrite.host,
            "pathPrefixRewrite": target.rewrite.prefix,
        }
        route["urlRewrite"] = {field: value for field, value in rewrite.items() if value}
    route = merged(route, _named(context, target.api))
    return result | ({action: route | _nothing_else(target)} if route else {})


def _nothing_else(target: TargetSpec) -> dict[str, Any]:
    """What a route action does not do although it may have done so before."""
    gone = {} if target.rewrite else {"urlRewrite": None}
    return gone | ({} if target.weights else {"weightedBackendServices": None})


def _redirect(redirect: RedirectSpec) -> dict[str, Any]:
    body: dict[str, Any] = {
        "redirectResponseCode": CODES[redirect.code],
        "stripQuery": redirect.strip_query,
    }
    places = {
        "hostRedirect": redirect.host,
        "pathRedirect": redirect.path,
        "prefixRedirect": redirect.prefix,
    }
    return body | {field: value for field, value in places.items() if value}


def _tests(context: Context) -> Iterator[dict[str, Any]]:
    """One request per route and path whose answer is a plain backend."""
    for route in context.spec.routes:
        host = sorted(route.hosts)[0].replace("*", SAMPLE)
        if "/*" not in route.paths and _plain(route.default):
            yield _test(context, host, f"/{SAMPLE}", route.default)
        for path, target in sorted(route.paths.items()):
            if _plain(target):
                yield _test(context, host, path.replace("*", SAMPLE), target)


def _plain(target: TargetSpec) -> bool:
    return bool(target.backend) and not target.rewrite and not target.api


def _test(context: Context, host: str, path: str, target: TargetSpec) -> dict[str, Any]:
    return {"host": host, "path": path, "service": _service(context, target.backend)}
