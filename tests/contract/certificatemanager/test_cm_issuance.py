"""The life of a managed certificate: authorization by DNS, CAA, failure, issue, renewal."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.verification import PolicyBuilder, Store

HOME = "projects/p/locations/global"
ZONE = "projects/p/managedZones/z"
DAY = 86400
ISSUED = 60 + 720 + 10


class Domain:
    """A zone, an authorization and a certificate for it."""

    def __init__(self, cloud: Any, *domains: str, authorized: bool = True) -> None:
        self.cloud = cloud
        body = {"name": "z", "dnsName": "example.com.", "description": ""}
        cloud.dns("POST", "projects/p/managedZones", body)
        self.authorize("auth", "example.com")
        if authorized:
            self.add_cname("auth")
            cloud.advance(10)
        self.request(*(domains or ("example.com",)))

    def authorize(self, name: str, domain: str) -> None:
        path = f"{HOME}/dnsAuthorizations"
        self.cloud.certs("POST", path, {"domain": domain}, dnsAuthorizationId=name)
        self.cloud.advance(4)

    def record(self, name: str) -> dict[str, Any]:
        found = self.cloud.certs("GET", f"{HOME}/dnsAuthorizations/{name}")["dnsResourceRecord"]
        return {
            "name": found["name"],
            "type": "CNAME",
            "ttl": 60,
            "rrdatas": [found["data"]],
        }

    def add_cname(self, name: str) -> None:
        self.cloud.dns("POST", f"{ZONE}/rrsets", self.record(name))

    def request(self, *domains: str, name: str = "cert", authorizations: Any = None) -> None:
        given = authorizations or [f"{HOME}/dnsAuthorizations/auth"]
        body = {"managed": {"domains": list(domains), "dnsAuthorizations": given}}
        self.cloud.certs("POST", f"{HOME}/certificates", body, certificateId=name)
        self.cloud.advance(4)

    @property
    def certificate(self) -> dict[str, Any]:
        found: dict[str, Any] = self.cloud.certs("GET", f"{HOME}/certificates/cert")
        return found

    @property
    def state(self) -> str:
        return str(self.certificate["managed"]["state"])

    @property
    def attempts(self) -> dict[str, str]:
        infos = self.certificate["managed"]["authorizationAttemptInfo"]
        return {info["domain"]: info["state"] for info in infos}


def test_the_operation_is_done_long_before_the_certificate_is(cloud: Any) -> None:
    domain = Domain(cloud)
    assert (domain.state, domain.attempts) == ("PROVISIONING", {"example.com": "AUTHORIZING"})
    assert "pemCertificate" not in domain.certificate
    cloud.advance(60)
    assert (domain.state, domain.attempts) == ("PROVISIONING", {"example.com": "AUTHORIZED"})
    cloud.advance(700)
    assert domain.state == "PROVISIONING"
    cloud.advance(30)
    assert domain.state == "ACTIVE"


def test_an_issued_certificate_is_a_real_one(cloud: Any) -> None:
    domain = Domain(cloud, "example.com", "*.example.com")
    cloud.advance(ISSUED)
    certificate = domain.certificate
    assert certificate["sanDnsnames"] == ["example.com", "*.example.com"]
    expires = datetime.fromisoformat(certificate["expireTime"])
    now = datetime.fromtimestamp(cloud.world.clock.now(), UTC)
    assert timedelta(days=89) < expires - now <= timedelta(days=90)
    pem = certificate["pemCertificate"].encode()
    leaf, *rest = x509.load_pem_x509_certificates(pem)
    assert leaf.not_valid_after_utc == expires
    root = x509.load_pem_x509_certificate(cloud.world.certificates.authority.ca_pem.encode())
    builder = PolicyBuilder().store(Store([root])).time(now)
    for host in ("example.com", "www.example.com"):
        chain = builder.build_server_verifier(x509.DNSName(host)).verify(leaf, rest)
        assert chain[-1] == root
    key = load_pem_private_key(
        cloud.world.certificates.key_pair(certificate["name"])[1].encode(), None
    )
    assert isinstance(key, rsa.RSAPrivateKey) and key.key_size == 2048
    assert key.public_key() == leaf.public_key()


def test_without_its_cname_it_stays_provisioning_says_why_and_tries_again(cloud: Any) -> None:
    domain = Domain(cloud, authorized=False)
    cloud.advance(60)
    (info,) = domain.certificate["managed"]["authorizationAttemptInfo"]
    expected = domain.record("auth")
    assert (info["state"], info["failureReason"]) == ("FAILED", "CONFIG")
    assert info["attemptTime"] and info["details"]
    assert info["troubleshooting"] == {
        "cname": {
            "name": "_acme-challenge.example.com.",
            "expectedData": expected["rrdatas"][0],
        },
        "issues": ["CNAME_MISMATCH"],
    }
    assert domain.state == "PROVISIONING"
    assert domain.certificate["managed"]["provisioningIssue"]["reason"] == "AUTHORIZATION_ISSUE"
    numbers = cloud.certs("GET", f"{HOME}/certificates/cert", **{"$alt": "json;enum-encoding=int"})[
        "managed"
    ]
    assert numbers["state"] == 1
    assert numbers["authorizationAttemptInfo"][0]["state"] == 7
    assert numbers["authorizationAttemptInfo"][0]["failureReason"] == 1
    domain.add_cname("auth")
    cloud.advance(5)
    assert domain.attempts == {"example.com": "FAILED"}
    cloud.advance(300)
    assert domain.attempts == {"example.com": "AUTHORIZED"}
    assert "provisioningIssue" not in domain.certificate["managed"]
    cloud.advance(720)
    assert domain.state == "ACTIVE"


def test_a_cname_that_leads_elsewhere_is_shown(cloud: Any) -> None:
    domain = Domain(cloud, authorized=False)
    wrong = domain.record("auth") | {"rrdatas": ["_acme-challenge.example.com.example.com."]}
    cloud.dns("POST", f"{ZONE}/rrsets", wrong)
    cloud.advance(60)
    (info,) = domain.certificate["managed"]["authorizationAttemptInfo"]
    assert info["troubleshooting"]["cname"]["resolvedData"] == wrong["rrdatas"]


def test_an_undelegated_zone_is_as_good_as_none(cloud: Any) -> None:
    cloud.world.stage["dns"]({"undelegate": ["example.com"]})
    domain = Domain(cloud)
    cloud.advance(60)
    assert domain.attempts == {"example.com": "FAILED"}
    cloud.world.stage["dns"]({"delegate": ["example.com"]})
    cloud.advance(300)
    assert domain.attempts == {"example.com": "AUTHORIZED"}


@pytest.mark.parametrize(
    ("records", "domains", "refused"),
    [
        (['0 issue "letsencrypt.org"'], ["example.com"], True),
        (['0 issue ";"'], ["example.com"], True),
        (['0 issue "letsencrypt.org"', '0 issue "pki.goog"'], ["example.com"], False),
        (['0 issue "pki.goog; cansignhttpexchanges=yes"'], ["example.com"], False),
        (['0 iodef "mailto:a@example.com"'], ["example.com"], False),
        (['0 issue "pki.goog"', '0 issuewild ";"'], ["*.example.com"], True),
        (['0 issue ";"', '0 issuewild "pki.goog"'], ["*.example.com"], False),
    ],
)
def test_caa_must_allow_google(
    cloud: Any, records: list[str], domains: list[str], refused: bool
) -> None:
    domain = Domain(cloud, *domains)
    body = {"name": "example.com.", "type": "CAA", "ttl": 60, "rrdatas": records}
    cloud.dns("POST", f"{ZONE}/rrsets", body)
    cloud.advance(60)
    (info,) = domain.certificate["managed"]["authorizationAttemptInfo"]
    if refused:
        assert (info["state"], info["failureReason"]) == ("FAILED", "CAA")
        assert "pki.goog" in info["details"]
    else:
        assert info["state"] == "AUTHORIZED"


def test_one_bad_domain_blocks_the_certificate(cloud: Any) -> None:
    domain = Domain(cloud)
    domain.authorize("other", "www.example.com")
    authorizations = [f"{HOME}/dnsAuthorizations/{name}" for name in ("auth", "other")]
    domain.request("example.com", "www.example.com", name="both", authorizations=authorizations)
    cloud.advance(7200)
    both = cloud.certs("GET", f"{HOME}/certificates/both")
    states = [info["state"] for info in both["managed"]["authorizationAttemptInfo"]]
    assert states == ["AUTHORIZED", "FAILED"]
    assert both["managed"]["state"] == "PROVISIONING"
    assert "pemCertificate" not in both
    assert domain.state == "ACTIVE"


def test_after_many_attempts_it_is_given_up(cloud: Any) -> None:
    domain = Domain(cloud, authorized=False)
    cloud.advance(DAY - 600)
    assert domain.state == "PROVISIONING"
    cloud.advance(1200)
    assert domain.state == "FAILED"
    domain.add_cname("auth")
    cloud.advance(DAY)
    assert domain.state == "FAILED"


def test_the_authority_can_be_made_to_slow_down(cloud: Any) -> None:
    cloud.world.stage["certificates"]({"rate_limit": ["example.com"]})
    domain = Domain(cloud)
    cloud.advance(60)
    managed = domain.certificate["managed"]
    assert managed["authorizationAttemptInfo"][0]["failureReason"] == "RATE_LIMITED"
    assert managed["provisioningIssue"]["reason"] == "RATE_LIMITED"
    cloud.world.stage["certificates"]({"allow": ["example.com"]})
    cloud.advance(300)
    assert domain.attempts == {"example.com": "AUTHORIZED"}


def test_recreating_in_a_loop_is_rate_limited(cloud: Any) -> None:
    domain = Domain(cloud)
    for number in range(51):
        domain.request("example.com", name=f"again-{number}")
    cloud.advance(60)
    last = cloud.certs("GET", f"{HOME}/certificates/again-50")["managed"]
    assert last["authorizationAttemptInfo"][0]["failureReason"] == "RATE_LIMITED"


def test_renewal_a_month_before_expiry(cloud: Any) -> None:
    domain = Domain(cloud)
    cloud.advance(ISSUED)
    first = domain.certificate
    cloud.advance(59 * DAY)
    assert domain.certificate == first
    cloud.advance(DAY)
    assert domain.state == "PROVISIONING"
    assert domain.certificate["pemCertificate"] == first["pemCertificate"]
    cloud.advance(ISSUED)
    assert domain.state == "ACTIVE"
    assert domain.certificate["expireTime"] > first["expireTime"]
    assert domain.certificate["pemCertificate"] != first["pemCertificate"]
    cloud.advance(365 * DAY)
    assert domain.state == "ACTIVE"


def test_a_renewal_without_cname_fails_while_the_old_certificate_serves(cloud: Any) -> None:
    domain = Domain(cloud)
    cloud.advance(ISSUED)
    first = domain.certificate
    cloud.dns("DELETE", f"{ZONE}/rrsets/_acme-challenge.example.com./CNAME")
    cloud.advance(30 * DAY)
    assert domain.state == "ACTIVE"
    cloud.advance(31 * DAY)
    assert (domain.state, domain.attempts) == ("PROVISIONING", {"example.com": "FAILED"})
    assert cloud.world.certificates.key_pair(f"{HOME}/certificates/cert") is not None
    assert domain.certificate["expireTime"] == first["expireTime"]
    domain.add_cname("auth")
    cloud.advance(2 * 3600)
    assert domain.state == "ACTIVE"
    assert domain.certificate["expireTime"] > first["expireTime"]


def test_a_certificate_that_is_never_renewed_fails_at_expiry(cloud: Any) -> None:
    domain = Domain(cloud)
    cloud.advance(ISSUED)
    cloud.dns("DELETE", f"{ZONE}/rrsets/_acme-challenge.example.com./CNAME")
    cloud.advance(91 * DAY)
    assert domain.state == "FAILED"


def test_deleting_a_certificate_ends_its_life(cloud: Any) -> None:
    domain = Domain(cloud, authorized=False)
    cloud.certs("DELETE", f"{HOME}/certificates/cert")
    cloud.advance(4)
    domain.add_cname("auth")
    cloud.advance(DAY)
    error = cloud.refusal("certificatemanager", "GET", f"{HOME}/certificates/cert")
    assert error.code == 404


def test_labels_changed_during_issuance_survive_it(cloud: Any) -> None:
    domain = Domain(cloud)
    cloud.advance(58)
    path = f"{HOME}/certificates/cert"
    cloud.certs("PATCH", path, {"labels": {"a": "b"}}, updateMask="labels")
    cloud.advance(ISSUED)
    assert domain.state == "ACTIVE"
    assert domain.certificate["labels"] == {"a": "b"}


def test_at_scale_zero_dns_alone_decides(instant_cloud: Any) -> None:
    cloud = instant_cloud
    domain = Domain(cloud, authorized=False)
    assert (domain.state, domain.attempts) == ("PROVISIONING", {"example.com": "FAILED"})
    domain.add_cname("auth")
    assert domain.state == "ACTIVE"


def test_a_restart_changes_nothing(cloud: Any) -> None:
    domain = Domain(cloud)
    cloud.advance(100)
    from gcpsim.certs import CertificateManager
    from gcpsim.compute.collections import table as collections
    from gcpsim.core.clock import Clock
    from gcpsim.core.world import World
    from gcpsim.dns import Dns

    clock = Clock(paused=True, start=cloud.world.clock.now())
    again = World(clock=clock, store=cloud.world.store)
    collections.create(again)
    again.dns = Dns(again)
    again.certificates = CertificateManager(again)
    root = domain.cloud.world.certificates.authority.ca_pem
    again.certificates.resume()
    clock.advance(ISSUED)
    certificate = again.certificates.get(f"{HOME}/certificates/cert")
    assert certificate["managed"]["state"] == "ACTIVE"
    assert again.certificates.authority.ca_pem == root
    clock.advance(70 * DAY)
    renewed = again.certificates.get(f"{HOME}/certificates/cert")
    assert renewed["expireTime"] > certificate["expireTime"]
