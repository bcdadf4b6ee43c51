"""One resource record set: what a valid one is, its stored form, and when two are the same.

Pure functions over JSON documents; dnspython judges the data of each type. Not here: how record
sets of one zone get along with each other (see changes.py).
"""

import functools
import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from gcpsim.core.discovery import api
from gcpsim.dns import refusals
from gcpsim.dns.quota import QUOTA

Doc = dict[str, Any]

TYPES = [
    "A",
    "AAAA",
    "ALIAS",
    "CAA",
    "CNAME",
    "DNSKEY",
    "DS",
    "HTTPS",
    "IPSECKEY",
    "MX",
    "NAPTR",
    "NS",
    "PTR",
    "SOA",
    "SPF",
    "SRV",
    "SSHFP",
    "SVCB",
    "TLSA",
    "TXT",
]
SINGLE = ("ALIAS", "CNAME", "SOA")
QUOTED = ("SPF", "TXT")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_/-]{1,63}(?<!-)")
MAX_TTL = 2**31 - 1


def valid_name(name: Any) -> bool:
    """Whether this is a fully qualified name; a `*` may only be the whole first label."""
    if not isinstance(name, str) or not name.endswith(".") or len(name) > 254 or name == ".":
        return False
    labels = name[:-1].split(".")
    if labels[0] == "*":
        labels = labels[1:]
    return bool(labels) and all(_LABEL.fullmatch(label) for label in labels)


def within(name: str, zone_name: str) -> bool:
    return name == zone_name or name.endswith("." + zone_name)


@functools.lru_cache(maxsize=20_000)
def canonical(type_: str, text: str) -> str | None:
    """The record data in dnspython's form, or None when the type doesn't allow it.

    Names inside must be fully qualified, as Cloud DNS demands.
    """
    import dns.exception
    import dns.name
    import dns.rdata

    if type_ == "ALIAS":
        return text.lower() if valid_name(text) else None
    try:
        data = dns.rdata.from_text("IN", type_, text, origin=None, relativize=False)
        names = [getattr(data, slot, None) for slot in data.__slots__]
        if any(isinstance(one, dns.name.Name) and not one.is_absolute() for one in names):
            return None
        data.to_wire(origin=dns.name.root)
        printed = data.to_text()
    except (dns.exception.DNSException, ValueError, UnicodeError):
        return None
    return printed if type_ in QUOTED else printed.lower()


def read(body: Doc, where: str, zone_name: str) -> Doc:
    """The stored form of a record set as a client sent it; ApiError 400 for what is wrong first.

    The order of checks is Google's: name, type, ttl, data.
    """
    name, type_ = body.get("name"), body.get("type")
    if not valid_name(name) or not within(str(name).lower(), zone_name):
        raise refusals.invalid(f"{where}.name", "" if name is None else name)
    if type_ not in TYPES:
        raise refusals.invalid(f"{where}.type", "" if type_ is None else type_)
    ttl = body.get("ttl") or 0
    if not 0 <= ttl <= MAX_TTL:
        raise refusals.invalid(f"{where}.ttl", ttl)
    doc: Doc = {
        "kind": "dns#resourceRecordSet",
        "name": str(name).lower(),
        "type": type_,
        "ttl": ttl,
        "signatureRrdatas": [],
    }
    policy = body.get("routingPolicy")
    if policy:
        if body.get("rrdatas"):
            raise refusals.invalid(f"{where}.rrdatas", ", ".join(body["rrdatas"]))
        doc["routingPolicy"] = _policy(policy, type_, f"{where}.routingPolicy")
    else:
        doc["rrdatas"] = _rrdatas(body.get("rrdatas") or [], type_, where)
    return doc


def _rrdatas(texts: list[str], type_: str, where: str) -> list[str]:
    if not texts:
        raise refusals.invalid(f"{where}.rrdata", "<empty>")
    limit = QUOTA["resourceRecordsPerRrset"]
    if len(texts) > limit:
        raise refusals.quota(f"{where}.rrdata", "resourceRecordsPerRrset", limit)
    kept: list[str] = []
    seen: set[str] = set()
    for index, text in enumerate(texts):
        printed = canonical(type_, text)
        if printed is None or printed in seen:
            raise refusals.invalid(f"{where}.rrdata[{index}]", text)
        seen.add(printed)
        kept.append(printed if type_ in QUOTED else text)
    return kept


def _policy(policy: Doc, type_: str, where: str) -> Doc:
    kinds = [kind for kind in ("wrr", "geo", "primaryBackup") if policy.get(kind) is not None]
    if len(kinds) != 1 or type_ in ("SOA", "NS"):
        raise refusals.invalid(where, ", ".join(kinds) or "<empty>")
    kind = kinds[0]
    if kind == "wrr":
        _items(policy["wrr"], type_, f"{where}.wrr", "weight")
    elif kind == "geo":
        _items(policy["geo"], type_, f"{where}.geo", "location")
    else:
        backup = policy["primaryBackup"]
        _items(
            backup.get("backupGeoTargets") or {},
            type_,
            f"{where}.primaryBackup.backupGeoTargets",
            "location",
        )
        _targets(backup.get("primaryTargets") or {}, type_, f"{where}.primaryBackup.primaryTargets")
        trickle = backup.get("trickleTraffic", 0)
        if not 0 <= trickle <= 1:
            raise refusals.invalid(f"{where}.primaryBackup.trickleTraffic", trickle)
    return with_kinds("RRSetRoutingPolicy", policy)


