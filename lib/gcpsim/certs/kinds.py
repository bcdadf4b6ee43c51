"""The collections of Certificate Manager: their schema, limits, and what makes a body valid.

A reader gets the service, the name, the new body and (for an update) the document before, and gives
the fields to store. References are kept with the project number, as real answers show them.
"""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from gcpsim.certs import names, pem, refusals
from gcpsim.certs.holdings import Holdings
from gcpsim.core import projects
from gcpsim.core.paths import location_of, parent_of, place_of, project_of

Doc = dict[str, Any]
Reader = Callable[[Holdings, str, Doc, "Doc | None"], Doc]
DOMAINS_PER_CERTIFICATE = 100
CERTIFICATES_PER_ENTRY = 4
_FIXED = ("scope", "selfManaged", "managed", "sanDnsnames", "expireTime", "pemCertificate")


@dataclass(frozen=True)
class Kind:
    """One collection. `mutable` are the fields that an update may name."""

    collection: str
    schema: str
    noun: str
    id_parameter: str
    permission: str
    mutable: frozenset[str]
    quota: tuple[str, int]
    read: Reader

    @property
    def field(self) -> str:
        """What error messages call the body: `certificate_map_entry`."""
        return re.sub(r"([A-Z])", lambda match: "_" + match.group(1).lower(), self.noun)


def _common(body: Doc) -> Doc:
    names.check_labels(body.get("labels") or {})
    if len(body.get("description") or "") > 1024:
        raise refusals.invalid("description", "must be at most 1024 characters")
    return {key: body[key] for key in ("description", "labels") if body.get(key)}


def _certificate(holdings: Holdings, name: str, body: Doc, before: Doc | None) -> Doc:
    doc = _common(body)
    if before is not None:
        kept = {key: before[key] for key in _FIXED if key in before}
        if not body.get("selfManaged"):
            return doc | kept
        if "selfManaged" not in before:
            raise refusals.invalid("self_managed", "the certificate is not self-managed")
        return doc | kept | _self_managed(holdings, name, body["selfManaged"])
    types = [key for key in ("selfManaged", "managed", "managedIdentity") if body.get(key)]
    if len(types) != 1:
        raise refusals.invalid(
            "type", "exactly one of self_managed, managed, managed_identity must be set"
        )
    scope = body.get("scope")
    if scope in ("EDGE_CACHE", "ALL_REGIONS") and location_of(name) != "global":
        raise refusals.invalid("scope", f"scope {scope} is only supported in location global")
    if scope and scope != "DEFAULT":
        doc["scope"] = scope
    if types == ["selfManaged"]:
        return doc | _self_managed(holdings, name, body["selfManaged"])
    if types == ["managedIdentity"]:
        raise refusals.invalid("managed_identity", "managed identity is not enabled here")
    managed = _managed(holdings, name, body["managed"])
    return doc | {"managed": managed, "sanDnsnames": managed["domains"]}


def _self_managed(holdings: Holdings, name: str, body: Doc) -> Doc:
    now = datetime.fromtimestamp(holdings.world.clock.now(), UTC)
    read = pem.read(body.get("pemCertificate") or "", body.get("pemPrivateKey") or "", now)
    holdings.keep_key(name, body["pemPrivateKey"])
    doc: Doc = {
        "selfManaged": {},
        "expireTime": read.expires.isoformat().replace("+00:00", "Z"),
        "pemCertificate": read.chain,
    }
    return doc | ({"sanDnsnames": list(read.domains)} if read.domains else {})


def _managed(holdings: Holdings, name: str, body: Doc) -> Doc:
    store = holdings.world.store
    location = location_of(name)
    given = body.get("dnsAuthorizations") or []
    domains = _domains(body.get("domains") or [], wildcard=bool(given) or "issuanceConfig" in body)
    doc: Doc = {"domains": domains}
    if body.get("issuanceConfig"):
        if given:
            why = "dns_authorizations can not be combined with issuance_config"
            raise refusals.invalid("managed.dns_authorizations", why)
        field = "managed.issuance_config"
        config = names.reference(store, field, body["issuanceConfig"], "certificateIssuanceConfigs")
        holdings.require(config)
        return doc | {"issuanceConfig": names.by_number(config)}
    if not given and location != "global":
        why = "load balancer authorization is only supported in location global"
        raise refusals.invalid("managed.dns_authorizations", why)
    covered = set()
    kept = []
    for index, text in enumerate(given):
        field = f"managed.dns_authorizations[{index}]"
        authorization = names.reference(store, field, text, "dnsAuthorizations")
        if place_of(authorization) != place_of(name):
            raise refusals.invalid(field, "must be in the project and location of the certificate")
        covered.add(holdings.require(authorization)["domain"])
        kept.append(names.by_number(authorization))
    for index, domain in enumerate(domains):
        if kept and domain.removeprefix("*.") not in covered:
            why = f"no DNS authorization for domain {domain}"
            raise refusals.invalid(f"managed.domains[{index}]", why)
    return doc | ({"dnsAuthorizations": kept} if kept else {})


