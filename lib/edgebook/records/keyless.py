"""Signatures without a key: a pipeline's identity, as sigstore's public service vouches for it.

Where a pipeline hands out identity tokens (GitHub Actions with `id-token: write`, GitLab with an
`id_tokens` named SIGSTORE_ID_TOKEN) and the extra `sigstore` is installed, a sealed record gets a
bundle beside it. It says which workflow sealed the record, and stands in a public log, or in that
of an instance of one's own (EDGEBOOK_SIGSTORE names its client trust config). Whoever verifies says
whom they expect. Needs a network, and never waits for it longer than its limit.
"""

import os
from pathlib import Path
from typing import Any

from edgebook.base.clock import Clock
from edgebook.base.errors import EdgebookError
from edgebook.cloud.calls import bounded
from edgebook.cloud.identity import oidc_token
from edgebook.records.archive import Archive
from edgebook.records.record import Record

BUNDLE = "record.sigstore.json"
AUDIENCE = "sigstore"
INSTANCE, TOKEN = "EDGEBOOK_SIGSTORE", "SIGSTORE_ID_TOKEN"
SECONDS = 60.0  # for a signature or its check as a whole


def sign(archive: Archive, record: Record, text: str, *, seconds: float = SECONDS) -> bool:
    """Put a bundle beside a sealed record; False where there is no identity or no client.

    EdgebookError when the service does not answer: the record is sealed all the same.
    """
    token = oidc_token(AUDIENCE) or os.environ.get(TOKEN, "")
    if not token:
        return False
    try:
        from sigstore.oidc import IdentityToken
        from sigstore.sign import SigningContext
    except ImportError:
        return False

    def signed() -> Any:
        with SigningContext.from_trust_config(_instance()).signer(IdentityToken(token)) as signer:
            return signer.sign_artifact(_bytes(text))

    try:
        bundle = bounded(signed, seconds=seconds, clock=Clock())
    except Exception as error:
        raise EdgebookError(
            f"Record {record.change_id} is sealed, but has no keyless signature",
            where=os.environ.get(INSTANCE) or "sigstore's public service",
            why=f"{type(error).__name__}: {error}",
            next="sign with a key (EDGEBOOK_SIGNING_KEY) where that service cannot be reached",
        ) from error
    archive.write(f"{record.change_id}/{BUNDLE}", bundle.to_json() + "\n")
    return True


def trouble(archive: Archive, change_id: str, text: str, identity: str, issuer: str) -> str:
    """Why this record is not one that `identity` sealed; "" when its bundle proves that it is."""
    found = archive.read(f"{change_id}/{BUNDLE}")
    if found is None:
        return "has no keyless signature"
    try:
        from sigstore.models import Bundle
        from sigstore.verify import Verifier
        from sigstore.verify.policy import Identity
    except ImportError:
        return "cannot be checked: install edgebook[sigstore]"
    try:
        bundle = Bundle.from_json(found)
        expected: Any = Identity(identity=identity, issuer=issuer or None)

        def verified() -> None:
            verifier = Verifier(trusted_root=_instance().trusted_root)
            verifier.verify_artifact(_bytes(text), bundle, expected)

        bounded(verified, seconds=SECONDS, clock=Clock())
    except Exception as error:
        return f"is not proven to be of {identity}: {type(error).__name__}: {error}"
    return ""


def _instance() -> Any:
    """The public service, or the instance that EDGEBOOK_SIGSTORE names."""
    from sigstore.models import ClientTrustConfig

    named = os.environ.get(INSTANCE, "")
    if not named:
        return ClientTrustConfig.production()
    return ClientTrustConfig.from_json(Path(named).read_text(encoding="utf-8"))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", errors="surrogateescape")
