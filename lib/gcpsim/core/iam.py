"""IAM policies of resources: stored as given, with an etag that guards against lost updates.

Who may do what is decided elsewhere (core.access); these are only read and written.
"""

import base64
import hashlib
from typing import Any

import orjson

from gcpsim.core.errors import ApiError
from gcpsim.core.world import World

Doc = dict[str, Any]
EMPTY = "ACAB"  # the etag of a policy that was never set


class Policies:
    """Policies by resource path, of one service."""

    def __init__(self, world: World, service: str) -> None:
        self.table = world.store.table(f"iam/{service}")

    def read(self, path: str) -> Doc:
        return self.table.get(path) or {"etag": EMPTY, "version": 1}

    def write(self, path: str, body: Any) -> Doc:
        """Replace the policy of a request; ApiError 409 when its etag is stale."""
        policy = body.get("policy") if isinstance(body, dict) else None
        if not isinstance(policy, dict) or not isinstance(policy.get("bindings", []), list):
            raise ApiError(400, "A policy with bindings is required.", "invalid")
        known = self.read(path)
        given = policy.get("etag")
        if given and given != known["etag"]:
            why = (
                "There were concurrent policy changes. Please retry the whole read-modify-write "
                "with exponential backoff."
            )
            raise ApiError(409, why, "aborted", status="ABORTED")
        raw = orjson.dumps([known["etag"], policy.get("bindings", [])])
        etag = base64.b64encode(hashlib.sha256(raw).digest()[:6]).decode()
        kept = {"version": 1, "etag": etag, "bindings": policy.get("bindings", [])}
        self.table.put(path, kept)
        return kept
