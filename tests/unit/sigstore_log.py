"""A transparency log for tests, as Rekor keeps one: a Merkle tree (RFC 6962) that one key signs.

An entry comes with its proof of inclusion, a signed checkpoint of the tree, and a promise that says
when it came. Knows nothing of HTTP.
"""

import base64
import hashlib
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SHA256 = ec.ECDSA(hashes.SHA256())


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def public(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_id(key: ec.EllipticCurvePrivateKey) -> bytes:
    """What logs are called by: the SHA-256 of their public key."""
    return hashlib.sha256(public(key)).digest()


def root(leaves: list[bytes]) -> bytes:
    """The Merkle tree hash of hashed leaves, at least one."""
    if len(leaves) == 1:
        return leaves[0]
    at = _split(len(leaves))
    return _node(root(leaves[:at]), root(leaves[at:]))


def path(index: int, leaves: list[bytes]) -> list[bytes]:
    """The hashes that lead from one leaf to the root, the lowest first."""
    if len(leaves) == 1:
        return []
    at = _split(len(leaves))
    if index < at:
        return [*path(index, leaves[:at]), root(leaves[at:])]
    return [*path(index - at, leaves[at:]), root(leaves[:at])]


def _split(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


class Log:
    """The log of one instance: a body is put at its end, and answered as Rekor v1 or v2 does."""

    def __init__(self, name: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = name
        self.bodies: list[bytes] = []

    def first(self, body: dict[str, Any], seconds: int) -> dict[str, Any]:
        """An entry that promises when it came (v1)."""
        index, top, hashed = self._add(body)
        said: dict[str, Any] = {
            "body": b64(self.bodies[index]),
            "integratedTime": seconds,
            "logID": key_id(self.key).hex(),
            "logIndex": index,
        }
        promise = self.key.sign(canonical(said), SHA256)
        proof = {
            "checkpoint": self._checkpoint(index + 1, top),
            "hashes": [found.hex() for found in hashed],
            "logIndex": index,
            "rootHash": top.hex(),
            "treeSize": index + 1,
        }
        said["verification"] = {"inclusionProof": proof, "signedEntryTimestamp": b64(promise)}
        return {hashlib.sha256(self.bodies[index]).hexdigest(): said}

    def second(self, body: dict[str, Any]) -> dict[str, Any]:
        """An entry that knows no time (v2): a timestamp authority says it."""
        index, top, hashed = self._add(body)
        proof = {
            "logIndex": str(index),
            "rootHash": b64(top),
            "treeSize": str(index + 1),
            "hashes": [b64(found) for found in hashed],
            "checkpoint": {"envelope": self._checkpoint(index + 1, top)},
        }
        return {
            "logIndex": str(index),
            "logId": {"keyId": b64(key_id(self.key))},
            "kindVersion": {"kind": body["kind"], "version": body["apiVersion"]},
            "inclusionProof": proof,
            "canonicalizedBody": b64(self.bodies[index]),
        }

    def _add(self, body: dict[str, Any]) -> tuple[int, bytes, list[bytes]]:
        """Its index, the root of the tree with it, and the hashes that lead there."""
        self.bodies.append(canonical(body))
        leaves = [hashlib.sha256(b"\x00" + text).digest() for text in self.bodies]
        return len(leaves) - 1, root(leaves), path(len(leaves) - 1, leaves)

    def _checkpoint(self, size: int, top: bytes) -> str:
        note = f"{self.name} - 1\n{size}\n{b64(top)}\n"
        signature = key_id(self.key)[:4] + self.key.sign(note.encode(), SHA256)
        return f"{note}\n— {self.name} {b64(signature)}\n"
