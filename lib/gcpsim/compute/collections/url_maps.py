"""URL maps: host rules, path matchers, their checks, and which service a request goes to."""

import re

from gcpsim.compute.collections import chains
from gcpsim.compute.engine import links
from gcpsim.compute.engine.resources import Doc, Draft, Kind
from gcpsim.compute.engine.service import Compute
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import ApiError, invalid, required

HTTP_PROTOCOLS = ("HTTP", "HTTPS", "HTTP2", "H2C", "GRPC")
SERVICES = ("backendServices", "backendBuckets")
_PLACES = ("", "pathMatchers[].", "pathMatchers[].pathRules[].", "pathMatchers[].routeRules[].")
HOST = re.compile(r"\*|(\*\.|\*-)?[A-Za-z0-9_]([-A-Za-z0-9_.]*[A-Za-z0-9])?(:[0-9]+)?")


def _reference_fields() -> tuple[tuple[str, tuple[str, ...]], ...]:
    fields = [("tests[].service", SERVICES)]
    for place in _PLACES:
        service = "defaultService" if place in ("", "pathMatchers[].") else "service"
        action = "defaultRouteAction" if place in ("", "pathMatchers[].") else "routeAction"
        fields += [
            (f"{place}{service}", SERVICES),
            (f"{place}{action}.weightedBackendServices[].backendService", SERVICES),
            (f"{place}{action}.requestMirrorPolicy.backendService", SERVICES),
        ]
    return tuple(fields)


REFS = _reference_fields()


def prepare(draft: Draft) -> None:
    check(draft.body)
    _protocols(draft)
    failures = run_tests(draft.body)
    if failures:
        raise invalid("resource.tests", "", f"Test failure: {failures[0]}")
    if draft.old is None:
        return
    behind = {links.path_of(service) for service in chains.services(draft.body)}
    chains.require_scheme_before(draft.compute, _path(draft), behind)
    used_by = draft.compute.users(_path(draft))
    redirect = draft.body.get("defaultUrlRedirect") or {}
    if redirect.get("httpsRedirect") and any("/targetHttpsProxies/" in user for user in used_by):
        raise invalid(
            "resource.defaultUrlRedirect.httpsRedirect",
            "true",
            "Not allowed under a target HTTPS proxy.",
        )


def _protocols(draft: Draft) -> None:
    """Only backend services that speak HTTP may stand behind a URL map."""
    for service in sorted(chains.services(draft.body)):
        doc = draft.compute.get(links.path_of(service)) or {}
        protocol = doc.get("protocol", "HTTP")
        if "/backendServices/" in service and protocol not in HTTP_PROTOCOLS:
            raise invalid(
                "resource.defaultService",
                service,
                f"A URL map may only refer to backend services of HTTP protocols, not {protocol}.",
            )


def limited(where: str, what: str, count: int, limit: int) -> None:
    """ApiError 400 for more than Google takes."""
    if count > limit:
        raise invalid(
            where, "", f"Total number of {what} is {count}, which exceeds the limit {limit}."
        )


def _path(draft: Draft) -> str:
    return f"projects/{draft.project}/{draft.scope}/urlMaps/{draft.body['name']}"


