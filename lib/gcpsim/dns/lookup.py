"""Names answered from the public zones of all projects, as the internet would see them.

Follows delegation between zones of the simulator, chases CNAMEs, synthesizes wildcards and tells
NODATA from NXDOMAIN. Only what is served counts: a pending change is invisible. A domain without a
parent zone here is taken as delegated by its registrar, unless the service says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from gcpsim.dns import keys
from gcpsim.dns.holdings import Holdings

Doc = dict[str, Any]
Choose = Callable[[list[float]], int]
LONGEST_CHAIN = 16
KEYS_TTL = 300


class Status(StrEnum):
    """How a name was answered. LAME: its delegation leads out of the simulator."""

    NOERROR = "NOERROR"
    NXDOMAIN = "NXDOMAIN"
    REFUSED = "REFUSED"
    LAME = "LAME"
    LOOP = "LOOP"


@dataclass(frozen=True)
class Records:
    """One record set as it is answered; `name` is the name asked for, also under a wildcard.

    `zone` is where it comes from, and `owner` the name that it has there.
    """

    name: str
    type: str
    ttl: int
    data: tuple[str, ...]
    zone: Doc | None = field(default=None, compare=False, repr=False)
    owner: str = field(default="", compare=False, repr=False)

    def of(self, zone: Doc) -> Records:
        return replace(self, zone=zone)


@dataclass(frozen=True)
class Resolution:
    """An answer. `authority` is the SOA of a negative answer, or the NS of a lame delegation;
    `varies` says that a routing policy chose, so that the next answer may differ; `denied` is the
    zone and the name that it has nothing for."""

    status: Status
    answers: tuple[Records, ...] = ()
    authority: Records | None = None
    varies: bool = False
    denied: tuple[Doc, str] | None = field(default=None, compare=False, repr=False)

    def data(self, type_: str) -> list[str]:
        return [text for found in self.answers if found.type == type_ for text in found.data]


class Tree:
    """The served records of one zone by name, with the names that exist only as ancestors."""

    def __init__(self, zone: Doc, rrsets: list[Doc]) -> None:
        self.apex: str = zone["dnsName"]
        self.names: dict[str, dict[str, Doc]] = {}
        self.existing = {self.apex}
        for rrset in rrsets:
            name = rrset["name"]
            self.names.setdefault(name, {})[rrset["type"]] = rrset
            while name not in self.existing:
                self.existing.add(name)
                name = name.partition(".")[2]

    def find(self, name: str) -> dict[str, Doc] | None:
        """The types at a name, by wildcard if need be; None when the name does not exist."""
        if self.exists(name):
            return self.names.get(name, {})
        return self.names.get(f"*.{self.encloser(name)}")

    def exists(self, name: str) -> bool:
        return name in self.existing

    def encloser(self, name: str) -> str:
        """The longest name above, or the name itself, that exists."""
        while name not in self.existing:
            name = name.partition(".")[2]
        return name

    def soa(self, zone: Doc | None = None) -> Records | None:
        rrset = self.names.get(self.apex, {}).get("SOA")
        if rrset is None:
            return None
        minimum = int(rrset["rrdatas"][0].split()[-1])
        return Records(self.apex, "SOA", min(rrset["ttl"], minimum), tuple(rrset["rrdatas"]), zone)


@dataclass(frozen=True)
class Lame:
    """A delegation that no zone of the simulator answers, or servers that fail (no records)."""

    records: Records | None = None


class Lookup:
    """Answers names. Derived data is kept until the service's generation moves on."""

    def __init__(self, dns: Holdings) -> None:
        self._dns = dns
        self._generation = -1
        self._zones: dict[str, list[Doc]] = {}
        self._trees: dict[str, Tree] = {}
        self._failing: set[str] = set()  # ids of zones
        self.location = "us-central1"

    def resolve(self, name: str, type_: str, choose: Choose | None = None) -> Resolution:
        """What a resolver gets for a fully qualified name and a record type."""
        name = name.lower().rstrip(".") + "."
        answers: list[Records] = []
        varies = False
        for _ in range(LONGEST_CHAIN):
            place = self._place(name, type_)
            if place is None:
                status = Status.NOERROR if answers else self._nowhere(name)
                return Resolution(status, tuple(answers), varies=varies)
            if isinstance(place, Lame):
                return Resolution(Status.LAME, tuple(answers), place.records, varies)
            tree = self.tree(place)
            found, nothing = tree.find(name), tree.soa(place)
            if found is None:
                return Resolution(
                    Status.NXDOMAIN, tuple(answers), nothing, varies, denied=(place, name)
                )
            rrset = found.get(type_) or self._key_records(place, name, type_)
            if rrset is None and type_ in ("A", "AAAA") and "ALIAS" in found:
                return self._alias(place, name, type_, found["ALIAS"], answers, choose)
            follow = rrset is None and "CNAME" in found
            if follow:
                rrset = found["CNAME"]
            if rrset is None:
                return Resolution(
                    Status.NOERROR, tuple(answers), nothing, varies, denied=(place, name)
                )
            varies = varies or "routingPolicy" in rrset
            data = tuple(self._data(rrset, choose))
            found_here = (rrset["type"], rrset["ttl"], data, place, rrset["name"])
            answers.append(Records(name, *found_here))
            if not follow or not data:
                return Resolution(Status.NOERROR, tuple(answers), varies=varies)
            name = data[0].lower()
        return Resolution(Status.LOOP, tuple(answers), varies=varies)

    def cname_chain(self, name: str) -> list[str]:
        """Where the CNAME at a name leads, step by step; empty when there is none."""
        return self.resolve(name, "A").data("CNAME")

    def caa(self, domain: str) -> tuple[str, list[tuple[str, str]]]:
        """The relevant CAA records: (name that has them, [(tag, value)]); ("", []) when none has.

        Climbs from the domain to the top and stops at the first name with CAA records (RFC 8659).
        """
        name = domain.removeprefix("*.").lower().rstrip(".") + "."
        while name:
            texts = self.resolve(name, "CAA").data("CAA")
            if texts:
                return name, [_caa(text) for text in texts]
            name = name.partition(".")[2]
        return "", []

    def addresses(self, domain: str) -> list[str]:
        """The A and AAAA data of a domain."""
        return [text for type_ in ("A", "AAAA") for text in self.resolve(domain, type_).data(type_)]

    def authority(self, name: str) -> Doc | Lame | None:
        """The zone that answers for a name: the last one that delegation leads to."""
        self._refresh()
        current: Doc | None = None
        for suffix in _suffixes(name):
            zones = self._zones.get(suffix, [])
            if current is None:
                current = zones[0] if zones else None
                continue
            delegation = self.tree(current).names.get(suffix, {}).get("NS")
            if delegation is None:
                continue
            servers = {text.lower() for text in delegation.get("rrdatas", [])}
            reached = [zone for zone in zones if servers & set(zone["nameServers"])]
            if not reached:
                data = tuple(delegation.get("rrdatas", []))
                return Lame(Records(suffix, "NS", delegation["ttl"], data))
            current = reached[0]
        failing = current is not None and current["id"] in self._failing
        return Lame() if failing else current

    def _place(self, name: str, type_: str) -> Doc | Lame | None:
        """Where an answer comes from: DS records stand with the parent zone."""
        place = self.authority(name)
        if type_ != "DS" or not isinstance(place, dict) or place["dnsName"] != name:
            return place
        above = self.authority(name.partition(".")[2])
        return above if isinstance(above, dict) else place

    def _key_records(self, zone: Doc, name: str, type_: str) -> Doc | None:
        """What a signed zone has at its apex without anybody having put it there."""
        if name != zone["dnsName"] or not keys.signed(zone):
            return None
        if type_ == "DNSKEY":
            data = [keys.dnskey(kept["key"]).to_text() for kept in self._dns.keys(zone)]
        elif type_ == "NSEC3PARAM" and zone["dnssecConfig"].get("nonExistence") != "nsec":
            data = [keys.nsec3_parameters(zone)]
        else:
            return None
        return {"name": name, "type": type_, "ttl": KEYS_TTL, "rrdatas": data}

    def _nowhere(self, name: str) -> Status:
        """A domain hosted here that nobody delegates does not exist; others aren't our business."""
        zones = [zone for _, zone in self._dns.all_zones() if zone["visibility"] == "public"]
        hosted = {zone["dnsName"] for zone in zones}
        return Status.NXDOMAIN if hosted & set(_suffixes(name)) else Status.REFUSED

    def _alias(
        self,
        zone: Doc,
        name: str,
        type_: str,
        alias: Doc,
        answers: list[Records],
        choose: Choose | None,
    ) -> Resolution:
        target = self.resolve(alias["rrdatas"][0], type_, choose)
        data = tuple(target.data(type_))
        if data:
            answers.append(Records(name, type_, alias["ttl"], data, zone, alias["name"]))
        return Resolution(Status.NOERROR, tuple(answers), varies=target.varies)

    def _data(self, rrset: Doc, choose: Choose | None) -> list[str]:
        policy = rrset.get("routingPolicy")
        if not policy:
            return list(rrset["rrdatas"])
        if policy.get("wrr"):
            items = policy["wrr"]["items"]
            weights = [float(item.get("weight") or 0) for item in items]
            if not any(weights):
                weights = [1.0] * len(items)
            return _endpoints(items[(choose or self._choose)(weights)])
        if policy.get("geo"):
            return self._nearest(policy["geo"]["items"])
        backup = policy["primaryBackup"]
        primary = _endpoints({"healthCheckedTargets": backup.get("primaryTargets") or {}})
        return primary or self._nearest(backup["backupGeoTargets"]["items"])

    def _nearest(self, items: list[Doc]) -> list[str]:
        here = [item for item in items if item["location"] == self.location]
        return _endpoints((here or items)[0])

    def _choose(self, weights: list[float]) -> int:
        return int(self._dns.world.random.choices(range(len(weights)), weights)[0])

    def tree(self, zone: Doc) -> Tree:
        """What a zone serves."""
        tree = self._trees.get(zone["id"])
        if tree is None:
            tree = self._trees[zone["id"]] = Tree(zone, self._dns.served(zone).values())
        return tree

    def _refresh(self) -> None:
        if self._generation == self._dns.generation:
            return
        self._generation = self._dns.generation
        self._trees = {}
        self._zones = {}
        cut, failing, self._failing = self._dns.undelegated, self._dns.failing, set()
        known = sorted(self._dns.all_zones(), key=lambda item: item[1]["creationTime"])
        for key, zone in known:
            if zone["visibility"] == "public" and not {key, zone["dnsName"]} & cut:
                self._zones.setdefault(zone["dnsName"], []).append(zone)
            if {key, zone["dnsName"]} & failing:
                self._failing.add(zone["id"])


def _suffixes(name: str) -> Iterator[str]:
    """`com.`, `example.com.`, `www.example.com.`"""
    labels = name.rstrip(".").split(".")
    for count in range(1, len(labels) + 1):
        yield ".".join(labels[-count:]) + "."


def _endpoints(item: Doc) -> list[str]:
    targets = item.get("healthCheckedTargets") or {}
    balancers = targets.get("internalLoadBalancers") or []
    return [
        *(item.get("rrdatas") or []),
        *(targets.get("externalEndpoints") or []),
        *(balancer["ipAddress"] for balancer in balancers),
    ]


def _caa(text: str) -> tuple[str, str]:
    _, tag, value = text.split(None, 2)
    return tag.lower(), value.strip().strip('"')
