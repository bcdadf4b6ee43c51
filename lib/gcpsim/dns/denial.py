"""Proof that a name or a type does not exist: NSEC and NSEC3 records (RFC 4034, 5155).

Built from what a zone serves, anew whenever that changes. Pure; signs nothing.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import dns.dnssec
import dns.name

from gcpsim.dns.keys import ITERATIONS, salt
from gcpsim.dns.lookup import Records, Tree

Doc = dict[str, Any]
SYNTHESIZED = {"ALIAS": ("A", "AAAA")}  # never on the wire by its own name


def proofs(zone: Doc, tree: Tree) -> Chain:
    """The chain of a zone, by the mechanism that its dnssecConfig asks for."""
    kind = Nsec if zone["dnssecConfig"].get("nonExistence") == "nsec" else Nsec3
    return kind(zone, tree)


class Chain:
    """The names of a zone in the order of their proofs."""

    def __init__(self, zone: Doc, tree: Tree) -> None:
        self.tree = tree
        soa = tree.soa()
        self.ttl = soa.ttl if soa else 300

    def denial(self, name: str) -> list[Records]:
        """That a name does not exist, or has no records of the type that was asked for."""
        if self.tree.exists(name):
            return _once(self.matching(name))
        encloser = self.tree.encloser(name)
        wildcard = f"*.{encloser}"
        below = self.matching(wildcard) if wildcard in self.tree.names else self.covering(wildcard)
        return _once([*self.closest(encloser), *self.expansion(name), *below])

    def expansion(self, name: str) -> list[Records]:
        """That the name itself does not exist, so that a wildcard answers for it."""
        return self.covering(_next_closer(name, self.tree.encloser(name)))

    def closest(self, encloser: str) -> list[Records]:
        raise NotImplementedError

    def matching(self, name: str) -> list[Records]:
        raise NotImplementedError

    def covering(self, name: str) -> list[Records]:
        raise NotImplementedError

    def types(self, name: str, own: Sequence[str]) -> str:
        """The types that a name has, as its record of denial lists them."""
        held = self.tree.names.get(name, {})
        types = {one for type_ in held for one in SYNTHESIZED.get(type_, (type_,))}
        if name != self.tree.apex and "NS" in held:  # a delegation: the rest is the child's
            types &= {"NS", "DS"}
            return " ".join(sorted(types | ({"RRSIG"} if "DS" in types else set()) | set(own)))
        if name == self.tree.apex:
            types |= {"DNSKEY"}
        return " ".join(sorted(types | ({"RRSIG"} if types else set()) | set(own)))

    def _authoritative(self, names: Iterable[str]) -> Iterator[str]:
        """Without what lies below a delegation."""
        cuts = {n for n, held in self.tree.names.items() if "NS" in held and n != self.tree.apex}
        for name in names:
            parent = name.partition(".")[2]
            while len(parent) > len(self.tree.apex) and parent not in cuts:
                parent = parent.partition(".")[2]
            if parent not in cuts:
                yield name


class Nsec(Chain):
    """Names in the canonical order of RFC 4034."""

    def __init__(self, zone: Doc, tree: Tree) -> None:
        super().__init__(zone, tree)
        self._names = sorted(self._authoritative(tree.names), key=_canonical)
        self._order = [_canonical(name) for name in self._names]

    def closest(self, encloser: str) -> list[Records]:
        return []  # the record that covers the name tells it

    def matching(self, name: str) -> list[Records]:
        # A name that only has names below it has no record of its own.
        return [self._record(bisect.bisect_right(self._order, _canonical(name)) - 1)]

    covering = matching

    def _record(self, index: int) -> Records:
        name = self._names[index]
        after = self._names[(index + 1) % len(self._names)]
        types = self.types(name, ("NSEC", "RRSIG"))
        return Records(name, "NSEC", self.ttl, (f"{after} {types}",))


class Nsec3(Chain):
    """Names by their hashes, in a ring."""

    def __init__(self, zone: Doc, tree: Tree) -> None:
        super().__init__(zone, tree)
        self._salt = salt(zone)
        self._by_hash = {self._hash(name): name for name in self._authoritative(tree.existing)}
        self._hashes = sorted(self._by_hash)

    def closest(self, encloser: str) -> list[Records]:
        return self.matching(encloser)

    def matching(self, name: str) -> list[Records]:
        return [self._record(self._hashes.index(self._hash(name)))]

    def covering(self, name: str) -> list[Records]:
        return [self._record(bisect.bisect_right(self._hashes, self._hash(name)) - 1)]

    def _record(self, index: int) -> Records:
        own = self._hashes[index]
        after = self._hashes[(index + 1) % len(self._hashes)]
        name = self._by_hash[own]
        types = self.types(name, ("NSEC3PARAM",) if name == self.tree.apex else ())
        data = f"1 0 {ITERATIONS} {self._salt} {after} {types}".rstrip()
        return Records(f"{own.lower()}.{self.tree.apex}", "NSEC3", self.ttl, (data,))

    def _hash(self, name: str) -> str:
        return dns.dnssec.nsec3_hash(name, self._salt, ITERATIONS, 1)


def _canonical(name: str) -> list[bytes]:
    return [label.lower() for label in reversed(dns.name.from_text(name).labels)]


def _next_closer(name: str, encloser: str) -> str:
    """The name one label longer than its closest encloser."""
    above = name.removesuffix(encloser).rstrip(".")
    return f"{above.rpartition('.')[2]}.{encloser}"


def _once(records: Iterable[Records]) -> list[Records]:
    return list({(one.name, one.type): one for one in records}.values())
