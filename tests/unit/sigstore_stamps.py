"""A timestamp authority for tests (RFC 3161): it signs that a digest was there at a time.

Knows nothing of HTTP; `answer` takes a request and makes a response, both DER.
"""

import hashlib
import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests.unit.sigstore_log import SHA256

SEQUENCE, SET, OCTETS, EXPLICIT = 0x30, 0x31, 0x04, 0xA0
PKCS9 = "1.2.840.113549.1.9"
SIGNED_DATA, TIMESTAMP = "1.2.840.113549.1.7.2", f"{PKCS9}.16.1.4"
CONTENT_TYPE, DIGEST, CERTIFICATE = f"{PKCS9}.3", f"{PKCS9}.4", f"{PKCS9}.16.2.47"
POLICY = "1.3.6.1.4.1.57264.2"


@asn1.sequence
class Algorithm:
    name: x509.ObjectIdentifier
    parameters: asn1.Null | None


@asn1.sequence
class Imprint:
    """What is stamped: a digest and how it was made."""

    algorithm: Algorithm
    digest: bytes


@asn1.sequence
class Request:
    version: int
    imprint: Imprint
    policy: x509.ObjectIdentifier | None
    nonce: int | None
    certificates: Annotated[bool, asn1.Default(False)]


@asn1.sequence
class Info:
    """What is signed: this digest was there at this time."""

    version: int
    policy: x509.ObjectIdentifier
    imprint: Imprint
    serial: int
    made: asn1.GeneralizedTime
    nonce: int | None


class Stamps:
    """Signs with the key of a certificate for timestamps; `now` is its clock."""

    def __init__(
        self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self._key, self._certificate, self.now = key, certificate, now
        self._serials = itertools.count(1)

    def answer(self, asked: bytes) -> bytes:
        """A granted response to a request."""
        request = asn1.decode_der(Request, asked)
        info = Info(
            version=1,
            policy=x509.ObjectIdentifier(POLICY),
            imprint=request.imprint,
            serial=next(self._serials),
            made=asn1.GeneralizedTime(self.now().replace(microsecond=0)),
            nonce=request.nonce,
        )
        granted = _tlv(SEQUENCE, asn1.encode_der(0))
        return _tlv(SEQUENCE, granted, self._signed(asn1.encode_der(info)))

    def _signed(self, info: bytes) -> bytes:
        """The CMS message (RFC 5652) around it, with the certificate."""
        own = self._certificate.public_bytes(Encoding.DER)
        named = _tlv(SEQUENCE, _tlv(SEQUENCE, _octets(hashlib.sha256(own).digest())))
        attributes = (
            (CONTENT_TYPE, _oid(TIMESTAMP)),
            (DIGEST, _octets(hashlib.sha256(info).digest())),
            (CERTIFICATE, _tlv(SEQUENCE, named)),
        )
        listed = sorted(_tlv(SEQUENCE, _oid(name), _tlv(SET, said)) for name, said in attributes)
        signature = self._key.sign(_tlv(SET, *listed), SHA256)
        signer = _tlv(
            SEQUENCE,
            asn1.encode_der(1),
            _tlv(SEQUENCE, self._certificate.issuer.public_bytes(),
                 asn1.encode_der(self._certificate.serial_number)),
            _tlv(SEQUENCE, _oid("2.16.840.1.101.3.4.2.1")),
            _tlv(EXPLICIT, *listed),
            _tlv(SEQUENCE, _oid("1.2.840.10045.4.3.2")),
            _octets(signature),
        )  # fmt: skip
        data = _tlv(
            SEQUENCE,
            asn1.encode_der(3),
            _tlv(SET, _tlv(SEQUENCE, _oid("2.16.840.1.101.3.4.2.1"))),
            _tlv(SEQUENCE, _oid(TIMESTAMP), _tlv(EXPLICIT, _octets(info))),
            _tlv(EXPLICIT, own),
            _tlv(SET, signer),
        )
        return _tlv(SEQUENCE, _oid(SIGNED_DATA), _tlv(EXPLICIT, data))


def _tlv(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def _octets(data: bytes) -> bytes:
    return _tlv(OCTETS, data)


def _oid(name: str) -> bytes:
    return asn1.encode_der(x509.ObjectIdentifier(name))
