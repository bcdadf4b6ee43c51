"""How load is measured, and when a station is told of it."""

import asyncio
from typing import Any, cast

from gcpsim.dataplane.load import Load, step
from gcpsim.dataplane.station import Station

SERVICE = "projects/p/global/backendServices/bs"


class Watched:
    """What Load needs of a station."""

    def __init__(self) -> None:
        self.loads: dict[str, float] = {}
        self.told: list[set[str]] = []

    def look_again(self, services: set[str]) -> None:
        self.told.append(services)


def entry(**more: Any) -> Any:
    return {"project": "p", "backend_service": "bs", **more}


def played(*periods: int) -> Watched:
    """Periods with so many requests each."""
    station = Watched()

    async def run() -> None:
        load = Load(cast(Station, station))
        for count in periods:
            for _ in range(count):
                load.request(entry())
            load.tick()

    asyncio.run(run())
    return station


def test_the_mean_comes_near_what_flows() -> None:
    station = played(*[100] * 10)
    assert station.loads[SERVICE] == step(100)


def test_a_station_is_told_of_steps_only() -> None:
    station = played(*[100] * 20)
    assert 1 <= len(station.told) < 10
    assert station.told[0] == {SERVICE}


def test_silence_is_told_too() -> None:
    station = played(*[100] * 5, *[0] * 20)
    assert station.loads[SERVICE] == 0.0


def test_redirects_load_nobody() -> None:
    async def run() -> Watched:
        station = Watched()
        load = Load(cast(Station, station))
        load.request(entry(backend_service=""))
        load.tick()
        return station

    assert asyncio.run(run()).told == []


def test_streams_count_while_they_are_open() -> None:
    async def run() -> list[float]:
        station = Watched()
        load = Load(cast(Station, station))
        for _ in range(10):
            load.connection(entry())
        load.tick()
        high = station.loads[SERVICE]
        for _ in range(10):
            load.connection(entry(ended=1.0, proxy_status=""))
            load.connection(entry(ended=1.0, proxy_status='error="destination_unavailable"'))
        load.tick()
        low = station.loads[SERVICE]
        load.connection(entry())
        load.tick()
        return [high, low, station.loads[SERVICE]]

    assert asyncio.run(run()) == [step(10), 0.0, step(1)]
