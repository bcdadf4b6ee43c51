"""Hostnames and which name covers which: one home for the rules of wildcards.

Certificates and DNS differ: a certificate's `*.example.com` covers exactly one label, a record's
`*.example.com` answers at any depth, but only where nothing nearer exists (RFC 4592).
"""

from collections.abc import Iterable

WILDCARD = "*."
PROBE = "edgebook-check"


class Hostname(str):
    """A full name in lower case without the trailing dot; `*.shop.example.com` is a wildcard."""

    __slots__ = ()

    @property
    def wildcard(self) -> bool:
        return self.startswith(WILDCARD)

    @property
    def domain(self) -> "Hostname":
        """The name without the star: what an authorization is about."""
        return Hostname(self.removeprefix(WILDCARD))

    @property
    def probe(self) -> "Hostname":
        """A name that is answered when this one is: for a wildcard, one below it."""
        return Hostname(f"{PROBE}.{self.domain}") if self.wildcard else self

    @property
    def fqdn(self) -> str:
        """As DNS writes it, with the trailing dot."""
        return f"{self}."

    @property
    def parent(self) -> "Hostname":
        return Hostname(self.partition(".")[2])

    def covers(self, other: str) -> bool:
        """Whether a certificate, map entry or Ingress host of this name speaks for `other`."""
        return self == other or (self.wildcard and Hostname(other).parent == self.domain)

    def under(self, suffix: str) -> bool:
        """Whether it belongs to a DNS zone with this name (with or without trailing dot)."""
        zone = suffix.rstrip(".")
        return not zone or self.domain == zone or self.domain.endswith(f".{zone}")


def common(names: Iterable[str]) -> Hostname:
    """The domain that holds all of them, as near as possible; "" where they share none."""
    domains = [Hostname(name).domain.split(".")[::-1] for name in names]
    shared = [labels[0] for labels in zip(*domains, strict=False) if len(set(labels)) == 1]
    found = Hostname(".".join(reversed(shared)))
    return found if all(Hostname(name).under(found) for name in names) else Hostname("")


def overlapping(names: Iterable[str], others: Iterable[str]) -> list[str]:
    """Those of `names` that share a name with one of `others`, in either direction, sorted."""
    theirs = [Hostname(other) for other in others]
    return sorted({n for n in names if any(o.covers(n) or Hostname(n).covers(o) for o in theirs)})


def covered(names: Iterable[str], by: Iterable[str]) -> list[str]:
    """Those of `names` that one of `by` covers, sorted."""
    known = [Hostname(name) for name in by]
    return sorted({name for name in names if any(one.covers(name) for one in known)})
