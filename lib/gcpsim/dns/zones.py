"""Managed zones: what a valid one is, its name servers, and the records it is born with.

Pure functions; where zones are kept is the service's business. Sources: Google's LocalDnsHelper for
checks and their order, recorded answers for the shape.
"""

import hashlib
import re
from typing import Any

from gcpsim.dns import keys, records, refusals

Doc = dict[str, Any]
WHERE = "entity.managedZone"
LETTERS = "abcde"
PRIVATE_SERVER = "ns-gcp-private.googledomains.com."
NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
# Names that are nobody's to host, or whose owner must be shown first.
RESERVED = {".", "com.", "net.", "org.", "edu.", "gov.", "mil.", "int.", "co.uk.", "dev.", "app."}
OWNED = {"google.com.", "googleapis.com.", "gmail.com.", "youtube.com."}
MUTABLE = (
    "description",
    "labels",
    "cloudLoggingConfig",
    "dnssecConfig",
    "forwardingConfig",
    "peeringConfig",
    "privateVisibilityConfig",
)


def read(body: Doc) -> Doc:
    """A new zone as the client wants it, checked; server-set fields are missing yet."""
    for field in ("name", "dnsName", "description"):
        if body.get(field) is None:
            raise refusals.required(f"{WHERE}.{field}")
    name, dns_name = body["name"], str(body["dnsName"]).lower()
    if not NAME.fullmatch(name):
        raise refusals.invalid(f"{WHERE}.name", name)
    if dns_name in RESERVED:
        raise refusals.name_not_available(dns_name)
    if not records.valid_name(dns_name) or dns_name.startswith("*"):
        raise refusals.invalid(f"{WHERE}.dnsName", body["dnsName"])
    if dns_name in OWNED or any(dns_name.endswith("." + owned) for owned in OWNED):
        raise refusals.verify_ownership(dns_name)
    visibility = body.get("visibility") or "public"
    check_mutable(body)
    zone = {key: value for key, value in body.items() if value is not None}
    zone |= {"name": name, "dnsName": dns_name, "visibility": visibility}
    if visibility == "public":
        zone.pop("privateVisibilityConfig", None)
    zone.setdefault("cloudLoggingConfig", {})
    check_dnssec(zone)
    return zone


def check_mutable(body: Doc) -> None:
    """The limits on fields that may change later too."""
    description = body.get("description") or ""
    if len(description) > 1024:
        raise refusals.invalid(f"{WHERE}.description", description)
    labels = body.get("labels") or {}
    for key, value in labels.items():
        if not re.fullmatch(r"[a-z][-_a-z0-9]{0,62}", key):
            raise refusals.invalid(f"{WHERE}.labels", key)
        if not re.fullmatch(r"[-_a-z0-9]{0,63}", value):
            raise refusals.invalid(f"{WHERE}.labels[{key}]", value)
    if len(labels) > 64:
        raise refusals.invalid(f"{WHERE}.labels", len(labels))


def finish(zone: Doc) -> Doc:
    """The zone with the defaults and kinds that the server adds."""
    config = zone.get("dnssecConfig")
    if config and keys.signed(zone):
        zone = zone | {"dnssecConfig": config | _defaults(config)}
    return records.with_kinds("ManagedZone", zone)


def _defaults(config: Doc) -> Doc:
    """How a signed zone denies, and what keys it is given, where nobody said it."""
    given = {spec.get("keyType"): spec for spec in config.get("defaultKeySpecs") or ()}
    specs = []
    for default in keys.DEFAULT_SPECS:
        spec = {k: v for k, v in given.get(default["keyType"], default).items() if v is not None}
        if "keyLength" not in spec:
            lengths = keys.LENGTHS.get(spec["algorithm"], (default["keyLength"],))
            spec["keyLength"] = lengths[0]
        specs.append(spec)
    return {"nonExistence": config.get("nonExistence") or "nsec3", "defaultKeySpecs": specs}


def check_dnssec(zone: Doc, old: Doc | None = None) -> None:
    """Private zones are not signed, and a signed one keeps its mechanism and its kind of keys."""
    config = zone.get("dnssecConfig") or {}
    where = f"{WHERE}.dnssecConfig"
    if keys.signed(zone) and zone["visibility"] != "public":
        raise refusals.invalid(f"{where}.state", config["state"])
    for index, spec in enumerate(config.get("defaultKeySpecs") or ()):
        if not keys.fits(spec) or spec.get("keyType") not in keys.FLAGS:
            raise refusals.invalid(f"{where}.defaultKeySpecs[{index}]", spec.get("algorithm", ""))
    if old is None or not keys.signed(old) or not keys.signed(zone):
        return
    before = old["dnssecConfig"]
    for field in ("nonExistence", "defaultKeySpecs"):
        if config.get(field) != before.get(field):
            raise refusals.invalid(f"{where}.{field}", config.get(field))


def name_servers(dns_name: str, visibility: str, taken: set[str]) -> list[str]:
    """Four servers of one letter; ApiError when the name is hosted at every letter already."""
    if visibility != "public":
        return [PRIVATE_SERVER]
    start = hashlib.sha256(dns_name.encode()).digest()[0]
    for step in range(len(LETTERS)):
        letter = LETTERS[(start + step) % len(LETTERS)]
        servers = [f"ns-cloud-{letter}{number}.googledomains.com." for number in range(1, 5)]
        if servers[0] not in taken:
            return servers
    raise refusals.name_not_available(dns_name)


def first_records(zone: Doc) -> list[Doc]:
    """The NS and SOA record sets that every zone starts with."""
    servers = zone["nameServers"]
    soa = f"{servers[0]} cloud-dns-hostmaster.google.com. 1 21600 3600 259200 300"
    common = {"kind": "dns#resourceRecordSet", "name": zone["dnsName"], "ttl": 21600}
    return [
        common | {"type": "NS", "rrdatas": servers, "signatureRrdatas": []},
        common | {"type": "SOA", "rrdatas": [soa], "signatureRrdatas": []},
    ]


def merged(zone: Doc, body: Doc, *, replace: bool) -> Doc:
    """The zone after a PATCH (merge) or PUT (`replace`); ApiError for what may not change."""
    for field in ("name", "dnsName", "visibility"):
        wanted = body.get(field)
        if wanted is not None and wanted != zone[field]:
            raise refusals.invalid(f"{WHERE}.{field}", wanted)
    if replace and body.get("description") is None:
        raise refusals.required(f"{WHERE}.description")
    check_mutable(body)
    out = dict(zone)
    for field in MUTABLE:
        if field in body and body[field] is not None:
            value = body[field]
            if field == "labels" and not replace:
                value = {
                    key: one
                    for key, one in ((zone.get("labels") or {}) | value).items()
                    if one is not None
                }
            if field == "dnssecConfig" and not replace:
                value = {
                    k: v for k, v in ((zone.get(field) or {}) | value).items() if v is not None
                }
            out[field] = value
        elif replace or field in body:
            out.pop(field, None)
    out.setdefault("cloudLoggingConfig", {})
    out = finish(out)
    check_dnssec(out, zone)
    return out
