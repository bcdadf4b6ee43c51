"""Whether a name answers the same through two addresses: status, body where stable, certificate.

Asked before a cut-over, through every location that leads to both. A body counts as stable when
the old side answers it twice the same.
"""

import hashlib
import socket
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http.client import HTTPException, HTTPSConnection

from edgebook.cloud.connect import Connection
from edgebook.cloud.reach import Way
from edgebook.model.values import CheckResult, CheckState
from edgebook.verify.traffic import context

MOST = 1 << 20
PATIENCE = 10.0  # seconds


class Pinned(HTTPSConnection):
    """HTTPS to an address, with another name in SNI and Host; without `trust` any certificate."""

    def __init__(self, way: Way, name: str, ca_file: str, *, trust: bool) -> None:
        self._trust = context(ca_file)
        if not trust:
            self._trust.check_hostname = False
            self._trust.verify_mode = ssl.CERT_NONE
        self._way = way
        super().__init__(name, way.port, timeout=PATIENCE, context=self._trust)

    def connect(self) -> None:
        plain = socket.create_connection((self._way.host, self._way.port), self.timeout)
        self.sock = self._trust.wrap_socket(plain, server_hostname=self.host)


@dataclass(frozen=True)
class Answer:
    """What one request came to."""

    status: int = 0
    digest: str = ""
    location: str = ""
    trouble: str = ""

    def __str__(self) -> str:
        where = f" to {self.location}" if self.location else ""
        return self.trouble or f"HTTP {self.status}{where}"


def compare(
    connection: Connection, old: str, new: str, asked: Iterable[tuple[str, str]]
) -> list[CheckResult]:
    """One result per (name, path): ok, failed, or uncertain where nothing can be reached."""
    return [result for name, path in asked for result in _compare(connection, old, new, name, path)]


def _compare(
    connection: Connection, old: str, new: str, name: str, path: str
) -> Iterator[CheckResult]:
    subject = f"{name}{path}"
    check = "answers the same through both addresses"
    before, after = connection.reach(old, 443), connection.reach(new, 443)
    if not before or not after:
        why = connection.no_data_plane or f"{old if not before else new} is not reached from here"
        yield CheckResult(CheckState.UNCERTAIN, check, subject, why)
        return
    wanted, again = (_get(before[0], name, path, trust=False, ca="") for _ in range(2))
    for way in after:
        seen = _get(way, name, path, trust=True, ca=connection.ca_file)
        where = f"{subject} from {way.location}" if way.location else subject
        stable = wanted.digest == again.digest
        same = (wanted.status, wanted.location) == (seen.status, seen.location) and not seen.trouble
        if same and (not stable or wanted.digest == seen.digest):
            words = str(seen) if stable else f"{seen}, bodies differ from request to request"
            yield CheckResult(CheckState.OK, check, where, words)
            continue
        why = f"old {wanted}, new {seen}" if not same else f"both {seen}, but other bodies"
        remedy = "make the new side answer the same, or leave the path out of `checks`"
        yield CheckResult(CheckState.FAILED, check, where, why, remedy)


def _get(way: Way, name: str, path: str, *, trust: bool, ca: str) -> Answer:
    """One GET; the old side's certificate is not judged (it may be from another authority)."""
    connection = Pinned(way, name, ca, trust=trust)
    try:
        connection.request("GET", path, headers={"Host": name, "User-Agent": "edgebook"})
        answer = connection.getresponse()
        body = answer.read(MOST)
    except ssl.SSLCertVerificationError as error:
        return Answer(trouble=f"certificate not accepted: {error.verify_message}")
    except (OSError, HTTPException) as error:
        return Answer(trouble=f"no answer: {error or type(error).__name__}")
    finally:
        connection.close()
    digest = hashlib.sha256(body).hexdigest()
    return Answer(answer.status, digest, answer.getheader("Location") or "")
