"""Handshakes with real local sockets, by SNI."""

import contextlib
import datetime
import http.server
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from edgebook.base.clock import SteppedClock
from edgebook.verify import traffic

NOW = datetime.datetime.now(datetime.UTC)
PEM = serialization.Encoding.PEM


class Authority:
    """A certificate authority of this test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        self.certificate = self._sign(self.name, self.key.public_key(), [], 30, ca=True)
        self.file = folder / "ca.pem"
        self.file.write_bytes(self.certificate.public_bytes(PEM))

    def _sign(self, name, public_key, hosts, days, *, ca=False):
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - datetime.timedelta(days=1))
            .not_valid_after(NOW + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if hosts:
            names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def context(self, hosts: list[str], days: int = 20) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        certificate = self._sign(name, key.public_key(), hosts, days)
        path = self.folder / f"{hosts[0].replace('*', 'any')}.pem"
        no_password = serialization.NoEncryption()
        form = serialization.PrivateFormat.PKCS8
        path.write_bytes(key.private_bytes(PEM, form, no_password) + certificate.public_bytes(PEM))
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(path)
        return made


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        where = f"https://{self.headers['Host']}{self.path}"
        code = {"/broken": 503, "/moved": 301}.get(self.path, 200)
        self.send_response(code)
        if code == 301:
            self.send_header("Location", where)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        return None


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def web(authority: Authority) -> Iterator[int]:
    """HTTPS that chooses its certificate by SNI, as a certificate map does."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    server.daemon_threads = True
    chosen = {
        "shop.example.com": authority.context(["shop.example.com", "*.shop.example.com"]),
        "old.example.com": authority.context(["old.example.com"], days=3),
    }
    primary = authority.context(["primary.example.com"])
    primary.sni_callback = lambda sock, name, _: setattr(
        sock, "context", chosen.get(name or "", primary)
    )
    server.socket = primary.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture
def listen() -> Iterator[Callable[[Callable[[socket.socket], None]], int]]:
    """A TCP server that treats each connection with the given function."""
    opened: list[socket.socket] = []

    def start(treat: Callable[[socket.socket], None]) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        opened.append(server)

        def serve() -> None:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client:
                treat(client)

        threading.Thread(target=serve, daemon=True).start()
        return int(server.getsockname()[1])

    yield start
    for server in opened:
        server.close()


def test_handshake_for_a_name_of_the_certificate(web, authority):
    seen = traffic.handshake("127.0.0.1", web, "shop.example.com", ca_file=str(authority.file))
    assert seen.ok and "shop.example.com" in seen.names
    assert seen.expires is not None and 18 <= (seen.expires - NOW).days <= 20


def test_handshake_shows_another_certificate(web, authority):
    seen = traffic.handshake("127.0.0.1", web, "other.example.com", ca_file=str(authority.file))
    assert not seen.ok and "not accepted" in seen.words


def test_handshake_of_an_unknown_authority(web):
    seen = traffic.handshake("127.0.0.1", web, "shop.example.com")
    assert not seen.ok and "not accepted" in seen.words


def test_handshake_that_nobody_answers(listen):
    port = listen(lambda client: None)
    seen = traffic.handshake("127.0.0.1", port, "shop.example.com")
    assert not seen.ok
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    assert "no connection" in traffic.handshake("127.0.0.1", port, "a.example.com").words


def test_a_handshake_is_tried_until_it_is_good(authority):
    """A certificate map takes its time to be everywhere: the first refusal says little."""
    clock = SteppedClock()
    made = authority.context(["late.example.com"])
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]

    def serve() -> None:
        server.accept()[0].close()  # the first is refused
        client, _ = server.accept()
        with contextlib.suppress(OSError), made.wrap_socket(client, server_side=True) as secured:
            secured.recv(1)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    seen = traffic.handshake_in_time(
        "127.0.0.1", port, "late.example.com", clock, ca_file=str(authority.file), patience=10
    )
    thread.join()
    server.close()
    assert seen.ok and "late.example.com" in seen.names


def test_a_handshake_is_not_tried_for_ever():
    clock = SteppedClock()
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    seen = traffic.handshake_in_time("127.0.0.1", port, "a.example.com", clock, patience=5)
    assert not seen.ok
    assert clock.monotonic() == pytest.approx(5)