def check(body: Doc) -> None:
    """The rules that a URL map must follow by itself; ApiError 400 for the first one broken."""
    matching, rules = body.get("pathMatchers") or [], body.get("hostRules") or []
    limited("resource.pathMatchers", "path matchers", len(matching), 1000)
    limited("resource.hostRules", "hosts", sum(len(r.get("hosts") or []) for r in rules), 1000)
    limited("resource.tests", "tests", len(body.get("tests") or []), 100)
    _default("resource", body)
    matchers: dict[str, int] = {}
    for index, matcher in enumerate(body.get("pathMatchers") or []):
        where = f"resource.pathMatchers[{index}]"
        if not matcher.get("name"):
            raise required(f"{where}.name")
        if matcher["name"] in matchers:
            raise invalid(f"{where}.name", matcher["name"], "Duplicate path matcher name.")
        matchers[matcher["name"]] = index
        _default(where, matcher, required_here=False)
        _path_rules(where, matcher)
    hosts: set[str] = set()
    for index, rule in enumerate(body.get("hostRules") or []):
        where = f"resource.hostRules[{index}]"
        if not rule.get("hosts"):
            raise required(f"{where}.hosts")
        if not rule.get("pathMatcher"):
            raise required(f"{where}.pathMatcher")
        if rule["pathMatcher"] not in matchers:
            raise invalid(
                f"{where}.pathMatcher", rule["pathMatcher"], "Path matcher is not defined."
            )
        for at, host in enumerate(rule["hosts"]):
            if not HOST.fullmatch(host):
                raise invalid(f"{where}.hosts[{at}]", host, "Invalid host.")
            if host.lower() in hosts:
                raise invalid(f"{where}.hosts[{at}]", host, "Duplicate host.")
            hosts.add(host.lower())
    named = {rule["pathMatcher"] for rule in body.get("hostRules") or []}
    for name, index in matchers.items():
        if name not in named:
            raise invalid(
                f"resource.pathMatchers[{index}].name",
                name,
                "Path matcher is not used by a host rule.",
            )


def _default(where: str, part: Doc, *, required_here: bool = True) -> None:
    service, redirect = part.get("defaultService"), part.get("defaultUrlRedirect")
    action = part.get("defaultRouteAction") or {}
    weighted = action.get("weightedBackendServices")
    if service and redirect:
        raise invalid(
            f"{where}.defaultUrlRedirect",
            "",
            "Only one of defaultService and defaultUrlRedirect may be set.",
        )
    if required_here and not (service or redirect or weighted):
        raise required(f"{where}.defaultService")
    _weights(f"{where}.defaultRouteAction", action)
    if redirect is not None:
        redirect.setdefault("redirectResponseCode", "MOVED_PERMANENTLY_DEFAULT")


def _weights(where: str, action: Doc) -> None:
    for index, item in enumerate(action.get("weightedBackendServices") or []):
        if not 0 <= item.get("weight", 0) <= 1000:
            at = f"{where}.weightedBackendServices[{index}].weight"
            raise invalid(at, item["weight"], "Must be between 0 and 1000.")


def _path_rules(where: str, matcher: Doc) -> None:
    if matcher.get("pathRules") and matcher.get("routeRules"):
        raise invalid(
            f"{where}.routeRules", "", "pathRules and routeRules may not be used together."
        )
    paths = sum(len(rule.get("paths") or []) for rule in matcher.get("pathRules") or [])
    limited(f"{where}.pathRules", "paths", paths, 1000)
    limited(f"{where}.routeRules", "route rules", len(matcher.get("routeRules") or []), 200)
    seen: set[str] = set()
    for index, rule in enumerate(matcher.get("pathRules") or []):
        at = f"{where}.pathRules[{index}]"
        if not rule.get("paths"):
            raise required(f"{at}.paths")
        action = rule.get("routeAction") or {}
        _weights(f"{at}.routeAction", action)
        if not (
            rule.get("service") or rule.get("urlRedirect") or action.get("weightedBackendServices")
        ):
            raise required(f"{at}.service")
        for number, path in enumerate(rule["paths"]):
            star = path.find("*")
            if not path.startswith("/") or (
                star >= 0 and (star != len(path) - 1 or path[-2] != "/")
            ):
                raise invalid(
                    f"{at}.paths[{number}]", path, "Path must start with '/' and may end with '/*'."
                )
            if path in seen:
                raise invalid(f"{at}.paths[{number}]", path, "Duplicate path.")
            seen.add(path)
    priorities = [rule.get("priority") for rule in matcher.get("routeRules") or []]
    if len(set(priorities)) != len(priorities):
        raise invalid(f"{where}.routeRules", "", "Route rule priorities must be unique.")


