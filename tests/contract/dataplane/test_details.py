"""statusDetails of what goes wrong, one entry a request, and custom headers' variables
(facts: traffic.md 7 to 9)."""

import socket
import struct
import threading
from typing import Any

import pytest

from tests.contract.dataplane.test_logs import entries

CLOSED = "backend_connection_closed_before_data_sent_to_client"


def closing(handler: Any) -> bool:
    handler.close_connection = True
    return True


def stop_listening(shop: Any) -> None:
    shop.pods[0].socket.close()


def reset(handler: Any) -> bool:
    """A pod that dies: the connection is reset."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return closing(handler)


def corrupt(handler: Any) -> bool:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx")
    return closing(handler)


def hook(answer: Any) -> Any:
    return lambda shop: setattr(shop.pods[0], "hook", answer)


def unhealthy(shop: Any) -> None:
    shop.sim.admin("POST", "stage/endpoint", {"ip": shop.ips["one"], "answer": "refused"})
    shop.health("us-central1-a", "neg")
    shop.reach()


@pytest.mark.parametrize(
    ("staged", "status", "details"),
    [
        (hook(closing), 503, CLOSED),
        (hook(reset), 503, CLOSED),
        (hook(corrupt), 502, "backend_response_corrupted"),
        (stop_listening, 503, "failed_to_connect_to_backend"),
        (unhealthy, 503, "failed_to_pick_backend"),
    ],
)
def test_trouble_with_backends(shop: Any, staged: Any, status: int, details: str) -> None:
    """EXTERNAL_MANAGED says 503 for backends that are not there, 502 for nonsense of theirs."""
    staged(shop)
    assert shop.fetch(method="POST", body=b"x").status == status
    (row,) = shop.flowed(1)
    assert row["outcome"] == f"{status} {details}"


def test_a_client_that_leaves_has_status_0(shop: Any) -> None:
    done = threading.Event()
    shop.pods[0].hook = lambda handler: done.wait(10)
    with socket.create_connection(shop.reach()["us-central1"], timeout=10) as client:
        client.sendall(b"GET /left HTTP/1.1\r\nHost: shop.example.com\r\n\r\n")
        shop.pods[0].wait_for("GET /left")
    (row,) = shop.flowed(1)
    done.set()
    assert row["outcome"] == "0 client_disconnected_before_any_response"


def test_a_request_that_was_tried_twice_is_one_entry(door: Any) -> None:
    door.neg()
    bad, good = door.pod("bad"), door.pod("good")
    bad.hook = closing
    door.service("bs", "neg", logConfig={"enable": True})
    door.http_door()
    assert [door.fetch(f"/{number}").pod for number in range(4)] == ["good"] * 4
    assert len(bad.seen) > 0
    found = entries(door, "requests", 4)
    assert [one["httpRequest"]["status"] for one in found] == [200] * 4
    assert {one["httpRequest"]["serverIp"] for one in found} == {door.ips["good"]}
    assert len(good.seen) == 4


def test_the_classic_scheme_tries_only_get_again_and_says_502(door: Any) -> None:
    door.neg()
    bad, _ = door.pod("bad"), door.pod("good")
    bad.hook = closing
    door.service("bs", "neg", loadBalancingScheme="EXTERNAL")
    door.url_map()
    door.make("global/targetHttpProxies", name="proxy", urlMap="global/urlMaps/um")
    door.rule("targetHttpProxies", "proxy", 80, loadBalancingScheme="EXTERNAL")
    assert {door.fetch().status for _ in range(4)} == {200}
    assert {door.fetch(method="PUT").status for _ in range(4)} == {200, 502}
    door.do("PATCH", "global/backendServices/bs", {"timeoutSec": 1})
    done = threading.Event()
    for pod in door.pods:
        pod.hook = lambda handler: done.wait(10)
    assert door.fetch(method="POST").status == 502, "504 is the other scheme's"
    done.set()


VARIABLES = {
    "client_encrypted": "true",
    "client_ip_address": "127.",
    "client_port": "",
    "client_protocol": "HTTP/1.1",
    "origin_request_header": "https://app.example.com",
    "server_port": "443",
    "tls_cipher_suite": "TLS_AES_",
    "tls_sni_hostname": "shop.example.com",
    "tls_version": "TLSv1.3",
}


def test_variables_of_custom_headers(door: Any) -> None:
    """What is not known is empty, and `{{` is a brace."""
    door.neg()
    door.pod("one")
    lines = [f"X-{name.replace('_', '-')}:{{{name}}}" for name in VARIABLES]
    more = ["X-City:in {client_city}!", "X-Brace:{{x}"]
    door.service("bs", "neg", customRequestHeaders=[*lines, *more])
    door.https_door(door.certificate_map(PRIMARY=door.certificate("c", "shop.example.com")))
    arrived = door.fetch(tls=True, headers={"Origin": "https://app.example.com"}).arrived
    for name, start in VARIABLES.items():
        value = arrived[f"x-{name.replace('_', '-')}"]
        assert value.startswith(start) and value, name
    assert (arrived["x-city"], arrived["x-brace"]) == ("in !", "{x}")
