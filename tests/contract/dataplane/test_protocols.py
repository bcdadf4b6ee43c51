"""HTTP/2, gRPC, WebSocket and HTTP/3 through the front ends (facts: traffic.md 6 and 10)."""

import http.client
import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import h2.config
import h2.connection
import h2.events
import pytest
from gcpsim.dataplane.envoy import process
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.sync.server import serve

from tests.contract.dataplane.doors import pair, unverified


@pytest.fixture
def shop_tls(door: Any) -> Any:
    door.neg()
    door.pod("one")
    door.service("bs", "neg")
    door.https_door(door.certificate_map(PRIMARY=door.certificate("c", "shop.example.com")))
    return door


def over_http2(address: tuple[str, int], path: str) -> tuple[dict[str, str], bytes]:
    """(headers, body) of one request over HTTP/2 with TLS."""
    context = unverified()
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(address, timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="shop.example.com") as tls,
    ):
        assert tls.selected_alpn_protocol() == "h2"
        client = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        client.initiate_connection()
        head = [
            (":method", "GET"),
            (":path", path),
            (":scheme", "https"),
            (":authority", "shop.example.com"),
        ]
        client.send_headers(1, head, end_stream=True)
        tls.sendall(client.data_to_send())
        headers: dict[str, str] = {}
        body = b""
        while True:
            for event in client.receive_data(tls.recv(65536)):
                if isinstance(event, h2.events.ResponseReceived):
                    headers = {str(name): str(value) for name, value in event.headers}
                elif isinstance(event, h2.events.DataReceived):
                    body += event.data
                elif isinstance(event, h2.events.StreamEnded):
                    return headers, body
            tls.sendall(client.data_to_send())


def test_http2_to_clients(shop_tls: Any) -> None:
    headers, body = over_http2(shop_tls.reach()["us-central1"], "/two")
    assert headers[":status"] == "200"
    assert b'"path": "/two"' in body


def test_http3_is_offered_unless_it_is_disabled(shop_tls: Any) -> None:
    headers, _ = over_http2(shop_tls.reach()["us-central1"], "/")
    assert headers["alt-svc"] == 'h3=":443"; ma=2592000,h3-29=":443"; ma=2592000'
    shop_tls.do(
        "POST", "global/targetHttpsProxies/proxy/setQuicOverride", {"quicOverride": "DISABLE"}
    )
    headers, _ = over_http2(shop_tls.reach()["us-central1"], "/")
    assert "alt-svc" not in headers


@pytest.fixture(params=["H2C", "HTTP2"])
def greeter(request: Any) -> Iterator[tuple[str, int]]:
    """The protocol of a backend service, and the port of a gRPC server that speaks it (HTTP2 is
    with TLS); its one method says what came."""

    def method(request: bytes, context: Any) -> bytes:
        if request == b"fail":
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "as asked")
        return b"hello " + request

    handler = grpc.method_handlers_generic_handler(
        "Greeter", {"Hello": grpc.unary_unary_rpc_method_handler(method)}
    )
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((handler,))
    if request.param == "HTTP2":
        certificate, key = (text.encode() for text in pair("pod.invalid"))
        credentials = grpc.ssl_server_credentials([(key, certificate)])
        port = server.add_secure_port("127.0.0.1:0", credentials)
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield request.param, port
    server.stop(None).wait()


def test_grpc(door: Any, greeter: tuple[str, int]) -> None:
    protocol, server = greeter
    door.neg()
    ip = door.next_ip()
    door.endpoint(ip, 50051, f"127.0.0.1:{server}", "neg", "us-central1-a", "greeter")
    door.service("bs", "neg", protocol=protocol)
    certificate, key = door.pair("grpc.example.com")
    body = {"selfManaged": {"pemCertificate": certificate, "pemPrivateKey": key}}
    made = door._certificates("certificates", "certificateId", "c", body)
    door.https_door(door.certificate_map(PRIMARY=made))
    host, port = door.reach()["us-central1"]
    options = [("grpc.ssl_target_name_override", "grpc.example.com")]
    credentials = grpc.ssl_channel_credentials(certificate.encode())
    with grpc.secure_channel(f"{host}:{port}", credentials, options) as channel:
        hello = channel.unary_unary("/Greeter/Hello")
        assert hello(b"you", timeout=10) == b"hello you"
        with pytest.raises(grpc.RpcError) as caught:
            hello(b"fail", timeout=10)
        assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    rows = door.flowed(2)
    assert {row["outcome"] for row in rows} == {"200"}  # gRPC errors are HTTP 200


