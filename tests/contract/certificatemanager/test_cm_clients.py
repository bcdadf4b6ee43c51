"""Certificate Manager through google-cloud-certificate-manager and gcloud."""

import json
import os
import subprocess
from typing import Any

import google.api_core.exceptions as refused
import pytest
from google.cloud import certificate_manager_v1 as cm

State = cm.Certificate.ManagedCertificate.State
Attempt = cm.Certificate.ManagedCertificate.AuthorizationAttemptInfo


@pytest.fixture(scope="module")
def client(sim: Any) -> Any:
    return sim.certificates()


@pytest.fixture
def home(project: str) -> str:
    return f"projects/{project}/locations/global"


@pytest.fixture
def domain(project: str) -> str:
    return f"{project}.example.com"


@pytest.fixture
def authorization(client: Any, home: str, domain: str) -> Any:
    wanted = cm.DnsAuthorization(domain=domain)
    return client.create_dns_authorization(
        parent=home, dns_authorization=wanted, dns_authorization_id="auth"
    ).result()


def managed(client: Any, home: str, name: str, *domains: str) -> Any:
    wanted = cm.Certificate(
        managed=cm.Certificate.ManagedCertificate(
            domains=domains, dns_authorizations=[f"{home}/dnsAuthorizations/auth"]
        )
    )
    return client.create_certificate(parent=home, certificate=wanted, certificate_id=name).result()


def add_cname(sim: Any, project: str, authorization: Any) -> None:
    zone = sim.dns(project).zone("web", f"{authorization.domain}.", "made by a test")
    zone.create()
    record = authorization.dns_resource_record
    change = zone.changes()
    change.add_record_set(zone.resource_record_set(record.name, record.type_, 60, [record.data]))
    change.create()


def test_from_authorization_to_active_certificate(
    sim: Any, client: Any, project: str, home: str, domain: str, authorization: Any
) -> None:
    assert authorization.type_ is cm.DnsAuthorization.Type.FIXED_RECORD
    assert authorization.dns_resource_record.name == f"_acme-challenge.{domain}."
    certificate = managed(client, home, "cert", domain, f"*.{domain}")
    assert certificate.managed.state is State.PROVISIONING
    stuck = client.get_certificate(name=f"{home}/certificates/cert").managed
    assert stuck.state is State.PROVISIONING
    info = stuck.authorization_attempt_info[0]
    assert info.state is Attempt.State.FAILED
    assert info.failure_reason is Attempt.FailureReason.CONFIG
    assert info.troubleshooting.cname.expected_data == authorization.dns_resource_record.data
    assert list(info.troubleshooting.cname.resolved_data) == []
    add_cname(sim, project, authorization)
    done = client.get_certificate(name=f"{home}/certificates/cert")
    assert done.managed.state is State.ACTIVE
    assert {one.state for one in done.managed.authorization_attempt_info} == {
        Attempt.State.AUTHORIZED
    }
    assert done.pem_certificate.count("BEGIN CERTIFICATE") == 2
    assert list(done.san_dnsnames) == [domain, f"*.{domain}"]


def test_maps_and_entries(client: Any, home: str, domain: str, authorization: Any) -> None:
    managed(client, home, "cert", domain)
    made = client.create_certificate_map(
        parent=home,
        certificate_map=cm.CertificateMap(labels={"a": "b"}),
        certificate_map_id="map",
    ).result()
    assert made.labels == {"a": "b"}
    path = f"{home}/certificateMaps/map"
    wanted = cm.CertificateMapEntry(
        matcher=cm.CertificateMapEntry.Matcher.PRIMARY, certificates=[f"{home}/certificates/cert"]
    )
    client.create_certificate_map_entry(
        parent=path, certificate_map_entry=wanted, certificate_map_entry_id="primary"
    ).result()
    entry = client.get_certificate_map_entry(name=f"{path}/certificateMapEntries/primary")
    assert entry.state is cm.ServingState.ACTIVE
    assert entry.matcher is cm.CertificateMapEntry.Matcher.PRIMARY
    for name in (path, f"{home}/certificates/cert", f"{home}/dnsAuthorizations/auth"):
        delete = {
            "certificateMaps": client.delete_certificate_map,
            "certificates": client.delete_certificate,
            "dnsAuthorizations": client.delete_dns_authorization,
        }[name.split("/")[-2]]
        with pytest.raises(refused.BadRequest) as caught:
            delete(name=name)
        assert caught.value.response.json()["error"]["status"] == "FAILED_PRECONDITION"
    client.delete_certificate_map_entry(name=entry.name).result()
    client.delete_certificate_map(name=path).result()
    client.delete_certificate(name=f"{home}/certificates/cert").result()
    client.delete_dns_authorization(name=f"{home}/dnsAuthorizations/auth").result()
    assert list(client.list_certificates(parent=home)) == []


