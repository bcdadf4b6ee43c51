"""References in every form that clients send, and the one form in which they come back."""

import re
from typing import Any

import pytest

HC = "global/healthChecks/hc"


def forms(gce: Any, path: str) -> list[str]:
    """Ways to write one resource; the host and the version of a URL do not matter."""
    full = gce.path(path)
    return [
        f"https://www.googleapis.com/compute/v1/{full}",
        f"https://compute.googleapis.com/compute/v1/{full}",
        f"https://www.googleapis.com/compute/beta/{full}",
        f"{gce.sim.url}/compute/v1/{full}",
        f"//compute.googleapis.com/{full}",
        full,
        path,
    ]


def test_every_form_becomes_the_canonical_link(gce: Any) -> None:
    gce.health_check()
    for number, form in enumerate(forms(gce, HC)):
        service = gce.backend_service(f"bs{number}", healthChecks=[form])
        assert gce.get(service)["healthChecks"] == [gce.link(HC)], form


def test_project_number_in_place_of_its_id(gce: Any) -> None:
    gce.health_check()
    number = gce.number()
    status, doc = gce.sim.http("GET", f"/compute/v1/projects/{number}/{HC}")
    assert (status, doc["selfLink"]) == (200, gce.link(HC))


def test_resources_by_numeric_id(gce: Any) -> None:
    gce.health_check()
    doc = gce.get(HC)
    assert gce.get(f"global/healthChecks/{doc['id']}") == doc


@pytest.mark.parametrize("form", ["hc", "healthChecks/hc", "ftp://x/y", "projects/p/hc", "a/b/c"])
def test_what_is_no_reference(gce: Any, form: str) -> None:
    body = {"name": "bs", "healthChecks": [form]}
    assert gce.refused("POST", "global/backendServices", body) == (
        400,
        "invalid",
        f"Invalid value for field 'resource.healthChecks[0]': '{form}'. The URL is malformed.",
    )


def test_links_follow_the_version_that_was_asked(gce: Any) -> None:
    gce.backend_service()
    gce.url_map()
    status, doc = gce.ask("GET", "global/urlMaps/um", version="beta")
    assert status == 200
    for field in ("selfLink", "defaultService"):
        assert doc[field].startswith("https://www.googleapis.com/compute/beta/projects/")
    status, operation = gce.ask("DELETE", "global/urlMaps/um", version="beta")
    assert status == 200
    assert "/compute/beta/" in operation["targetLink"]
    assert "/compute/beta/" in operation["selfLink"]


def test_links_do_not_name_the_host_that_was_asked(gce: Any) -> None:
    gce.health_check()
    gce.backend_service(healthChecks=[f"{gce.sim.url}/compute/v1/{gce.path(HC)}"])
    gce.http_door()
    for path in ("global/backendServices/bs", "global/urlMaps/um", "global/forwardingRules/rule"):
        _, doc = gce.ask("GET", path, headers={"Host": "localhost"})
        assert not re.search(r"127\.0\.0\.1|localhost", str(doc))


def test_certificate_maps(gce: Any) -> None:
    gce.backend_service()
    gce.url_map()
    parent = f"/v1/projects/{gce.project}/locations/global/certificateMaps"
    gce.sim.http("POST", f"{parent}?certificateMapId=m", {})
    path = f"projects/{gce.project}/locations/global/certificateMaps/m"
    canonical = f"//certificatemanager.googleapis.com/{path}"
    proxies = "global/targetHttpsProxies"
    for number, form in enumerate((canonical, f"{gce.sim.url}/v1/{path}")):
        proxy = gce.make(
            proxies, name=f"p{number}", urlMap="global/urlMaps/um", certificateMap=form
        )
        assert gce.get(proxy)["certificateMap"] == canonical
    gone = {"name": "p9", "urlMap": "global/urlMaps/um", "certificateMap": canonical + "x"}
    assert gce.refused("POST", proxies, gone)[0] == 404
    for clear in ({}, {"certificateMap": ""}):
        refusal = gce.refused("POST", f"{proxies}/p0/setCertificateMap", clear)
        assert refusal[:2] == (400, "invalid")
    assert gce.get(f"{proxies}/p0")["certificateMap"] == canonical
    gce.make("global/sslCertificates", name="cert", managed={"domains": ["a.example"]})
    certificates = {"sslCertificates": ["global/sslCertificates/cert"]}
    gce.do("POST", "targetHttpsProxies/p0/setSslCertificates", certificates)
    gce.do("POST", f"{proxies}/p0/setCertificateMap", {})
    assert "certificateMap" not in gce.get(f"{proxies}/p0")


def test_certificate_manager_certificates_without_a_map(gce: Any) -> None:
    parent = f"/v1/projects/{gce.project}/locations/global"
    authorization = {"domain": "a.example.com"}
    query = "dnsAuthorizationId=auth"
    gce.sim.http("POST", f"{parent}/dnsAuthorizations?{query}", authorization)
    name = f"{parent.removeprefix('/v1/')}/dnsAuthorizations/auth"
    managed = {"managed": {"domains": ["a.example.com"], "dnsAuthorizations": [name]}}
    status, answer = gce.sim.http("POST", f"{parent}/certificates?certificateId=cert", managed)
    assert status == 200, answer
    path = f"projects/{gce.project}/locations/global/certificates/cert"
    gce.backend_service()
    gce.url_map()
    proxies = "global/targetHttpsProxies"
    for form in (
        f"//certificatemanager.googleapis.com/{path}",
        f"https://certificatemanager.googleapis.com/v1/{path}",
    ):
        body = {"name": "p", "urlMap": "global/urlMaps/um", "sslCertificates": [form]}
        code, reason, message = gce.refused("POST", proxies, body)
        assert (code, reason) == (400, "invalid")
        assert "certificate map" in message
        gone = {**body, "sslCertificates": [form + "x"]}
        assert gce.refused("POST", proxies, gone)[:2] == (404, "notFound")
    gce.backend_service("inner", loadBalancingScheme="INTERNAL_MANAGED")
    gce.url_map("inner", "global/backendServices/inner")
    body = {"name": "p", "urlMap": "global/urlMaps/inner", "sslCertificates": [form]}
    gce.do("POST", proxies, body)
    shown = gce.get(f"{proxies}/p")["sslCertificates"]
    assert shown == [f"//certificatemanager.googleapis.com/{path}"]
