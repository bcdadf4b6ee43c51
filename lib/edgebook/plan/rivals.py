"""What has the place that one of ours is to have: a port of an address, a name of a map. Pure.

Google gives a port of an address, and a hostname of a certificate map, to one resource only,
whatever they are called.
"""

from dataclasses import replace

from edgebook.model.kinds import named
from edgebook.model.links import same_text
from edgebook.model.marks import owner
from edgebook.model.values import Change, Live, Resource, ResourceKey, refs
from edgebook.plan import disruption
from edgebook.plan.changes import ChangeMaker, report
from edgebook.plan.holders import Holders


class Rivals:
    """Answers for one reading and front door."""

    def __init__(self, live: Live, holders: Holders, maker: ChangeMaker, front_door: str) -> None:
        self._live = live
        self._holders = holders
        self._make = maker
        self._front_door = front_door

    def settled(self, resource: Resource, create: Change) -> Change:
        """The create beside a rival: instead of one of ours, not at all where it is others'."""
        if resource.kind == "forwardingRule" and (rule := self._rule(resource)):
            if self._is_ours(rule):
                text = f"{create.sentence}, instead of {rule.name}"
                return replace(create, sentence=text, disrupts=disruption.of_rival(rule.name))
            port = self._live[rule].body.get("portRange")
            return self._taken(
                resource,
                f"{named(rule)} has this address and port {port}, and is not ours: "
                "take another port or address, or have its owner give it up",
            )
        entry = self._entry(resource) if resource.kind == "certificateMapEntry" else None
        if entry is None or self._is_ours(entry):
            return create
        what = resource.body.get("hostname") or "clients without SNI"
        return self._taken(
            resource,
            f"{named(entry)} of this map is for {what} already, and is not ours: have its owner "
            "give it up, or name another map under certificate.name",
        )

    def _rule(self, resource: Resource) -> ResourceKey | None:
        """The rule that has the address and port of one that is to come."""
        ips = {str(self._make.value_of(ref)) for ref in refs(resource.body.get("IPAddress"))}
        for ip in sorted(ips):
            for key in sorted(self._holders.on_address(ip)):
                ports = str(self._live[key].body.get("portRange"))
                if same_text(ports, str(resource.body.get("portRange"))):
                    return key
        return None

    def _entry(self, resource: Resource) -> ResourceKey | None:
        """The entry of the same map for the same clients."""
        for key, item in sorted(self._live.items()):
            if (key.kind, key.scope) == (resource.kind, resource.scope) and all(
                item.body.get(name) == resource.body.get(name) for name in ("hostname", "matcher")
            ):
                return key
        return None

    def _is_ours(self, key: ResourceKey) -> bool:
        return owner(self._live[key].body) == self._front_door

    @staticmethod
    def _taken(resource: Resource, text: str) -> Change:
        return report(resource.key, resource.step, text, blocks=True)
