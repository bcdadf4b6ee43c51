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
from edgebook.base.errors import EdgebookError, UsageError
from edgebook.base.parsing import from_json
from edgebook.base.text import safe
from edgebook.cloud.calls import bounded
from edgebook.cloud.identity import oidc_token
from edgebook.records.archive import Archive
from edgebook.records.record import Record

BUNDLE = "record.sigstore.json"
AUDIENCE = "sigstore"
INSTANCE, TOKEN = "EDGEBOOK_SIGSTORE", "SIGSTORE_ID_TOKEN"
SECONDS = 60.0  # for a signature or its check as a whole
LONGEST = 240  # characters of what sigstore's client says
# What sigstore's client says (a part of it), and what that means for a record.
MEANING = {
    "expected exactly one log entry": "its bundle has no log entry that says when it was made",
    "must contain an inclusion promise": "its bundle does not say when it was made",
    "not enough sources of verified time": "nobody of this instance says when it was made",
    "no Timestamp Authorities": "this instance has no authority that could have stamped its time",
    "Invalid Timestamp Response": "its timestamp cannot be read",
    "digest mismatch": "its bundle signs another text: this record was changed, or the bundle is "
    "another's",
    "SANs do not match": "another identity sealed it",
    "OIDCIssuer does not match": "another issuer vouches for who sealed it",
    "failed to build timestamp certificate chain": "no authority of this instance vouches for its "
    "certificate at that time",
    "invalid log entry": "its log entry is not one of this instance's log",
    "Signature is invalid": "its signature is not of the certificate's key",
    "log entry is inconsistent": "its log entry is another signature's",
}


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
            where=instance(),
            why=_said(error),
            next="sign with a key (EDGEBOOK_SIGNING_KEY) where that service cannot be reached",
        ) from error
    archive.write(f"{record.change_id}/{BUNDLE}", bundle.to_json() + "\n")
    return True


class Expected:
    """Whom every record must be of, and who vouches for them; asks the instance for its keys once.

    `missing` says why its keys cannot be read, once that was found. UsageError when the identity
    or the issuer is left out: a name proves nothing without who hands it out.
    """

    def __init__(self, identity: str, issuer: str) -> None:
        if not identity or not issuer:
            raise UsageError(
                "Keyless signatures cannot be checked by half",
                where="--identity" if issuer else "--issuer",
                why="another issuer may call somebody else by that name"
                if identity
                else "an issuer vouches for everybody who has an account there",
                next="--identity WHO --issuer URL",
            )
        self.identity, self.issuer = identity, issuer
        self.missing = ""
        self._verifier: Any = None

    def trouble(self, archive: Archive, change_id: str, text: str) -> str:
        """Why this record is not one that they sealed; "" when its bundle proves that it is."""
        found = archive.read(f"{change_id}/{BUNDLE}")
        if found is None:
            return "has no keyless signature"
        try:
            from sigstore.models import Bundle
            from sigstore.verify.policy import Identity
        except ImportError:
            return "cannot be checked: install edgebook[sigstore]"
        unproven = f"is not proven to be of {self.identity}"
        try:
            bundle = Bundle.from_json(found)
        except Exception as error:
            return f"{unproven}: {_meaning(error, 'its bundle cannot be read')}"
        if not self._ready():
            return "cannot be checked"
        try:
            policy: Any = Identity(identity=self.identity, issuer=self.issuer)
            self._verifier.verify_artifact(_bytes(text), bundle, policy)
        except Exception as error:
            return f"{unproven}: {_meaning(error, 'its bundle does not verify')}"
        return ""

    def _ready(self) -> bool:
        if self._verifier is None and not self.missing:
            from sigstore.verify import Verifier

            def read() -> Any:
                return Verifier(trusted_root=_instance().trusted_root)

            try:
                self._verifier = bounded(read, seconds=SECONDS, clock=Clock())
            except Exception as error:
                self.missing = f"its keys cannot be read: {_said(error)}"
        return not self.missing


def instance() -> str:
    """Whose keys and log count, in words."""
    return os.environ.get(INSTANCE) or "sigstore's public service"


def _instance() -> Any:
    """The public service, or the instance that EDGEBOOK_SIGSTORE names."""
    from sigstore.models import ClientTrustConfig

    named = os.environ.get(INSTANCE, "")
    if not named:
        return ClientTrustConfig.production()
    return ClientTrustConfig.from_json(Path(named).read_text(encoding="utf-8"))


def _meaning(error: Exception, otherwise: str) -> str:
    """What a failed verification means for a record, and what sigstore's client said."""
    means = next((words for part, words in MEANING.items() if part in str(error)), otherwise)
    return f"{means} ({_said(error)})"


def _said(error: BaseException) -> str:
    """What an error of sigstore's client and its causes say, on one line and without a token.

    Some say nothing, or hide that a token has expired; the words of a service that refuses count.
    """
    parts = []
    told: BaseException | None = error
    while told is not None:
        if str(told):
            parts += [f"{type(told).__name__}: {told}", _answered(told)]
        told = told.__cause__
    text = ": ".join(part for part in parts if part) or type(error).__name__
    text = safe(" ".join(text.split()).split(" [type=")[0])
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


def _answered(error: BaseException) -> str:
    """The message of a service that refused."""
    try:
        return str(from_json(error.response.text)["message"])  # type: ignore[attr-defined]
    except (AttributeError, ValueError, KeyError, TypeError):
        return ""


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", errors="surrogateescape")
