"""What the load balancer does to requests and answers (facts: traffic.md 6 to 9)."""

import socket
import threading
from typing import Any

import pytest


def test_headers_added_and_stripped(shop: Any) -> None:
    answer = shop.fetch(
        headers={"X-Forwarded-For": "198.51.100.9", "X-Custom": "Kept", "Connection": "x-hop"}
    )
    ip = shop.get("global/forwardingRules/rule")["IPAddress"]
    arrived = answer.arrived
    supplied, client, front = arrived["x-forwarded-for"].split(",")
    assert (supplied, front) == ("198.51.100.9", ip)
    assert client.count(".") == 3
    assert arrived["x-forwarded-proto"] == "http"
    assert arrived["via"] == "1.1 google"
    assert answer.headers["via"] == "1.1 google"
    assert arrived["x-custom"] == "Kept"
    assert arrived["host"] == "shop.example.com"
    assert "x-cloud-trace-context" in arrived
    foreign = {"connection", "keep-alive", "x-request-id", "x-envoy-internal"}
    assert not foreign & arrived.keys()
    assert not [name for name in arrived if name.startswith("x-envoy-")]
    assert not [name for name in answer.headers if name.startswith("x-envoy-")]
    assert answer.headers["server"].startswith("BaseHTTP")


def test_a_given_trace_is_kept(shop: Any) -> None:
    answer = shop.fetch(headers={"X-Cloud-Trace-Context": "abc/1"})
    assert answer.arrived["x-cloud-trace-context"] == "abc/1"


def test_custom_headers_of_a_backend_service(shop: Any) -> None:
    shop.do(
        "PATCH",
        "global/backendServices/bs",
        {
            "customRequestHeaders": ["X-Region:{client_region}", "X-Lb:{server_ip_address} 100%"],
            "customResponseHeaders": ["Strict-Transport-Security:max-age=60"],
        },
    )
    answer = shop.fetch(at="europe-west1")
    ip = shop.get("global/forwardingRules/rule")["IPAddress"]
    assert answer.arrived["x-region"] == "BE"
    assert answer.arrived["x-lb"] == f"{ip} 100%"
    assert answer.headers["strict-transport-security"] == "max-age=60"


@pytest.mark.parametrize(("scheme", "status"), [("EXTERNAL_MANAGED", 503), ("EXTERNAL", 502)])
def test_no_healthy_endpoint(door: Any, scheme: str, status: int) -> None:
    door.neg()
    door.service("bs", "neg", loadBalancingScheme=scheme)
    door.url_map()
    door.make("global/targetHttpProxies", name="proxy", urlMap="global/urlMaps/um")
    door.rule("targetHttpProxies", "proxy", 80, loadBalancingScheme=scheme)
    answer = door.fetch()
    assert answer.status == status
    if scheme == "EXTERNAL_MANAGED":
        assert answer.body == b"no healthy upstream"
    else:
        assert b"temporary error" in answer.body


def closing(handler: Any) -> bool:
    """A pod that reads a request and ends the connection without an answer."""
    handler.close_connection = True
    return True


def test_a_request_without_a_body_is_tried_again_elsewhere(door: Any) -> None:
    door.neg()
    bad, good = door.pod("bad"), door.pod("good")
    bad.hook = closing
    door.service("bs", "neg")
    door.http_door()
    assert {door.fetch("/get").pod for _ in range(4)} == {"good"}
    posts = [door.fetch("/post", method="POST", body=b"x").status for _ in range(4)]
    assert sorted(set(posts)) == [200, 503]
    puts = [door.fetch("/put", method="PUT", body=b"x").status for _ in range(4)]
    assert sorted(set(puts)) == [200, 503]
    assert {door.fetch("/put", method="PUT").status for _ in range(4)} == {200}
    assert good.seen.count("GET /get") == 4
    assert "GET /get" in bad.seen


def test_a_slow_pod_is_answered_with_504_after_the_timeout(shop: Any) -> None:
    shop.do("PATCH", "global/backendServices/bs", {"timeoutSec": 1})
    done = threading.Event()
    shop.pods[0].hook = lambda handler: done.wait(5)
    answer = shop.fetch()
    done.set()
    assert answer.status == 504


