"""DNS policies of networks, and the keys of zones whose DNSSEC is on.

A network may have one policy. Keys are derived from their zone: a key-signing and a zone-signing
one, as dnsKeys shows them. Answers are not signed here; the DS record to hand to a registrar is.
"""

import base64
import hashlib
from typing import Any

from gcpsim.core.clock import rfc3339
from gcpsim.core.schema import BodyReader
from gcpsim.core.world import World
from gcpsim.dns import refusals

Doc = dict[str, Any]
WHERE = "entity.policy"
ALGORITHM, NUMBER, BITS = "rsasha256", 8, {"keySigning": 2048, "zoneSigning": 1024}


class Policies:
    """Policies by `project/name`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.table = world.store.table("dns/policies")

    def create(self, project: str, given: Any) -> Doc:
        body = self._read(given)
        name = body.get("name")
        if not name:
            raise refusals.required(f"{WHERE}.name")
        key = f"{project}/{name}"
        if key in self.table:
            raise refusals.exists(WHERE, name)
        self._require_free(key, body)
        number = self.world.store.next_number("dns/policies")
        doc = {"kind": "dns#policy", "id": str(10**18 + number), "description": "", **body}
        self.table.put(key, doc)
        return doc

    def find(self, project: str, name: str) -> Doc:
        found = self.table.get(f"{project}/{name}")
        if found is None:
            raise refusals.missing("parameters.policy", name)
        return found

    def change(self, project: str, name: str, given: Any) -> Doc:
        known = self.find(project, name)
        doc = {**known, **self._read(given), "name": name}
        self._require_free(f"{project}/{name}", doc)
        self.table.put(f"{project}/{name}", doc)
        return doc

    def delete(self, project: str, name: str) -> None:
        if self.find(project, name).get("networks"):
            raise refusals.precondition(WHERE)
        self.table.delete(f"{project}/{name}")

    def of(self, project: str) -> list[Doc]:
        prefix = f"{project}/"
        return [doc for key, doc in self.table.items() if key.startswith(prefix)]

    def _read(self, given: Any) -> Doc:
        body = BodyReader("dns", root="policy").read("Policy", given)
        return {key: value for key, value in body.items() if value is not None}

    def _require_free(self, mine: str, body: Doc) -> None:
        """Two policies may not share a network."""
        wanted = {_network(one) for one in body.get("networks") or ()}
        for key, other in self.table.items():
            shared = wanted & {_network(one) for one in other.get("networks") or ()}
            if key != mine and shared:
                raise refusals.exists(f"{WHERE}.networks", sorted(shared)[0])


def _network(item: Doc) -> str:
    return str(item.get("networkUrl", "")).partition("/projects/")[2] or str(item)


def keys(zone: Doc) -> list[Doc]:
    """The keys of a zone; none while its DNSSEC is off."""
    if (zone.get("dnssecConfig") or {}).get("state") not in ("on", "transfer"):
        return []
    return [_key(zone, index, kind) for index, kind in enumerate(("keySigning", "zoneSigning"))]


def _key(zone: Doc, index: int, kind: str) -> Doc:
    seed = f"{zone['id']}/{kind}".encode()
    raw = b"".join(hashlib.sha256(seed + bytes([n])).digest() for n in range(BITS[kind] // 256))
    public = b"\x03\x01\x00\x01" + raw
    flags = 257 if kind == "keySigning" else 256
    rdata = flags.to_bytes(2, "big") + bytes([3, NUMBER]) + public
    tag = sum(byte << 8 if at % 2 == 0 else byte for at, byte in enumerate(rdata))
    doc: Doc = {
        "kind": "dns#dnsKey",
        "id": str(index),
        "algorithm": ALGORITHM,
        "keyLength": BITS[kind],
        "publicKey": base64.b64encode(public).decode(),
        "creationTime": zone.get("creationTime", rfc3339(0.0)),
        "isActive": True,
        "type": kind,
        "keyTag": (tag + (tag >> 16 & 0xFFFF)) & 0xFFFF,
    }
    if kind == "keySigning":
        owner = b"".join(
            bytes([len(label)]) + label.encode() for label in zone["dnsName"].rstrip(".").split(".")
        )
        digest = hashlib.sha256(owner.lower() + b"\0" + rdata).hexdigest().upper()
        doc["digests"] = [{"type": "sha256", "digest": digest}]
    return doc
