"""Spec and what was observed of the clusters, to the resources that should be there. Pure.

The bodies are the API's own JSON; values that only the server knows stay symbolic. The same inputs
give the same resources in the same order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from edgebook.desired import address, backends, certificate, firewall, frontends
from edgebook.desired.context import Context
from edgebook.model.observed import Filled, Observed
from edgebook.model.values import Change, Resource, ResourceKey
from edgebook.params.types import Spec

__all__ = ["Desired", "desired"]


@dataclass(frozen=True)
class Desired:
    """All resources of a front door, sorted by step; reports say what could not be derived."""

    front_door: str
    resources: tuple[Resource, ...]
    reports: tuple[Change, ...] = ()
    own_negs: Mapping[str, frozenset[str]] = field(default_factory=dict)  # by backend service
    unsure: frozenset[ResourceKey] = frozenset()  # rules that may be needed wider than derived
    at_once: bool = False  # a stage of a move: entries are exchanged in one write
    kept: frozenset[ResourceKey] = frozenset()  # never deleted, though perhaps not derivable now
    # by firewall rule: the NEGs of all pods that it lets Google reach
    behind: Mapping[ResourceKey, tuple[Filled, ...]] = field(default_factory=dict)


def desired(spec: Spec, observed: Observed | None = None) -> Desired:
    """What should be there. `observed` carries the pods' ports and the nodes' tags."""
    context = Context(spec, observed or Observed())
    parts = (address, certificate, frontends, firewall, backends)
    found = {r.key: r for part in parts for r in part.resources(context)}
    order = sorted(found.values(), key=lambda r: (r.step.number, r.key))
    reports = (*context.observed.notes, *firewall.reports(context), *backends.reports(context))
    return Desired(
        context.front_door,
        tuple(order),
        reports,
        own_negs=backends.own_neg_names(context),
        unsure=firewall.unsure(context),
        kept=firewall.kept(context),
        behind=firewall.behind(context),
    )
