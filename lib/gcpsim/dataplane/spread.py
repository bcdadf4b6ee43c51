"""When each location learns a change: an operation that is DONE is not yet everywhere.

Every location keeps the documents that it knows. A change reaches it after a delay of its own,
drawn for each change on the simulated clock; changes of one resource arrive in their order. It
reads no URL map.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gcpsim.core.durations import DURATIONS
from gcpsim.core.paths import collection_of
from gcpsim.dataplane.routes.documents import Documents

if TYPE_CHECKING:
    from gcpsim.certs.service import CertificateManager
    from gcpsim.compute.engine.service import Compute
    from gcpsim.core.world import World

Doc = dict[str, Any]
CERTIFICATES = ("certs/certificateMapEntries", "certs/certificates")
ENDPOINTS = "compute/endpoints"
POLICIES = "networkservices/serviceLbPolicies"
COLLECTIONS = (
    "backendBuckets", "backendServices", "forwardingRules", "healthChecks", "networkEndpointGroups",
    "securityPolicies", "sslCertificates", "sslPolicies", "targetHttpProxies", "targetHttpsProxies",
    "targetSslProxies", "targetTcpProxies", "urlMaps",
)  # fmt: skip
TABLES = (*CERTIFICATES, ENDPOINTS, POLICIES, *(f"compute/{name}" for name in COLLECTIONS))
KEYS = "compute/certificateKeys"
HISTORY = 5000  # changes that are remembered


@dataclass
class Location:
    """What one location knows, and how much later than others it learns (`extra` seconds)."""

    name: str
    documents: Documents
    draw: random.Random
    extra: float = 0.0
    down: bool = False
    due: dict[tuple[str, str], float] = field(default_factory=dict)


@dataclass(frozen=True)
class News:
    """A document as it began to spread (None: it is gone); `serves`: it has a key to serve with."""

    number: int
    at: float
    table: str
    key: str
    doc: Doc | None
    serves: bool

    def to_json(self) -> dict[str, Any]:
        least, most = spreads_in(self.table)
        return {
            "number": self.number, "at": self.at, "table": self.table, "key": self.key,
            "doc": self.doc, "serves": self.serves, "least": least, "most": most,
        }  # fmt: skip


class Spread:
    """Follows the world's documents; `learned(location, keys)` is told what a location learned."""

    def __init__(
        self,
        world: World,
        compute: Compute,
        certificates: CertificateManager,
        names: list[str],
    ) -> None:
        self.world = world
        self._compute = compute
        self._certificates = certificates
        self.learned: Callable[[Location, set[tuple[str, str]]], None] = lambda at, keys: None
        seed = world.options.seed
        self.locations = {
            name: Location(name, Documents(), random.Random(f"{seed}/{name}")) for name in names
        }
        self._seen: dict[tuple[str, str], Doc | None] = {}
        self._news: deque[News] = deque(maxlen=HISTORY)
        self._numbers = 0
        for table in TABLES:
            for key, doc in world.store.table(table).items():
                self._seen[table, key] = doc
                self._remember(table, key, doc)
                for location in self.locations.values():
                    self._learn(location, table, key, doc)
        world.store.committed.append(self._committed)
        compute.observers.append(self._applied)

    def resync(self) -> None:
        """Send each location what it does not have as the world has it now."""
        for location in self.locations.values():
            location.due.clear()
        for table in TABLES:
            now = dict(self.world.store.table(table).items())
            for location in self.locations.values():
                known = location.documents.tables.get(table, {})
                for key in sorted(now.keys() | known.keys()):
                    if known.get(key) is not now.get(key):
                        self._later(location, table, key, now.get(key))
            keys = {key for seen, key in self._seen if seen == table} | now.keys()
            for key in sorted(keys):
                if self._seen.get((table, key)) is not now.get(key):
                    self._seen[table, key] = now.get(key)
                    self._remember(table, key, now.get(key))

    def _committed(self, touched: list[tuple[str, str]]) -> None:
        """A transaction is over: what it changed starts to spread."""
        for table, key in touched:
            if table in TABLES and not self._pending(table, key):
                self._change(table, key)

    def _applied(self, path: str, doc: Doc | None) -> None:
        """An operation ended: a resource that was being made exists from now on."""
        table = f"compute/{collection_of(path)}"
        if table in TABLES:
            self._change(table, path)

    def _pending(self, table: str, key: str) -> bool:
        """Whether a resource is still being made by an operation."""
        if table in (*CERTIFICATES, ENDPOINTS, POLICIES):
            return False
        held = self._compute.operations.holder(key)
        return held is not None and held["verb"] == "insert"

    def _change(self, table: str, key: str) -> None:
        doc = self.world.store.table(table).get(key)
        if self._seen.get((table, key)) is doc:
            return
        self._seen[table, key] = doc
        self._remember(table, key, doc)
        for location in self.locations.values():
            self._later(location, table, key, doc)

    def news(self, since: int = 0) -> list[News]:
        """What began to spread after that number, in its order; the oldest may be forgotten."""
        return [one for one in self._news if one.number > since]

    def _remember(self, table: str, key: str, doc: Doc | None) -> None:
        self._numbers += 1
        serves = doc is not None and self._pair(table, key, doc) is not None
        self._news.append(News(self._numbers, self.world.clock.now(), table, key, doc, serves))

    def _later(self, location: Location, table: str, key: str, doc: Doc | None) -> None:
        clock = self.world.clock
        delay = location.draw.uniform(*spreads_in(table)) + location.extra
        due = max(location.due.get((table, key), 0.0), clock.now() + delay)
        location.due[table, key] = due

        def arrive() -> None:
            if location.due.get((table, key)) == due:
                del location.due[table, key]
            self._learn(location, table, key, doc)
            self.learned(location, {(table, key)})

        clock.by(due, arrive)

    def _learn(self, location: Location, table: str, key: str, doc: Doc | None) -> None:
        documents = location.documents
        known = documents.tables.setdefault(table, {})
        if doc is None:
            known.pop(key, None)
            documents.pairs.pop(key, None)
            return
        if doc.get("state") == "PENDING" and (known.get(key) or {}).get("state") == "ACTIVE":
            return  # a changed map entry serves as it was until its change is everywhere
        known[key] = doc
        if table.startswith("certs/") or table == POLICIES:
            documents.projects = {
                number: str(one["projectId"])
                for number, one in self.world.store.table("projects").items()
            }
        pair = self._pair(table, key, doc)
        if pair is not None:
            documents.pairs[key] = pair

    def _pair(self, table: str, key: str, doc: Doc) -> tuple[str, str] | None:
        """Certificate and key of a certificate that can serve."""
        if table == "certs/certificates":
            return self._certificates.key_pair(key)
        if table == "compute/sslCertificates":
            kept = self.world.store.table(KEYS).get(key)
            return (doc["certificate"], kept["key"]) if kept else None
        return None


def spreads_in(table: str) -> tuple[float, float]:
    """The shortest and the longest delay of a kind of change."""
    kind = "routes"
    if table in CERTIFICATES or table.endswith("sslCertificates"):
        kind = "certificates"
    elif table == ENDPOINTS:
        kind = "endpoints"
    least = DURATIONS[f"dataplane.spread.{kind}.least"].seconds
    return least, DURATIONS[f"dataplane.spread.{kind}.most"].seconds