@pytest.mark.parametrize(("scheme", "status"), [("EXTERNAL_MANAGED", 431), ("EXTERNAL", 413)])
def test_too_large_headers(door: Any, scheme: str, status: int) -> None:
    door.neg()
    door.pod("one")
    door.service("bs", "neg", loadBalancingScheme=scheme)
    door.url_map()
    door.make("global/targetHttpProxies", name="proxy", urlMap="global/urlMaps/um")
    door.rule("targetHttpProxies", "proxy", 80, loadBalancingScheme=scheme)
    assert door.fetch(headers={"X-Big": "x" * 50_000}).status == 200
    assert door.fetch(headers={"X-Big": "x" * 62_000}).status == status


def test_too_large_answers(shop: Any) -> None:
    """Headers of an answer above 128 kB make it no answer."""
    size = 100_000

    def answer(handler: Any) -> bool:
        handler.send_response(200)
        handler.send_header("X-Big", "x" * size)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True

    shop.pods[0].hook = answer
    request = b"GET / HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n"
    assert raw(shop, request).startswith(b"HTTP/1.1 200 ")
    size = 140_000
    assert raw(shop, request).split(b" ")[1] in (b"502", b"503")


def test_capacity_zero_sends_nothing_and_back(door: Any) -> None:
    door.neg()
    door.neg("other")
    door.pod("one")
    door.pod("two", "other")
    door.service("bs", "neg", "other")
    door.http_door()
    assert {door.fetch().pod for _ in range(6)} == {"one", "two"}
    backends = door.backends("neg") + door.backends("other", capacityScaler=0)
    door.do("PATCH", "global/backendServices/bs", {"backends": backends})
    assert {door.fetch().pod for _ in range(6)} == {"one"}


def test_each_location_uses_its_nearest_region(door: Any) -> None:
    door.neg()
    door.neg("neg", zone="europe-west1-b")
    door.pod("us")
    door.pod("eu", "neg", "europe-west1-b")
    door.service("bs", "neg", "europe-west1-b/neg")
    door.http_door()
    assert {door.fetch(at="us-central1").pod for _ in range(5)} == {"us"}
    assert {door.fetch(at="europe-west1").pod for _ in range(5)} == {"eu"}


def test_a_region_without_health_is_left(door: Any) -> None:
    door.neg()
    door.neg("neg", zone="europe-west1-b")
    door.pod("us")
    door.pod("eu", "neg", "europe-west1-b")
    door.service("bs", "neg", "europe-west1-b/neg")
    door.http_door()
    assert door.fetch(at="us-central1").pod == "us"
    door.sim.admin("POST", "stage/endpoint", {"ip": door.ips["us"], "answer": "refused"})
    door.health("us-central1-a", "neg")
    assert door.fetch(at="us-central1").pod == "eu"


def test_what_is_not_carried_answers_501_with_its_name(shop: Any) -> None:
    shop.do("PATCH", "global/backendServices/bs", {"iap": {"enabled": True}})
    answer = shop.fetch()
    assert answer.status == 501
    assert b"backendServices/bs iap" in answer.body


def test_what_flowed_is_told(shop: Any) -> None:
    for _ in range(3):
        shop.fetch()
    rows = shop.flowed(3)
    (row,) = [one for one in rows if one["location"] == "us-central1"]
    assert (row["rule"], row["service"], row["backend"], row["outcome"], row["count"]) == (
        "rule",
        "bs",
        "us-central1-a/neg",
        "200",
        3,
    )


def raw(shop: Any, *parts: bytes, until: bytes = b"") -> bytes:
    """What comes back for bytes sent one part after the other, until the front end closes."""
    with socket.create_connection(shop.reach()["us-central1"], timeout=20) as client:
        for part in parts:
            client.sendall(part)
        said = b""
        while not (until and until in said) and (data := client.recv(65536)):
            said += data
    return said