def _domains(given: list[str], *, wildcard: bool) -> list[str]:
    if not given:
        raise refusals.invalid("managed.domains", "must not be empty")
    if len(given) > DOMAINS_PER_CERTIFICATE:
        why = f"at most {DOMAINS_PER_CERTIFICATE} domains are allowed"
        raise refusals.invalid("managed.domains", why)
    out: list[str] = []
    for index, domain in enumerate(given):
        field = f"managed.domains[{index}]"
        if domain.startswith("*.") and not wildcard:
            raise refusals.invalid(field, "wildcard domains require DNS authorization")
        text = names.check_domain(field, domain, wildcard=True)
        if text in out:
            raise refusals.invalid(field, f"duplicate domain {domain}")
        out.append(text)
    return out


def _map(holdings: Holdings, name: str, body: Doc, before: Doc | None) -> Doc:
    return _common(body)


def _entry(holdings: Holdings, name: str, body: Doc, before: Doc | None) -> Doc:
    doc = _common(body)
    hostname, matcher = body.get("hostname"), body.get("matcher")
    if matcher == "MATCHER_UNSPECIFIED":
        matcher = None
    if bool(hostname) == bool(matcher):
        raise refusals.invalid("match", "exactly one of hostname, matcher must be set")
    if hostname:
        doc["hostname"] = names.check_domain("hostname", hostname, wildcard=True)
    else:
        doc["matcher"] = matcher
    given = body.get("certificates") or []
    if not 1 <= len(given) <= CERTIFICATES_PER_ENTRY:
        why = f"must have between 1 and {CERTIFICATES_PER_ENTRY} certificates"
        raise refusals.invalid("certificates", why)
    kept = []
    for index, text in enumerate(given):
        field = f"certificates[{index}]"
        certificate = names.reference(holdings.world.store, field, text, "certificates")
        if place_of(certificate) != place_of(name):
            raise refusals.foreign_certificate(text)
        found = holdings.require(certificate)
        if found.get("scope", "DEFAULT") != "DEFAULT":
            raise refusals.invalid(field, f"certificates of scope {found['scope']} are not allowed")
        kept.append(names.by_number(certificate))
    if len(set(kept)) < len(kept):
        raise refusals.invalid("certificates", "duplicate certificates")
    match = (doc.get("hostname"), doc.get("matcher"))
    siblings = parent_of(name) + "/"
    for other, entry in holdings.table("certificateMapEntries").items():
        same = (entry.get("hostname"), entry.get("matcher")) == match
        if same and other.startswith(siblings) and other != name:
            raise refusals.exists(other)
    return doc | {"certificates": kept}


def _authorization(holdings: Holdings, name: str, body: Doc, before: Doc | None) -> Doc:
    doc = _common(body)
    project, location = project_of(name), location_of(name)
    default = "FIXED_RECORD" if location == "global" else "PER_PROJECT_RECORD"
    type_ = body.get("type") or default
    if type_ == "TYPE_UNSPECIFIED":
        type_ = default
    if not body.get("domain"):
        raise refusals.invalid("domain", "must not be empty")
    longest = 237 if type_ == "FIXED_RECORD" else 220
    domain = names.check_domain("domain", body["domain"], wildcard=False, longest=longest)
    doc |= {"domain": domain, "type": type_}
    if before is not None:
        return doc | {"dnsResourceRecord": before["dnsResourceRecord"]}
    parent = place_of(name)
    for other, known in holdings.children(parent, "dnsAuthorizations"):
        if (known["domain"], known["type"]) == (domain, type_):
            raise refusals.exists(other)
    return doc | {"dnsResourceRecord": _record(holdings, project, location, domain, type_)}


