"""A sigstore instance of the tests' own, on loopback: a certificate authority, a CT log, a log.

It answers sigstore's own client as Fulcio and Rekor (v1 or v2) do, and checks what they check: the
token by the key of its issuer, the request by its signature, the entry by its certificate. `config`
is the client trust config that EDGEBOOK_SIGSTORE names. All keys are made anew: two instances are
strangers to each other. It must not be kinder than sigstore: what proves nothing is refused.
"""

import base64
import hashlib
import json
import struct
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.unit.sigstore_log import SHA256, Log, b64, key_id, public
from tests.unit.sigstore_stamps import Stamps

ISSUER = "https://gitlab.example.com"
PIPELINE = "gitlab.example.com/acme/shop//.gitlab-ci.yml@refs/heads/main"
WHO = f"https://{PIPELINE}"
SIGSTORE = "1.3.6.1.4.1.57264.1"
SCTS = "1.3.6.1.4.1.11129.2.4.2"
MEDIA = "application/vnd.dev.sigstore"
FIRST, SECOND, STAMPS = "/api/v1/log/entries", "/api/v2/log/entries", "/api/v1/timestamp"
LIFE = timedelta(minutes=10)
SUBJECT = {"organization": "acme", "commonName": "acme's own sigstore"}


class Refused(Exception):
    """An answer that is an error: HTTP status and words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Instance:
    """One instance that serves until `stop`.

    `rekor` is the version of its log; with `stamped` it has a timestamp authority. `late` is how
    long after the signature they take it; `asked` lists the paths asked for; `echoes` makes it
    repeat the token when it refuses, as a careless one would.
    """

    def __init__(self, folder: Path, *, rekor: int = 1, stamped: bool = False) -> None:
        self.rekor, self.stamped = rekor, stamped
        self.life, self.late, self.echoes = LIFE, timedelta(0), False
        self.asked: list[str] = []
        self.issuer, self.ct, self._ca, stamping = (
            ec.generate_private_key(ec.SECP256R1()) for _ in range(4)
        )
        self.authority = self._authority()
        self.stamper = self._stamper(stamping.public_key())
        self.stamps = Stamps(stamping, self.stamper, lambda: datetime.now(UTC) + self.late)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Asked)
        self._server.instance = self  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.log = Log("log.acme.example")
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "instance.json"
        self.config.write_text(json.dumps(self.trust()))
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def token(self, pipeline: str = PIPELINE, *, issuer: str = ISSUER, **claims: Any) -> str:
        """What the issuer hands to a job of this pipeline (as GitLab spells it)."""
        now = int(datetime.now(UTC).timestamp())
        said = {"iss": issuer, "aud": "sigstore", "iat": now, "nbf": now, "exp": now + 600}
        subject = {"sub": "project_path:acme/shop:ref_type:branch:ref:main"}
        return jwt.encode(
            {**said, **subject, "ci_config_ref_uri": pipeline, **claims}, self.issuer, "ES256"
        )

    def trust(self) -> dict[str, Any]:
        """The client trust config: where to ask, and whose answers count."""
        valid = {"validFor": {"start": "2026-01-01T00:00:00Z"}}

        def kept(key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
            spelt = {"rawBytes": b64(public(key)), "keyDetails": "PKIX_ECDSA_P256_SHA_256"}
            log = {"baseUrl": self.url, "hashAlgorithm": "SHA2_256"}
            return {**log, "publicKey": {**spelt, **valid}, "logId": {"keyId": b64(key_id(key))}}

        def authority(*chain: x509.Certificate) -> dict[str, Any]:
            listed = [{"rawBytes": b64(one.public_bytes(Encoding.DER))} for one in chain]
            whose = {"subject": SUBJECT, "uri": self.url}
            return {**whose, "certChain": {"certificates": listed}, **valid}

        def service(path: str = "", version: int = 1) -> list[dict[str, Any]]:
            said = {"url": f"{self.url}{path}", "majorApiVersion": version}
            return [{**said, "operator": "acme", **valid}]

        stampers = [authority(self.stamper, self.authority)] if self.stamped else []
        return {
            "mediaType": f"{MEDIA}.clienttrustconfig.v0.1+json",
            "trustedRoot": {
                "mediaType": f"{MEDIA}.trustedroot+json;version=0.1",
                "tlogs": [kept(self.log.key)],
                "ctlogs": [kept(self.ct)],
                "certificateAuthorities": [authority(self.authority)],
                "timestampAuthorities": stampers,
            },
            "signingConfig": {
                "mediaType": f"{MEDIA}.signingconfig.v0.2+json",
                "caUrls": service(),
                "oidcUrls": service(),
                "rekorTlogUrls": service(version=self.rekor),
                "tsaUrls": service(STAMPS) if self.stamped else [],
                "rekorTlogConfig": {"selector": "ANY"},
                "tsaConfig": {"selector": "ANY"},
            },
        }

    def certificate(self, token: str, request: dict[str, Any]) -> dict[str, Any]:
        """Fulcio: a certificate for whom the token names, and the key of the request."""
        try:
            options: Any = {"require": ["iss", "sub", "aud", "exp", "iat"]}
            key = self.issuer.public_key()
            said = jwt.decode(token, key, ["ES256"], options, audience="sigstore")
        except jwt.InvalidTokenError as error:
            told = f": {token}" if self.echoes else ""
            raise Refused(403, f"error processing the identity token: {error}{told}") from error
        pem = base64.b64decode(request["certificateSigningRequest"])
        asked = x509.load_pem_x509_csr(pem)
        if not asked.is_signature_valid:
            raise Refused(400, "the signature of the request is invalid")
        made = self._leaf(asked.public_key(), f"https://{said['ci_config_ref_uri']}", said["iss"])
        chain = [one.public_bytes(Encoding.PEM).decode() for one in (made, self.authority)]
        return {"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}}

    def entry(self, proposed: dict[str, Any]) -> dict[str, Any]:
        """Rekor v1: an entry for a signature that its certificate's key truly made, and when."""
        spec = proposed["spec"]
        content, digest = spec["signature"]["content"], spec["data"]["hash"]["value"]
        pem = spec["signature"]["publicKey"]["content"]
        certificate = x509.load_pem_x509_certificate(base64.b64decode(pem))
        _check(certificate, content, bytes.fromhex(digest))
        body = {
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": {"hash": {"algorithm": "sha256", "value": digest}},
                "signature": {"content": content, "publicKey": {"content": pem}},
            },
        }
        return self.log.first(body, int((datetime.now(UTC) + self.late).timestamp()))

    def second_entry(self, proposed: dict[str, Any]) -> dict[str, Any]:
        """Rekor v2: the same, without a time."""
        asked = proposed["hashedRekordRequestV002"]
        raw = asked["signature"]["verifier"]["x509Certificate"]["rawBytes"]
        certificate = x509.load_der_x509_certificate(base64.b64decode(raw))
        _check(certificate, asked["signature"]["content"], base64.b64decode(asked["digest"]))
        data = {"algorithm": "SHA2_256", "digest": asked["digest"]}
        spec = {"hashedRekordV002": {"data": data, "signature": asked["signature"]}}
        return self.log.second({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": spec})

    def _authority(self) -> x509.Certificate:
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, SUBJECT["organization"]),
                x509.NameAttribute(NameOID.COMMON_NAME, SUBJECT["commonName"]),
            ]
        )
        now = datetime.now(UTC).replace(microsecond=0)
        key = self._ca.public_key()
        return (
            x509.CertificateBuilder(name, name, key, x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=365))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .sign(self._ca, hashes.SHA256())
        )

    def _stamper(self, key: ec.EllipticCurvePublicKey) -> x509.Certificate:
        now = datetime.now(UTC).replace(microsecond=0)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "acme's own clock")])
        return (
            x509.CertificateBuilder(self.authority.subject, name, key, x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(_usage(certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._ca.public_key()), False
            )
            .sign(self._ca, hashes.SHA256())
        )

    def _leaf(self, key: Any, who: str, issuer: str) -> x509.Certificate:
        now = datetime.now(UTC).replace(microsecond=0)
        ours = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._ca.public_key())
        builder = (
            x509.CertificateBuilder(self.authority.subject, x509.Name([]), key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(seconds=5))
            .not_valid_after(now + self.life)
            .add_extension(_usage(certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(ours, critical=False)
            .add_extension(
                x509.SubjectAlternativeName([x509.UniformResourceIdentifier(who)]), critical=True
            )
            .add_extension(_other(f"{SIGSTORE}.1", issuer.encode()), critical=False)
            .add_extension(_other(f"{SIGSTORE}.8", asn1.encode_der(issuer)), critical=False)
        )
        promised = builder.sign(self._ca, hashes.SHA256()).tbs_certificate_bytes
        scts = _other(SCTS, asn1.encode_der(self._timestamp(promised, now)))
        return builder.add_extension(scts, critical=False).sign(self._ca, hashes.SHA256())

    def _timestamp(self, certificate: bytes, now: datetime) -> bytes:
        """A list of one signed certificate timestamp, for a certificate yet without it."""
        millis = int(now.timestamp()) * 1000
        size = len(certificate).to_bytes(3, "big")
        entry = hashlib.sha256(public(self._ca)).digest() + size + certificate
        signed = self.ct.sign(struct.pack("!BBQH", 0, 0, millis, 1) + entry + b"\0\0", SHA256)
        sct = struct.pack("!B32sQHBBH", 0, key_id(self.ct), millis, 0, 4, 3, len(signed)) + signed
        return struct.pack("!HH", len(sct) + 2, len(sct)) + sct


def _check(certificate: x509.Certificate, content: str, digest: bytes) -> None:
    """That the key of this certificate signed this digest."""
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    try:
        key.verify(base64.b64decode(content), digest, ec.ECDSA(Prehashed(hashes.SHA256())))
    except InvalidSignature as error:
        raise Refused(400, "the signature is not of this certificate") from error


def _other(oid: str, value: bytes) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)


def _usage(*, certificates: bool) -> x509.KeyUsage:
    """For certificates and their revocation, or for signatures."""
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


class Asked(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        instance: Instance = self.server.instance  # type: ignore[attr-defined]
        instance.asked.append(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == STAMPS:
            self._answer(201, "application/timestamp-reply", instance.stamps.answer(body))
            return
        try:
            status, said = 201, self._said(instance, json.loads(body))
        except Refused as refused:
            status, said = refused.status, {"code": 7, "message": str(refused)}
        self._answer(status, "application/json", json.dumps(said).encode())

    def _said(self, instance: Instance, body: dict[str, Any]) -> dict[str, Any]:
        match self.path:
            case "/api/v2/signingCert":
                token = self.headers["Authorization"].removeprefix("Bearer ")
                return instance.certificate(token, body)
            case path if path == (FIRST, SECOND)[instance.rekor - 1]:
                return instance.entry(body) if path == FIRST else instance.second_entry(body)
        raise Refused(404, f"nothing is at {self.path}")

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        return
