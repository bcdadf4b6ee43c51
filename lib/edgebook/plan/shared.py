"""What of ours others use as well: an update reaches them, too. Pure.

A health check, URL map, backend service or SSL policy of ours may be named by resources that are
not ours. What our clients do not notice, or what is proven for them, is so for us only.
"""

from collections.abc import Iterator
from dataclasses import replace

from edgebook.desired import Desired
from edgebook.model.kinds import noun
from edgebook.model.marks import owner
from edgebook.model.values import Action, Change, Live, Ownership, Resource, ResourceKey
from edgebook.plan.changes import report
from edgebook.plan.holders import Holders

KINDS = frozenset({"backendService", "healthCheck", "sslPolicy", "urlMap"})


class Shared:
    """Answers for one reading."""

    def __init__(self, desired: Desired, live: Live, holders: Holders) -> None:
        self._ours = desired.front_door
        self._wanted = {resource.key for resource in desired.resources}
        self._live = live
        self._holders = holders

    def told(self, resource: Resource, change: Change, *, probes: bool) -> Change:
        """The update as it is for all who use it; refused where others' probes would change."""
        if change.key != resource.key or change.action is not Action.UPDATE:
            return change
        others = ", ".join(self._others(resource.key)) if resource.kind in KINDS else ""
        if not others:
            return change
        if probes and resource.ownership is not Ownership.ADOPTED:
            text = (
                f"{change.sentence}: it probes {others}, too, which is not ours, and whose "
                "endpoints nothing proves; give that one a health check of its own, or hand this "
                f"one over with `adopt: [{resource.kind}/{resource.name}]`"
            )
            return report(resource.key, resource.step, text, blocks=True)
        also = f"it is used by {others}, too, which is not ours"
        return replace(change, disrupts="; ".join(filter(None, (change.disrupts, also))))

    def _others(self, key: ResourceKey) -> Iterator[str]:
        for holder in sorted(self._holders.of(key) - self._wanted):
            if owner(self._live[holder].body) != self._ours:
                yield f"{noun(holder)} {holder.name}"
