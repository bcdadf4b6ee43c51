"""URL maps of ours whose requests somebody leads to what is not of this front door.

Which of its own backends answers is a difference that an edit of the params makes as well; what the
params never named is another application. It must not judge mirrors, error pages and redirects.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from edgebook.model.kinds import named
from edgebook.model.links import canonical, link
from edgebook.model.marks import owner
from edgebook.model.paths import name_of, parent_of
from edgebook.model.values import CheckResult, Ref, Resource, Step, leaves
from edgebook.plan.leading import MATCHER
from edgebook.verify import failures
from edgebook.verify.facts import FAILED, UNCERTAIN, Facts, result
from edgebook.verify.failures import Failure

REST = "hosts without a rule"
KINDS = {"backendServices": "backend service", "backendBuckets": "backend bucket"}


def led_away(facts: Facts) -> Iterator[CheckResult]:
    """Requests that get another application than the params'; silent where there are none."""
    for resource, away in _away(facts):
        told = ", ".join(dict.fromkeys(f"{what} to {_told(target)}" for what, target in away))
        why = f"somebody leads {told}: users get what the params do not name"
        ours = any(what is not REST for what, _ in away) or not _all_have_rules(facts, resource)
        if not ours:
            why = f"somebody leads {told}: all names of the params have rules of their own"
        yield result(FAILED if ours else UNCERTAIN, "requests come to our backends",
                     named(resource.key), why, _way_back(facts, resource),
                     step=Step.FRONTENDS)  # fmt: skip


def why_nothing_comes(facts: Facts) -> Failure:
    """Why no forwarding rule leads to a backend service that should be led to."""
    for resource, away in _away(facts):
        if any(what is not REST for what, _ in away):
            return replace(failures.LED_AWAY, remedy=_way_back(facts, resource))
    return failures.NO_RULE


def _away(facts: Facts) -> Iterator[tuple[Resource, list[tuple[str, str]]]]:
    """URL maps of ours, each with (what, the link of what is not of this front door)."""
    own, numbers = _own(facts), facts.observed.project_numbers
    for resource in facts.desired.resources:
        body = facts.body("urlMap", resource.name) if resource.kind == "urlMap" else None
        wanted = own | set(_named(resource.body)) if body else set()
        found = [(what, canonical(target, numbers)) for what, target in led(body or {})]
        if away := [(what, target) for what, target in found if target not in wanted]:
            yield resource, away


def _all_have_rules(facts: Facts, resource: Resource) -> bool:
    """Whether nobody who asks for a name of the params comes to the live map's default."""
    rules = (facts.body("urlMap", resource.name) or {}).get("hostRules") or ()
    return set(facts.spec.hostnames) <= {host for rule in rules for host in rule.get("hosts") or ()}


def led(url_map: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(what of a live URL map, the link that it leads to), as users come."""
    hosts: dict[str, list[str]] = {}
    for rule in url_map.get("hostRules") or ():
        hosts.setdefault(str(rule.get("pathMatcher")), []).extend(rule.get("hosts") or ())
    yield from _of(url_map, REST, default=True)
    for matcher in url_map.get("pathMatchers") or ():
        if matcher.get("name") == MATCHER:
            continue
        asked = ", ".join(sorted(hosts.get(str(matcher.get("name")), ())))
        yield from _of(matcher, asked, default=True)
        for rule in matcher.get("pathRules") or ():
            yield from _of(rule, f"{asked} {', '.join(rule.get('paths') or ())}")
        for rule in matcher.get("routeRules") or ():
            yield from _of(rule, f"{asked} by route rule {rule.get('priority', 0)}")


def _of(part: Mapping[str, Any], what: str, *, default: bool = False) -> Iterator[tuple[str, str]]:
    service, action = ("defaultService", "defaultRouteAction") if default else (
        "service", "routeAction")  # fmt: skip
    weighted = (part.get(action) or {}).get("weightedBackendServices") or ()
    for target in (part.get(service), *(one.get("backendService") for one in weighted)):
        if target:
            yield what, str(target)


def _own(facts: Facts) -> set[str]:
    """Links of the backend services of this front door, those that the params name no more too."""
    live = {
        key
        for key, item in facts.live.items()
        if key.kind == "backendService" and owner(item.body) == facts.names.front_door
    }
    wanted = {r.key for r in facts.desired.resources if r.kind == "backendService"}
    return {canonical(link(key)) for key in live | wanted}


def _named(body: Any) -> Iterator[str]:
    """All links in a desired body."""
    for leaf in leaves(body):
        if isinstance(leaf, Ref | str):
            yield canonical(leaf if isinstance(leaf, str) else link(leaf.key))


def _told(target: str) -> str:
    return f"{KINDS.get(name_of(parent_of(target)), 'backend')} {name_of(target)}"


def _way_back(facts: Facts, resource: Resource) -> str:
    """The steps of the plan that lead requests back."""
    steps = dict.fromkeys(
        f"{change.step.number} {change.step.heading.lower()}"
        for change in sorted(facts.plan.to_do, key=lambda one: one.step.number)
        if change.key == replace(resource.key, kind=change.key.kind)
        and change.key.kind in ("urlMap", "introduction")
    )
    if not steps:
        return "edgebook plan says why nothing of it is changed"
    return f"run {', then '.join(steps)}: it leads them back; and find out who led them away"
