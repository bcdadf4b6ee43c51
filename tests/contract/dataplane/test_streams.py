"""SSL and TCP front ends (facts: traffic.md 2, 4 to 6, 10, 13 and 15)."""

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.dataplane.doors import pair, unverified


class EchoServer(socketserver.ThreadingTCPServer):
    """Says what the first line was, then echoes; over TLS when it has a context."""

    daemon_threads = True
    context: ssl.SSLContext | None = None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class EchoHandler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, EchoServer)
        if server.context is None:
            echo_all(self.request)
            return
        with server.context.wrap_socket(self.request, server_side=True) as inner:
            echo_all(inner)


def echo_all(inner: socket.socket) -> None:
    while data := inner.recv(4096):
        inner.sendall(b"echo " + data)


@pytest.fixture
def echo(tmp_path: Any) -> Iterator[EchoServer]:
    server = EchoServer(("127.0.0.1", 0), EchoHandler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def stream_service(door: Any, echo: EchoServer, protocol: str, **more: Any) -> None:
    door.neg()
    where = f"127.0.0.1:{echo.server_address[1]}"
    door.endpoint(door.next_ip(), 9000, where, "neg", "us-central1-a", "echo")
    backends = door.backends("neg")
    for backend in backends:
        backend.pop("maxRatePerEndpoint")
        backend |= {"balancingMode": "CONNECTION", "maxConnectionsPerEndpoint": 1000}
    door.service("bs", protocol=protocol, backends=backends, **more)


def tcp_door(door: Any, **proxy: Any) -> None:
    service = "global/backendServices/bs"
    door.make("global/targetTcpProxies", name="proxy", service=service, **proxy)
    door.rule("targetTcpProxies", "proxy", 5000)


def ssl_door(door: Any, **proxy: Any) -> None:
    found = door.certificate_map(iot_example_com=door.certificate("c", "iot.example.com"))
    door.make(
        "global/targetSslProxies",
        name="proxy",
        service="global/backendServices/bs",
        certificateMap=found,
        **proxy,
    )
    door.rule("targetSslProxies", "proxy", 8883)


def test_tcp(door: Any, echo: EchoServer) -> None:
    stream_service(door, echo, "TCP")
    tcp_door(door)
    with socket.create_connection(door.reach()["europe-west1"], timeout=10) as client:
        for text in (b"one", b"two"):
            client.sendall(text)
            assert client.recv(100) == b"echo " + text
    (row,) = door.flowed(1)
    assert (row["location"], row["service"], row["outcome"]) == (
        "europe-west1",
        "bs",
        "connection",
    )


def test_a_proxy_line_says_who_the_client_is(door: Any, echo: EchoServer) -> None:
    stream_service(door, echo, "TCP")
    tcp_door(door, proxyHeader="PROXY_V1")
    with socket.create_connection(door.reach()["us-central1"], timeout=10) as client:
        client.sendall(b"hello")
        said = b""
        while not said.endswith(b"hello"):
            said += client.recv(200)
    assert said.startswith(b"echo PROXY TCP4 ")
    assert said.count(b"\r\n") == 1


def test_an_idle_stream_is_cut(door: Any, echo: EchoServer) -> None:
    stream_service(door, echo, "TCP", timeoutSec=1)
    tcp_door(door)
    with socket.create_connection(door.reach()["us-central1"], timeout=10) as client:
        client.sendall(b"one")
        assert client.recv(100) == b"echo one"
        assert client.recv(100) == b""


def test_without_a_healthy_endpoint_connections_are_closed(door: Any) -> None:
    door.neg()
    backends = [
        {
            "group": door.link("zones/us-central1-a/networkEndpointGroups/neg"),
            "balancingMode": "CONNECTION",
            "maxConnectionsPerEndpoint": 10,
        }
    ]
    door.service("bs", protocol="TCP", backends=backends)
    tcp_door(door)
    with socket.create_connection(door.reach()["us-central1"], timeout=10) as client:
        assert client.recv(100) == b""
    (row,) = door.flowed(1)
    assert "failed_to_pick_backend" in row["outcome"]


def test_ssl_ends_tls_before_it_looks_for_a_backend(door: Any) -> None:
    door.neg()
    backends = [
        {
            "group": door.link("zones/us-central1-a/networkEndpointGroups/neg"),
            "balancingMode": "CONNECTION",
            "maxConnectionsPerEndpoint": 10,
        }
    ]
    door.service("bs", protocol="TCP", backends=backends)
    ssl_door(door)
    names, _ = door.handshake("iot.example.com")
    assert names == ["iot.example.com"]


@pytest.mark.parametrize("protocol", ["TCP", "SSL"])
def test_ssl(door: Any, echo: EchoServer, protocol: str, tmp_path: Any) -> None:
    if protocol == "SSL":
        certificate, key = pair("pod.invalid")
        pem = tmp_path / "pod.pem"
        pem.write_text(certificate + key)
        echo.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        echo.context.load_cert_chain(pem)
    stream_service(door, echo, protocol)
    ssl_door(door)
    with (
        socket.create_connection(door.reach()["us-central1"], timeout=10) as plain,
        unverified().wrap_socket(plain, server_hostname="iot.example.com") as client,
    ):
        client.sendall(b"hello")
        assert client.recv(100) == b"echo hello"


def test_streams_outlive_the_removal_of_their_group(door: Any, echo: EchoServer) -> None:
    """Detached: no new connections, but the load balancer itself ends no stream."""
    stream_service(door, echo, "TCP")
    tcp_door(door)
    address = door.reach()["us-central1"]
    with socket.create_connection(address, timeout=10) as client:
        client.sendall(b"one")
        assert client.recv(100) == b"echo one"
        door.do("PATCH", "global/backendServices/bs", {"backends": []})
        door.reach()
        with socket.create_connection(address, timeout=10) as late:
            assert late.recv(100) == b""
        client.sendall(b"two")
        assert client.recv(100) == b"echo two"


def armed(door: Any, *rules: dict[str, Any]) -> None:
    """A security policy on the service `bs`."""
    listed = [{"priority": number, **rule} for number, rule in enumerate(rules, 1)]
    door.make("global/securityPolicies", name="armor", rules=listed)
    link = door.link("global/securityPolicies/armor")
    door.do("POST", "global/backendServices/bs/setSecurityPolicy", {"securityPolicy": link})


def by_addresses(action: str, *ranges: str) -> dict[str, Any]:
    match = {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": list(ranges)}}
    return {"action": action, "match": match}


def said(door: Any, text: bytes) -> bytes:
    """What a stream that says something hears; empty when it is closed."""
    with socket.create_connection(door.reach()["us-central1"], timeout=10) as client:
        client.sendall(text)
        try:
            return client.recv(100)
        except ConnectionResetError:
            return b""


def test_cloud_armor_decides_when_a_stream_begins(door: Any, echo: EchoServer) -> None:
    stream_service(door, echo, "TCP")
    tcp_door(door)
    armed(door, by_addresses("allow", "203.0.113.0/24"), by_addresses("deny(403)", "*"))
    assert said(door, b"one") == b""
    (row,) = door.flowed(1)
    assert "denied_by_security_policy" in row["outcome"]
    allow = {"priority": 2, **by_addresses("allow", "127.0.0.0/8")}
    door.do("POST", "global/securityPolicies/armor/patchRule", allow, priority="2")
    assert said(door, b"two") == b"echo two"


def test_an_expression_before_a_stream_is_not_served_and_named(door: Any, echo: EchoServer) -> None:
    stream_service(door, echo, "TCP")
    tcp_door(door)
    match = {"expr": {"expression": "request.path == '/'"}}
    armed(door, {"action": "deny(403)", "match": match})
    assert door.reach() == {}
    whys = [one["why"] for one in door.sim.admin("GET", "traffic")["refused"]]
    assert any("securityPolicies/armor rule 1 expression before a stream" in why for why in whys)


def test_streams_of_an_endpoint_that_turns_unhealthy_go_on(door: Any, echo: EchoServer) -> None:
    """Unhealthy: no new connections; existing ones are not cut by the load balancer."""
    stream_service(door, echo, "TCP")
    tcp_door(door)
    (ip,) = door.health("us-central1-a", "neg")
    with socket.create_connection(door.reach()["us-central1"], timeout=10) as client:
        client.sendall(b"one")
        assert client.recv(100) == b"echo one"
        door.sim.admin("POST", "stage/endpoint", {"ip": ip, "answer": "refused"})
        assert door.health("us-central1-a", "neg") == {ip: "UNHEALTHY"}
        assert said(door, b"new") == b""
        client.sendall(b"two")
        assert client.recv(100) == b"echo two"


def test_streams_stay_when_the_capacity_of_their_group_is_0(door: Any, echo: EchoServer) -> None:
    """capacityScaler 0: no new connections; existing ones continue, without a timer."""
    stream_service(door, echo, "TCP")
    tcp_door(door)
    door.neg("other")
    door.pod("http", "other")
    (old,) = door.get("global/backendServices/bs")["backends"]
    new = {**old, "group": old["group"].replace("/neg", "/other")}
    with socket.create_connection(door.reach()["us-central1"], timeout=10) as client:
        client.sendall(b"one")
        assert client.recv(100) == b"echo one"
        drained = [{**old, "capacityScaler": 0}, new]
        door.do("PATCH", "global/backendServices/bs", {"backends": drained})
        assert said(door, b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200")
        client.sendall(b"two")
        assert client.recv(100) == b"echo two"


def test_streams_of_one_client_stay_together_when_asked_for(door: Any) -> None:
    door.neg()
    for name in ("one", "two", "three"):
        door.pod(name)
    backends = [
        {**one, "balancingMode": "CONNECTION", "maxConnectionsPerEndpoint": 100}
        for one in door.backends("neg")
    ]
    for backend in backends:
        del backend["maxRatePerEndpoint"]
    door.service("bs", protocol="TCP", backends=backends, sessionAffinity="CLIENT_IP")
    tcp_door(door)
    assert len({door.fetch().pod for _ in range(6)}) == 1
    door.do("PATCH", "global/backendServices/bs", {"sessionAffinity": "NONE"})
    assert len({door.fetch().pod for _ in range(24)}) > 1