def _record(holdings: Holdings, project: str, location: str, domain: str, type_: str) -> Doc:
    """The CNAME that shows control of the domain; its data is new for each authorization."""
    label = "_acme-challenge"
    if type_ == "PER_PROJECT_RECORD":
        seed = f"{projects.number(project)}/{location}"
        token = base64.b32encode(hashlib.sha256(seed.encode()).digest()[:10])
        label += "_" + token.decode().lower()
    number = holdings.world.store.next_number("certs/authorizations")
    seed = f"{project}/{location}/{domain}/{number}"
    digest = hashlib.sha256(seed.encode()).digest()
    identity = uuid.UUID(bytes=digest[:16], version=4)
    shard = digest[16] % 18 + 1
    place = "" if location == "global" else f".{location}"
    return {
        "name": f"{label}.{domain}.",
        "type": "CNAME",
        "data": f"{identity}.{shard}{place}.authorize.certificatemanager.goog.",
    }


def _trust_config(holdings: Holdings, name: str, body: Doc, before: Doc | None) -> Doc:
    doc = _common(body)
    stores = body.get("trustStores") or []
    if len(stores) > 1:
        raise refusals.invalid("trust_stores", "only one trust store is allowed")
    if not stores and not body.get("allowlistedCertificates"):
        raise refusals.invalid("trust_stores", "must not be empty")
    kept = {
        key: _normal_pems(key, body[key])
        for key in ("trustStores", "allowlistedCertificates", "spiffeTrustStores")
        if body.get(key)
    }
    digest = hashlib.sha256(orjson.dumps([doc, kept, holdings.now_text()])).digest()[:8]
    return doc | kept | {"etag": base64.b64encode(digest).decode()}


def _normal_pems(field: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _normal_pems(key, one) for key, one in value.items()}
    if isinstance(value, list):
        return [_normal_pems(field, one) for one in value]
    if field == "pemCertificate":
        pem.read_chain(value, "pem_certificate")
        return pem.normal(value)
    return value


def _issuance_config(holdings: Holdings, name: str, body: Doc, before: Doc | None) -> Doc:
    doc = _common(body)
    authority = (body.get("certificateAuthorityConfig") or {}).get(
        "certificateAuthorityServiceConfig"
    ) or {}
    pool = authority.get("caPool") or ""
    found = re.fullmatch(r"projects/([^/]+)/locations/([^/]+)/caPools/([^/]+)", pool)
    if found is None:
        field = "certificate_authority_config.certificate_authority_service_config.ca_pool"
        raise refusals.invalid(field, "invalid name")
    if body.get("keyAlgorithm") in (None, "KEY_ALGORITHM_UNSPECIFIED"):
        raise refusals.invalid("key_algorithm", "must be set")
    seconds = re.fullmatch(r"([0-9]+)(\.[0-9]+)?s", body.get("lifetime") or "")
    if seconds is None or not 21 * 86400 <= int(seconds.group(1)) <= 30 * 86400:
        raise refusals.invalid("lifetime", "must be between 21 and 30 days")
    percent = body.get("rotationWindowPercentage") or 0
    if not 1 <= percent <= 99:
        raise refusals.invalid("rotation_window_percentage", "must be between 1 and 99")
    return doc | {
        "certificateAuthorityConfig": {
            "certificateAuthorityServiceConfig": {"caPool": names.by_number(pool)}
        },
        "keyAlgorithm": body["keyAlgorithm"],
        "lifetime": body["lifetime"],
        "rotationWindowPercentage": percent,
    }


def _kind(
    collection: str,
    schema: str,
    permission: str,
    limit: int,
    read: Reader,
    *mutable: str,
) -> Kind:
    noun = schema[0].lower() + schema[1:]
    return Kind(
        collection,
        schema,
        noun,
        f"{noun}Id",
        permission,
        frozenset({"description", "labels", *mutable}),
        (f"{schema}sPerProject", limit),
        read,
    )


KINDS: dict[str, Kind] = {
    kind.collection: kind
    for kind in (
        _kind("certificates", "Certificate", "certs", 1000, _certificate, "selfManaged"),
        _kind("certificateMaps", "CertificateMap", "certmaps", 100, _map),
        _kind(
            "certificateMapEntries",
            "CertificateMapEntry",
            "certmapentries",
            5000,
            _entry,
            "certificates",
        ),
        _kind("dnsAuthorizations", "DnsAuthorization", "dnsauthorizations", 1000, _authorization),
        _kind(
            "trustConfigs",
            "TrustConfig",
            "trustconfigs",
            100,
            _trust_config,
            "trustStores",
            "allowlistedCertificates",
            "spiffeTrustStores",
        ),
        _kind(
            "certificateIssuanceConfigs",
            "CertificateIssuanceConfig",
            "certissuanceconfigs",
            100,
            _issuance_config,
        ),
    )
}
