"""The meter: what it costs, and whether it sees everything.

The front end is a process of its own, so that the processor time of the clients is told apart.
BENCH_REQUESTS makes the fault-free run shorter than a million requests.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from edgebook.cloud.reach import Way
from edgebook.traffic import Client, Protocol, Statistics, Target, Watch

from tests.unit.traffic_servers import Authority

HOST = "shop.example.com"
REQUESTS = int(os.environ.get("BENCH_REQUESTS", "1000000"))
FAST = 6000.0  # asked a second: more than the limit, so that the limit is what is measured
FAULTS = (("reset", "reset"), ("502", "status"), ("stall", "timeout"), ("cut", "cut body"),
          ("stranger", "tls"))  # fmt: skip
FAULT_SECONDS = 2.0
POLITE_SECONDS = 20.0


def run() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trusted, stranger = Authority(folder), Authority(folder, "stranger")
        trusted.context(HOST)
        (folder / f"{HOST}.pem").rename(folder / "trusted.pem")
        stranger.context(HOST)
        files = [str(folder / "trusted.pem"), str(folder / f"{HOST}.pem")]
        with _front(files) as (port, tell):
            target = Target("web", HOST, "203.0.113.1", port, Protocol.HTTPS,
                            clients=(Client.KEEP_ALIVE,), ca_file=str(trusted.file))  # fmt: skip
            return [*_fast(target, port), *_polite(target, port), *_faults(target, port, tell)]


@contextmanager
def _front(files: list[str]) -> Iterator[tuple[int, Any]]:
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("_front.py")), *files],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    stdin = process.stdin

    def tell(doing: str) -> float:
        stdin.write(doing + "\n")
        stdin.flush()
        return time.monotonic()

    yield int(process.stdout.readline()), tell
    stdin.close()
    process.wait(10)
    process.stdout.close()


def _watch(target: Target, port: int, rate: float) -> Watch:
    return Watch([target], rate=rate, reach=lambda ip, wanted: [Way("", "127.0.0.1", port)])


def _fast(target: Target, port: int) -> list[dict[str, Any]]:
    before = psutil.Process().memory_info().rss
    with _watch(target, port, FAST) as watch:
        clients = _clients()
        watch.wait_until(lambda: len(watch.log) >= REQUESTS, REQUESTS / 500)
        used = clients.cpu_times()
        memory = clients.memory_info().rss + psutil.Process().memory_info().rss - before
    seen = watch.stop().statistics
    processor = used.user + used.system
    return [
        _row("HTTP/1.1 over TLS, requests a second of processor", seen.sent / processor, "1/s",
             ">= 5000"),
        _row(f"memory after {seen.sent:,} requests", memory / 2**20, "MiB", "<= 150"),
        _row(f"failures of {seen.sent:,} requests without a fault", seen.failed, "", "<= 0"),
    ]  # fmt: skip


def _polite(target: Target, port: int) -> list[dict[str, Any]]:
    """Four frontends at five requests a second."""
    from dataclasses import replace

    frontends = [replace(target, frontend=f"web{number}") for number in range(4)]
    reach = [Way("", "127.0.0.1", port)]
    with Watch(frontends, reach=lambda ip, wanted: reach) as watch:
        clients = _clients()
        watch.wait_until(lambda: watch.window().sent >= 20, 60)
        before, began = clients.cpu_times(), time.monotonic()
        watch.wait_until(lambda: time.monotonic() - began >= POLITE_SECONDS, POLITE_SECONDS + 5)
        after, took = clients.cpu_times(), time.monotonic() - began
    used = after.user + after.system - before.user - before.system
    return [_row("politely, 4 frontends: share of a core", used / took * 100, "%", "<= 2")]


def _faults(target: Target, port: int, tell: Any) -> list[dict[str, Any]]:
    """Each fault for two seconds; found when a failure of its kind is told within half a second."""
    found, late, wrong = 0, 0.0, 0
    with _watch(target, port, 50.0) as watch:
        watch.wait_until(lambda: watch.window().answered >= 50, 60)
        for doing, kind in FAULTS:
            since = tell(doing)
            watch.wait_until(lambda s=since: time.monotonic() - s > FAULT_SECONDS, 10)
            until = tell("ok")
            watch.wait_until(lambda u=until: time.monotonic() - u > FAULT_SECONDS + 1, 10)
            seen: Statistics = watch.window(since - 0.5, until + FAULT_SECONDS)
            right = [failure for failure in seen.failures if failure.kind == kind]
            wrong += seen.failed - len(right)
            if right:
                found += 1
                late = max(late, abs(right[0].monotonic - since), right[-1].monotonic - until)
    return [
        _row(f"faults found with their kind, of {len(FAULTS)}", found, "", f">= {len(FAULTS)}"),
        _row("failures of another kind", wrong, "", "<= 0"),
        _row("a fault's first and last failure, off its time", late, "s", "<= 0.5"),
    ]


def _clients() -> psutil.Process:
    """The process of the clients: our newest child."""
    return max(psutil.Process().children(), key=lambda child: child.create_time())


def _row(what: str, measured: float, unit: str, limit: str) -> dict[str, Any]:
    return {"what": what, "measured": round(measured, 2), "unit": unit, "limit": limit}
