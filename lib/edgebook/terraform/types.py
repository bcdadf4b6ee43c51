"""How the google provider of Terraform calls our kinds and the fields of their bodies. One table.

The provider's names are the API's in snake case, but for those listed here. What is absent from the
provider, or set in another way, is listed as dropped. Source: the provider's reference pages.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgebook.model.kinds import KINDS


@dataclass(frozen=True)
class TerraformType:
    """Where a type's names differ from the API's in snake case; `name` stands in `kinds`."""

    name: str
    renamed: Mapping[str, str] = field(default_factory=dict)  # field pattern -> attribute
    lifted: frozenset[str] = frozenset()  # objects whose fields the provider has one level up
    dropped: frozenset[str] = frozenset()
    ignored: tuple[str, ...] = ()  # lifecycle.ignore_changes


ROUTING = {
    "hostRules": "host_rule",
    "pathMatchers": "path_matcher",
    "pathMatchers[].pathRules": "path_rule",
    "pathMatchers[].routeRules": "route_rules",
    "tests": "test",
    **{
        f"{place}.errorResponseRules": "error_response_rule"
        for place in (
            "defaultCustomErrorResponsePolicy",
            "pathMatchers[].defaultCustomErrorResponsePolicy",
            "pathMatchers[].pathRules[].customErrorResponsePolicy",
            "pathMatchers[].routeRules[].customErrorResponsePolicy",
        )
    },
}
# Kinds whose names are not just the API's in snake case.
SPECIAL: Mapping[str, Mapping[str, Any]] = {
    # The provider tells the type from the block that is there.
    "healthCheck": {"dropped": frozenset({"type"})},
    "backendService": {
        "renamed": {
            "connectionDraining.drainingTimeoutSec": "connection_draining_timeout_sec",
            "enableCDN": "enable_cdn",
            "backends": "backend",
        },
        "lifted": frozenset({"connectionDraining"}),
    },
    "urlMap": {"renamed": ROUTING},
    "targetSslProxy": {"renamed": {"service": "backend_service"}},
    "targetTcpProxy": {"renamed": {"service": "backend_service"}},
    "forwardingRule": {
        "renamed": {"IPAddress": "ip_address", "IPProtocol": "ip_protocol"},
        # Immutable, refused by the API beside an address, and yet read back for some rules: a rule
        # that is imported would be replaced because of it.
        "ignored": ("ip_version",),
    },
    "firewall": {"renamed": {"allowed": "allow", "allowed[].IPProtocol": "protocol"}},
}


def exported(kind: str) -> bool:
    return bool(KINDS[kind].terraform)


def type_of(kind: str) -> TerraformType:
    """How the provider calls a kind."""
    return TerraformType(KINDS[kind].terraform, **SPECIAL.get(kind, {}))


def snake(name: str) -> str:
    """`pathPrefixRewrite` to `path_prefix_rewrite`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def label(name: str) -> str:
    """A resource's name in Terraform: letters, digits and underscores."""
    return re.sub(r"[^A-Za-z0-9_]", "_", name)
