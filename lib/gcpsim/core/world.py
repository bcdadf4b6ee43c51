"""One simulated Google Cloud: the clock, the state, the services, and what was done to them.

The world owns transactions: `transact` runs a request or a timer callback and commits its writes,
or rolls them back when it raises. Services know each other only through the world. It must not know
about sockets or command lines.
"""

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from gcpsim.core import durations
from gcpsim.core.calls import CallLog
from gcpsim.core.clock import Clock
from gcpsim.core.edge import Service
from gcpsim.core.faults import Faults
from gcpsim.core.peers import CertificatesApi, ComputeApi, DnsApi, GkeApi
from gcpsim.core.seen import Connection, Packets, Request
from gcpsim.core.store import Store

T = TypeVar("T")
log = logging.getLogger("gcpsim")
MOST_TOLD = 1000
Verdict = Callable[[str, int, str], str]  # of an address, a port and the page asked for


class Traffic(Protocol):
    """The data plane, as the rest of the simulator sees it (gcpsim.dataplane.plane)."""

    locations: list[str]

    def reach(self) -> list[dict[str, Any]]: ...

    def flow(self) -> dict[str, Any]: ...

    def resync(self) -> None: ...

    def news(self, since: int) -> list[dict[str, Any]]: ...

    def health_table(self) -> list[dict[str, Any]]: ...

    def pods_table(self) -> list[dict[str, Any]]: ...

    async def pod_log(self, cluster: str, namespace: str, name: str) -> list[tuple[float, str]]: ...

    def socket(self, ip: str, port: int) -> tuple[tuple[str, int] | None, bool]: ...

    async def settled(self, limit: float = 10.0) -> None: ...


class Observability:
    """Takes what the front ends did; this one forgets it. gcpsim.observability remembers."""

    def request(self, entry: Request) -> None:
        """One HTTP request that a front end answered."""

    def connection(self, entry: Connection) -> None:
        """One connection of an SSL or TCP front end: told when it opens, and again at its end."""

    def packets(self, entry: Packets) -> None:
        """What a passthrough load balancer carried."""


@dataclass
class Options:
    """What the command line decides."""

    host: str = "127.0.0.1"
    require_auth: bool = False
    enforce_quotas: bool = False
    rate_limits: bool = False
    strict_fingerprints: bool = False
    seed: int = 0
    retries: bool = True  # whether front ends try a request without a body once more
    drains_on_removal: bool = False  # whether removing a NEG from a backend service drains
    streams_outlive_drain: bool = False  # whether TCP streams stay until idle, not until drained
    locations: Sequence[str] = ()
    patience: float = 30.0  # real seconds until a connection must have asked something


@dataclass
class World:
    """`stage` holds the stage directions: verb -> function(args) -> result.

    The services enter themselves when they are made: compute, dns, certificates, gke.
    """

    clock: Clock = field(default_factory=Clock)
    store: Store = field(default_factory=Store)
    options: Options = field(default_factory=Options)
    calls: CallLog = field(default_factory=CallLog)
    faults: Faults = field(default_factory=Faults)
    services: dict[str, Service] = field(default_factory=dict)
    stage: dict[str, Callable[[dict[str, Any]], Any]] = field(default_factory=dict)
    endpoint_answer: Verdict | None = None
    compute: ComputeApi = field(init=False)
    dns: DnsApi = field(init=False)
    certificates: CertificatesApi = field(init=False)
    gke: GkeApi = field(init=False)
    dataplane: Traffic | None = None
    observability: Observability = field(default_factory=Observability)

    def __post_init__(self) -> None:
        self.random = random.Random(self.options.seed)
        self.failures: list[str] = []  # what failed of the simulator itself, each once
        self._told: set[tuple[str, str, str]] = set()
        self.clock.around = self.timer
        self.clock.failed = self.failed

    def duration(self, name: str) -> float:
        """Simulated seconds that a process takes (see durations.py)."""
        return durations.seconds(name)

    def commit(self) -> None:
        self.store.commit()

    def roll_back(self) -> None:
        self.store.roll_back()

    def transact(self, work: Callable[[], T]) -> T:
        """Run one request: what it wrote is durable when this returns, or undone when it raises.

        What was written before, outside of any request (a verdict that the data plane asked for),
        is none of the request's: it stays, whatever becomes of this one.
        """
        if self.store.dirty:
            self.store.commit()
        try:
            result = work()
        except BaseException:
            self.store.roll_back()
            raise
        self.store.commit()
        return result

    def timer(self, callback: Callable[[], None]) -> None:
        """Run one timer callback as a transaction of its own."""
        self.transact(callback)

    def attempt(self, what: str, work: Callable[[], None]) -> bool:
        """Do a part of a transaction that may fail by itself: then it is undone and told. False
        when it failed. `what` names the part and its object."""
        try:
            with self.store.savepoint():
                work()
        except Exception as error:
            self.failed(what, error)
            return False
        return True

    def failed(self, what: str, error: Exception) -> None:
        """Something of the simulator itself failed: told in its log, the first time at length."""
        seen = (what, type(error).__name__, str(error))
        known = seen in self._told
        if len(self._told) < MOST_TOLD:
            self._told.add(seen)
        if not known and len(self.failures) < MOST_TOLD:
            self.failures.append(f"{what}: {seen[1]}: {seen[2]}")
        log.error("%s failed: %s: %s", what, seen[1], seen[2], exc_info=None if known else error)

    def resume(self) -> None:
        """After a start from a state folder: every service re-arms its timers."""
        for service in self.services.values():
            again = getattr(service, "resume", None)
            if again is not None:
                again()
