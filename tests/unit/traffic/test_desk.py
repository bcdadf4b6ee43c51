"""One watch for several processes: marks, windows and targets over its socket."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from edgebook.base.errors import EdgebookError
from edgebook.cloud.reach import Way, nowhere
from edgebook.traffic import Protocol, Target, Watch
from edgebook.traffic.desk import VARIABLE, Desk, RemoteWatch, current
from edgebook.traffic.steady import IN_A_ROW, steady

from tests.unit.traffic_servers import Server

TARGET = Target("web", "shop.example.com", "203.0.113.1", 80, Protocol.HTTP)


@pytest.fixture
def server() -> Iterator[Server]:
    with contextlib.closing(Server()) as made:
        yield made


def test_who_knows_a_target_tells_the_watch_of_the_run(server: Server) -> None:
    port = server.listen(server.http)
    with Watch(reach=nowhere) as watch, contextlib.closing(Desk(watch)) as desk:
        remote = RemoteWatch(desk.path)
        assert remote.began == watch.began
        way = {("203.0.113.1", 80): [Way("us-central1", "127.0.0.1", port)]}
        remote.add([TARGET], ways=way, rates={"web": 100.0})
        assert watch.wait_until(lambda: watch.window().answered >= 10, 30)
        mark = remote.mark("502s", key="stage")
        assert watch.log.marks == [mark]
        server.behaviour = "502"
        assert watch.wait_until(lambda: watch.window(mark.at).failed >= 3, 30)
        seen, same = remote.window(mark.at), watch.window(mark.at)
        assert seen.failed >= 3
        assert seen.failures[0].to_json() == same.failures[0].to_json()
        assert remote.window(until=mark.at).by == watch.window(until=mark.at).by
        remote.judged = 12.5
        assert (watch.judged, remote.judged) == (12.5, 12.5)
        remote.add([], ways={}, rates={})  # what nobody knows a way to is not reached by itself
        assert {item.host for item in watch.log.series.values()} == {"127.0.0.1"}
        remote.drop("web")
        dropped = time.monotonic()
        assert remote.window(dropped, dropped + 1).sent == 0
    assert not Path(desk.path).exists()


def test_a_run_s_watch_says_whether_targets_answer_steadily(server: Server) -> None:
    """Nobody asks twice: verify looks at what the run's watch sees from now on."""
    way = Way("us-central1", "127.0.0.1", server.listen(server.http))
    with (
        Watch(reach=nowhere, rate=100.0) as watch,
        contextlib.closing(Desk(watch)) as desk,
    ):
        other = Target("other", "shop.example.com", "203.0.113.2", 80, Protocol.HTTP)
        watch.add([other], ways={("203.0.113.2", 80): [way]})
        remote = RemoteWatch(desk.path)
        found = steady([TARGET], lambda ip, port: [way], rate=1, patience=30, shared=remote)
        assert {streak.series.target for streak in found} == {TARGET}
        assert all(streak.in_a_row >= IN_A_ROW for streak in found)
        assert found[0].clusters == {"blue"}
        server.behaviour = "503"
        since = time.monotonic()
        assert watch.wait_until(lambda: watch.window(since).failed >= 10, 30)
        broken = steady([TARGET], lambda ip, port: [way], rate=1, patience=1, shared=remote)
        assert {(streak.answered, streak.failure) for streak in broken} == {(0, "HTTP 503")}


def test_where_it_hurts_nobody_the_run_s_watch_asks_more_often_until_it_knows(
    server: Server,
) -> None:
    way = Way("us-central1", "127.0.0.1", server.listen(server.http))
    with (
        Watch(reach=nowhere, rate=0.01) as watch,  # in a row at this pace: five minutes
        contextlib.closing(Desk(watch)) as desk,
    ):
        watch.add([TARGET], ways={("203.0.113.1", 80): [way]})
        usual = [series.interval for series in watch.log.series.values()]
        assert watch.wait_until(lambda: watch.log.answered > 0, 30)
        remote = RemoteWatch(desk.path)
        found = steady(
            [TARGET], lambda ip, port: [way], rate=1, patience=60, shared=remote, longest=0.1
        )
        assert all(streak.in_a_row >= IN_A_ROW for streak in found)
        assert [series.interval for series in watch.log.series.values()] == usual


def test_the_watch_of_the_run_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert current() is None
    with Watch() as watch, contextlib.closing(Desk(watch)) as desk:
        monkeypatch.setenv(VARIABLE, desk.path)
        found = current()
        assert found is not None
        assert found.began == watch.began
    assert current() is None  # the run has ended
    with pytest.raises(EdgebookError, match="does not answer"):
        found.mark("late")
