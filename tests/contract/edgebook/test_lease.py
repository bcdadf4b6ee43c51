"""One front door, one writer: writers that meet at every point of each other's way.

`make bench ONLY=hold` does a thousand of these, in processes, namespaces and hosts of long equal
names; here is a sample of each, and one in threads, which differ from each other by nothing but the
random name of their lease.
"""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from edgebook.apply import lock as locks
from edgebook.apply.flow import hold, lease_key
from edgebook.apply.leases import BY, UNTIL, Holder, LeaseStore
from edgebook.apply.lock import FrontDoorLock
from edgebook.base.errors import EXIT_LOCKED, ApiError, LockedError

from tests.contract.edgebook.pods import APART, BAD, KINDS, Meetings

ADDRESS = "compute/v1/projects/shop-rehearsal/global/addresses/shop-edge"
FIRST = f"{ADDRESS}-lock"


@pytest.fixture
def door(shop: Any) -> Any:
    return shop.book().door


def make_address(door: Any) -> None:
    body = {"name": "shop-edge"}
    where = ADDRESS.rpartition("/")[0]
    operation = door.wire.request("compute", "POST", where, body=body)
    door.cloud.compute.finish(operation, method="POST", path=where)


def locked(door: Any, **options: Any) -> FrontDoorLock:
    return FrontDoorLock(door.wire, lease_key(door), **options)


def held_by(door: Any, holder: Holder, seconds: float = 60) -> None:
    """Somebody else's lease, on whatever exists."""
    store = LeaseStore(door.wire, lease_key(door), holder)
    lease = store.read()
    assert lease is not None and store.take(lease, seconds=seconds)


