"""Calls that end, whatever the other side does."""

import threading

import pytest
from edgebook.base.clock import Cancelled, Clock
from edgebook.cloud.calls import Threads, TooLong, bounded


def test_what_comes_back_or_is_raised_is_handed_on() -> None:
    assert bounded(lambda: 7, seconds=5, clock=Clock()) == 7
    with pytest.raises(KeyError):
        bounded(lambda: {}["x"], seconds=5, clock=Clock())


def test_a_call_that_never_answers_is_given_up() -> None:
    over = threading.Event()
    with pytest.raises(TooLong, match=r"no answer within 0\.01 s"):
        bounded(over.wait, seconds=0.01, clock=Clock())
    over.set()


def test_a_cancelled_run_waits_for_nothing() -> None:
    over, clock = threading.Event(), Clock()
    clock.cancel()
    with pytest.raises(Cancelled):
        bounded(over.wait, seconds=3600, clock=clock)
    over.set()


def test_a_pool_has_so_many_threads_and_no_more() -> None:
    pool, lock, seen = Threads(3, "test-pool"), threading.Lock(), set()

    def work() -> int:
        with lock:
            seen.add(threading.current_thread().ident)
        return 1

    futures = [pool.submit(work) for _ in range(200)]
    assert sum(future.result(timeout=30) for future in futures) == 200
    assert 1 <= len(seen) <= 3
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "test-pool")


def test_an_error_in_a_pool_is_its_futures() -> None:
    pool = Threads(1, "test-errors")
    with pytest.raises(ZeroDivisionError):
        pool.submit(lambda: 1 // 0).result(timeout=30)
    assert pool.submit(lambda: 2).result(timeout=30) == 2


def test_threads_with_nothing_to_do_end_and_others_take_their_place() -> None:
    pool, seen = Threads(2, "test-idle", idle=0.01), []
    for _ in range(3):
        seen.append(pool.submit(threading.current_thread).result(20))
        seen[-1].join(20)
        assert not seen[-1].is_alive()
    assert len(set(map(id, seen))) == 3
