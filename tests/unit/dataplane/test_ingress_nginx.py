"""Ingress objects as routes, and what the controller decides by them (annotations of NGINX)."""

from typing import Any

import pytest
from gcpsim.dataplane import ingress
from gcpsim.dataplane.farm.answers import Reply, Request
from gcpsim.dataplane.farm.nginx import Onward, cookie_value, decide

N = "nginx.ingress.kubernetes.io/"


def made(
    *paths: tuple[str, str] | tuple[str, str, str],
    host: str = "shop.example.com",
    tls: bool = False,
    name: str = "shop",
    **notes: str,
) -> dict[str, Any]:
    """An Ingress: paths are (path, service) or (path, service, pathType)."""
    rules = [
        {
            "path": one[0],
            "pathType": one[2] if len(one) > 2 else "Prefix",  # type: ignore[misc]
            "backend": {"service": {"name": one[1], "port": {"number": 80}}},
        }
        for one in paths or (("/", "web"),)
    ]
    spec: dict[str, Any] = {"rules": [{"host": host, "http": {"paths": rules}}]}
    if tls:
        spec["tls"] = [{"hosts": [host], "secretName": "shop-tls"}]
    annotations = {N + key.replace("_", "-"): value for key, value in notes.items()}
    meta = {"name": name, "namespace": "shop", "annotations": annotations,
            "creationTimestamp": "2026-11-01T00:00:00Z"}  # fmt: skip
    return {"metadata": meta, "spec": spec}


def routes(*ingresses: dict[str, Any], **config: str) -> dict[str, Any]:
    options = {key.replace("_", "-"): value for key, value in config.items()}
    return ingress.routes(ingresses, options, lambda namespace, service: str(service["name"]))


def asked(
    target: str,
    *,
    host: str = "shop.example.com",
    tls: bool = False,
    client: str = "203.0.113.9",
    method: str = "GET",
    length: int = 0,
    **headers: str,
) -> Request:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return Request(
        method, target, {"host": host, **named}, "1.1", 443 if tls else 80, f"{client}:4711",
        {"sni": host} if tls else None, "", length,
    )  # fmt: skip


def onward(table: dict[str, Any], request: Request, draw: float = 0.99) -> Onward:
    found = decide(table, request, draw)
    assert isinstance(found, Onward), found
    return found


def reply(table: dict[str, Any], request: Request) -> Reply:
    found = decide(table, request, 0.99)
    assert isinstance(found, Reply), found
    return found


PREFIXES = routes(made(("/", "web"), ("/api", "api"), ("/api/v2", "v2"), ("/one", "one", "Exact")))
STRINGS = routes(made(("/a", "a", "ImplementationSpecific"), ("/", "web")))


@pytest.mark.parametrize(
    ("table", "path", "service"),
    [
        (PREFIXES, "/", "web"),
        (PREFIXES, "/api", "api"),
        (PREFIXES, "/api/x", "api"),
        (PREFIXES, "/apix", "web"),
        (PREFIXES, "/api/v2/x", "v2"),
        (PREFIXES, "/one", "one"),
        (PREFIXES, "/one/", "web"),
        (STRINGS, "/abc", "a"),
    ],
)
def test_paths(table: dict[str, Any], path: str, service: str) -> None:
    assert onward(table, asked(path)).upstream == service


def test_one_regex_on_a_host_makes_all_its_paths_regexes() -> None:
    """Case-insensitive, start-anchored, unanchored end, longest first; also Exact ones."""
    table = routes(
        made(("/one", "one", "Exact"), name="plain"),
        made(("/x(/|$)(.*)", "x"), use_regex="true", rewrite_target="/$2"),
        made(("/", "other"), host="other.example.com", name="other"),
    )
    assert onward(table, asked("/x/deep/path?q=1")).target == "/deep/path?q=1"
    assert onward(table, asked("/x")).target == "/"
    assert onward(table, asked("/ONE/more")).upstream == "one"
    assert onward(table, asked("/xyz", host="other.example.com")).upstream == "other"
    assert reply(table, asked("/xyz")).status == 404


def test_a_rewrite_without_groups_sends_everything_to_it() -> None:
    table = routes(made(("/app", "web"), rewrite_target="/"))
    assert onward(table, asked("/app/deep?x=1")).target == "/?x=1"