class Shared:
    """What the writers write to: notices when two are inside at once."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.entered = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.inside += 1
            self.entered += 1
            self.most = max(self.most, self.inside)

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self.inside -= 1


def writers(door: Any, number: int, work: Callable[[FrontDoorLock], None]) -> list[Exception]:
    """So many writers at once, each with a connection of its own; what they raised."""
    errors: list[Exception] = []
    start = threading.Barrier(number)

    def one() -> None:
        start.wait()
        try:
            with locked(door) as lock:
                work(lock)
        except LockedError as error:
            errors.append(error)

    threads = [threading.Thread(target=one) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


@pytest.mark.parametrize("seed", range(8))
def test_writers_that_meet_anywhere_are_never_two_at_once(shop: Any, door: Any, seed: int) -> None:
    """With an address from the start, without one, or with one that comes while they run."""
    drawn = random.Random(seed)
    if seed % 3 == 1:
        make_address(door)
    shared, once = Shared(), threading.Lock()

    def work(lock: FrontDoorLock) -> None:
        with shared:
            lock.fence()
            if seed % 3 == 2 and once.acquire(blocking=False):
                make_address(door)
            for _ in range(drawn.randrange(3)):
                door.wire.find("compute", ADDRESS)

    errors = writers(door, drawn.choice((2, 3, 4)), work)
    assert shared.most <= 1
    assert shared.entered + len(errors) >= 2
    assert all(error.exit_code == EXIT_LOCKED for error in errors)
    if shared.entered:
        assert door.wire.find("compute", FIRST) is None
    with locked(door):
        pass


def test_the_lease_is_there_before_the_address_and_goes_with_its_run(shop: Any, door: Any) -> None:
    with locked(door) as lock:
        made = door.wire.get("compute", FIRST)
        assert made["labels"][BY] == lock.holder.id
        make_address(door)
        with pytest.raises(LockedError, match="Another run changes"):
            locked(door).take()
    assert door.wire.find("compute", FIRST) is None
    assert BY not in (door.wire.get("compute", ADDRESS).get("labels") or {})


def test_other_labels_stay_and_ours_go(shop: Any, door: Any) -> None:
    make_address(door)
    live = door.wire.get("compute", ADDRESS)
    body = {"labels": {"team": "edge"}, "labelFingerprint": live["labelFingerprint"]}
    door.wire.request("compute", "POST", f"{ADDRESS}/setLabels", body=body)
    with locked(door):
        assert set(door.wire.get("compute", ADDRESS)["labels"]) > {"team", UNTIL, BY}
    assert door.wire.get("compute", ADDRESS)["labels"] == {"team": "edge"}


def test_a_holder_elsewhere_is_respected_until_its_lease_ends(shop: Any, door: Any) -> None:
    make_address(door)
    held_by(door, Holder("a" * 24, "anna_on_pod-with-a-long-name"))
    with pytest.raises(LockedError) as refused:
        locked(door).take()
    assert "anna_on_pod-with-a-long-name" in refused.value.why
    assert "unlock --holder " + "a" * 24 in refused.value.next
    held_by(door, Holder("b" * 24, "bob"), seconds=-30)
    with locked(door):
        pass


def test_a_dead_holder_of_this_machine_is_followed_at_once(shop: Any, door: Any) -> None:
    make_address(door)
    dead = Holder.new()
    held_by(door, dead)
    with pytest.raises(LockedError):
        locked(door).take()
    dead.drop()  # as the kernel does for a process that is killed
    with locked(door):
        pass


def test_a_lease_that_could_not_be_let_go_is_followed_at_once(shop: Any, door: Any) -> None:
    """The network went before the run did: here it is known that nobody holds it."""
    make_address(door)
    with locked(door) as lock:
        shop.fault(method="setLabels", code=400, reason="invalid", message="not now", times=0)
    shop.calm()
    assert door.wire.get("compute", ADDRESS)["labels"][BY] == lock.holder.id
    with locked(door):
        pass
    assert BY not in (door.wire.get("compute", ADDRESS).get("labels") or {})


def test_a_lease_that_was_only_half_taken_keeps_nobody_here_waiting(shop: Any, door: Any) -> None:
    """Written, and then the network went: the run ends, but its kernel may live on."""
    make_address(door)
    shop.fault(path="*shop-edge-lock", code=400, reason="invalid", message="not now", times=0)
    half = locked(door)
    with pytest.raises(ApiError, match="not now"), half:
        pass
    shop.calm()
    assert door.wire.get("compute", ADDRESS)["labels"][BY] == half.holder.id
    with locked(door):
        pass


def test_the_wall_clock_of_this_machine_does_not_matter(
    shop: Any, door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_address(door)
    here = time.time
    monkeypatch.setattr("time.time", lambda: here() + 1200)
    held_by(door, Holder("a" * 24, "anna"))
    with pytest.raises(LockedError, match="Another run"):
        locked(door).take()


@pytest.fixture
def meetings(shop: Any) -> Iterator[Meetings]:
    played = Meetings(shop.sim.url, shop.folder)
    yield played
    played.stop()


def test_no_host_name_process_id_or_clock_tells_writers_apart(
    shop: Any, meetings: Meetings
) -> None:
    """Two rounds of each kind for the lease alone, one in which whole front doors are applied."""
    found: Counter[str] = Counter()
    for kind in KINDS:
        for seed in (2, 3):
            shop.sim.admin("POST", "reset")
            found += meetings.leases(kind, seed)
        if meetings.granted and kind != "processes":
            names, pids, _ = zip(*meetings.told(), strict=True)
            assert set(pids) == {2}
            assert len({name[:60] for name in names}) == 1
    times = [time for *_, time in meetings.told()]
    assert max(times) - min(times) > APART / 2
    shop.sim.admin("POST", "reset")
    found += meetings.applies("hosts", 1)
    assert found["wrote"] and found["killed"]
    assert not {what for what in BAD if found[what]}, found


class Elapsed:
    """Seconds since the machine started, moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_run_that_was_robbed_writes_nothing_more(shop: Any, door: Any) -> None:
    """As after a long sleep of the machine: its lease has ended and is another's."""
    make_address(door)
    elapsed = Elapsed()
    with locked(door, elapsed=elapsed):
        held_by(door, Holder("b" * 24, "bob"))
        elapsed.now += 6
        with pytest.raises(LockedError, match="lost: nothing more was written"):
            door.cloud.compute.start("address", "delete", "shop-edge", scope=lease_key(door).scope)
    assert door.wire.get("compute", ADDRESS)["labels"][BY] == "b" * 24


