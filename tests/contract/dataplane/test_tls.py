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


def with_policy(door: Any, **policy: Any) -> None:
    door.make("global/sslPolicies", name="p", **policy)
    link = {"sslPolicy": door.link("global/sslPolicies/p")}
    door.do("POST", "global/targetHttpsProxies/proxy/setSslPolicy", link)


CBC, GCM = "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-GCM-SHA256"
CHACHA = "ECDHE-ECDSA-CHACHA20-POLY1305"


@OLD
@pytest.mark.parametrize(
    ("policy", "oldest", "taken", "refused"),
    [
        ({"profile": "COMPATIBLE"}, ssl.TLSVersion.TLSv1, (CBC, GCM, CHACHA), ()),
        ({"profile": "MODERN", "minTlsVersion": "TLS_1_2"}, ssl.TLSVersion.TLSv1_2,
         (CBC, GCM, CHACHA), ()),
        ({"profile": "RESTRICTED", "minTlsVersion": "TLS_1_2"}, ssl.TLSVersion.TLSv1_2,
         (GCM, CHACHA), (CBC,)),
        ({"profile": "FIPS_202205", "minTlsVersion": "TLS_1_2"}, ssl.TLSVersion.TLSv1_2,
         (GCM,), (CBC, CHACHA)),
        ({"profile": "CUSTOM", "minTlsVersion": "TLS_1_2",
          "customFeatures": ["TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"]}, ssl.TLSVersion.TLSv1_2,
         (CBC,), (GCM, CHACHA)),
        ({"profile": "RESTRICTED", "minTlsVersion": "TLS_1_3"}, ssl.TLSVersion.TLSv1_3, (), ()),
    ],
    ids=lambda value: "-".join(map(str, value.values()))[:24] if isinstance(value, dict) else "",
)  # fmt: skip
def test_profiles(
    maps: Any, policy: dict[str, Any], oldest: Any, taken: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    """Suites of TLS 1.2 and the oldest version are really refused; TLS 1.3 always works."""
    with_policy(maps, **policy)
    twelve = {"maximum_version": ssl.TLSVersion.TLSv1_2}
    for suite in taken:
        assert maps.handshake("www.example.com", ciphers=suite, **twelve)[1].startswith("TLSv1")
    for suite in refused:
        with pytest.raises(OSError):
            maps.handshake("www.example.com", ciphers=suite, **twelve)
    assert maps.handshake("www.example.com")[1] == "TLSv1.3"
    just_older = {ssl.TLSVersion.TLSv1_2: ssl.TLSVersion.TLSv1_1,
                  ssl.TLSVersion.TLSv1_3: ssl.TLSVersion.TLSv1_2}.get(oldest)  # fmt: skip
    if just_older:
        with pytest.raises(OSError):
            maps.handshake("www.example.com", maximum_version=just_older,
                           minimum_version=ssl.TLSVersion.TLSv1)  # fmt: skip
    else:
        assert maps.handshake("www.example.com", maximum_version=oldest,
                              minimum_version=oldest)[1] == "TLSv1"  # fmt: skip


def test_a_host_that_only_the_url_map_covers_is_not_served_over_its_own_name(door: Any) -> None:
    """A host rule's wildcard has any depth, a certificate's one label: the request fails in TLS."""
    door.neg()
    door.pod("one")
    door.service("bs", "neg")
    found = door.certificate_map(**{"*_example_com": door.certificate("w", "*.example.com")})
    door.https_door(found)
    assert door.fetch(host="a.example.com", tls=True).status == 200
    with pytest.raises(OSError):
        door.fetch(host="a.b.example.com", tls=True)
