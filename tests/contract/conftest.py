"""A world in process with time standing still, for what must be seen at a certain moment."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from gcpsim.certs import CertificateManager
from gcpsim.compute.collections import table as collections
from gcpsim.core.clock import Clock
from gcpsim.core.edge import Call
from gcpsim.core.errors import ApiError
from gcpsim.core.store import Store
from gcpsim.core.world import World
from gcpsim.dns import Dns
from gcpsim.project.networkservices import NetworkServices
from gcpsim.project.service import ResourceManager, ServiceAccounts, ServiceUsage

START = 1_800_000_000.0


class Cloud:
    """A world, and requests to its services, each as one transaction."""

    def __init__(self, store: Store | None = None, scale: float = 1.0) -> None:
        clock = Clock(paused=True, start=START, scale=scale)
        self.world = World(clock=clock, store=store or Store())
        collections.create(self.world)
        self.world.dns = Dns(self.world)
        self.world.certificates = CertificateManager(self.world)
        self.world.services |= {
            "dns": self.world.dns,
            "certificatemanager": self.world.certificates,
            "cloudresourcemanager": ResourceManager(self.world),
            "serviceusage": ServiceUsage(self.world),
            "iam": ServiceAccounts(self.world),
            "networkservices": NetworkServices(self.world),
        }

    def advance(self, seconds: float) -> None:
        self.world.clock.advance(seconds)

    def request(self, service: str, method: str, path: str, body: Any = None, **query: str) -> Any:
        """The answer's body; ApiError for a refusal. With scale 0 time settles afterwards."""
        target, raw = self.world.services[service], b"" if body is None else orjson.dumps(body)
        version = "v3" if service == "cloudresourcemanager" else "v1"
        call = Call(service, method, path, query, {}, raw, version)
        answer = self.world.transact(lambda: target.handle(call))
        self.world.clock.settle()
        result = answer.body() if callable(answer.body) else answer.body
        return result or {}

    def dns(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        return self.request("dns", method, path, body, **query)

    def certs(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        return self.request("certificatemanager", method, path, body, **query)

    def refusal(self, service: str, method: str, path: str, body: Any = None, **query: str) -> Any:
        """The ApiError of a request that must be refused."""
        with pytest.raises(ApiError) as caught:
            self.request(service, method, path, body, **query)
        return caught.value


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    yield Cloud()


@pytest.fixture
def instant_cloud() -> Iterator[Cloud]:
    """The same with time scale 0: processes take no time."""
    yield Cloud(scale=0)
