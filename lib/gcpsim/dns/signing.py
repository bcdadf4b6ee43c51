"""Answers with their signatures and proofs, for whoever asks with the DO bit.

Each record set is signed when it is answered, with the keys of the zone it comes from: the
key-signing key signs the keys, the zone-signing key all else. Signatures begin the day before and
last three weeks, in simulated time; within a day they stay as they are.
"""

from __future__ import annotations

from typing import Any

import dns.dnssec
import dns.name
import dns.rdatatype
import dns.rrset

from gcpsim.dns import denial, keys
from gcpsim.dns.holdings import Holdings
from gcpsim.dns.lookup import Lookup, Records, Resolution, Status

Doc = dict[str, Any]
DAY = 86_400
LIFETIME = 21 * DAY


class Signer:
    """Signs what one lookup found. Keys and chains are kept until what is served changes."""

    def __init__(self, service: Holdings, lookup: Lookup) -> None:
        self._service = service
        self._lookup = lookup
        self._generation = -1
        self._keys: dict[str, list[tuple[Doc, Any, Any]]] = {}
        self._chains: dict[str, denial.Chain] = {}

    @property
    def day(self) -> int:
        """Signatures of one day are the same ones."""
        return int(self._service.world.clock.now() // DAY)

    def signature(self, records: Records, asked: dns.name.Name | None = None) -> Any:
        """The RRSIG set of records from a signed zone, or None."""
        zone = records.zone
        if zone is None or not keys.signed(zone):
            return None
        self._refresh()
        owner = dns.name.from_text(records.owner or records.name)
        plain = dns.rrset.from_text_list(owner, records.ttl, "IN", records.type, list(records.data))
        wanted = "keySigning" if records.type == "DNSKEY" else "zoneSigning"
        start = (self.day - 1) * DAY
        made = [
            dns.dnssec.sign(
                plain,
                private,
                dns.name.from_text(zone["dnsName"]),
                public,
                inception=start,
                expiration=start + LIFETIME,
                policy=dns.dnssec.allow_all_policy,
            )
            for key, public, private in self._of(zone)
            if key["type"] == wanted
        ]
        name = asked if asked is not None else dns.name.from_text(records.name)
        return dns.rrset.from_rdata_list(name, records.ttl, made)

    def proofs(self, found: Resolution) -> list[Records]:
        """What shows that a name, a type, or a name beside a wildcard does not exist."""
        made: list[Records] = []
        for records in found.answers:
            if records.owner.startswith("*.") and records.owner != records.name:
                made += self._proof(records.zone, "expansion", records.name)
        if found.denied is not None and found.status in (Status.NOERROR, Status.NXDOMAIN):
            zone, name = found.denied
            made += self._proof(zone, "denial", name)
        return made

    def _proof(self, zone: Doc | None, way: str, name: str) -> list[Records]:
        if zone is None or not keys.signed(zone):
            return []
        self._refresh()
        chain = self._chains.get(zone["id"])
        if chain is None:
            chain = denial.proofs(zone, self._lookup.tree(zone))
            self._chains[zone["id"]] = chain
        return [one.of(zone) for one in getattr(chain, way)(name)]

    def _of(self, zone: Doc) -> list[tuple[Doc, Any, Any]]:
        known = self._keys.get(zone["id"])
        if known is None:
            kept = self._service.keys(zone)
            known = [(k["key"], keys.dnskey(k["key"]), keys.private(k)) for k in kept]
            self._keys[zone["id"]] = known
        return known

    def _refresh(self) -> None:
        if self._generation != self._service.generation:
            self._generation = self._service.generation
            self._keys.clear()
            self._chains.clear()