def test_a_client_that_sends_too_slowly_is_answered_with_408(shop: Any) -> None:
    shop.do("PATCH", "global/backendServices/bs", {"timeoutSec": 1})
    head = b"POST / HTTP/1.1\r\nHost: shop.example.com\r\nContent-Length: 10\r\n\r\nabc"
    assert raw(shop, head).startswith(b"HTTP/1.1 408 ")
    (row,) = shop.flowed(1)
    assert row["outcome"] == "408 client_timed_out"


def test_an_answer_that_takes_too_long_is_cut(shop: Any) -> None:
    """The timeout counts until the last byte: headers are out already, so the body is cut."""
    shop.do("PATCH", "global/backendServices/bs", {"timeoutSec": 1})
    done = threading.Event()

    def drip(handler: Any) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"begun")
        handler.wfile.flush()
        return done.wait(5)

    shop.pods[0].hook = drip
    said = raw(shop, b"GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n")
    done.set()
    assert said.startswith(b"HTTP/1.1 200 ")
    assert said.endswith(b"begun")


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /a#b HTTP/1.1", b"400"),
        (b"GET / HTTP/1.1\r\nbad header", b"400"),
        (b"GET //double//slashes HTTP/1.1", b"200"),
    ],
)
def test_what_is_no_request(shop: Any, request_line: bytes, status: bytes) -> None:
    end = b"\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n"
    said = raw(shop, request_line + end)
    assert said.split(b" ")[1] == status
    if status == b"200":
        assert b'"path": "/double/slashes"' in said


def test_repeated_headers_and_cookies(shop: Any) -> None:
    def answer(handler: Any) -> bool:
        handler.send_response(200)
        for cookie in ("a=1", "b=2"):
            handler.send_header("Set-Cookie", cookie)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True

    shop.pods[0].hook = answer
    request = b"GET / HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n"
    said = raw(shop, request).lower()
    assert said.count(b"set-cookie:") == 2
    shop.pods[0].hook = None
    said = raw(
        shop,
        b"GET / HTTP/1.1\r\nHost: shop.example.com\r\nX-A: 1\r\nX-A: 2\r\n"
        b"Keep-Alive: timeout=5\r\nTE: trailers\r\nConnection: close\r\n\r\n",
    )
    assert b'["x-a", "1"], ["x-a", "2"]' in said
    assert b"keep-alive" not in said.lower()


def test_a_pod_that_closes_idle_connections_early_is_met_sometimes(shop: Any) -> None:
    """Pools keep connections for 600 s. A server that ends one just when the next request comes is
    a 503 for a POST; a GET is tried again, on a new connection."""

    def race(handler: Any) -> bool:
        handler.asked = getattr(handler, "asked", 0) + 1
        return handler.asked > 1 and closing(handler)

    shop.pods[0].hook = race
    connection = shop.connect()
    posts = [connection.get(method="POST", body=b"x").status for _ in range(4)]
    assert posts == [200, 503, 200, 503]
    assert [connection.get().status for _ in range(4)] == [200] * 4
    connection.close()


def test_bodies_have_no_limit(shop: Any) -> None:
    body = b"x" * 3_000_000
    answer = shop.fetch(method="POST", body=body)
    assert answer.status == 200
    assert len(answer.json["body"]) == len(body)
    answer = shop.fetch(method="PUT", body=body)
    assert len(answer.json["body"]) == len(body)


@pytest.mark.parametrize(("scheme", "status"), [("EXTERNAL_MANAGED", 400), ("EXTERNAL", 403)])
def test_upgrades_to_anything_but_web_sockets_are_refused(
    door: Any, scheme: str, status: int
) -> None:
    door.neg()
    door.pod("one")
    door.service("bs", "neg", loadBalancingScheme=scheme)
    door.url_map()
    door.make("global/targetHttpProxies", name="proxy", urlMap="global/urlMaps/um")
    door.rule("targetHttpProxies", "proxy", 80, loadBalancingScheme=scheme)
    asked = {"Upgrade": "chat/1", "Connection": "Upgrade"}
    assert door.fetch(headers=asked).status == status
    (row,) = door.flowed(1)
    assert row["outcome"] == f"{status} upgrade_header_rejected"
