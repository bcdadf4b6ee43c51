"""Signatures over sealed records, beside them: who vouches for a record, and by which key.

`record.sig.json` holds an Ed25519 signature over the record's hash and its place in the chain. The
private key is in a file that EDGEBOOK_SIGNING_KEY names, and never in an archive; whose signatures
are trusted stand in the params (`records.signers`) or on the command line.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgebook.base.parsing import from_json
from edgebook.model import signatures
from edgebook.records.archive import Archive
from edgebook.records.record import Record, dump, sha256

SIGNATURE = "record.sig.json"
VARIABLE = "EDGEBOOK_SIGNING_KEY"


def statement(record: Record) -> dict[str, Any]:
    """What is signed: this record, at this place of the chain."""
    return {
        "change_id": record.change_id,
        "sequence": record.sequence,
        "sha256": record.sha256,
        "previous": (record.previous or {}).get("sha256", ""),
    }


def sign(archive: Archive, record: Record, environ: Mapping[str, str] = os.environ) -> bool:
    """Sign a sealed record when there is a key; False when there is none."""
    named = environ.get(VARIABLE, "")
    if not named:
        return False
    said = statement(record)
    signed = {"statement": said, **signatures.sign(signatures.read_key(Path(named)), said)}
    archive.write(f"{record.change_id}/{SIGNATURE}", dump(signed))
    return True


def signed_by(archive: Archive, change_id: str, text: str, trusted: Mapping[str, str]) -> str:
    """The trusted name whose key signed this record; "" when none did."""
    key = signer(archive, change_id, text)
    return (
        next((name for name, public in sorted(trusted.items()) if public == key), "") if key else ""
    )


def signer(archive: Archive, change_id: str, text: str) -> str:
    """The key that truly signed this record, whoever's it is; "" when none did."""
    found = archive.read(f"{change_id}/{SIGNATURE}")
    if found is None:
        return ""
    try:
        signed = from_json(found)
        said = signed["statement"]
        record = from_json(text)
        placed = said["sequence"] == record["sequence"] and said["change_id"] == change_id
    except (ValueError, KeyError, TypeError):
        return ""
    true = placed and said["sha256"] == sha256(text) and signatures.verifies(said, signed)
    return str(signed["key"]) if true else ""
