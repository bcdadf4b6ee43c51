"""URL maps as route configurations: hosts, paths, priorities, and what each leads to."""

from collections.abc import Iterator

from gcpsim.dataplane.routes import replies
from gcpsim.dataplane.routes.actions import Maker
from gcpsim.dataplane.routes.documents import Doc, Documents, NotCarried, short
from gcpsim.dataplane.routes.envoy import APPEND, T, added

HOP_HEADERS = ("x-envoy-external-address", "x-envoy-internal", "x-request-id")
# `/./` and `/../` in a path: sent back to the clean one, as often as it takes.
CLEANING: list[Doc] = [
    {
        "name": f"|{name}",
        # The plain search comes first, and spares nearly all requests the expression.
        "match": {
            "safe_regex": {"regex": f".*{pattern}.*"},
            "headers": [{"name": ":path", "string_match": {"contains": "/."}}],
        },
        "redirect": {
            "response_code": "FOUND",
            "regex_rewrite": {"pattern": {"regex": pattern}, "substitution": "/"},
        },
    }
    for name, pattern in (
        ("/./", r"/\.(?:/|$)"),
        ("/../", r"(?:^|/(?:[^/.]|\.[^/.]|\.\.[^/])[^/]*)/\.\.(?:/|$)"),
    )
]
DEFAULTS = {
    "service": "defaultService",
    "urlRedirect": "defaultUrlRedirect",
    "routeAction": "defaultRouteAction",
    "customErrorResponsePolicy": "defaultCustomErrorResponsePolicy",
    "headerAction": "headerAction",
}


def name_of(path: str, scheme: str) -> str:
    """The name of the route configuration of a URL map under a scheme."""
    return f"{path}|{scheme}"


def route_configuration(
    documents: Documents, path: str, doc: Doc, scheme: str, country: str = "", retries: bool = True
) -> Doc:
    """The whole map. What can't be carried answers 501 with its name, where it would act."""
    maker = Maker(documents, path, scheme, country, retries)
    hosts: list[Doc] = []
    for matcher in doc.get("pathMatchers") or []:
        domains = [
            host.lower()
            for rule in doc.get("hostRules") or []
            if rule["pathMatcher"] == matcher["name"]
            for host in rule["hosts"]
        ]
        if domains:
            hosts.append(
                {
                    "name": matcher["name"],
                    "domains": sorted(domains),
                    "routes": [*CLEANING, *_routes(maker, doc, matcher)],
                }
            )
    if not any("*" in host["domains"] for host in hosts):
        fallback = _route(f"{short(path)}|default", {"prefix": "/"}, maker, _part(doc), "/", ())
        hosts.append({"name": "(default)", "domains": ["*"], "routes": [*CLEANING, fallback]})
    return {
        "name": name_of(path, scheme),
        "virtual_hosts": sorted(hosts, key=lambda host: str(host["name"])),
        "ignore_port_in_host_matching": scheme == "EXTERNAL",
        "most_specific_header_mutations_wins": True,
        **_around(scheme),
    }


def _around(scheme: str) -> Doc:
    """What happens to the headers of every request."""
    lb_address = "%METADATA(LISTENER:gcpsim:ip)%"
    adds = [
        added("x-forwarded-for", lb_address, APPEND),
        added("x-cloud-trace-context", "%UNIQUE_ID%/1", "ADD_IF_ABSENT"),
    ]
    return {"request_headers_to_add": adds, "request_headers_to_remove": list(HOP_HEADERS)}


def _part(doc: Doc) -> Doc:
    """The default of a map or matcher, under the names that rules have."""
    return {name: doc[key] for name, key in DEFAULTS.items() if doc.get(key)}


def _routes(maker: Maker, doc: Doc, matcher: Doc) -> Iterator[Doc]:
    outer = (doc.get("headerAction"), matcher.get("headerAction"))
    name = f"{short(maker.url_map)}|{matcher['name']}"
    yield from _path_rules(maker, matcher, name, outer)
    rules = matcher.get("routeRules") or []
    for rule in sorted(rules, key=lambda rule: rule.get("priority", 0)):
        for match in rule.get("matchRules") or []:
            yield _matched(f"{name}|priority {rule.get('priority', 0)}", maker, rule, match, outer)
    # The matcher's own header action is already among the outer ones.
    default = {key: value for key, value in _part(matcher).items() if key != "headerAction"}
    if not default:
        default = {key: value for key, value in _part(doc).items() if key != "headerAction"}
    yield _route(f"{name}|default", {"prefix": "/"}, maker, default, "/", outer)


