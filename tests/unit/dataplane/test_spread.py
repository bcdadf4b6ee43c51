"""When locations learn changes, on a clock that stands still until it is moved."""

from typing import Any

import pytest
from gcpsim.dataplane.spread import Spread
from gcpsim.front.build import Cloud, Config, build

PROJECT = "spread"
SERVICE = f"projects/{PROJECT}/global/backendServices/bs"
NAMES = ["europe-west1", "us-central1"]


class Stage:
    """A world, its spread, and what each location was told, in order."""

    def __init__(self, scale: float = 1.0) -> None:
        self.cloud: Cloud = build(Config(scenario="empty", paused=True, time_scale=scale))
        self.world = self.cloud.world
        self.spread = Spread(self.world, self.cloud.compute, self.cloud.certificates, NAMES)
        self.told: list[tuple[float, str, tuple[str, str]]] = []
        self.spread.learned = self._learned

    def _learned(self, location: Any, keys: set[tuple[str, str]]) -> None:
        self.told += [(self.world.clock.now(), location.name, key) for key in keys]

    def call(self, verb: str, path: str, body: Any = None) -> Any:
        compute = self.cloud.compute
        done = self.world.transact(lambda: compute.call(verb, f"projects/{PROJECT}/{path}", body))
        self.world.clock.settle()
        return done

    def service(self, timeout: int) -> None:
        body = {"name": "bs", "loadBalancingScheme": "EXTERNAL_MANAGED", "timeoutSec": timeout}
        if self.cloud.compute.get(SERVICE) is None:
            self.call("POST", "global/backendServices", body)
        else:
            self.call("PATCH", "global/backendServices/bs", {"timeoutSec": timeout})
        self.world.clock.advance(14)  # until the operation is done

    def known(self, location: str) -> Any:
        doc = self.spread.locations[location].documents.get(SERVICE)
        return doc and doc["timeoutSec"]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_done_is_not_everywhere(stage: Stage) -> None:
    stage.service(30)
    assert stage.cloud.compute.get(SERVICE) is not None
    assert [stage.known(name) for name in NAMES] == [None, None]
    stage.world.clock.advance(90)
    assert [stage.known(name) for name in NAMES] == [30, 30]
    times = [at for at, _, key in stage.told if key[1] == SERVICE]
    assert len(set(times)) == 2  # each location after a delay of its own


def test_nothing_is_learned_before_the_operation_is_done(stage: Stage) -> None:
    body = {"name": "bs", "loadBalancingScheme": "EXTERNAL_MANAGED"}
    stage.call("POST", "global/backendServices", body)
    done = stage.world.clock.now() + stage.world.duration("compute.backendServices.insert")
    stage.world.clock.advance(200)
    least = stage.world.duration("dataplane.spread.routes.least")
    assert min(at for at, _, _ in stage.told) >= done + least - 0.001


def test_changes_of_one_resource_arrive_in_their_order(stage: Stage) -> None:
    for timeout in range(1, 30):
        stage.service(timeout)
    stage.world.clock.advance(90)
    for name in NAMES:
        assert stage.known(name) == 29


def test_a_deletion_spreads_too(stage: Stage) -> None:
    stage.service(30)
    stage.world.clock.advance(90)
    stage.call("DELETE", "global/backendServices/bs")
    stage.world.clock.advance(12)
    assert [stage.known(name) for name in NAMES] == [30, 30]
    stage.world.clock.advance(90)
    assert [stage.known(name) for name in NAMES] == [None, None]


def test_a_location_may_be_a_laggard(stage: Stage) -> None:
    stage.spread.locations["us-central1"].extra = 300
    stage.service(30)
    stage.world.clock.advance(90)
    assert [stage.known(name) for name in NAMES] == [30, None]
    stage.world.clock.advance(300)
    assert stage.known("us-central1") == 30


def test_a_refused_request_spreads_nothing(stage: Stage) -> None:
    with pytest.raises(Exception, match="timeoutSec"):
        stage.call("POST", "global/backendServices", {"name": "bs", "timeoutSec": -1})
    stage.world.clock.advance(500)
    assert stage.told == []


def test_without_time_all_is_everywhere_at_once() -> None:
    stage = Stage(scale=0)
    stage.call(
        "POST",
        "global/backendServices",
        {"name": "bs", "loadBalancingScheme": "EXTERNAL_MANAGED"},
    )
    assert [stage.known(name) for name in NAMES] == [30, 30]


def test_what_the_world_has_at_the_start_is_known(stage: Stage) -> None:
    stage.service(30)
    late = Spread(stage.world, stage.cloud.compute, stage.cloud.certificates, NAMES)
    assert late.locations["us-central1"].documents.get(SERVICE) is not None


def test_the_same_seed_draws_the_same_delays() -> None:
    times = []
    for _ in range(2):
        stage = Stage()
        began = stage.world.clock.now()
        stage.service(30)
        stage.world.clock.advance(90)
        times.append([(round(at - began, 3), name) for at, name, _ in stage.told])
    assert times[0] == times[1]


def test_what_was_on_its_way_when_time_was_reset_is_sent_again(stage: Stage) -> None:
    stage.service(30)
    stage.world.clock.clear()
    stage.world.clock.advance(200)
    assert [stage.known(name) for name in NAMES] == [None, None]
    stage.spread.resync()
    stage.world.clock.advance(100)
    assert [stage.known(name) for name in NAMES] == [30, 30]


def test_a_changed_map_entry_serves_as_it_was_until_it_is_active(stage: Stage) -> None:
    location = stage.spread.locations["us-central1"]
    key = "projects/1/locations/global/certificateMaps/m/certificateMapEntries/e"
    table = "certs/certificateMapEntries"
    old = {"certificates": ["old"], "state": "ACTIVE"}
    new = {"certificates": ["new"], "state": "PENDING"}
    stage.spread._learn(location, table, key, {**old, "state": "PENDING"})
    assert location.documents.tables[table][key]["state"] == "PENDING"
    stage.spread._learn(location, table, key, old)
    stage.spread._learn(location, table, key, new)
    assert location.documents.tables[table][key] == old
    stage.spread._learn(location, table, key, {**new, "state": "ACTIVE"})
    assert location.documents.tables[table][key]["certificates"] == ["new"]
