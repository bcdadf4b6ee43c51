"""A 403 names the missing permission and the smallest role that brings it."""

import json

import pytest
from edgebook.base.errors import AccessError, ApiError
from edgebook.cloud import permissions, refusals

COMPUTE = "compute/v1/projects/p/global"
CERTS = "v1/projects/p/locations/global"


@pytest.mark.parametrize(
    ("message", "method", "path", "permission", "role"),
    [
        ("Required 'compute.backendServices.create' permission for 'projects/p'", "POST", "x",
         "compute.backendServices.create", "roles/compute.loadBalancerAdmin"),
        ("Permission 'certificatemanager.certmaps.get' denied on resource", "GET", "x",
         "certificatemanager.certmaps.get", "roles/certificatemanager.viewer"),
        ("Forbidden", "POST", "dns/v1/projects/p/managedZones/z/changes",
         "dns.changes.create", "roles/dns.admin"),
        ("Forbidden", "GET", "dns/v1/projects/p/managedZones/z/rrsets",
         "dns.resourceRecordSets.list", "roles/dns.reader"),
        ("Forbidden", "GET", "dns/v1/projects/p/managedZones/z",
         "dns.managedZones.get", "roles/dns.reader"),
        ("no", "POST", f"{COMPUTE}/addresses", "compute.globalAddresses.create",
         "roles/compute.loadBalancerAdmin"),
        ("no", "POST", f"{COMPUTE}/firewalls", "compute.firewalls.create",
         "roles/compute.securityAdmin"),
        ("no", "PATCH", f"{COMPUTE}/sslPolicies/x", "compute.sslPolicies.update",
         "roles/compute.loadBalancerAdmin"),
        ("no", "POST", f"{COMPUTE}/targetHttpsProxies/x/setCertificateMap",
         "compute.targetHttpsProxies.setCertificateMap", "roles/compute.loadBalancerAdmin"),
        ("no", "GET", f"{COMPUTE}/networks/default/getEffectiveFirewalls",
         "compute.networks.getEffectiveFirewalls", "roles/compute.viewer"),
        ("no", "POST", f"{CERTS}/certificateMaps/m/certificateMapEntries?id=x",
         "certificatemanager.certmapentries.create", "roles/certificatemanager.owner"),
    ],
)  # fmt: skip
def test_the_permission_and_its_role(
    message: str, method: str, path: str, permission: str, role: str
) -> None:
    assert permissions.permission_of(message, method, path) == permission
    assert permissions.smallest_role(permission) == role


def test_a_403_says_what_to_ask_for() -> None:
    body = json.dumps(
        {"error": {"code": 403, "message": "Forbidden", "errors": [{"reason": "forbidden"}]}}
    )
    error = refusals.from_body(
        403, body, method="POST", path="dns/v1/projects/p/managedZones/z/changes"
    )
    assert isinstance(error, AccessError)
    assert "HTTP 403" in error.what
    assert (
        error.next == "missing is dns.changes.create; the smallest role with it is roles/dns.admin"
    )


@pytest.mark.parametrize(
    ("code", "reason", "wanted"),
    [
        (429, "rateLimitExceeded", "wait a minute"),
        (403, "rateLimitExceeded", "wait a minute"),
        (503, "backendError", "status.cloud.google.com"),
        (404, "notFound", ""),
    ],
)
def test_other_answers_name_their_code_and_a_way_on(code: int, reason: str, wanted: str) -> None:
    error = refusals.build(code, "no", reason, method="GET", path="x")
    assert isinstance(error, ApiError)
    assert f"HTTP {code}" in error.what
    assert wanted in error.next
