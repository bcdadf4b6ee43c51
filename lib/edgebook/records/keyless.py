"""Signatures without a key: a pipeline's identity, as sigstore's public service vouches for it.

Where a pipeline hands out identity tokens (GitHub Actions with `id-token: write`) and the extra
`sigstore` is installed, a sealed record gets a bundle beside it. It says which workflow sealed the
record, and stands in a public log. Whoever verifies says whom they expect. Needs a network.
"""

from typing import Any

from edgebook.base.errors import EdgebookError
from edgebook.cloud.identity import oidc_token
from edgebook.records.archive import Archive
from edgebook.records.record import Record

BUNDLE = "record.sigstore.json"
AUDIENCE = "sigstore"


def sign(archive: Archive, record: Record, text: str) -> bool:
    """Put a bundle beside a sealed record; False where there is no identity or no client.

    EdgebookError when the service does not answer: the record is sealed all the same.
    """
    token = oidc_token(AUDIENCE)
    if not token:
        return False
    try:
        from sigstore.models import ClientTrustConfig
        from sigstore.oidc import IdentityToken
        from sigstore.sign import SigningContext
    except ImportError:
        return False
    try:
        context = SigningContext.from_trust_config(ClientTrustConfig.production())
        with context.signer(IdentityToken(token)) as signer:
            bundle = signer.sign_artifact(_bytes(text))
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise EdgebookError("No keyless signature", where="sigstore", why=why) from error
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
        Verifier.production().verify_artifact(_bytes(text), bundle, expected)
    except Exception as error:
        return f"is not proven to be of {identity}: {type(error).__name__}: {error}"
    return ""


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", errors="surrogateescape")
