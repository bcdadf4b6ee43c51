"""Every request is counted: by client, service, method and collection, in the order they came."""

import functools
import re
from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

MOST_ROWS = 5_000
LOG_LENGTH = 20_000
CLIENTS = [
    (re.compile(r"command/gcloud\.([a-z0-9.-]+)"), "gcloud"),
    (re.compile(r"\bkubectl/"), "kubectl"),
    (re.compile(r"OpenAPI-Generator|kubernetes-client"), "kubernetes-python"),
    (re.compile(r"[Tt]erraform"), "terraform"),
    (re.compile(r"\bgapic/|\bgccl/"), "google-cloud-python"),
    (re.compile(r"google-api-python-client|gdcl/"), "google-api-python-client"),
    (re.compile(r"google-api-go-client"), "google-api-go-client"),
    (re.compile(r"curl/"), "curl"),
]


@dataclass(frozen=True)
class Entry:
    """One request as it was answered."""

    number: int
    time: float
    client: str
    service: str
    method: str
    collection: str
    verb: str
    path: str
    status: int


def client_of(headers: dict[str, str]) -> str:
    """A short name of the client, from its User-Agent and x-goog-api-client."""
    return _client(headers.get("user-agent", ""), headers.get("x-goog-api-client", ""))


@functools.lru_cache(maxsize=256)
def _client(agent: str, library: str) -> str:
    said = f"{agent} {library}"
    for pattern, name in CLIENTS:
        if pattern.search(said):
            return name
    return agent.split("/")[0].split(" ")[0] or "unknown"


class CallLog:
    """Counts since the start or the last reset, and the last 20,000 requests in order."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str, str, str]] = Counter()
        self.log: deque[Entry] = deque(maxlen=LOG_LENGTH)
        self._number = 0

    def count(self, *, client: str, service: str, method: str, collection: str) -> None:
        """Count a request without a line in the log."""
        row = (client, service, collection, method)
        if row not in self.counts and len(self.counts) >= MOST_ROWS:
            row = ("others", service, "", "")  # made-up clients must not fill the memory
        self.counts[row] += 1

    def add(
        self,
        *,
        time: float,
        headers: dict[str, str],
        service: str,
        method: str,
        collection: str,
        verb: str,
        path: str,
        status: int,
    ) -> None:
        client = client_of(headers)
        self._number += 1
        self.count(client=client, service=service, method=method, collection=collection)
        self.log.append(
            Entry(self._number, time, client, service, method, collection, verb, path, status)
        )

    def reset(self) -> None:
        self.counts.clear()
        self.log.clear()

    def table(self) -> list[dict[str, Any]]:
        """Counts as rows, sorted."""
        return [
            {"client": c, "service": s, "collection": k, "method": m, "calls": n}
            for (c, s, k, m), n in sorted(self.counts.items())
        ]

    def entries(self, since: int = 0) -> list[dict[str, Any]]:
        return [asdict(entry) for entry in self.log if entry.number > since]
