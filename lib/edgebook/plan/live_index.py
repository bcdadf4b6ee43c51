"""Live resources with the look-ups that plans need, made once for all front doors of a project.

A plain mapping of live resources is fine for one plan. Whoever plans many front doors from one
reading passes an IndexedLive, so that each plan costs what its own front door costs.
"""

from collections import defaultdict
from functools import cached_property

from edgebook.model.kinds import KINDS
from edgebook.model.marks import owner
from edgebook.model.record_sets import answers
from edgebook.model.values import Live, LiveResource, ResourceKey
from edgebook.plan.holders import Holders

HERITAGE = "heritage=external-dns"
PREFIXES = ("a", "aaaa", "cname", "txt")


class Index:
    """What carries whose mark; records by name and by where they point; which names exist."""

    def __init__(self, live: Live) -> None:
        self.owned: defaultdict[str, list[ResourceKey]] = defaultdict(list)
        self.records: defaultdict[tuple[str, str], dict[str, LiveResource]] = defaultdict(dict)
        self.pointing: defaultdict[str, list[ResourceKey]] = defaultdict(list)
        self.certificates: list[LiveResource] = []
        self.nodes: set[tuple[str, str]] = set()
        self.apexes: dict[str, str] = {}
        # (scope, name) -> texts of the TXT records by which external-dns says that it keeps it
        self.owners: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for key, resource in live.items():
            if key.kind == "dnsRecordSet":
                self._add_record(key, resource)
            elif KINDS[key.kind].marker and (whose := owner(resource.body)):
                self.owned[whose].append(key)
            if key.kind == "certificate":
                self.certificates.append(resource)

    def _add_record(self, key: ResourceKey, resource: LiveResource) -> None:
        name, kind = str(resource.body.get("name", "")).lower(), str(resource.body.get("type"))
        self.records[key.scope, name][kind] = resource
        for target in sorted(answers(resource.body)):
            self.pointing[target].append(key)
            if kind == "TXT" and HERITAGE in target:
                for owned in owned_names(name):
                    self.owners[key.scope, owned].append(target)
        if kind == "SOA":
            self.apexes[key.scope] = name.rstrip(".")
        bare = name.rstrip(".")
        while bare and (key.scope, bare) not in self.nodes:
            self.nodes.add((key.scope, bare))
            bare = bare.partition(".")[2]


def owned_names(name: str) -> list[str]:
    """The names that a TXT record of external-dns may speak of: its own, or without a prefix."""
    bare = name.rstrip(".")
    first, _, rest = bare.partition(".")
    prefix, dash, short = first.partition("-")
    found = [bare, rest] if rest else [bare]
    if dash and prefix in PREFIXES:
        found.append(f"{short}.{rest}")
    return found


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
