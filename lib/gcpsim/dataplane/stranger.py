"""A certificate that nobody trusts, for names that nobody asks for: what a wrong rollout serves."""

import functools
from datetime import UTC, datetime, timedelta

Pair = tuple[str, str]  # certificate chain and private key, as PEM
NAME = "stranger.invalid"
AGE = timedelta(days=1)


@functools.cache
def stranger() -> Pair:
    """Signed by itself; always the same one in a process."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - AGE)
        .not_valid_after(now + 365 * AGE)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return made.public_bytes(serialization.Encoding.PEM).decode(), private.decode()
