"""TLS of the front ends: which certificate, which versions (facts: traffic.md 12, gcp.md C)."""

import ssl
from typing import Any

import pytest

from tests.contract.dataplane.doors import pair

OLD = pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")


@pytest.fixture
def maps(door: Any) -> Any:
    """A map with an exact name, a wildcard and PRIMARY before one pod."""
    door.neg()
    door.pod("one")
    door.service("bs", "neg")
    exact = door.certificate("exact", "www.example.com")
    wild = door.certificate("wild", "*.example.com")
    primary = door.certificate("primary", "other.example.net")
    found = door.certificate_map(
        **{"www_example_com": exact, "*_example_com": wild, "PRIMARY": primary}
    )
    door.https_door(found)
    return door


@pytest.mark.parametrize(
    ("server_name", "served"),
    [
        ("www.example.com", "www.example.com"),
        ("WWW.Example.COM", "www.example.com"),
        ("shop.example.com", "*.example.com"),
        ("a.b.example.com", "other.example.net"),  # a wildcard is one label
        ("example.com", "other.example.net"),
        ("unknown.example.org", "other.example.net"),
        (None, "other.example.net"),
    ],
)
def test_the_certificate_follows_the_map(maps: Any, server_name: str | None, served: str) -> None:
    assert maps.handshake(server_name)[0] == [served]


def test_without_primary_an_unknown_name_is_refused(door: Any) -> None:
    door.neg()
    door.pod("one")
    door.service("bs", "neg")
    door.https_door(door.certificate_map(www_example_com=door.certificate("c", "www.example.com")))
    assert door.handshake("www.example.com")[0] == ["www.example.com"]
    for name in ("shop.example.com", None):
        with pytest.raises(OSError):
            door.handshake(name)


def test_a_request_over_tls(maps: Any) -> None:
    answer = maps.fetch("/x", host="www.example.com", tls=True)
    assert answer.status == 200
    assert answer.arrived["x-forwarded-proto"] == "https"


def test_a_certificate_is_exchanged_without_ending_connections(maps: Any) -> None:
    connection = maps.connect("www.example.com", tls=True)
    assert connection.get("/before").status == 200
    newer = maps.certificate("newer", "new.example.com", "www.example.com")
    home = f"/v1/projects/{maps.project}/locations/global/certificateMaps/map"
    status, _ = maps.sim.http(
        "PATCH",
        f"{home}/certificateMapEntries/e2?updateMask=certificates",
        {"certificates": [newer]},
    )
    assert status == 200
    assert maps.handshake("www.example.com")[0] == ["new.example.com", "www.example.com"]
    assert connection.get("/after").status == 200
    connection.close()


def test_a_location_serves_a_certificate_that_nobody_trusts(maps: Any) -> None:
    def stage(which: str) -> None:
        maps.sim.admin("POST", "stage/location-certificate",
                       {"location": "us-central1", "certificate": which})  # fmt: skip

    kept = maps.connect("www.example.com", tls=True)
    stage("wrong")
    assert maps.handshake("www.example.com")[0] == ["stranger.invalid"]
    assert kept.get("/").status == 200
    kept.close()
    stage("right")
    assert maps.handshake("www.example.com")[0] == ["www.example.com"]


@OLD
def test_no_policy_takes_old_versions(maps: Any) -> None:
    for version, shown in ((ssl.TLSVersion.TLSv1, "TLSv1"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
        found = maps.handshake("www.example.com", minimum_version=version, maximum_version=version)
        assert found[1] == shown


@OLD
def test_a_policy_refuses_versions_and_suites(maps: Any) -> None:
    maps.make("global/sslPolicies", name="p", profile="RESTRICTED", minTlsVersion="TLS_1_2")
    maps.do(
        "POST",
        "global/targetHttpsProxies/proxy/setSslPolicy",
        {"sslPolicy": maps.link("global/sslPolicies/p")},
    )
    old = ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError):
        maps.handshake("www.example.com", minimum_version=ssl.TLSVersion.TLSv1, maximum_version=old)
    twelve = {"maximum_version": ssl.TLSVersion.TLSv1_2}
    with pytest.raises(OSError):
        maps.handshake("www.example.com", ciphers="ECDHE-ECDSA-AES128-SHA", **twelve)
    good = maps.handshake("www.example.com", ciphers="ECDHE-ECDSA-AES128-GCM-SHA256", **twelve)
    assert good[1] == "TLSv1.2"


def test_classic_certificates(door: Any) -> None:
    """A proxy with sslCertificates and no map: chosen by the names in them."""
    door.neg()
    door.pod("one")
    door.service("bs", "neg")
    links = []
    for name, host in (("a", "a.example.com"), ("b", "b.example.com")):
        certificate, key = pair(host)
        body = {"certificate": certificate, "privateKey": key}
        links.append(door.link(door.make("global/sslCertificates", name=name, **body)))
    door.url_map()
    door.make(
        "global/targetHttpsProxies",
        name="proxy",
        urlMap="global/urlMaps/um",
        sslCertificates=links,
    )
    door.rule("targetHttpsProxies", "proxy", 443)
    assert door.handshake("b.example.com")[0] == ["b.example.com"]
    assert door.handshake("a.example.com")[0] == ["a.example.com"]
    assert door.handshake("else.example.com")[0] == ["a.example.com"]


def test_a_front_end_without_a_certificate_is_not_served(door: Any) -> None:
    door.neg()
    door.service("bs", "neg")
    door.https_door(door.certificate_map())
    assert door.reach() == {}
    why = [one["why"] for one in door.sim.admin("GET", "traffic")["refused"]]
    assert "forwardingRules/rule: targetHttpsProxies/proxy has no certificate that can serve" in why
