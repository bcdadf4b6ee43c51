"""What leads clients to backend services, as far as a forwarding rule leads there. Pure."""

from collections.abc import Mapping
from typing import Any

from edgebook.model.links import canonical, link
from edgebook.model.values import Live, ResourceKey
from edgebook.plan.holders import Holders

MATCHER = "edgebook-introduction"  # of a URL map, for a host that nobody asks for

# Fields that lead clients to backend services; () is all of them.
LEADING: Mapping[str, tuple[str, ...]] = {
    "urlMap": (),
    "targetHttpsProxy": ("urlMap",),
    "targetHttpProxy": ("urlMap",),
    "targetSslProxy": ("service",),
    "targetTcpProxy": ("service",),
    "forwardingRule": ("target",),
}


def in_use(key: ResourceKey, holders: Holders) -> bool:
    """Whether a forwarding rule leads to it."""
    return key.kind == "forwardingRule" or any(
        in_use(other, holders) for other in holders.of(key) if other.kind in LEADING
    )


def is_led_to(service: ResourceKey, holders: Holders, live: Live) -> bool:
    """Whether clients are led to it: what a URL map only makes known serves nobody."""
    return any(
        other.kind in LEADING
        and in_use(other, holders)
        and canonical(link(service)) in services_led_to(live[other].body)
        for other in holders.of(service)
    )


def services_led_to(body: Any) -> set[str]:
    """The links of everything that a live body leads clients to."""
    if isinstance(body, Mapping):
        if body.get("name") == MATCHER:
            return set()
        return {one for value in body.values() for one in services_led_to(value)}
    if isinstance(body, list | tuple):
        return {one for item in body for one in services_led_to(item)}
    return {canonical(body)} if isinstance(body, str) else set()
