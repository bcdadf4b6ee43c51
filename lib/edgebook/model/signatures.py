"""Ed25519 signatures over JSON statements: approvals and change records are signed the same way.

A key is named by its public half, `ed25519:` and base64, which stands in the params or is handed
around. Nothing here decides who may sign what.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edgebook.base.errors import UsageError

PREFIX = "ed25519:"


def canonical(statement: Mapping[str, Any]) -> bytes:
    """The bytes that are signed: sorted, without spaces."""
    return json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()


def public_name(key: Ed25519PrivateKey) -> str:
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return PREFIX + base64.b64encode(raw).decode()


def public_bytes(name: str) -> bytes:
    """The key that a name is of; ValueError. Base64 has several spellings of one."""
    if not name.startswith(PREFIX):
        raise ValueError(f"not {PREFIX}")
    return base64.b64decode(name.removeprefix(PREFIX), validate=True)


def read_key(path: Path) -> Ed25519PrivateKey:
    """A private key in PEM; UsageError when it is not one, or others can read it."""
    try:
        if path.stat().st_mode & 0o077:
            why = "others can read it"
            raise UsageError(
                "Not a private key", where=str(path), why=why, next=f"chmod 600 {path}"
            )
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise UsageError("No signing key", where=str(path), why=str(error)) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError("Not an Ed25519 key", where=str(path), why=type(key).__name__)
    return key


def make_key(path: Path) -> Ed25519PrivateKey:
    """A new private key in a file of its own that only its owner can read."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(pem)
    except OSError as error:
        raise UsageError("No new key", where=str(path), why=str(error)) from None
    return key


def sign(key: Ed25519PrivateKey, statement: Mapping[str, Any]) -> dict[str, str]:
    """The signature over a statement, with the key that made it."""
    signature = base64.b64encode(key.sign(canonical(statement))).decode()
    return {"key": public_name(key), "signature": signature}


def verifies(statement: Mapping[str, Any], signed: Mapping[str, Any]) -> bool:
    """Whether `signed` (key, signature) is a true signature over the statement."""
    try:
        raw = public_bytes(str(signed["key"]))
        signature = base64.b64decode(str(signed["signature"]), validate=True)
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, canonical(statement))
    except (KeyError, ValueError, TypeError, binascii.Error, InvalidSignature):
        return False
    return True