def test_a_lease_that_is_about_to_end_is_renewed_before_a_write(shop: Any, door: Any) -> None:
    make_address(door)
    elapsed = Elapsed()
    with locked(door, elapsed=elapsed) as lock:
        store = LeaseStore(door.wire, lease_key(door), lock.holder)
        lease = store.read()
        assert lease is not None and store.take(lease, seconds=20)
        elapsed.now += 6
        lock.fence()
        renewed = store.read()
        assert renewed is not None and renewed.left is not None and renewed.left > 100


def test_unlock_names_its_holder_and_stops_the_run(shop: Any, door: Any) -> None:
    make_address(door)
    elapsed, key = Elapsed(), lease_key(door)
    with locked(door, elapsed=elapsed) as lock:
        assert not locks.unlock(door.wire, key, "c" * 24)
        assert locks.unlock(door.wire, key, lock.holder.id)
        elapsed.now += 6
        with pytest.raises(LockedError, match="lost"):
            lock.fence()
        # Its last write may still be under way: the next run waits for that.
        with pytest.raises(LockedError, match="Another run"):
            locked(door).take()


def test_what_killed_runs_left_is_swept_and_what_lives_is_not(shop: Any, door: Any) -> None:
    dead = Holder.new()
    FrontDoorLock(door.wire, lease_key(door), holder=dead).take()
    locks.sweep(door.wire, lease_key(door))
    assert door.wire.get("compute", FIRST)["labels"][BY] == dead.id
    dead.drop()
    locks.sweep(door.wire, lease_key(door))
    assert door.wire.find("compute", FIRST) is None


def test_a_process_that_a_run_started_writes_under_its_lease(
    shop: Any, door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with locked(door) as lock:
        monkeypatch.setenv("EDGEBOOK_LEASE", lock.holder.id)
        book = shop.book()
        with hold(book.door):
            book.door.connection.before_write()
        monkeypatch.setenv("EDGEBOOK_LEASE", "d" * 24)
        with pytest.raises(LockedError, match="Another run"), hold(shop.book().door):
            pass
    with hold(shop.book().door):
        pass


def test_a_run_that_took_long_lets_go_of_what_it_renewed(
    shop: Any, door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its kernels write, so that only its own renewing says that the lease is still held."""
    monkeypatch.setattr(locks, "RENEWED_EVERY", 0.01)
    elapsed = Elapsed()
    with locked(door, elapsed=elapsed) as lock:
        elapsed.now += 3600
        tick = threading.Event()
        renewed = (lock._confirmed == elapsed.now or tick.wait(0.01) for _ in range(2000))
        assert any(renewed), "it renews, and does not know that it has"
    assert shop.sim.http("GET", f"/{FIRST}")[0] == 404


@pytest.mark.parametrize("moment", ["taken", "let go"])
def test_a_signal_while_the_lease_is_taken_or_let_go_leaves_none(
    moment: str, shop: Any, door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that is short of time is long in these moments."""
    where = {"taken": (FrontDoorLock, "take"), "let go": (LeaseStore, "release")}[moment]
    real = getattr(*where)

    def stopped(self: Any) -> Any:
        done = real(self)
        monkeypatch.setattr(*where, real)
        signal.raise_signal(signal.SIGINT) if moment == "taken" else os.kill(os.getpid(), 2)
        return done

    monkeypatch.setattr(*where, stopped)
    with pytest.raises(KeyboardInterrupt), locked(door):
        pass
    assert shop.sim.http("GET", f"/{FIRST}")[0] == 404
