"""What is watched of a front door: names, frontends, clients, politeness."""

from edgebook.traffic import Client, Protocol, TrafficLimits
from edgebook.traffic.targets import LOCAL, POLITE, limits, rates, targets

from tests.unit.params_edits import GONE, spec_of

NEW, OLD = "203.0.113.1", "198.51.100.7"


def test_every_name_on_every_frontend_is_watched() -> None:
    found = targets(spec_of(), [NEW], ca_file="ca.pem")
    seen = {(t.frontend, t.hostname, t.port, t.protocol) for t in found}
    assert seen == {
        ("web", "shop.example.com", 443, Protocol.HTTPS),
        ("web", "edgebook-check.shop.example.com", 443, Protocol.HTTPS),
        ("web", "shop.example.com", 80, Protocol.HTTP),
        ("web", "edgebook-check.shop.example.com", 80, Protocol.HTTP),
        ("mqtt", "shop.example.com", 8883, Protocol.SSL),
        ("mqtt", "edgebook-check.shop.example.com", 8883, Protocol.SSL),
        ("postgres", "", 5432, Protocol.TCP),
    }
    assert {t.ip for t in found} == {NEW}
    redirect = next(t for t in found if t.port == 80)
    assert 301 in redirect.statuses and 200 not in redirect.statuses


def test_where_a_name_leads_today_is_watched_beside() -> None:
    found = targets(spec_of(), [NEW], elsewhere={"shop.example.com": [OLD]})
    (today,) = [t for t in found if t.frontend == "today"]
    assert (today.ip, today.hostname, today.port) == (OLD, "shop.example.com", 443)


def test_without_an_address_only_today_is_watched() -> None:
    found = targets(spec_of(), [], elsewhere={"shop.example.com": [OLD]})
    assert {t.frontend for t in found} == {"today"}


def test_names_are_asked_of_a_name_server() -> None:
    found = targets(spec_of(), [], name_servers=[("127.0.0.1", 5353)])
    assert {(t.protocol, t.port) for t in found} == {(Protocol.DNS, 5353)}


def test_only_safe_methods_unless_told() -> None:
    checks = [
        {"frontend": "web", "path": "/healthz", "statuses": [200], "rate": 2},
        {"frontend": "web", "path": "/orders", "method": "POST", "body": "{}", "unsafe": True,
         "host": "shop.example.com"},
        {"frontend": "web", "websocket": "/ws", "host": "shop.example.com"},
        {"frontend": "mqtt", "send": "ping", "contains": "ping"},
    ]  # fmt: skip
    spec = spec_of({"checks": checks})
    found = [t for t in targets(spec, [NEW]) if t.port != 80]
    posts = [t for t in found if t.method != "GET"]
    assert [(t.clients, t.hostname, t.body) for t in posts] == [
        ((Client.POST,), "shop.example.com", "{}")
    ]
    assert [t.clients for t in found if t.websocket] == [(Client.WEBSOCKET,)]
    assert {t.clients for t in found if t.frontend == "mqtt"} == {(Client.HANDSHAKE, Client.STREAM)}
    # nothing can be said to a server that nobody told us about: its connections are only held
    assert {t.clients for t in found if t.frontend == "postgres"} == {(Client.HANDSHAKE,)}
    assert rates(spec, local=False)["web"] == 2


def test_it_is_polite_on_google_cloud() -> None:
    spec = spec_of()
    assert {rates(spec, local=False)[name] for name in ("web", "mqtt", "today")} == {POLITE}
    assert rates(spec, local=True)["web"] == LOCAL
    assert rates(spec, local=False)["names"] <= 1


def test_limits_come_from_the_params() -> None:
    said = {"traffic": {"max_failed": 2, "max_gap": "1m", "max_latency_rise": "20%"}}
    assert limits(spec_of({"safety": said}).safety.traffic) == TrafficLimits(2, 60.0, 0.2)
    assert limits(spec_of({"safety": GONE}).safety.traffic) == TrafficLimits(0, 5.0, 0.5)
    off = {"traffic": {"max_latency_rise": None}}
    assert limits(spec_of({"safety": off}).safety.traffic).max_latency_rise is None
