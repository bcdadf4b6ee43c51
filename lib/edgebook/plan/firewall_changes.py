"""How a firewall rule changes under traffic: opened first, closed last. Pure.

A rule is widened in step 50, before anything probes or serves on a new port. What it loses is a
change of its own (`closing`) that waits until everything that is wanted is HEALTHY. Where the ports
of some pods are not known, or load balancers of others live on the rule, nothing is closed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from edgebook.model.fields import top_of
from edgebook.model.firewall_rules import opens
from edgebook.model.values import (
    Action,
    Change,
    LiveResource,
    Resource,
    ResourceKey,
    Step,
    Wait,
)
from edgebook.plan.changes import ChangeMaker, report

WIDENED = ("sourceRanges", "targetTags")


def firewall_changes(
    resource: Resource,
    found: LiveResource,
    maker: ChangeMaker,
    *,
    closes: bool,
    proofs: tuple[Wait, ...],
    after: Iterable[ResourceKey] = (),
    others: Callable[[Callable[[int], bool]], Iterable[str]] = lambda loses: (),
) -> Iterator[Change]:
    """The opening and the closing of one rule, as far as there is something to do.

    `after` are the changes by which traffic and probes leave the ports that close, `others` says
    who needs one of the ports that are lost.
    """
    open_body = widened(resource.body, found.body)
    fields = maker.compare(_with(resource, open_body), found.body)
    if fields:
        yield maker.update(_with(resource, open_body), found, fields)
    if not closes:
        return
    opened = {**found.body, **{name: open_body[name] for name in fields if name in open_body}}
    left = maker.compare(resource, opened)
    lost = tuple(name for name in left if top_of(name) in (*WIDENED, "allowed"))
    if lost and (users := ", ".join(sorted(others(_losing(opened, resource.body, lost))))):
        text = (
            f"lets in more than this front door needs, and stays so: {users}, and others live on it"
        )
        yield report(found.key, resource.step, text)
    elif lost:
        change = maker.update(resource, LiveResource(found.key, opened), lost)
        yield Change(
            Action.UPDATE,
            ResourceKey("closing", found.key.scope, found.key.name),
            Step.BACKENDS,
            f"close what nothing uses any more: {change.sentence}",
            before=change.before,
            after=resource.body,
            fields=lost,
            depends=tuple(sorted({*after, *((found.key,) if fields else ())})),
            waits=proofs,
        )


def _losing(
    before: Mapping[str, Any], after: Mapping[str, Any], lost: Iterable[str]
) -> Callable[[int], bool]:
    """Whether somebody is let in no more to a port."""
    fewer = any(top_of(name) in WIDENED for name in lost)
    return lambda port: opens(before, port) and (fewer or not opens(after, port))


def _with(resource: Resource, body: Mapping[str, Any]) -> Resource:
    return replace(resource, body=body)


def widened(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """The wanted rule, with everything that the live one lets in as well."""
    body = dict(wanted)
    for name in WIDENED:
        body[name] = _both(wanted.get(name), live.get(name))
    ports: dict[str, list[str]] = {}
    for part in (*(wanted.get("allowed") or ()), *(live.get("allowed") or ())):
        protocol = str(part.get("IPProtocol"))
        if "ports" in part:
            ports[protocol] = _both(ports.get(protocol), part["ports"])
    if ports:
        body["allowed"] = [
            {"IPProtocol": protocol, "ports": sorted(found, key=_first)}
            for protocol, found in sorted(ports.items())
        ]
    return body


def _both(one: Any, other: Any) -> list[str]:
    first = [str(item) for item in one or ()]
    return first + [str(item) for item in other or () if str(item) not in first]


def _first(port: str) -> tuple[int, str]:
    number = port.partition("-")[0]
    return int(number) if number.isdecimal() else 65536, port
