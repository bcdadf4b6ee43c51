"""Self-managed certificates: what a client uploads, read and checked.

Gives the domains, the expiry and the chain. Never gives the private key back, nor prints it.
"""

import itertools
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gcpsim.certs import refusals

CERTIFICATE = "self_managed.pem_certificate"
KEY = "self_managed.pem_private_key"
_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
LONGEST_CHAIN = 5


@dataclass(frozen=True)
class Uploaded:
    """One uploaded certificate."""

    domains: tuple[str, ...]
    expires: datetime
    chain: str


def read(chain_pem: str, key_pem: str, now: datetime) -> Uploaded:
    """The upload; ApiError 400 naming the field that is wrong."""
    chain = read_chain(chain_pem, CERTIFICATE)
    leaf = chain[0]
    if not key_pem:
        raise refusals.invalid(KEY, "private key must be set")
    public = _public_key(key_pem)
    if _spki(public) != _spki(leaf.public_key()):
        raise refusals.invalid(KEY, "the private key does not match the certificate")
    _check_key(public)
    if leaf.not_valid_after_utc < now:
        raise refusals.invalid(CERTIFICATE, "the certificate has expired")
    for below, above in itertools.pairwise(chain):
        if below.issuer != above.subject:
            raise refusals.invalid(CERTIFICATE, "the certificate chain is not in order")
    return Uploaded(_domains(leaf), leaf.not_valid_after_utc, _printed(chain))


def read_chain(text: str, field: str) -> list[Any]:
    """The certificates of a PEM text, at least one; ApiError 400 otherwise."""
    from cryptography import x509

    blocks = _BLOCK.findall(text or "")
    if not blocks:
        raise refusals.invalid(field, "no PEM-encoded certificate found")
    if len(blocks) > LONGEST_CHAIN:
        raise refusals.invalid(field, f"a chain may have at most {LONGEST_CHAIN} certificates")
    try:
        return [x509.load_pem_x509_certificate(block.encode()) for block in blocks]
    except ValueError:
        raise refusals.invalid(field, "the certificate can not be parsed") from None


def normal(text: str) -> str:
    """A PEM text with one trailing newline, as the API gives it back."""
    return text.rstrip("\n") + "\n"


def _public_key(key_pem: str) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(key_pem.encode(), password=None).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise refusals.invalid(KEY, "the private key can not be parsed") from None


def _check_key(public: Any) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    good_rsa = isinstance(public, rsa.RSAPublicKey) and public.key_size in (2048, 3072, 4096)
    good_ec = isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name in (
        "secp256r1",
        "secp384r1",
    )
    if not good_rsa and not good_ec:
        raise refusals.invalid(
            CERTIFICATE, "the key must be RSA 2048, 3072, 4096 or ECDSA P-256, P-384"
        )


def _domains(leaf: Any) -> tuple[str, ...]:
    from cryptography import x509

    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(names.get_values_for_type(x509.DNSName))


def _spki(public: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return bytes(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _printed(chain: list[Any]) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return "".join(one.public_bytes(Encoding.PEM).decode() for one in chain)
