"""What a Cloud DNS zone answers for a name, and what it stops to answer for new names. Pure.

By RFC 4592 a wildcard answers only below its closest encloser, the nearest name that exists. A name
exists when it has records or anything below it has: so a record at or below a name takes it, and
all that is below it, out of the wildcard's reach.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edgebook.model.hostnames import Hostname
from edgebook.model.values import LiveResource, ResourceKey
from edgebook.plan.live_index import Index

ADDRESS_TYPES = ("A", "AAAA", "CNAME", "ALIAS")
Sets = Mapping[str, LiveResource]


@dataclass(frozen=True)
class Owner:
    """Who keeps a record: what an external-dns TXT record beside it says."""

    name: str
    resource: str

    def __str__(self) -> str:
        return f"external-dns (owner {self.name}" + (
            f", {self.resource})" if self.resource else ")"
        )


def let_go(record: ResourceKey) -> str:
    """How external-dns comes to leave a record alone."""
    return (
        "take the hostname out of its scope first (--exclude-domains, or off its Ingress or "
        "Service); where only its TXT record is left, hand the record over with "
        f"`adopt: [dnsRecordSet/{record.name}]`"
    )


class Answers:
    """One zone, by its scope."""

    def __init__(self, index: Index, scope: str) -> None:
        self._index = index
        self._scope = scope

    def sets(self, name: str) -> Sets:
        """The record sets at exactly this name, by type."""
        return self._index.records.get((self._scope, name.rstrip(".").lower() + "."), {})

    def exists(self, name: str) -> bool:
        """Whether it has records or something below it has."""
        return (self._scope, name.rstrip(".").lower()) in self._index.nodes

    @property
    def apex(self) -> str:
        """The zone's own name, told by its SOA record; empty when that was not read."""
        return self._index.apexes.get(self._scope, "")

    def wildcard(self, name: str) -> str:
        """The wildcard that answers this name today; empty when it exists or none covers it."""
        if self.exists(name):
            return ""
        above = Hostname(name).parent
        while above and not self.exists(above):
            above = above.parent
        star = f"*.{above}"
        return star if above and self.sets(star) else ""

    def delegated(self, name: str) -> str:
        """The name below the apex at which another zone begins, when it holds this name."""
        one = Hostname(name).domain
        while one and one != self.apex:
            here = self.sets(one)
            if "NS" in here and "SOA" not in here:
                return one
            one = one.parent
        return ""

    def hidden_by(self, name: str) -> Iterator[tuple[str, str]]:
        """(name, wildcard) for all that a wildcard stops answering when `name` comes to exist."""
        one = Hostname(name)
        star = self.wildcard(one)
        while star and one and not self.exists(one):
            yield str(one), star
            yield f"*.{one}", star
            one = one.parent

    def owner(self, name: str) -> Owner | None:
        """The external-dns that owns the record, by its TXT record (with or without a prefix)."""
        for text in self._index.owners[self._scope, name.rstrip(".").lower()]:
            said = dict(
                part.partition("=")[::2] for part in text.strip('"').split(",") if "=" in part
            )
            return Owner(said.get("external-dns/owner", "?"), said.get("external-dns/resource", ""))
        return None
