"""HTTPRoutes as route rules of a URL map, in the order that the Gateway API demands. Pure.

A rule that leads nowhere answers 500, and what no rule wants 404, both by fault injection, as the
controller has it. What the class can't do is a Misfit, in words for the route's conditions.
"""

from collections.abc import Callable, Iterable
from typing import Any

from gcpsim.k8s.controllers.objects import Obj, key_of, labels_of, matches

CODES = {301: "MOVED_PERMANENTLY_DEFAULT", 302: "FOUND", 303: "SEE_OTHER",
         307: "TEMPORARY_REDIRECT", 308: "PERMANENT_REDIRECT"}  # fmt: skip
FIRST = 1
BackendLink = Callable[[Obj, Obj], str]  # route, backendRef -> link of a backend service, or ""


class Misfit(Exception):
    """Something that this GatewayClass does not support."""


def refers(route: Obj, gateway: Obj) -> list[Obj]:
    """The parentRefs of a route that name a Gateway."""
    meta, found = gateway["metadata"], []
    for parent in (route.get("spec") or {}).get("parentRefs") or ():
        namespace = parent.get("namespace") or route["metadata"]["namespace"]
        kind = parent.get("kind") or "Gateway"
        if (kind, namespace, parent.get("name")) == ("Gateway", meta["namespace"], meta["name"]):
            found.append(parent)
    return found


def refused(listener: Obj, route: Obj, gateway: Obj, namespace: Obj) -> str:
    """Why a listener does not take a route: a reason of the Gateway API; "" when it does."""
    allowed = (listener.get("allowedRoutes") or {}).get("namespaces") or {}
    source = allowed.get("from") or "Same"
    if source == "Same":
        fits = route["metadata"]["namespace"] == gateway["metadata"]["namespace"]
    else:
        fits = source == "All" or matches(allowed.get("selector"), labels_of(namespace))
    if not fits:
        return "NotAllowedByListeners"
    return "" if hosts(listener, route) else "NoMatchingListenerHostname"


def hosts(listener: Obj, route: Obj) -> list[str]:
    """The names for which a route counts on a listener: what both speak of."""
    limit = listener.get("hostname") or "*"
    wanted = (route.get("spec") or {}).get("hostnames") or ["*"]
    return [found for name in wanted if (found := _narrower(limit, name))]


def _narrower(limit: str, name: str) -> str:
    for one, other in ((limit, name), (name, limit)):
        if one == "*" or one == other or (one.startswith("*.") and other.endswith(one[1:])):
            return other
    return ""


def rules(bound: Iterable[tuple[Obj, list[str]]], host: str, link: BackendLink,
          nowhere: str) -> list[Obj]:  # fmt: skip
    """The route rules of one host, by precedence; `bound` are routes with their hosts."""
    found: list[tuple[tuple[Any, ...], list[Obj], Obj]] = []
    for route, names in bound:
        if host not in names:
            continue
        meta = route["metadata"]
        for place, rule in enumerate((route.get("spec") or {}).get("rules") or ()):
            for match in rule.get("matches") or [{}]:
                rank = (*_rank(match), meta.get("creationTimestamp", ""), key_of(route), place)
                for matched, path in _matched(match):
                    found.append((rank, matched, _does(route, rule, path, link, nowhere)))
    found.sort(key=lambda one: one[0])
    return [
        {"priority": FIRST + place, "matchRules": matched, **action}
        for place, (_, matched, action) in enumerate(found)
    ]


def _rank(match: Obj) -> tuple[Any, ...]:
    """Exact paths first, then longer ones, then by method, headers and query parameters."""
    path = match.get("path") or {}
    kind, value = path.get("type") or "PathPrefix", path.get("value") or "/"
    return (
        kind != "Exact",
        -len(value),
        not match.get("method"),
        -len(match.get("headers") or ()),
        -len(match.get("queryParams") or ()),
    )