def route(body: Doc, host: str, path: str) -> Doc:
    """The part that decides a request: has `service`, `urlRedirect` or `routeAction`.

    Hosts: exact, then the longest wildcard, then `*`, then the map's default. Paths: the longest
    match, exact before `/*`. Route rules go by priority (prefix, full path and regular expression).
    """
    matcher = _matcher(body, host.lower().split(":")[0])
    if matcher is None:
        return _as_rule(body)
    best: tuple[int, int, Doc] | None = None
    for rule in matcher.get("pathRules") or []:
        for pattern in rule["paths"]:
            exact = not pattern.endswith("/*")
            stem = pattern.removesuffix("*")
            if path == pattern or (not exact and (path.startswith(stem) or path == stem[:-1])):
                rank = (len(stem), int(exact), rule)
                if best is None or rank[:2] > best[:2]:
                    best = rank
    if best is not None:
        return best[2]
    for rule in sorted(matcher.get("routeRules") or [], key=lambda r: r.get("priority", 0)):
        if any(_matches(match, path) for match in rule.get("matchRules") or []):
            return rule  # type: ignore[no-any-return]
    return _as_rule(matcher)


def _matches(rule: Doc, path: str) -> bool:
    if "fullPathMatch" in rule:
        return bool(rule["fullPathMatch"] == path)
    if "regexMatch" in rule:
        return re.fullmatch(rule["regexMatch"], path) is not None
    return path.startswith(rule.get("prefixMatch", "/"))


def _as_rule(part: Doc) -> Doc:
    out = {}
    for name, key in (
        ("service", "defaultService"),
        ("urlRedirect", "defaultUrlRedirect"),
        ("routeAction", "defaultRouteAction"),
    ):
        if part.get(key):
            out[name] = part[key]
    return out


def _matcher(body: Doc, host: str) -> Doc | None:
    best: tuple[int, str] | None = None
    for rule in body.get("hostRules") or []:
        for pattern in rule["hosts"]:
            wanted = pattern.lower().split(":")[0]
            if wanted == host:
                rank = 10_000
            elif wanted == "*":
                rank = 0
            elif (
                wanted.startswith("*") and host.endswith(wanted[1:]) and len(host) > len(wanted) - 1
            ):
                rank = len(wanted)
            else:
                continue
            if best is None or rank > best[0]:
                best = (rank, rule["pathMatcher"])
    if best is None:
        return None
    return next(m for m in body["pathMatchers"] if m["name"] == best[1])  # type: ignore[no-any-return]


def run_tests(body: Doc) -> list[str]:
    """What the map's own tests say is wrong."""
    failures = []
    for test in body.get("tests") or []:
        rule = route(body, test.get("host", ""), test.get("path", "/"))
        got = rule.get("service", "")
        wanted = test.get("service")
        if wanted and links.path_of(wanted) != links.path_of(got):
            failures.append(
                f"Expect URL {test.get('host', '')}{test.get('path', '')} to match service "
                f"{links.path_of(wanted)}, actual {links.path_of(got) or 'none'}"
            )
    return failures


def validate(compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc) -> Answer:
    """urlMaps.validate: load and test a map without keeping it."""
    project = links.split(path)[0]
    resource = body.get("resource") or {}
    result: Doc = {"loadSucceeded": True}
    try:
        check(resource)
    except ApiError as error:
        return Answer(body={"result": {"loadSucceeded": False, "loadErrors": [error.message]}})
    failures = []
    for test in resource.get("tests") or []:
        rule = route(resource, test.get("host", ""), test.get("path", "/"))
        got, wanted = rule.get("service", ""), test.get("service", "")
        if links.parse(wanted, project) != links.parse(got, project):
            failures.append(
                {
                    "host": test.get("host", ""),
                    "path": test.get("path", ""),
                    "expectedService": wanted,
                    "actualService": got,
                }
            )
    result["testPassed"] = not failures
    if failures:
        result["testFailures"] = failures
    return Answer(body={"result": result})


def invalidate_cache(
    compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc
) -> Answer:
    if not body.get("path"):
        raise required("resource.path")
    op = compute.begin(kind, call, path, "invalidateCache", "invalidateCache", doc, {})
    return compute.operation_answer(op)


URL_MAPS = Kind(
    "urlMaps",
    "UrlMap",
    "url_map",
    scopes=("global", "regions"),
    fingerprint="lenient",
    patch=True,
    put=True,
    refs=REFS,
    prepare=prepare,
    verbs={"validate": validate, "invalidateCache": invalidate_cache},
    on_absent=("validate",),
)
