"""SSL policies and classic SSL certificates."""

import re

from gcpsim.compute.engine.resources import Doc, Draft, Kind
from gcpsim.compute.engine.service import Compute
from gcpsim.core.clock import rfc3339
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import invalid, required

RESTRICTED = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
]
MODERN = [
    *RESTRICTED,
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
]
COMPATIBLE = [
    *MODERN,
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
]
FIPS = [suite for suite in RESTRICTED if "CHACHA20" not in suite]
DOMAIN = re.compile(
    r"(?=.{1,253}$)([A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}\.?"
)
FEATURES = {
    "COMPATIBLE": COMPATIBLE,
    "MODERN": MODERN,
    "RESTRICTED": RESTRICTED,
    "FIPS_202205": FIPS,
}


def prepare_policy(draft: Draft) -> None:
    body = draft.body
    profile = body.setdefault("profile", "COMPATIBLE")
    version = body.setdefault("minTlsVersion", "TLS_1_0")
    custom = body.get("customFeatures") or []
    if profile == "CUSTOM":
        if not custom:
            raise required("resource.customFeatures")
        for index, feature in enumerate(custom):
            if feature not in COMPATIBLE:
                raise invalid(f"resource.customFeatures[{index}]", feature, "Unknown SSL feature.")
    elif custom:
        raise invalid(
            "resource.customFeatures", custom[0], "Custom features require profile CUSTOM."
        )
    if version == "TLS_1_3" and profile != "RESTRICTED":
        raise invalid("resource.minTlsVersion", version, "TLS_1_3 requires profile RESTRICTED.")
    body["enabledFeatures"] = sorted(custom if profile == "CUSTOM" else FEATURES[profile])


def list_features(compute: Compute, kind: Kind, call: Call, project: str) -> Answer:
    return Answer(body={"features": sorted(COMPATIBLE)})


def prepare_certificate(draft: Draft) -> None:
    body = draft.body
    managed = body.get("managed")
    if managed is not None:
        domains = managed.get("domains") or []
        if not domains:
            raise required("resource.managed.domains")
        for index, domain in enumerate(domains):
            field = f"resource.managed.domains[{index}]"
            if domain.startswith("*."):
                raise invalid(field, domain, "Wildcard domains not supported.")
            if not DOMAIN.fullmatch(domain):
                raise invalid(field, domain, "Invalid domain name specified.")
        managed["status"] = "PROVISIONING"
        managed["domainStatus"] = dict.fromkeys(domains, "PROVISIONING")
        body["type"] = "MANAGED"
        return
    own = body.pop("selfManaged", None) or {}
    pem = body.get("certificate") or own.get("certificate")
    key = body.pop("privateKey", None) or own.get("privateKey")
    if not pem:
        raise required("resource.certificate")
    if not key:
        raise required("resource.privateKey")
    body["certificate"] = pem
    body["type"] = "SELF_MANAGED"
    body["selfManaged"] = {"certificate": pem}
    _parse(body, pem, key)
    # Never answered; the front ends need it.
    path = f"projects/{draft.project}/{draft.scope}/sslCertificates/{body['name']}"
    draft.compute.world.store.table("compute/certificateKeys").put(path, {"key": key})


def _parse(body: Doc, pem: str, key: str) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        certificate = x509.load_pem_x509_certificates(pem.encode())[0]
    except ValueError:
        raise invalid(
            "resource.certificate", pem[:30] + "...", "The SSL certificate could not be parsed."
        ) from None
    try:
        private = load_pem_private_key(key.encode(), None)
    except (ValueError, TypeError):
        raise invalid("resource.privateKey", "", "The SSL key could not be parsed.") from None
    if private.public_key() != certificate.public_key():
        raise invalid("resource.privateKey", "", "The SSL certificate and key do not match.")
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        body["subjectAlternativeNames"] = names.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        pass
    body["expireTime"] = rfc3339(certificate.not_valid_after_utc.timestamp(), offset=True)


SSL_POLICIES = Kind(
    "sslPolicies",
    "SslPolicy",
    "ssl_policy",
    scopes=("global", "regions"),
    fingerprint="strict",
    patch=True,
    prepare=prepare_policy,
    verbs={"listAvailableFeatures": list_features},
    operation_types={"patch": "compute.sslPolicies.patch"},
)
SSL_CERTIFICATES = Kind(
    "sslCertificates",
    "SslCertificate",
    "ssl_certificate",
    scopes=("global", "regions"),
    prepare=prepare_certificate,
)
