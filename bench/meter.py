"""The meter: what it costs, and whether it sees everything.

What it costs is measured against a front end in a process of its own, so that processor time of
the clients is told apart; what it sees, against faults of gcpsim (`_faults`). The whole takes three
minutes; with BENCH_REQUESTS=1000000, the long run without a fault, eight more.
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
from edgebook.traffic import Client, Protocol, Target, Watch

from bench import _faults
from tests.unit.traffic_servers import Authority

HOST = "shop.example.com"
REQUESTS = int(os.environ.get("BENCH_REQUESTS", "100000"))
FAST = 6000.0  # asked a second: more than the limit, so that the limit is what is measured
POLITE_SECONDS = 20.0


def run() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["EDGEBOOK_STATE"] = str(folder / "state")
        faults = list(_faults.run())
        trusted = Authority(folder)
        trusted.context(HOST)
        with _front(folder / f"{HOST}.pem") as port:
            target = Target("web", HOST, "203.0.113.1", port, Protocol.HTTPS,
                            clients=(Client.KEEP_ALIVE,), ca_file=str(trusted.file))  # fmt: skip
            return [*_fast(target, port), *_polite(target, port), *faults]


@contextmanager
def _front(certificate: Path) -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("_front.py")), str(certificate)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    yield int(process.stdout.readline())
    process.stdin.close()
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


def _clients() -> psutil.Process:
    """The process of the clients: our newest child."""
    return max(psutil.Process().children(), key=lambda child: child.create_time())


def _row(what: str, measured: float, unit: str, limit: str) -> dict[str, Any]:
    return {"what": what, "measured": round(measured, 2), "unit": unit, "limit": limit}
