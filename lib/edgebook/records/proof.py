"""What this machine wrote itself: a keyed hash over a draft's state or a record.

A folder of records can be written to by others. So what is read back in order to be acted on (whose
approval a resumed run goes on with) is proven by this hash, whose key never leaves the user's state
folder, or by a signature; otherwise the approval is asked for anew.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any

from edgebook.base.state import state_folder, state_place, write_private

FIELD = "proof"
KEY = "secret.key"


def prove(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with a proof that this machine wrote it."""
    return {**document, FIELD: _hash(document, _key())}


def holds(document: Mapping[str, Any]) -> bool:
    """Whether this machine wrote it and nobody has changed it since."""
    path = state_place() / KEY
    given = document.get(FIELD)
    if not isinstance(given, str) or not path.is_file():
        return False
    return hmac.compare_digest(given, _hash(document, bytes.fromhex(path.read_text().strip())))


def _hash(document: Mapping[str, Any], key: bytes) -> str:
    said = {name: value for name, value in document.items() if name != FIELD}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _key() -> bytes:
    path = state_folder() / KEY
    if not path.exists():
        write_private(path, secrets.token_hex(32))
    return bytes.fromhex(path.read_text().strip())
