"""The local certificate authority: a root, an intermediate, and what they sign.

Leaves for managed certificates have one RSA-2048 key that is made when first needed and kept;
server certificates of the simulator itself (cluster APIs, the TLS proxy) have EC keys, made at
once. Keys live in the store. `cryptography` is imported on first use, since that takes a while.
"""

from __future__ import annotations

import functools
import ipaddress
import weakref
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from gcpsim.core.store import Store

if TYPE_CHECKING:
    from gcpsim.core.world import World

YEAR = timedelta(days=365)
# Real clients judge by real time, which a simulated clock may have left behind: every certificate
# counts from the day before the authority was made.
BACKDATE = timedelta(days=1)
# What was made stays, even when the request in which it was first needed is rolled back: somebody
# may hold the certificate already.
_MADE: weakref.WeakKeyDictionary[Store, dict[str, dict[str, Any]]] = weakref.WeakKeyDictionary()


class Authority:
    """Signs X.509 certificates. All methods give PEM text."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._table = world.store.table("certs/authority")
        self._made = _MADE.setdefault(world.store, {})

    @property
    def ca_pem(self) -> str:
        """The root certificate, for clients' trust stores."""
        self._load()
        return str(self._kept("root", dict)["certificate"])

    def leaf(
        self, domains: Sequence[str], not_before: datetime, not_after: datetime
    ) -> tuple[str, str]:
        """(chain, key) for domains, as a managed certificate: leaf, then intermediate.

        `not_before` only ever moves back, to when the authority was made (see BACKDATE).
        """
        start = min(not_before, self._born())
        key_pem = self.leaf_key_pem
        chain = self._sign(domains, _read_key(key_pem), start, not_after)
        return chain, key_pem

    @property
    def leaf_key_pem(self) -> str:
        """The key of all managed certificates."""

        def make() -> dict[str, Any]:
            from cryptography.hazmat.primitives.asymmetric import rsa

            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            return {"key": _key_pem(key)}

        return str(self._kept("leaf", make)["key"])

    def server_certificate(self, names: Sequence[str]) -> tuple[str, str]:
        """(chain, key) for a TLS server of the simulator; names are hosts or addresses."""

        def make() -> dict[str, Any]:
            from cryptography.hazmat.primitives.asymmetric import ec

            key = ec.generate_private_key(ec.SECP256R1())
            born = self._born()
            signed = self._sign(names, key, born, born + 2 * YEAR)
            return {"certificate": signed, "key": _key_pem(key)}

        kept = self._kept("server " + " ".join(names), make)
        return str(kept["certificate"]), str(kept["key"])

    def service_account_key(self) -> str:
        """A private key for the service account file of `gcpsim env`; nobody checks its tokens."""
        return self.leaf_key_pem

    def _born(self) -> datetime:
        _, root, _, _ = self._load()
        born: datetime = root.not_valid_before_utc
        return born

    def _kept(self, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """A document of the authority: from the store, else as it was made before, else new."""
        doc = self._table.get(name)
        if doc is None:
            doc = self._made.get(name) or make()
            self._table.put(name, doc)
        self._made[name] = doc
        return doc

    def _load(self) -> tuple[Any, Any, Any, Any]:
        """(root key, root, intermediate key, intermediate), made on first use."""
        made: dict[str, dict[str, Any]] = {}

        def part(name: str) -> Callable[[], dict[str, Any]]:
            def make() -> dict[str, Any]:
                if not made:
                    made.update(self._make())
                return made[name]

            return make

        root, below = self._kept("root", part("root")), self._kept("below", part("below"))
        return (
            _read_key(root["key"]),
            _read_certificate(root["certificate"]),
            _read_key(below["key"]),
            _read_certificate(below["certificate"]),
        )

    def _make(self) -> dict[str, dict[str, Any]]:
        from cryptography.hazmat.primitives.asymmetric import ec

        start = datetime.fromtimestamp(int(self._world.clock.now()), UTC) - BACKDATE
        key = ec.generate_private_key(ec.SECP256R1())
        root = _authority("gcpsim Root CA", key, None, key, start, 1)
        below_key = ec.generate_private_key(ec.SECP256R1())
        below = _authority("gcpsim Issuing CA", below_key, root, key, start, 0)
        return {
            "root": {"certificate": _pem(root), "key": _key_pem(key)},
            "below": {"certificate": _pem(below), "key": _key_pem(below_key)},
        }

    def _sign(self, names: Sequence[str], key: Any, start: datetime, end: datetime) -> str:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.x509.oid import ExtendedKeyUsageOID

        _, _, issuer_key, issuer = self._load()
        common = next((name for name in names if len(name) <= 64), "gcpsim")
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        issuer_id = x509.SubjectKeyIdentifier.from_public_key(issuer_key.public_key())
        certificate = (
            _builder(common, issuer.subject, key, start, end)
            .add_extension(x509.SubjectAlternativeName([_general(one) for one in names]), False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
            .add_extension(_key_usage(ca=False), True)
            .add_extension(usage, False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id), False
            )
            .sign(issuer_key, hashes.SHA256())
        )
        return _pem(certificate) + _pem(issuer)


def _builder(common: str, issuer: Any, key: Any, start: datetime, end: datetime) -> Any:
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(_name(common))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )


def _authority(
    common: str, key: Any, issuer: Any, issuer_key: Any, start: datetime, depth: int
) -> Any:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    above = _name(common) if issuer is None else issuer.subject
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        _builder(common, above, key, start, start + 20 * YEAR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=depth), True)
        .add_extension(_key_usage(ca=True), True)
        .add_extension(identifier, False)
        .sign(issuer_key, hashes.SHA256())
    )


def _key_usage(*, ca: bool) -> Any:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=not ca,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> Any:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _general(name: str) -> Any:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: Any) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return str(certificate.public_bytes(Encoding.PEM).decode())


def _key_pem(key: Any) -> str:
    from cryptography.hazmat.primitives import serialization

    return str(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
    )


@functools.lru_cache(maxsize=16)
def _read_key(pem: str) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(pem.encode(), password=None)


@functools.lru_cache(maxsize=16)
def _read_certificate(pem: str) -> Any:
    from cryptography import x509

    return x509.load_pem_x509_certificate(pem.encode())
