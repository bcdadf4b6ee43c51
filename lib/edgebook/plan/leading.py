"""What leads clients to backend services, as far as a forwarding rule leads there. Pure."""

from collections.abc import Mapping

from edgebook.model.values import ResourceKey
from edgebook.plan.holders import Holders

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
