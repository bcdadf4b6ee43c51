"""From what a location knows to what its Envoy should have."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from gcpsim.core.world import Options
from gcpsim.dataplane import station as stations
from gcpsim.dataplane.envoy import messages
from gcpsim.dataplane.routes.documents import ROOT, Documents
from gcpsim.dataplane.spread import Location
from gcpsim.dataplane.station import Shared, Station

P = "projects/p/global"
GROUP = "projects/p/zones/us-central1-a/networkEndpointGroups/n"
SERVICE = f"{P}/backendServices/bs"


def documents() -> Documents:
    rule = {
        "IPAddress": "203.0.113.1",
        "portRange": "80-80",
        "loadBalancingScheme": "EXTERNAL_MANAGED",
        "target": f"{ROOT}{P}/targetHttpProxies/proxy",
    }
    backend = {"group": ROOT + GROUP, "maxRatePerEndpoint": 10}
    found = {
        "compute/forwardingRules": {f"{P}/forwardingRules/rule": rule},
        "compute/targetHttpProxies": {
            f"{P}/targetHttpProxies/proxy": {"urlMap": f"{ROOT}{P}/urlMaps/um"}
        },
        "compute/urlMaps": {f"{P}/urlMaps/um": {"defaultService": ROOT + SERVICE}},
        "compute/backendServices": {SERVICE: {"protocol": "HTTP", "backends": [backend]}},
        "compute/endpoints": {GROUP: endpoints(1)},
    }
    return Documents(tables=found)


def endpoints(*lasts: int) -> dict[str, Any]:
    return {"endpoints": [{"ipAddress": f"10.0.0.{last}", "port": 80} for last in lasts]}


class Stage:
    """A station without an Envoy."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.ill: set[str] = set()
        self.location = Location("us-central1", documents(), random.Random(0))
        self.station = Station(
            self.location,
            Shared(say=self.said.append),
            lambda ip, port: ("127.0.0.9", port),
            self.offered,
            Options(),
        )
        self.station.translate_anew()
        self.station.publish()

    def offered(self, service: str, group: str, endpoint: str) -> tuple[str, int] | None:
        return None if endpoint in self.ill else ("127.0.1." + endpoint.split(".")[3][:-3], 80)

    def put(self, table: str, key: str, doc: dict[str, Any] | None) -> None:
        known = self.location.documents.tables[f"compute/{table}"]
        if doc is None:
            known.pop(key)
        else:
            known[key] = doc
        self.station.learn({(f"compute/{table}", key)})

    def names(self, kind: str) -> list[str]:
        return sorted(self.station.catalogue.resources(kind))

    def hosts(self) -> list[str]:
        _, message = self.station.catalogue.resources(messages.ENDPOINTS)[SERVICE]
        made = messages._class(message.TypeName())()
        message.Unpack(made)
        return sorted(
            one.endpoint.address.socket_address.address
            for locality in made.endpoints
            for one in locality.lb_endpoints
        )


def play(part: Callable[[Stage], Any]) -> None:
    async def run() -> None:
        await part(Stage())

    asyncio.run(run())


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0)


def test_everything_that_the_rule_leads_to() -> None:
    async def part(stage: Stage) -> None:
        assert stage.names(messages.LISTENER) == [f"{P}/forwardingRules/rule"]
        assert stage.names(messages.CLUSTER) == [SERVICE]
        assert stage.names(messages.ROUTES) == [f"{P}/urlMaps/um|EXTERNAL_MANAGED"]
        assert stage.hosts() == ["127.0.1.1"]

    play(part)


def test_endpoints_change_alone_and_at_once() -> None:
    async def part(stage: Stage) -> None:
        before = [stage.station.catalogue.version(kind) for kind in messages.ORDER]
        stage.put("endpoints", GROUP, endpoints(1, 2))
        await asyncio.sleep(0)
        assert stage.hosts() == ["127.0.1.1", "127.0.1.2"]
        after = [stage.station.catalogue.version(kind) for kind in messages.ORDER]
        changed = [kind for kind, a, b in zip(messages.ORDER, before, after, strict=True) if a != b]
        assert changed == [messages.ENDPOINTS]

    play(part)


def test_health_is_looked_at_again() -> None:
    async def part(stage: Stage) -> None:
        stage.ill.add("10.0.0.1:80")
        stage.station.look_again()
        await asyncio.sleep(0)
        assert stage.hosts() == []

    play(part)


def test_translation_rests_and_endpoints_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stations, "REST", 50.0)

    async def part(stage: Stage) -> None:
        stage.put("backendServices", "other", {})
        await asyncio.sleep(0)
        stage.put("forwardingRules", f"{P}/forwardingRules/rule", None)
        stage.put("endpoints", GROUP, endpoints(3))
        await asyncio.sleep(0)
        assert not stage.station.settled()
        assert stage.hosts() == ["127.0.1.3"]
        await until(lambda: stage.names(messages.LISTENER) == [])

    play(part)


def test_a_cluster_lingers_for_requests_on_their_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stations, "LINGER_SECONDS", 0.05)

    async def part(stage: Stage) -> None:
        stage.put("forwardingRules", f"{P}/forwardingRules/rule", None)
        await until(lambda: stage.names(messages.LISTENER) == [])
        assert stage.names(messages.CLUSTER) == [SERVICE]
        await until(lambda: stage.names(messages.CLUSTER) == [])
        assert stage.names(messages.ENDPOINTS) == []

    play(part)


def test_what_can_be_no_message_is_said_and_the_old_one_stays() -> None:
    async def part(stage: Stage) -> None:
        service = stage.location.documents.get(SERVICE) or {}
        stage.put("backendServices", SERVICE, {**service, "customRequestHeaders": ["x:\ud800"]})
        await until(lambda: bool(stage.said))
        assert stage.names(messages.ROUTES) == [f"{P}/urlMaps/um|EXTERNAL_MANAGED"]
        assert any("urlMaps/um" in why for why in stage.station.refused())

    play(part)
