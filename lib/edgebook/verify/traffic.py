"""Real connections to the front door: TLS per name, HTTP answers, TCP echo.

Plain sockets to a given address, so that a name is tested before DNS leads to it. Each function
makes one connection and answers a Probe; none of them judges.
"""

import http.client
import socket
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

PATIENCE = 10.0


@dataclass(frozen=True)
class Probe:
    """What happened: `ok`, the words for it, and what was seen."""

    ok: bool
    words: str
    names: tuple[str, ...] = ()
    expires: datetime | None = None
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)


def context(ca_file: str = "") -> ssl.SSLContext:
    """Verifies as browsers do; with a CA file, that one is trusted instead of the system's."""
    made = ssl.create_default_context(cafile=ca_file or None)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def handshake(
    address: str, port: int, name: str, *, ca_file: str = "", patience: float = PATIENCE
) -> Probe:
    """A TLS handshake with `name` as SNI; ok when the certificate is valid for the name."""
    try:
        with (
            socket.create_connection((address, port), timeout=patience) as plain,
            context(ca_file).wrap_socket(plain, server_hostname=name) as secured,
        ):
            shown = secured.getpeercert() or {}
            version = secured.version() or ""
    except ssl.SSLCertVerificationError as error:
        return Probe(False, f"certificate not accepted: {error.verify_message}")
    except (ssl.SSLError, ConnectionResetError) as error:
        return Probe(False, f"handshake refused: {_words(error)}")
    except OSError as error:
        return Probe(False, f"no connection: {_words(error)}")
    entries: Any = shown.get("subjectAltName", ())
    names = tuple(str(entry[1]) for entry in entries if entry[0] == "DNS")
    until = ssl.cert_time_to_seconds(str(shown["notAfter"])) if "notAfter" in shown else None
    expires = datetime.fromtimestamp(until, UTC) if until else None
    return Probe(True, f"{version}, valid for {', '.join(sorted(names))}", names, expires)


class _Pinned(http.client.HTTPSConnection):
    """HTTPS to an address, with another name in SNI and Host."""

    def __init__(self, address: str, port: int, name: str, ca_file: str, patience: float) -> None:
        self._trust = context(ca_file)
        self._pinned = address
        super().__init__(name, port, timeout=patience, context=self._trust)

    def connect(self) -> None:
        plain = socket.create_connection((self._pinned, self.port), self.timeout)
        self.sock = self._trust.wrap_socket(plain, server_hostname=self.host)


def request(
    address: str,
    port: int,
    name: str,
    path: str = "/",
    *,
    tls: bool = True,
    ca_file: str = "",
    patience: float = PATIENCE,
) -> Probe:
    """One GET for `name`; ok when there is an answer below 500."""
    connection: http.client.HTTPConnection
    if tls:
        connection = _Pinned(address, port, name, ca_file, patience)
    else:
        connection = http.client.HTTPConnection(address, port, timeout=patience)
    try:
        connection.request("GET", path, headers={"Host": name, "User-Agent": "edgebook"})
        answer = connection.getresponse()
        answer.read(1 << 16)
    except (OSError, http.client.HTTPException) as error:
        return Probe(False, f"no answer: {_words(error)}")
    finally:
        connection.close()
    headers = {key.lower(): value for key, value in answer.getheaders()}
    words = f"HTTP {answer.status}"
    if location := headers.get("location"):
        words += f" to {location}"
    return Probe(answer.status < 500, words, status=answer.status, headers=headers)


def echo(
    address: str,
    port: int,
    payload: bytes = b"edgebook\n",
    *,
    tls_name: str = "",
    ca_file: str = "",
    patience: float = PATIENCE,
) -> Probe:
    """Connect and send; ok when the connection stands. Says whether the bytes came back."""
    try:
        with socket.create_connection((address, port), timeout=patience) as plain:
            plain.settimeout(patience)
            if tls_name:
                with context(ca_file).wrap_socket(plain, server_hostname=tls_name) as secured:
                    return _echoed(secured, payload)
            return _echoed(plain, payload)
    except OSError as error:
        return Probe(False, f"no connection: {_words(error)}")


def _echoed(connection: socket.socket, payload: bytes) -> Probe:
    """Proxies accept a connection before they have a backend: a reset right after is a failure."""
    connection.settimeout(2.0)
    try:
        connection.sendall(payload)
        back = connection.recv(len(payload))
    except TimeoutError:
        return Probe(True, "connected, the backend waits for more")
    except OSError as error:
        return Probe(False, f"connected, then cut: {_words(error)}")
    if not back:
        return Probe(False, "connected, then closed without an answer")
    return Probe(True, "echoed" if payload.startswith(back) else f"answered {len(back)} bytes")


def _words(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
