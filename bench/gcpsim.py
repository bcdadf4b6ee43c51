"""What issue 2 promises of gcpsim, measured over the wire on a simulator of its own.

Each figure is a row: what was measured, the value, its unit, the limit. Load comes from the same
machine, so a busy one measures worse; the best of a few rounds is what counts.
"""

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import psutil

PROJECT = "bench"
RESOURCES = 10_000
IN_FLIGHT = 2_000
GETS = 1_000
ROUNDS = 3


class Connection:
    """One keep-alive connection to a simulator; paths are below projects/bench/."""

    def __init__(self, url: str, token: str) -> None:
        self._headers = {"X-Gcpsim-Token": token}
        parts = urlsplit(url)
        self._http = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)

    def ask(self, verb: str, path: str, body: Any = None, *, root: str = "") -> Any:
        raw = None if body is None else json.dumps(body).encode()
        self._http.request(
            verb, (root or f"/compute/v1/projects/{PROJECT}/") + path, raw, self._headers
        )
        answer = self._http.getresponse()
        content = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{verb} {path}: {answer.status} {content[:300]!r}")
        return content

    def admin(self, verb: str, path: str, body: Any = None) -> None:
        self.ask(verb, path, body, root="/_sim/")


@contextmanager
def simulator(*options: str) -> Iterator[tuple[Connection, str, psutil.Process, float]]:
    """A running `gcpsim serve`: a connection, its URL, its process, seconds until ready.

    What is promised of the control plane is measured without the data plane (bench.dataplane
    compares the two).
    """
    command = [sys.executable, "-m", "gcpsim", "serve", "--until-stdin-closes", *options]
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        seconds = time.perf_counter() - began
        said = json.loads(line)
        url = said["services"]["compute"]
        yield (
            Connection(url, said["env"]["GCPSIM_TOKEN"]),
            url,
            psutil.Process(process.pid),
            seconds,
        )
    finally:
        process.terminate()
        process.communicate(timeout=30)


def best(measure: Callable[[], float]) -> float:
    return min(measure() for _ in range(ROUNDS))


def timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def ready() -> float:
    with simulator("--no-dataplane") as (_, _, _, seconds):
        return seconds


def gets_per_second(connection: Connection) -> float:
    def read() -> None:
        for _ in range(GETS):
            connection.ask("GET", "global/backendServices/bs-0")

    return GETS / best(lambda: timed(read))


def fill(url: str, resources: int, chains: int = 500) -> None:
    """Backend services with health checks first, then addresses and firewalls."""
    local = threading.local()

    def make(number: int) -> None:
        connection = getattr(local, "connection", None)
        if connection is None:
            connection = local.connection = Connection(url, "")
        kind, index = divmod(number, chains)
        if kind == 0:
            check = {"name": f"hc-{index}", "type": "HTTP", "httpHealthCheck": {"port": 80}}
            connection.ask("POST", "global/healthChecks", check)
            service = {
                "name": f"bs-{index}",
                "loadBalancingScheme": "EXTERNAL_MANAGED",
                "healthChecks": [f"global/healthChecks/hc-{index}"],
            }
            connection.ask("POST", "global/backendServices", service)
        elif number % 2:
            connection.ask("POST", "global/addresses", {"name": f"ip-{number}"})
        else:
            body = {"name": f"fw-{number}", "allowed": [{"IPProtocol": "tcp"}]}
            connection.ask("POST", "global/firewalls", body)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, range(resources - chains)))


def in_flight() -> float:
    """GETs a second with 2,000 operations running, as a share of those with none.

    Both are measured in turns on two simulators, so that what else the machine does counts alike.
    """
    with (
        simulator("--no-dataplane", "--time-scale", "0") as idle,
        simulator("--no-dataplane", "--time-scale", "0") as busy,
    ):
        quiet, full = idle[0], busy[0]
        for connection in (quiet, full):
            body = {"name": "bs-0", "loadBalancingScheme": "EXTERNAL_MANAGED"}
            connection.ask("POST", "global/backendServices", body)
            connection.admin("POST", "clock", {"scale": 0.001})
        for number in range(IN_FLIGHT):
            full.ask("POST", "regions/us-central1/addresses", {"name": f"flight-{number}"})
        rounds = [(gets_per_second(quiet), gets_per_second(full)) for _ in range(ROUNDS)]
        return max(busy_rate / idle_rate for idle_rate, busy_rate in rounds)


def run() -> list[dict[str, Any]]:
    """Rows {"what", "measured", "unit", "limit"}, the limit with its direction."""
    rows: list[dict[str, Any]] = []

    def row(what: str, measured: float, unit: str, limit: str) -> None:
        rows.append({"what": what, "measured": measured, "unit": unit, "limit": limit})

    row("ready after the command", best(ready), "s", "<= 1.5")
    with simulator("--no-dataplane", "--time-scale", "0") as (connection, url, process, _):
        fill(url, RESOURCES)
        memory = process.memory_info().rss / 2**20
        row(f"memory with {RESOURCES:,} resources", memory, "MiB", "<= 200")
        row("sequential GETs, one connection", gets_per_second(connection), "/s", ">= 1000")
        seconds = best(
            lambda: timed(lambda: connection.ask("GET", "global/backendServices?maxResults=500"))
        )
        row("a page of 500 backend services", seconds * 1000, "ms", "<= 30")
    row(f"GETs with {IN_FLIGHT:,} operations in flight, against none", in_flight(), "x", ">= 0.5")
    return rows
