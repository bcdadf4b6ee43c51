"""Live resources with the look-ups that plans need, made once for all front doors of a project.

A plain mapping of live resources is fine for one plan. Whoever plans many front doors from one
reading passes an IndexedLive, so that each plan costs what its own front door costs.
"""

from collections import defaultdict
from functools import cached_property

from edgebook.model.kinds import KINDS
from edgebook.model.marks import owner
from edgebook.model.values import Live, LiveResource, ResourceKey
from edgebook.plan.holders import Holders


class Index:
    """What carries whose mark; records by name and by where they point."""

    def __init__(self, live: Live) -> None:
        self.owned: defaultdict[str, list[ResourceKey]] = defaultdict(list)
        self.records: defaultdict[tuple[str, str], dict[str, LiveResource]] = defaultdict(dict)
        self.pointing: defaultdict[str, list[ResourceKey]] = defaultdict(list)
        self.certificates: list[LiveResource] = []
        for key, resource in live.items():
            if key.kind == "dnsRecordSet":
                self._add_record(key, resource)
            elif KINDS[key.kind].marker and (whose := owner(resource.body)):
                self.owned[whose].append(key)
            if key.kind == "certificate":
                self.certificates.append(resource)

    def _add_record(self, key: ResourceKey, resource: LiveResource) -> None:
        name = str(resource.body.get("name", "")).lower()
        self.records[key.scope, name][str(resource.body.get("type"))] = resource
        for target in resource.body.get("rrdatas") or ():
            self.pointing[str(target)].append(key)


class IndexedLive(dict[ResourceKey, LiveResource]):
    """Live resources that keep their index. Services' annotations may still be added to it."""

    @cached_property
    def index(self) -> Index:
        return Index(self)

    @cached_property
    def holders(self) -> Holders:
        return Holders(self)


def index_of(live: Live) -> Index:
    return live.index if isinstance(live, IndexedLive) else Index(live)


def holders_in(live: Live) -> Holders:
    return live.holders if isinstance(live, IndexedLive) else Holders(live)