def test_updates_and_lists(client: Any, home: str) -> None:
    for number in range(3):
        client.create_certificate_map(
            parent=home,
            certificate_map=cm.CertificateMap(description=f"d{number}"),
            certificate_map_id=f"m{number}",
        ).result()
    changed = cm.CertificateMap(name=f"{home}/certificateMaps/m0", labels={"a": "b"})
    client.update_certificate_map(certificate_map=changed, update_mask="labels").result()
    request = cm.ListCertificateMapsRequest(parent=home, page_size=2, order_by="name desc")
    assert [one.name[-2:] for one in client.list_certificate_maps(request)] == ["m2", "m1", "m0"]
    request = cm.ListCertificateMapsRequest(parent=home, filter="labels.a=b")
    (found,) = client.list_certificate_maps(request)
    assert (found.description, found.labels) == ("d0", {"a": "b"})


def test_refusals(client: Any, home: str, domain: str, authorization: Any) -> None:
    with pytest.raises(refused.NotFound):
        client.get_certificate(name=f"{home}/certificates/nope")
    with pytest.raises(refused.Conflict):
        client.create_dns_authorization(
            parent=home,
            dns_authorization=cm.DnsAuthorization(domain=domain),
            dns_authorization_id="auth",
        )
    with pytest.raises(refused.BadRequest) as caught:
        managed(client, home, "cert", "other.example.org")
    (detail,) = caught.value.details
    assert detail["fieldViolations"][0]["field"] == "managed.domains[0]"


def test_regions_are_places_of_their_own(client: Any, project: str, domain: str) -> None:
    parent = f"projects/{project}/locations/europe-west1"
    made = client.create_dns_authorization(
        parent=parent,
        dns_authorization=cm.DnsAuthorization(domain=domain),
        dns_authorization_id="auth",
    ).result()
    assert made.type_ is cm.DnsAuthorization.Type.PER_PROJECT_RECORD
    everywhere = client.list_dns_authorizations(parent=f"projects/{project}/locations/-")
    assert [one.name for one in everywhere] == [made.name]


def test_malformed_requests_get_googles_error_shape(sim: Any, home: str) -> None:
    for path, body, words in (
        ("certificateMaps?certificateMapId=m", b"{", "Invalid JSON payload received"),
        ("certificateMaps?certificateMapId=m", b'{"labels": 5}', "Invalid value at"),
        (
            "dnsAuthorizations?dnsAuthorizationId=a",
            b'{"domain": "a.example.com", "type": "NOPE"}',
            "Invalid value at 'dns_authorization.type'",
        ),
    ):
        status, answer = sim.http("POST", f"/v1/{home}/{path}", body)
        assert status == 400
        assert words in answer["error"]["message"]
        assert answer["error"]["status"] == "INVALID_ARGUMENT"
        assert "errors" not in answer["error"]


@pytest.mark.usefixtures("gcloud_program")
def test_gcloud_describes_what_it_created(
    sim: Any, project: str, domain: str, tmp_path: Any
) -> None:
    env = {**os.environ, **sim.ready["env"], "CLOUDSDK_CONFIG": str(tmp_path)}

    def gcloud(*words: str) -> Any:
        command = ["gcloud", "certificate-manager", *words]
        command += [f"--project={project}", "--format=json", "--quiet"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    gcloud("dns-authorizations", "create", "auth", f"--domain={domain}")
    gcloud("certificates", "create", "cert", f"--domains={domain}", "--dns-authorizations=auth")
    gcloud("maps", "create", "map")
    gcloud("maps", "entries", "create", "main", "--map=map", "--certificates=cert", "--set-primary")
    (certificate,) = gcloud("certificates", "list")
    assert certificate["managed"]["state"] == "PROVISIONING"
    entry = gcloud("maps", "entries", "describe", "main", "--map=map")
    assert (entry["matcher"], entry["state"]) == ("PRIMARY", "ACTIVE")
    gcloud("maps", "entries", "delete", "main", "--map=map")
    gcloud("maps", "delete", "map")
    assert gcloud("maps", "list") == []
