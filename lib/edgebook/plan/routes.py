"""Where a URL map sends the requests of a host, apart from how its parts are called. Pure."""

from collections.abc import Mapping
from typing import Any

from edgebook.model.links import canonical, link
from edgebook.model.values import Ref


def same_for_hosts(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether every host that a URL map tells apart, and all others, go where they went before.

    A host that comes is no change for anybody; host rules that are joined or split are none either.
    """
    old, new = _by_host(before), _by_host(after)
    rest = _rest(after)
    return _rest(before) == rest and all(new.get(host, rest) == old[host] for host in old)


def _rest(url_map: Mapping[str, Any]) -> Any:
    return _plain(_matcher(url_map))


def _by_host(url_map: Mapping[str, Any]) -> dict[str, Any]:
    matchers = {one.get("name"): one for one in url_map.get("pathMatchers") or ()}
    return {
        host: _plain(_matcher(matchers.get(rule.get("pathMatcher"), {})))
        for rule in url_map.get("hostRules") or ()
        for host in rule.get("hosts") or ()
    }


def _matcher(part: Mapping[str, Any]) -> dict[str, Any]:
    """What decides about a request, of a path matcher or of the URL map itself."""
    named = ("defaultService", "defaultUrlRedirect", "defaultRouteAction", "headerAction",
             "pathRules", "routeRules", "defaultCustomErrorResponsePolicy")  # fmt: skip
    return {field: part[field] for field in named if part.get(field)}


def _plain(value: Any) -> Any:
    """Links in one spelling, without fields that are empty."""
    if isinstance(value, Ref):
        return canonical(link(value.key)) if value.field == "selfLink" else value.to_json()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return canonical(value) if isinstance(value, str) else value
