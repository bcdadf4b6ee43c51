"""SSL and TCP front ends (facts: traffic.md 6, 10 and 15)."""

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
