"""One TLS handshake with the front door, for what the certificate says; the rest is the meter's.

A plain socket to a given address, so that a name is tested before DNS leads to it. It answers a
Probe and judges nothing.
"""

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from edgebook.base.clock import Clock

PATIENCE = 10.0
PAUSE = 0.5


@dataclass(frozen=True)
class Probe:
    """What happened: `ok`, the words for it, and what was seen."""

    ok: bool
    words: str
    names: tuple[str, ...] = ()
    expires: datetime | None = None


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


def handshake_in_time(
    address: str, port: int, name: str, clock: Clock, *, ca_file: str = "", patience: float
) -> Probe:
    """The last of several handshakes: the first good one ends it, or `patience` (seconds here).

    A certificate map takes its time to be everywhere, so the first refusal says little.
    """
    ends = clock.monotonic() + patience
    while True:
        seen = handshake(address, port, name, ca_file=ca_file)
        if seen.ok or clock.monotonic() >= ends:
            return seen
        clock.wait(PAUSE * (clock.rate or 1.0))


def _words(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
