"""Proxies that somebody made years ago leave their classic certificates for the map, and go back.

The tests build on each other as the days of one site do, on one simulator without traffic.
"""

from typing import Any

import pytest
from edgebook.base.errors import RefusedError, SafetyError, UsageError

from tests.contract.edgebook.conftest import Shop
from tests.contract.edgebook.test_rotation import pair
from tests.contract.edgebook.test_scheme import P, make

HTTPS, SSL = f"{P}/targetHttpsProxies/old-https", f"{P}/targetSslProxies/old-ssl"
OPTIONS = {"proxies": "old-https,old-ssl", "soak": "1m"}


@pytest.fixture(scope="module")
def site(quiet_shop: Shop) -> Shop:
    """The front door's certificate and map; an HTTPS proxy with two classic ones, an SSL proxy."""
    book = quiet_shop.book()
    for step in ("address-and-dns", "certificate"):
        book.step(step).apply("apply", "auto", show_progress=False)
    classic(quiet_shop, "own", "shop.example.com", "pay.example.com")
    managed = {"domains": ["www.shop.example.com"]}
    make(quiet_shop, "sslCertificates", name="managed", type="MANAGED", managed=managed)
    make(quiet_shop, "healthChecks", name="old", type="TCP", tcpHealthCheck={"port": 80})
    for protocol in ("HTTP", "TCP"):
        make(quiet_shop, "backendServices", name=f"old-{protocol.lower()}", protocol=protocol,
             loadBalancingScheme="EXTERNAL_MANAGED",
             healthChecks=[f"{P[12:]}/healthChecks/old"])  # fmt: skip
    make(quiet_shop, "urlMaps", name="old", defaultService=f"{P[12:]}/backendServices/old-http")
    make(quiet_shop, "targetHttpsProxies", name="old-https", urlMap=f"{P[12:]}/urlMaps/old",
         sslCertificates=listed("own", "managed"))  # fmt: skip
    make(quiet_shop, "targetSslProxies", name="old-ssl",
         service=f"{P[12:]}/backendServices/old-tcp",
         sslCertificates=listed("managed"))  # fmt: skip
    return quiet_shop


def classic(shop: Shop, name: str, *names: str) -> None:
    chain, key = pair(names)
    make(shop, "sslCertificates", name=name, certificate=chain, privateKey=key)


def listed(*names: str) -> list[str]:
    return [f"{P[12:]}/sslCertificates/{name}" for name in names]


def served(shop: Shop, path: str = HTTPS) -> tuple[str, list[str]]:
    """The map of a proxy, and its classic certificates."""
    body = shop.sim.http("GET", path)[1]
    return (
        str(body.get("certificateMap") or "").rpartition("/")[2],
        [link.rpartition("/")[2] for link in body.get("sslCertificates") or ()],
    )


def test_a_name_that_only_the_old_certificate_has_stops_it(site: Any) -> None:
    with pytest.raises(RefusedError, match="Map shop cannot take over") as refused:
        site.book().move("certificates", **OPTIONS).apply("apply", "auto", show_progress=False)
    assert "pay.example.com of own: no entry of map shop" in refused.value.why
    assert "www.shop" not in refused.value.why, "a wildcard entry covers it"
    assert served(site) == ("", ["own", "managed"])
    classic(site, "own-2", "shop.example.com")
    body = {"sslCertificates": listed("own-2", "managed")}
    path = "/compute/v1/projects/shop-rehearsal/targetHttpsProxies/old-https/setSslCertificates"
    assert site.sim.http("POST", path, body)[0] == 200
    site.sim.advance(60)


def test_the_map_is_set_first_and_the_list_goes_last(site: Any) -> None:
    move = site.book().move("certificates", **OPTIONS)
    planned = move.plan()
    stages = planned.to_json()["stages"]
    assert [(stage["name"], stage["back"]) for stage in stages] == [
        ("map", "start"), ("let go", "map"),
    ]  # fmt: skip
    calls = len(site.log())
    moved = move.apply("apply", planned.hash, show_progress=False)
    assert moved.data["standing"] == "nothing to do", "what was to do is done"
    assert served(site) == ("shop", []) and served(site, SSL) == ("shop", [])
    writes = [c["path"].rpartition("/")[2] for c in site.log()[calls:]
              if c["verb"] in ("PATCH", "POST") and "Proxies" in c["path"]]  # fmt: skip
    assert sorted(writes[:2]) == ["old-https", "setCertificateMap"]
    assert sorted(writes[2:]) == ["old-https", "setSslCertificates"]
    looked = move.verify().to_json()["checks"]
    assert [check["reason"] for check in looked] == ["map shop"] * 2


def test_back_takes_the_names_of_the_classic_ones(site: Any) -> None:
    options = {"proxies": "old-https", "classic": "own-2,managed", "soak": "1m"}
    move = site.book().move("certificates", **options)
    assert "-p proxies old-https -p classic own-2,managed" in str(move.plan())
    moved = move.apply("back", "auto", show_progress=False)
    assert moved.data["standing"] == "not begun"
    assert [stage["name"] for stage in moved.data["stages"]] == ["map", "start"]
    assert served(site) == ("", ["own-2", "managed"]), "in their order: the first is for no SNI"


def test_a_refusal_in_the_middle_leaves_it_there_and_the_next_run_goes_on(site: Any) -> None:
    options = {**OPTIONS, "proxies": "old-https"}
    site.fault(service="compute", verb="PATCH", code=403, reason="forbidden", nth=2)
    with pytest.raises(Exception, match="let go"):
        site.book().move("certificates", **options).apply("apply", "auto", show_progress=False)
    site.calm()
    assert served(site) == ("shop", ["own-2", "managed"]), "the map serves, the list waits"
    moved = site.book().move("certificates", **options).apply("apply", "auto", show_progress=False)
    assert [stage["name"] for stage in moved.data["stages"]] == ["let go"]
    site.book().move("certificates", **options, classic="own-2,managed").apply(
        "back", "auto", show_progress=False
    )


def test_plain_apply_does_not_set_a_first_map_beside_classic_ones(site: Any) -> None:
    """A proxy of the front door itself, handed over with its classic certificates."""
    make(site, "targetSslProxies", name="shop-mqtt",
         service=f"{P[12:]}/backendServices/old-tcp",
         sslCertificates=listed("managed"))  # fmt: skip
    book = site.book(adopt=["targetSslProxy/shop-mqtt"])
    with pytest.raises(SafetyError, match="would move live traffic") as refused:
        book.apply("apply", "auto", show_progress=False)
    assert "operate/certificates -p proxies shop-mqtt" in refused.value.next
    planned = book.move("certificates").plan()
    assert "shop-mqtt still has classic certificates" in str(planned)
    told = {change["kind"] for stage in planned.to_json()["stages"] for change in stage["changes"]}
    assert "targetHttpsProxy" in told and "targetSslProxy" not in told


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"proxies": "gone"}, RefusedError, "no global target HTTPS or SSL proxy gone"),
        ({"classic": "own"}, UsageError, "No proxy to give classic certificates back to"),
        ({"proxies": "old-ssl", "speed": 1}, UsageError, "takes no speed"),
        ({"proxies": "old-ssl", "soak": "soon"}, UsageError, "Not a duration"),
    ],
)
def test_what_cannot_be_left_is_refused(
    site: Any, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        site.book().move("certificates", **options).plan()
