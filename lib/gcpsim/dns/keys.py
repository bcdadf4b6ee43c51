"""The keys of zones whose DNSSEC is on: made when it is switched on, gone when it is switched off.

A zone has a key-signing and a zone-signing one, of the algorithms that its defaultKeySpecs ask for.
The private halves are the simulator's own and never leave the store. Signs nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

import dns.dnssec
import dns.name
import dns.rdata
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from dns.dnssectypes import Algorithm

Doc = dict[str, Any]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

ALGORITHMS = {
    "rsasha1": Algorithm.RSASHA1,
    "rsasha256": Algorithm.RSASHA256,
    "rsasha512": Algorithm.RSASHA512,
    "ecdsap256sha256": Algorithm.ECDSAP256SHA256,
    "ecdsap384sha384": Algorithm.ECDSAP384SHA384,
}
CURVES = {"ecdsap256sha256": ec.SECP256R1, "ecdsap384sha384": ec.SECP384R1}
LENGTHS = {"ecdsap256sha256": (256,), "ecdsap384sha384": (384,)}
RSA_LENGTHS = (1024, 2048)
FLAGS = {"keySigning": 257, "zoneSigning": 256}
DIGESTS = ("sha1", "sha256", "sha384")
RECOMMENDED = ("sha256",)
ITERATIONS = 1  # of NSEC3 hashes
DEFAULT_SPECS = (
    {"keyType": "keySigning", "algorithm": "rsasha256", "keyLength": 2048},
    {"keyType": "zoneSigning", "algorithm": "rsasha256", "keyLength": 1024},
)


def signed(zone: Doc) -> bool:
    """Whether the zone's answers are signed."""
    return (zone.get("dnssecConfig") or {}).get("state", "off") in ("on", "transfer")


def salt(zone: Doc) -> str:
    """Of the hashes of a zone's NSEC3 records."""
    return hashlib.sha256(zone["id"].encode()).hexdigest()[:16].upper()


def nsec3_parameters(zone: Doc) -> str:
    return f"1 0 {ITERATIONS} {salt(zone)}"


def fits(spec: Doc) -> bool:
    """Whether Cloud DNS makes keys like this."""
    algorithm = spec.get("algorithm", "")
    length = spec.get("keyLength")
    return algorithm in ALGORITHMS and (
        length is None or length in LENGTHS.get(algorithm, RSA_LENGTHS)
    )


def new(zone: Doc, created: str) -> list[Doc]:
    """The first keys of a zone, each `{"key": as dnsKeys shows it, "private": PEM}`."""
    specs = {spec["keyType"]: spec for spec in zone["dnssecConfig"]["defaultKeySpecs"]}
    return [_new(str(index), specs[kind], created) for index, kind in enumerate(FLAGS)]


def _new(identity: str, spec: Doc, created: str) -> Doc:
    algorithm, kind = spec["algorithm"], spec["keyType"]
    private: PrivateKey
    if algorithm in CURVES:
        private = ec.generate_private_key(CURVES[algorithm]())
    else:
        private = rsa.generate_private_key(public_exponent=65537, key_size=spec["keyLength"])
    public = dns.dnssec.make_dnskey(private.public_key(), ALGORITHMS[algorithm], FLAGS[kind])
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    key = {
        "kind": "dns#dnsKey",
        "id": identity,
        "algorithm": algorithm,
        "keyLength": private.key_size,
        "publicKey": base64.b64encode(public.key).decode(),
        "creationTime": created,
        "isActive": True,
        "type": kind,
        "keyTag": dns.dnssec.key_id(public),
    }
    return {"key": key, "private": pem.decode()}


def dnskey(key: Doc) -> Any:
    """The record of a key."""
    number = int(ALGORITHMS[key["algorithm"]])
    text = f"{FLAGS[key['type']]} 3 {number} {key['publicKey']}"
    return dns.rdata.from_text("IN", "DNSKEY", text)


def private(kept: Doc) -> Any:
    return serialization.load_pem_private_key(kept["private"].encode(), None)


def shown(key: Doc, zone: Doc, digests: Iterable[str] = RECOMMENDED) -> Doc:
    """The key as dnsKeys answers it: a key-signing one with the digests of its DS record."""
    if key["type"] != "keySigning":
        return key
    name = dns.name.from_text(zone["dnsName"])
    made = []
    for kind in digests:
        ds = dns.dnssec.make_ds(name, dnskey(key), kind, policy=dns.dnssec.allow_all_policy)
        made.append({"type": kind, "digest": ds.digest.hex().upper()})
    return {**key, "digests": made}
