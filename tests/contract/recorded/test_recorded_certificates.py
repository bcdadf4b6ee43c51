"""Certificates, classic and of Certificate Manager, as public reports quote the real APIs."""

from typing import Any

import pytest

CLASSIC = "global/sslCertificates"


def manager(wire: Any, verb: str, path: str, body: Any = None) -> tuple[int, Any]:
    answer: tuple[int, Any] = wire.sim.http(
        verb, f"/v1/projects/{wire.project}/locations/global/{path}", body
    )
    return answer


@pytest.mark.parametrize("domain", ["None", "a b.example", "-x.example.com", ""])
def test_a_domain_that_is_none(wire: Any, domain: str) -> None:
    body = {"name": "cert", "type": "MANAGED", "managed": {"domains": ["a.example.com", domain]}}
    error = wire.refusal("POST", CLASSIC, body)
    assert (error["code"], error["errors"][0]["reason"]) == (400, "invalid")
    assert error["message"] == (
        f"Invalid value for field 'resource.managed.domains[1]': '{domain}'. "
        "Invalid domain name specified."
    )


def test_a_managed_certificate_has_no_pem_yet(wire: Any) -> None:
    """Recorded: type, domains and a status for each; neither certificate nor description."""
    cert = wire.make(CLASSIC, name="cert", type="MANAGED", managed={"domains": ["a.example.com"]})
    assert set(cert) == {"creationTimestamp", "id", "kind", "managed", "name", "selfLink", "type"}
    assert cert["managed"] == {
        "domains": ["a.example.com"],
        "domainStatus": {"a.example.com": "PROVISIONING"},
        "status": "PROVISIONING",
    }


def test_an_entry_takes_certificates_of_its_own_project(wire: Any) -> None:
    assert manager(wire, "POST", "certificateMaps?certificateMapId=map", {})[0] == 200
    name = "projects/another-project/locations/global/certificates/cert"
    body = {"matcher": "PRIMARY", "certificates": [name]}
    path = "certificateMaps/map/certificateMapEntries?certificateMapEntryId=entry"
    status, answer = manager(wire, "POST", path, body)
    why = f'invalid certificate name "{name}"'
    assert (status, answer["error"]["message"]) == (400, why)
    assert answer["error"]["details"] == [
        {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"field": "certificates", "description": why}],
        }
    ]
