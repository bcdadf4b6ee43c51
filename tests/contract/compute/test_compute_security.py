"""Cloud Armor policies, SSL policies and classic certificates."""

import datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ARMOR = "global/securityPolicies/armor"
BLOCK = {
    "action": "deny(403)",
    "priority": 1000,
    "match": {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ["192.0.2.0/24"]}},
}


def test_rules_of_a_security_policy(gce: Any) -> None:
    gce.make("global/securityPolicies", name="armor")
    (default,) = gce.get(ARMOR)["rules"]
    assert (default["priority"], default["action"]) == (2147483647, "allow")
    gce.do("POST", f"{ARMOR}/addRule", BLOCK)
    assert gce.refused("POST", f"{ARMOR}/addRule", BLOCK)[:2] == (400, "invalid")
    assert gce.get(f"{ARMOR}/getRule", priority="1000")["action"] == "deny(403)"
    gce.do("POST", f"{ARMOR}/patchRule", {"action": "deny(502)"}, priority="1000")
    assert [rule["action"] for rule in gce.get(ARMOR)["rules"]] == ["deny(502)", "allow"]
    gce.do("POST", f"{ARMOR}/removeRule", priority="1000")
    assert len(gce.get(ARMOR)["rules"]) == 1
    for verb, path in (("GET", "getRule"), ("POST", "removeRule")):
        assert gce.refused(verb, f"{ARMOR}/{path}", priority="1000")[:2] == (400, "invalid")
    assert gce.refused("POST", f"{ARMOR}/removeRule", priority="2147483647")[0] == 400


def test_a_policy_before_a_backend_service(gce: Any) -> None:
    gce.make("global/securityPolicies", name="armor")
    service = gce.backend_service()
    gce.do("POST", f"{service}/setSecurityPolicy", {"securityPolicy": ARMOR})
    assert gce.get(service)["securityPolicy"] == gce.link(ARMOR)
    # Only the setter takes it off: PUT and PATCH leave it as it is.
    gce.do("PUT", service, {**gce.get(service), "securityPolicy": None, "timeoutSec": 7})
    assert gce.get(service)["securityPolicy"] == gce.link(ARMOR)
    gce.do("POST", f"{service}/setSecurityPolicy", {})
    assert "securityPolicy" not in gce.get(service)
    gce.do("DELETE", ARMOR)


def test_features_of_ssl_policies(gce: Any) -> None:
    features = gce.get("global/sslPolicies/listAvailableFeatures")["features"]
    assert "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" in features
    path = gce.make(
        "global/sslPolicies",
        name="own",
        profile="CUSTOM",
        customFeatures=features[:2],
        minTlsVersion="TLS_1_2",
    )
    assert gce.get(path)["enabledFeatures"] == features[:2]
    mark = gce.get(path)["fingerprint"]
    change = {"fingerprint": mark, "profile": "MODERN", "customFeatures": []}
    gce.do("PATCH", path, change)
    doc = gce.get(path)
    assert "customFeatures" not in doc
    assert len(doc["enabledFeatures"]) == 10
    assert doc["minTlsVersion"] == "TLS_1_2"
    for body in (
        {"profile": "CUSTOM"},
        {"profile": "CUSTOM", "customFeatures": ["ROT13"]},
    ):
        assert gce.refused("POST", "global/sslPolicies", {"name": "x", **body})[0] == 400


@pytest.fixture(scope="module")
def pair() -> tuple[str, str]:
    """A certificate for a.example and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a.example")])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("a.example")]), False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return made.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


def test_own_certificates(gce: Any, pair: tuple[str, str]) -> None:
    certificate, key = pair
    path = gce.make("global/sslCertificates", name="cert", certificate=certificate, privateKey=key)
    doc = gce.get(path)
    assert "privateKey" not in str(doc)
    assert key.splitlines()[1] not in str(doc)
    assert doc["certificate"] == certificate
    assert doc["type"] == "SELF_MANAGED"
    assert doc["selfManaged"] == {"certificate": certificate}
    assert doc["subjectAlternativeNames"] == ["a.example"]
    assert doc["expireTime"] == "2026-12-31T16:00:00.000-08:00"


def test_certificates_that_are_none(gce: Any, pair: tuple[str, str]) -> None:
    certificate, key = pair
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    for body in (
        {"certificate": "x", "privateKey": key},
        {"certificate": certificate, "privateKey": "x"},
        {"certificate": certificate, "privateKey": other.decode()},
        {"certificate": certificate},
        {"privateKey": key},
        {"managed": {"domains": []}},
        {"managed": {"domains": ["*.example.com"]}},
    ):
        refusal = gce.refused("POST", "global/sslCertificates", {"name": "cert", **body})
        assert refusal[0] == 400, body
        assert key.splitlines()[1] not in refusal[2]


def test_managed_certificates(gce: Any) -> None:
    domains = ["a.example", "b.example"]
    path = gce.make("global/sslCertificates", name="cert", managed={"domains": domains})
    doc = gce.get(path)
    assert doc["type"] == "MANAGED"
    assert doc["managed"]["domains"] == domains
    assert doc["managed"]["status"] == "PROVISIONING"
    assert doc["managed"]["domainStatus"] == dict.fromkeys(domains, "PROVISIONING")