def _matched(match: Obj) -> list[tuple[list[Obj], str]]:
    """Match rules, with what of the path a rewrite replaces; a prefix is one of whole elements."""
    path = match.get("path") or {}
    kind, value = path.get("type") or "PathPrefix", path.get("value") or "/"
    more: Obj = {}
    headers = [_header(one) for one in match.get("headers") or ()]
    if match.get("method"):
        headers.append({"headerName": ":method", "exactMatch": match["method"]})
    if headers:
        more["headerMatches"] = headers
    if match.get("queryParams"):
        more["queryParameterMatches"] = [
            {"name": one["name"], "exactMatch": one["value"]} for one in match["queryParams"]
        ]
    if kind == "Exact":
        return [([{"fullPathMatch": value, **more}], value)]
    if kind != "PathPrefix":
        raise Misfit(f"path match of type {kind} is not supported")
    base = value.rstrip("/")
    if not base:
        return [([{"prefixMatch": "/", **more}], "/")]
    return [
        ([{"fullPathMatch": base, **more}], base),
        ([{"prefixMatch": f"{base}/", **more}], f"{base}/"),
    ]


def _header(one: Obj) -> Obj:
    if (one.get("type") or "Exact") != "Exact":
        raise Misfit(f"header match of type {one['type']} is not supported")
    return {"headerName": one["name"], "exactMatch": one["value"]}


def _does(route: Obj, rule: Obj, path: str, link: BackendLink, nowhere: str) -> Obj:
    """What a rule does with a request: leads it on, redirects or refuses it."""
    action: Obj = {}
    headers: Obj = {}
    for item in rule.get("filters") or ():
        kind = item.get("type")
        if kind == "RequestRedirect":
            return {"urlRedirect": _redirect(item["requestRedirect"], path)}
        if kind == "RequestHeaderModifier":
            headers |= _headers("request", item["requestHeaderModifier"])
        elif kind == "ResponseHeaderModifier":
            headers |= _headers("response", item["responseHeaderModifier"])
        elif kind == "URLRewrite":
            action["urlRewrite"] = _rewrite(item["urlRewrite"], path)
        elif kind == "RequestMirror":
            service = link(route, item["requestMirror"]["backendRef"])
            if service:
                action["requestMirrorPolicy"] = {"backendService": service}
        else:
            raise Misfit(f"filter of type {kind} is not supported")
    weighted: dict[str, int] = {}
    for ref in rule.get("backendRefs") or ():
        service, weight = link(route, ref), ref.get("weight", 1)
        if weight:
            weighted[service or nowhere] = weighted.get(service or nowhere, 0) + weight
    if set(weighted) <= {nowhere}:
        action["faultInjectionPolicy"] = {"abort": {"httpStatus": 500, "percentage": 100.0}}
    action["weightedBackendServices"] = [
        {"backendService": service, "weight": weight}
        for service, weight in sorted((weighted or {nowhere: 1}).items())
    ]
    found: Obj = {"routeAction": action}
    return found | ({"headerAction": headers} if headers else {})


def _headers(side: str, given: Obj) -> Obj:
    added = [
        {"headerName": one["name"], "headerValue": one["value"], "replace": replace}
        for field, replace in (("set", True), ("add", False))
        for one in given.get(field) or ()
    ]
    found: Obj = {f"{side}HeadersToAdd": added} if added else {}
    if given.get("remove"):
        found[f"{side}HeadersToRemove"] = list(given["remove"])
    return found


def _redirect(given: Obj, path: str) -> Obj:
    found: Obj = {"redirectResponseCode": CODES[given.get("statusCode") or 302],
                  "httpsRedirect": given.get("scheme") == "https", "stripQuery": False}  # fmt: skip
    if given.get("hostname"):
        found["hostRedirect"] = given["hostname"]
    changed = given.get("path") or {}
    if changed.get("type") == "ReplaceFullPath":
        found["pathRedirect"] = changed["replaceFullPath"]
    elif changed.get("type") == "ReplacePrefixMatch":
        found["prefixRedirect"] = _replaced(changed["replacePrefixMatch"], path)
    return found


def _rewrite(given: Obj, path: str) -> Obj:
    found: Obj = {}
    if given.get("hostname"):
        found["hostRewrite"] = given["hostname"]
    changed = given.get("path") or {}
    if changed.get("type") == "ReplacePrefixMatch":
        found["pathPrefixRewrite"] = _replaced(changed["replacePrefixMatch"], path)
    elif changed:
        raise Misfit(f"path rewrite of type {changed.get('type')} is not supported")
    return found


def _replaced(wanted: str, path: str) -> str:
    """What stands for a matched path: as long as it ends with a slash, so does this."""
    base = wanted.rstrip("/")
    return f"{base}/" if path.endswith("/") else base or "/"
