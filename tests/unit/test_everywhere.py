"""The bench's imaginary locations find what some orders of learning lose, and only that."""

import random
from typing import Any

from bench._everywhere import Everywhere

RULES = "projects/p/global/forwardingRules/web"
PROXY = "projects/p/global/targetHttpsProxies/web"
MAP = "projects/p/global/urlMaps/shop"
CERTIFICATES = "projects/p/locations/global/certificates"
ENTRIES = "projects/p/locations/global/certificateMaps/shop/certificateMapEntries"
GROUP = "projects/p/zones/z/networkEndpointGroups"
SERVICES = "projects/p/global/backendServices"


class News:
    """What the simulator would tell, a line at a time."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def tell(self, at: float, table: str, key: str, doc: Any, *, serves: bool = False) -> None:
        self.lines.append(
            {
                "number": len(self.lines) + 1,
                "at": at,
                "table": table,
                "key": key,
                "doc": doc,
                "serves": serves,
                "least": 10.0,
                "most": 60.0,
            }
        )

    def after(self, number: int) -> list[dict[str, Any]]:
        return self.lines[number:]

    def backend(self, at: float, name: str) -> None:
        groups = [{"group": f"{GROUP}/{name}"}]
        self.tell(at, "compute/endpoints", f"{GROUP}/{name}", {"endpoints": [{"port": 80}]})
        self.tell(at, "compute/backendServices", f"{SERVICES}/{name}", {"backends": groups})

    def routes(self, at: float, api: str) -> None:
        rules = [{"paths": ["/api/*"], "service": f"{SERVICES}/{api}"}] if api else []
        matcher = {"name": "all", "defaultService": f"{SERVICES}/web", "pathRules": rules}
        hosts = [{"hosts": ["shop.example.com"], "pathMatcher": "all"}]
        doc = {"defaultService": f"{SERVICES}/web", "hostRules": hosts, "pathMatchers": [matcher]}
        self.tell(at, "compute/urlMaps", MAP, doc)

    def entry(self, at: float, certificate: str) -> None:
        found = {"hostname": "shop.example.com", "certificates": [f"{CERTIFICATES}/{certificate}"]}
        self.tell(
            at, "certs/certificateMapEntries", f"{ENTRIES}/shop", {**found, "state": "ACTIVE"}
        )

    def certificate(self, at: float, name: str, *, gone: bool = False) -> None:
        doc = None if gone else {"managed": {"state": "ACTIVE"}}
        key = f"{CERTIFICATES}/{name}"
        self.tell(at, "certs/certificates", key, doc, serves=not gone)


def serving() -> tuple[News, Everywhere]:
    news = News()
    links = {"target": PROXY, "IPAddress": "34.1.1.1", "portRange": "443-443", "id": "1"}
    news.tell(0, "compute/forwardingRules", RULES, links)
    the_map = "//certificatemanager.googleapis.com/projects/p/locations/global/certificateMaps/shop"
    news.tell(0, "compute/targetHttpsProxies", PROXY, {"urlMap": MAP, "certificateMap": the_map})
    news.backend(0, "web")
    news.routes(0, "")
    news.certificate(0, "old")
    news.entry(0, "old")
    return news, Everywhere(news.after, {})


def test_nothing_is_lost_where_what_comes_is_known_before_it_is_used() -> None:
    news, everywhere = serving()
    news.certificate(1000, "new")
    news.entry(1100, "new")
    news.certificate(1200, "old", gone=True)
    news.backend(1000, "api")
    news.routes(1100, "api")
    assert everywhere.edited(random.Random(1), 200) == {}


def test_an_entry_that_comes_before_its_certificate_is_found() -> None:
    news, everywhere = serving()
    news.certificate(1000, "new")
    news.entry(1020, "new")
    lost = everywhere.edited(random.Random(1), 200)
    assert set(lost) == {"34.1.1.1:443-443", "34.1.1.1:443-443 certificate of shop.example.com"}
    assert 0 < lost["34.1.1.1:443-443"] < 200


def test_a_certificate_that_goes_too_early_is_found() -> None:
    news, everywhere = serving()
    news.certificate(1000, "new")
    news.entry(1100, "new")
    news.certificate(1105, "old", gone=True)
    assert everywhere.edited(random.Random(1), 200)["34.1.1.1:443-443"] > 0


def test_a_path_that_is_led_to_a_backend_without_endpoints_is_found() -> None:
    news, everywhere = serving()
    news.routes(1000, "api")
    news.backend(1200, "api")
    assert everywhere.edited(random.Random(1), 50) == {
        "34.1.1.1:443-443 shop.example.com/api/x": 50
    }


def test_what_was_not_served_before_or_is_not_wanted_after_is_no_loss() -> None:
    news, everywhere = serving()
    news.routes(1000, "api")  # a backend that stays without endpoints
    news.tell(1000, "compute/forwardingRules", f"{RULES}2", {"target": PROXY})
    assert everywhere.edited(random.Random(1), 20) == {}