def test_hosts_exact_then_one_label_wildcard_then_the_catch_all() -> None:
    table = routes(
        made(("/", "wild"), host="*.example.com", name="wild"),
        made(("/", "web")),
        made(("/", "all"), host="", name="all"),
    )
    assert onward(table, asked("/", host="shop.example.com:443")).upstream == "web"
    assert onward(table, asked("/", host="other.example.com")).upstream == "wild"
    assert onward(table, asked("/", host="a.b.example.com")).upstream == "all"
    assert reply(routes(made()), asked("/", host="nobody.example")).status == 404
    assert reply(routes(made()), asked("/healthz", host="10.4.0.7")).status == 200


def test_the_oldest_ingress_wins_a_host_and_path() -> None:
    young = made(("/", "young"), name="a-young")
    young["metadata"]["creationTimestamp"] = "2026-11-02T00:00:00Z"
    assert onward(routes(young, made(("/", "old"))), asked("/")).upstream == "old"


def test_ssl_redirect_by_default_only_where_the_host_has_tls() -> None:
    table = routes(made(tls=True))
    answer = reply(table, asked("/cart?x=1"))
    assert (answer.status, dict(answer.headers)["location"]) == (
        308, "https://shop.example.com/cart?x=1",
    )  # fmt: skip
    assert onward(table, asked("/cart", tls=True)).upstream == "web"
    assert onward(routes(made()), asked("/")).upstream == "web"
    assert onward(routes(made(tls=True, ssl_redirect="false")), asked("/")).upstream == "web"
    assert reply(routes(made(force_ssl_redirect="true")), asked("/")).status == 308


def test_behind_a_front_end_that_speaks_http_the_redirect_is_endless() -> None:
    """use-forwarded-headers false: NGINX overwrites what the front end says."""
    behind: dict[str, Any] = {"client": "35.191.0.1", "x_forwarded_proto": "https"}
    assert reply(routes(made(tls=True)), asked("/", **behind)).status == 308
    trusting = routes(made(tls=True), use_forwarded_headers="true")
    assert onward(trusting, asked("/", **behind)).headers["x-forwarded-proto"] == "https"


def test_forwarded_headers() -> None:
    said = {"x_forwarded_for": "198.51.100.7,203.0.113.5,34.8.0.1"}
    plain = onward(routes(made()), asked("/", client="35.191.0.1", **said)).headers
    assert plain["x-forwarded-for"] == plain["x-real-ip"] == "35.191.0.1"
    assert plain["x-original-forwarded-for"] == said["x_forwarded_for"]
    anyone = routes(made(), use_forwarded_headers="true")
    spoofed = onward(anyone, asked("/", client="35.191.0.1", **said)).headers
    assert spoofed["x-real-ip"] == "198.51.100.7", "0.0.0.0/0 trusts the leftmost address"
    right = routes(
        made(), use_forwarded_headers="true",
        proxy_real_ip_cidr="35.191.0.0/16,130.211.0.0/22,34.8.0.1/32",
    )  # fmt: skip
    assert onward(right, asked("/", client="35.191.0.1", **said)).headers["x-real-ip"] == (
        "203.0.113.5"
    )


@pytest.mark.parametrize(
    ("client", "allowed"), [("203.0.113.9", True), ("198.51.100.1", False), ("35.191.0.1", False)]
)
def test_allow_lists_see_the_peer(client: str, allowed: bool) -> None:
    table = routes(made(whitelist_source_range="203.0.113.0/24"))
    found = decide(table, asked("/", client=client), 0.5)
    assert isinstance(found, Onward) is allowed
    if isinstance(found, Reply):
        assert found.status == 403


def test_deny_lists() -> None:
    table = routes(made(denylist_source_range="198.51.100.0/24"))
    assert reply(table, asked("/", client="198.51.100.1")).status == 403
    assert onward(table, asked("/")).upstream == "web"


def test_body_sizes() -> None:
    table = routes(made(proxy_body_size="16m"))
    assert onward(table, asked("/", length=16 * 1024**2)).upstream == "web"
    assert reply(table, asked("/", length=16 * 1024**2 + 1)).status == 413
    assert reply(routes(made()), asked("/", length=1024**2 + 1)).status == 413, "1m by default"
    assert onward(routes(made(proxy_body_size="0")), asked("/", length=10**9)).upstream == "web"