@pytest.fixture
def socket_server() -> Iterator[int]:
    def echo(connection: Any) -> None:
        for message in connection:
            connection.send(f"echo {message}")

    with serve(echo, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.socket.getsockname()[1]
        server.shutdown()


def web_socket(door: Any, port: int, **service: Any) -> str:
    door.neg()
    door.endpoint(door.next_ip(), 80, f"127.0.0.1:{port}", "neg", "us-central1-a", "ws")
    door.service("bs", "neg", **service)
    door.http_door()
    host, at = door.reach()["us-central1"]
    return f"ws://{host}:{at}/"


def test_web_sockets_outlive_the_timeout_while_active(door: Any, socket_server: int) -> None:
    with connect(web_socket(door, socket_server, timeoutSec=1)) as client:
        for number in range(8):
            client.send(str(number))
            assert client.recv(timeout=10) == f"echo {number}"
            threading.Event().wait(0.2)


def test_idle_web_sockets_end(door: Any, socket_server: int) -> None:
    url = web_socket(door, socket_server, timeoutSec=1)
    with connect(url, ping_interval=None) as client:
        client.send("one")
        assert client.recv(timeout=10) == "echo one"
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=10)


def test_a_refused_handshake_is_passed_on(shop: Any) -> None:
    host, port = shop.reach()["us-central1"]
    with pytest.raises(InvalidStatus) as caught, connect(f"ws://{host}:{port}/"):
        pass
    assert caught.value.response.status_code == 200


def test_tls_to_pods_takes_any_certificate(door: Any, tmp_path: Any) -> None:
    certificate, key = door.pair("pod.invalid")
    pem = tmp_path / "pod.pem"
    pem.write_text(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    names: list[str | None] = []
    context.sni_callback = lambda connection, name, inner: names.append(name)
    door.neg()
    pod = door.pod("tls")
    pod.socket = context.wrap_socket(pod.socket, server_side=True)
    door.service("bs", "neg", protocol="HTTPS")
    door.http_door()
    assert door.fetch().pod == "tls"
    assert set(names) == {None}, "no server name is sent to pods"


@pytest.mark.parametrize(("protocol", "status"), [("H2C", 502), ("HTTP2", 503), ("HTTPS", 503)])
def test_protocols_to_pods_do_not_fall_back(door: Any, protocol: str, status: int) -> None:
    """The pod speaks HTTP/1.1 without TLS, and nothing else: garbage is 502, no handshake 503."""
    door.neg()
    door.pod("plain")
    door.service("bs", "neg", protocol=protocol)
    door.http_door()
    assert door.fetch().status == status
    door.do("PATCH", "global/backendServices/bs", {"protocol": "HTTP"})
    assert door.fetch().pod == "plain"


def over_http3(tmp_path: Any, address: tuple[str, int], authority: str, host: str) -> Any:
    """One request over HTTP/3: an Envoy of our own turns it from HTTP/1.1."""
    program = process.binary()
    assert program
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "client.json"
    config.write_text(json.dumps(http3_client(port, address, authority, host)))
    command = [program, "-c", str(config), "--concurrency", "1", "--disable-hot-restart"]
    log = tmp_path / "client.log"
    client = subprocess.Popen([*command, "-l", "warn", "--log-path", str(log)])
    try:
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            try:
                connection.request("GET", "/three", headers={"Host": host})
                answer = connection.getresponse()
                return answer.status, json.loads(answer.read())
            except ConnectionRefusedError:
                assert client.poll() is None, log.read_text()
            finally:
                connection.close()
    finally:
        client.terminate()
        client.wait()


def http3_client(port: int, address: tuple[str, int], authority: str, host: str) -> Any:
    base = "type.googleapis.com/envoy.extensions."
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    tls = {
        "sni": host,
        "common_tls_context": {"validation_context": {"trusted_ca": {"inline_string": authority}}},
    }
    quic = base + "transport_sockets.quic.v3.QuicUpstreamTransport"
    cluster = {
        "name": "front",
        "type": "STATIC",
        "typed_extension_protocol_options": {
            options: {
                "@type": f"type.googleapis.com/{options}",
                "explicit_http_config": {"http3_protocol_options": {}},
            }
        },
        "transport_socket": {
            "name": "envoy.transport_sockets.quic",
            "typed_config": {"@type": quic, "upstream_tls_context": tls},
        },
        "load_assignment": {
            "cluster_name": "front",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": at(*address)}}]}],
        },
    }
    manager = {
        "@type": base + "filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "client",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "front"}}],
                }
            ]
        },
        "http_filters": [
            {
                "name": "router",
                "typed_config": {"@type": base + "filters.http.router.v3.Router"},
            }
        ],
    }
    listener = {
        "name": "in",
        "address": at("127.0.0.1", port),
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    return {"static_resources": {"clusters": [cluster], "listeners": [listener]}}


def at(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def test_http3(door: Any, tmp_path: Any) -> None:
    door.neg()
    door.pod("one")
    door.service("bs", "neg")
    certificate, key = door.pair("shop.example.com")
    body = {"selfManaged": {"pemCertificate": certificate, "pemPrivateKey": key}}
    made = door._certificates("certificates", "certificateId", "c", body)
    door.https_door(door.certificate_map(shop_example_com=made))
    address = door.reach()["us-central1"]
    status, answer = over_http3(tmp_path, address, certificate, "shop.example.com")
    assert (status, answer["pod"], answer["path"]) == (200, "one", "/three")
    arrived = dict(answer["headers"])
    assert arrived["x-forwarded-proto"] == "https"