def _path_rules(
    maker: Maker, matcher: Doc, name: str, outer: tuple[Doc | None, ...]
) -> Iterator[Doc]:
    """Exact paths first, then the longest prefix, whatever the order of the rules."""
    found = [(path, rule) for rule in matcher.get("pathRules") or [] for path in rule["paths"]]
    found.sort(key=lambda item: (item[0].endswith("/*"), -len(item[0]), item[0]))
    for path, rule in found:
        if path.endswith("/*"):
            prefix = path[:-1]
            yield _route(f"{name}|{path}", {"prefix": prefix}, maker, rule, prefix, outer)
        else:
            yield _route(f"{name}|{path}", {"path": path}, maker, rule, None, outer)


def _matched(name: str, maker: Maker, rule: Doc, match: Doc, outer: tuple[Doc | None, ...]) -> Doc:
    try:
        return _route(name, _match(match), maker, rule, match.get("prefixMatch"), outer)
    except NotCarried as what:
        everything = {"prefix": match.get("prefixMatch", "/")}
        return {
            "name": name,
            "match": everything,
            "direct_response": replies.not_carried(f"{short(maker.url_map)} {what}"),
        }


def _route(
    name: str,
    match: Doc,
    maker: Maker,
    part: Doc,
    prefix: str | None,
    outer: tuple[Doc | None, ...],
) -> Doc:
    return {"name": name, "match": match, **maker.make(part, prefix, outer)}


def _match(rule: Doc) -> Doc:
    """One matchRule: the path, and all of its headers and query parameters."""
    out: Doc = {}
    if "fullPathMatch" in rule:
        out["path"] = rule["fullPathMatch"]
    elif "pathTemplateMatch" in rule:
        name = "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig"
        out["path_match_policy"] = {
            "name": "template",
            "typed_config": {"@type": T + name, "path_template": rule["pathTemplateMatch"]},
        }
    elif "regexMatch" in rule:
        raise NotCarried("matchRules.regexMatch (regional and internal load balancers only)")
    else:
        out["prefix"] = rule.get("prefixMatch") or "/"
    if rule.get("ignoreCase") and "path_match_policy" not in out:
        out["case_sensitive"] = False
    if rule.get("metadataFilters"):
        raise NotCarried("matchRules.metadataFilters")
    given = [_header(one) for one in rule.get("headerMatches") or []]
    if given:
        out["headers"] = given
    asked = [_query(one) for one in rule.get("queryParameterMatches") or []]
    if asked:
        out["query_parameters"] = asked
    return out


def _header(match: Doc) -> Doc:
    out: Doc = {"name": match["headerName"]}
    if "exactMatch" in match:
        out["string_match"] = {"exact": match["exactMatch"]}
    elif "prefixMatch" in match:
        out["string_match"] = {"prefix": match["prefixMatch"]}
    elif "suffixMatch" in match:
        out["string_match"] = {"suffix": match["suffixMatch"]}
    elif "rangeMatch" in match:
        bounds = match["rangeMatch"]
        out["range_match"] = {
            "start": str(bounds.get("rangeStart", 0)),
            "end": str(bounds.get("rangeEnd", 0)),
        }
    elif "regexMatch" in match:
        raise NotCarried("headerMatches.regexMatch (regional and internal load balancers only)")
    else:
        out["present_match"] = bool(match.get("presentMatch", True))
    if match.get("invertMatch"):
        out["invert_match"] = True
    return out


def _query(match: Doc) -> Doc:
    out: Doc = {"name": match["name"]}
    if "exactMatch" in match:
        out["string_match"] = {"exact": match["exactMatch"]}
    elif "regexMatch" in match:
        raise NotCarried("queryParameterMatches.regexMatch")
    else:
        out["present_match"] = bool(match.get("presentMatch", True))
    return out