@pytest.mark.parametrize(
    ("notes", "status", "to"),
    [
        ({"permanent_redirect": "https://new.example"}, 301, "https://new.example"),
        ({"permanent_redirect": "https://new.example", "permanent_redirect_code": "308"}, 308,
         "https://new.example"),
        ({"temporal_redirect": "https://t.example", "permanent_redirect": "https://p.example"}, 302,
         "https://t.example"),
        ({"app_root": "/start"}, 302, "http://shop.example.com/start"),
    ],
)  # fmt: skip
def test_redirects(notes: dict[str, str], status: int, to: str) -> None:
    answer = reply(routes(made(**notes)), asked("/"))
    assert (answer.status, dict(answer.headers)["location"]) == (status, to)


def test_from_to_www() -> None:
    answer = reply(
        routes(made(from_to_www_redirect="true")), asked("/a?b=c", host="www.shop.example.com")
    )
    assert (answer.status, dict(answer.headers)["location"]) == (
        308, "http://shop.example.com/a?b=c",
    )  # fmt: skip


def test_canaries_by_header_then_cookie_then_weight() -> None:
    canary = made(
        ("/", "new"), name="canary", canary="true", canary_weight="20",
        canary_by_header="x-canary", canary_by_cookie="canary",
    )  # fmt: skip
    table = routes(made(), canary)
    assert onward(table, asked("/"), draw=0.19).upstream == "new"
    assert onward(table, asked("/"), draw=0.21).upstream == "web"
    assert onward(table, asked("/", x_canary="always")).upstream == "new"
    assert onward(table, asked("/", x_canary="never"), draw=0).upstream == "web"
    assert onward(table, asked("/", cookie="a=b; canary=always")).upstream == "new"
    assert onward(table, asked("/", x_canary="never", cookie="canary=always")).upstream == "web"


def test_hsts_is_sent_only_where_nginx_saw_tls() -> None:
    table = routes(made(tls=True, ssl_redirect="false"))
    assert onward(table, asked("/", tls=True)).add == [
        ("strict-transport-security", "max-age=31536000; includeSubDomains")
    ]
    assert onward(table, asked("/")).add == []


def test_what_the_pods_behind_get() -> None:
    table = routes(made(upstream_vhost="inner.example", proxy_read_timeout="3600"))
    found = onward(table, asked("/", x_ok="1", bad_name="2", connection="close"))
    assert found.headers["host"] == "inner.example"
    assert found.headers["x-forwarded-host"] == "shop.example.com"
    assert found.read_timeout == 3600
    assert "connection" not in found.headers and found.headers["x-ok"] == "1"
    assert found.headers["x-forwarded-port"] == "80"
    assert found.headers["x-request-id"]


def test_affinity_by_cookie() -> None:
    table = routes(made(affinity="cookie", session_cookie_name="route"))
    found = onward(table, asked("/", cookie=f"route={cookie_value('web-1')}"))
    assert found.sticky is not None and found.sticky["name"] == "route"
    assert found.cookie == cookie_value("web-1")


def test_challenges_are_answered_before_any_redirect() -> None:
    table = {**routes(made(tls=True)), "challenges": {"shop.example.com/abc": "abc.key"}}
    answer = reply(table, asked("/.well-known/acme-challenge/abc"))
    assert (answer.status, answer.body) == (200, b"abc.key")
    other = asked("/.well-known/acme-challenge/abc", host="other.example.com")
    assert reply(table, other).status == 404
    assert onward(table, asked("/.well-known/acme-challenge/other")).upstream == "web"


def test_certificates_of_ingresses() -> None:
    assert ingress.certificates([made(tls=True), made(host="b.example.com", tls=True)]) == {
        "shop/shop-tls": ["b.example.com", "shop.example.com"]
    }


@pytest.mark.parametrize(
    ("text", "size"), [("1m", 1024**2), ("8k", 8192), ("0", 0), ("500", 500), ("x", 1024**2)]
)
def test_sizes(text: str, size: int) -> None:
    assert ingress.size(text) == size


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("shop/db:5432", ("shop", {"name": "db", "port": {"number": 5432}}, (False, False))),
        ("shop/db:pg:PROXY", ("shop", {"name": "db", "port": {"name": "pg"}}, (True, False))),
        ("shop/db:1::PROXY", ("shop", {"name": "db", "port": {"number": 1}}, (False, True))),
        ("shop/db:1:PROXY:PROXY", ("shop", {"name": "db", "port": {"number": 1}}, (True, True))),
        ("db:5432", None),
        ("shop/db", None),
    ],
)
def test_tcp_services(text: str, wanted: Any) -> None:
    found = ingress.tcp_service(text)
    if wanted is None:
        assert found is None
    else:
        assert found is not None
        assert (found[0], found[1], tuple(found[2].values())) == wanted