def _items(group: Doc, type_: str, where: str, key: str) -> None:
    items = group.get("items") or []
    if not items:
        raise refusals.invalid(f"{where}.items", "<empty>")
    limit = QUOTA["itemsPerRoutingPolicy"]
    if len(items) > limit:
        raise refusals.quota(f"{where}.items", "itemsPerRoutingPolicy", limit)
    seen: set[Any] = set()
    for index, item in enumerate(items):
        at = f"{where}.items[{index}]"
        value = item.get(key)
        if key == "weight":
            if value is None or not 0 <= value <= 1000:
                raise refusals.invalid(f"{at}.weight", "" if value is None else value)
        elif not value or value in seen:
            raise refusals.invalid(f"{at}.location", value or "")
        seen.add(value)
        if item.get("rrdatas"):
            _rrdatas(item["rrdatas"], type_, at)
        if item.get("healthCheckedTargets"):
            _targets(item["healthCheckedTargets"], type_, f"{at}.healthCheckedTargets")
        elif not item.get("rrdatas") and "healthCheckedTargets" not in item:
            raise refusals.invalid(f"{at}.rrdata", "<empty>")


def _targets(targets: Doc, type_: str, where: str) -> None:
    if type_ not in ("A", "AAAA"):
        raise refusals.invalid(where, type_)
    for index, address in enumerate(targets.get("externalEndpoints") or []):
        if canonical(type_, address) is None:
            raise refusals.invalid(f"{where}.externalEndpoints[{index}]", address)
    for index, balancer in enumerate(targets.get("internalLoadBalancers") or []):
        address = balancer.get("ipAddress", "")
        try:
            ipaddress.ip_address(address)
        except ValueError:
            at = f"{where}.internalLoadBalancers[{index}].ipAddress"
            raise refusals.invalid(at, address) from None


def with_kinds(schema: str, doc: Doc) -> Doc:
    """The document with `kind` set at every level that has one in Google's schema."""
    properties = api("dns").schemas[schema]["properties"]
    out = {}
    if "kind" in properties and "default" in properties["kind"]:
        out["kind"] = properties["kind"]["default"]
    for key, value in doc.items():
        field = properties.get(key, {})
        if "$ref" in field and isinstance(value, dict):
            value = with_kinds(field["$ref"], value)
        elif "$ref" in field.get("items", {}) and isinstance(value, list):
            value = [with_kinds(field["items"]["$ref"], one) for one in value]
        out[key] = value
    return out


def key_of(rrset: Doc) -> str:
    return f"{rrset['name']} {rrset['type']}"


def label(rrset: Doc) -> str:
    """How Google's messages name a record set: `a.example.com. (A)`."""
    return f"{rrset['name']} ({rrset['type']})"


def same(one: Doc, other: Doc) -> bool:
    """Whether a deletion names exactly this record set; the order of its records is irrelevant."""
    return bool(_essence(one) == _essence(other))


def _essence(rrset: Doc) -> Any:
    datas = frozenset(canonical(rrset["type"], text) or text for text in rrset.get("rrdatas") or [])
    policy = rrset.get("routingPolicy")
    return rrset.get("ttl") or 0, datas, _bare(policy) if policy else None


def _bare(value: Any) -> Any:
    """A document without kinds and empty parts, hashable or not, comparable in any case."""
    if isinstance(value, dict):
        parts = {key: _bare(one) for key, one in value.items() if key != "kind"}
        return {key: one for key, one in parts.items() if one not in (None, [], {}, "")}
    if isinstance(value, list):
        return [_bare(one) for one in value]
    return value


def position(rrset: Doc) -> str:
    """What a list is sorted by: apex first, then names in DNS order, then types."""
    return f"{_reversed(rrset['name'])}\x00\x00{rrset['type']}"


@functools.lru_cache(maxsize=50_000)
def _reversed(name: str) -> str:
    return "\x00".join(name.rstrip(".").split(".")[::-1])


def data_size(rrset: Doc) -> int:
    """Bytes of record data, as totalRrdataSizePerChange counts them."""
    return sum(len(text) for text in all_rrdatas(rrset))


def all_rrdatas(rrset: Doc) -> Iterator[str]:
    """All record data, also those inside a routing policy."""
    yield from rrset.get("rrdatas") or []
    policy = rrset.get("routingPolicy") or {}
    backup = policy.get("primaryBackup") or {}
    for group in (policy.get("wrr"), policy.get("geo"), backup.get("backupGeoTargets")):
        for item in (group or {}).get("items") or []:
            yield from item.get("rrdatas") or []
