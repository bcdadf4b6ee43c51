"""What issue 12 promises of the data plane, measured on simulators of its own.

Throughput is a ratio within one run: the same pods, clients and certificate behind a simulated
front end and behind an Envoy with nothing but a static route, in turns. All of it shares this
machine's cores.
"""

import http.client
import json
import socket
import ssl
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from gcpsim.dataplane.envoy import process as envoy_process

from bench._door import Door
from bench.gcpsim import best, gets_per_second, simulator

RULES, CERTIFICATES, SERVICES, ENDPOINTS = 400, 200, 200, 2_000
CHANGES = 20
CLIENTS, SECONDS, ROUNDS = 8, 3.0, 3
IDLE_SECONDS = 10.0
LOCATIONS = ("--locations", "us-central1,europe-west1")
HOST = "shop.example.com"
REQUEST = f"GET /bench HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


def row(what: str, measured: float, unit: str, limit: str) -> dict[str, Any]:
    return {"what": what, "measured": measured, "unit": unit, "limit": limit}


def family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def memory(process: psutil.Process) -> float:
    return float(sum(one.memory_info().rss for one in family(process))) / 2**20


def spent(process: psutil.Process) -> float:
    return float(sum(sum(one.cpu_times()[:2]) for one in family(process)))


def legacy() -> Iterator[dict[str, Any]]:
    """The legacy scenario with pods and front ends: ready, memory, at rest."""

    def ready() -> float:
        with simulator("--scenario", "legacy") as (_, _, _, seconds):
            return seconds

    yield row("legacy scenario ready", best(ready), "s", "<= 3")
    with simulator("--scenario", "legacy") as (_, _, process, _):
        yield row("legacy scenario, memory of all it starts", memory(process), "MiB", "<= 450")
        time.sleep(2)
        before = spent(process)
        time.sleep(IDLE_SECONDS)
        share = (spent(process) - before) / IDLE_SECONDS * 100
        yield row("legacy scenario, nobody asks", share, "% of a core", "<= 3")


def large() -> Iterator[dict[str, Any]]:
    """Many resources, made once and started from their state folder."""
    with tempfile.TemporaryDirectory() as folder:
        options = ("--time-scale", "0", "--state", f"{folder}/state")
        with simulator(*options, "--no-dataplane") as (connection, _, _, _):
            door = Door(connection)
            for number in range(SERVICES):
                door.service(number, ENDPOINTS // SERVICES)
            for number in range(RULES):
                door.rule(number, number % SERVICES, tls=number < CERTIFICATES)
        seconds = []
        for _ in range(ROUNDS):
            with simulator(*options, *LOCATIONS) as (connection, _, process, ready):
                served = json.loads(connection.ask("GET", "reach", root="/_sim/"))
                assert len(served) == 2 * RULES, len(served)
                seconds.append(ready)
                used = memory(process)
        what = f"{RULES} rules, {CERTIFICATES} certificates, {ENDPOINTS} endpoints: "
        yield row(what + "ready", min(seconds), "s", "<= 3")
        yield row(what + "memory", used, "MiB", "<= 900")


def changes() -> Iterator[dict[str, Any]]:
    """From when an operation that takes no time is answered until the last old answer."""
    with simulator("--time-scale", "0", *LOCATIONS) as (connection, _, _, _), pods("a", "b") as at:
        door = Door(connection)
        for number, name in enumerate("ab"):
            door.service(number, 1, socket=at[name])
        door.rule(0, 0)
        client = Client(door.reach("r-0"))
        lags = []
        for turn in range(CHANGES):
            wanted = "ba"[turn % 2]
            door.swap(0, "ba".index(wanted) ^ 1)
            began = time.perf_counter()
            while client.get() != wanted:
                continue
            lags.append((time.perf_counter() - began) * 1000)
        client.close()
        yield row("a change of endpoints, due until served", statistics.median(lags), "ms", "<= 20")


def throughput() -> Iterator[dict[str, Any]]:
    """Requests a second over TLS with keep-alive, against a bare Envoy before the same pods."""
    with (
        simulator("--time-scale", "0", *LOCATIONS) as (connection, _, _, _),
        direct(b"a") as pod,
    ):
        door = Door(connection)
        door.service(0, 1, socket=f"{pod[0]}:{pod[1]}")
        chain, key = door.rule(0, 0, tls=True)
        front = door.reach("r-0")
        with bare(pod, chain, key) as other:
            ratios = []
            for _ in range(ROUNDS):
                ours, theirs = rate(front), rate(other)
                ratios.append(ours / theirs)
        yield row("requests a second through a front end, of a bare Envoy's", max(ratios), "x",
                  ">= 0.8")  # fmt: skip
        yield row("requests a second through a front end", ours, "1/s", ">= 1")


def control_plane() -> Iterator[dict[str, Any]]:
    """GETs a second of the API with the data plane, as a share of those without it."""
    body = {"name": "bs-0", "loadBalancingScheme": "EXTERNAL_MANAGED"}
    options = ("--time-scale", "0", "--scenario", "legacy")
    with simulator(*options, "--no-dataplane") as plain, simulator(*options) as full:
        for connection, _, _, _ in (plain, full):
            connection.ask("POST", "global/backendServices", body)
        rounds = [(gets_per_second(plain[0]), gets_per_second(full[0])) for _ in range(ROUNDS)]
    share = max(with_it / without for without, with_it in rounds)
    yield row("GETs a second with the data plane, of those without", share, "x", ">= 0.8")


def run() -> list[dict[str, Any]]:
    """Rows {"what", "measured", "unit", "limit"}, the limit with its direction."""
    return [*legacy(), *large(), *changes(), *throughput(), *control_plane()]


class Client:
    """One keep-alive HTTP connection; answers are bodies."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._http = http.client.HTTPConnection(*address, timeout=10)

    def get(self) -> str:
        self._http.request("GET", "/", headers={"Host": HOST})
        return self._http.getresponse().read().decode()

    def close(self) -> None:
        self._http.close()


@contextmanager
def pods(*names: str) -> Iterator[dict[str, str]]:
    """Envoys that answer with their name, as pods: name -> HOST:PORT."""
    if not names:
        yield {}
        return
    with direct(names[0].encode()) as (host, port), pods(*names[1:]) as rest:
        yield {names[0]: f"{host}:{port}", **rest}


@contextmanager
def direct(body: bytes) -> Iterator[tuple[str, int]]:
    answer = {"direct_response": {"status": 200, "body": {"inline_string": body.decode()}}}
    with static(answer, [], None) as address:
        yield address


@contextmanager
def bare(pod: tuple[str, int], chain: str, key: str) -> Iterator[tuple[str, int]]:
    """An Envoy with TLS and one static route to a pod."""
    cluster = {
        "name": "pod",
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": "pod",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": at(*pod)}}]}],
        },
    }
    name = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
    pair = {
        "certificate_chain": {"inline_string": chain},
        "private_key": {"inline_string": key},
    }
    tls = {"@type": name, "common_tls_context": {"tls_certificates": [pair]}}
    with static({"route": {"cluster": "pod"}}, [cluster], tls) as address:
        yield address


def at(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


@contextmanager
def static(
    action: dict[str, Any], clusters: list[dict[str, Any]], tls: dict[str, Any] | None
) -> Iterator[tuple[str, int]]:
    """An Envoy of our own with one listener and one route."""
    base = "type.googleapis.com/envoy.extensions.filters."
    manager = {
        "@type": base + "network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "route_config": {
            "virtual_hosts": [
                {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, **action}]}
            ]
        },
        "http_filters": [
            {"name": "router", "typed_config": {"@type": base + "http.router.v3.Router"}}
        ],
    }
    chain: dict[str, Any] = {"filters": [{"name": "http", "typed_config": manager}]}
    if tls is not None:
        chain["transport_socket"] = {"name": "tls", "typed_config": tls}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    listener = {"name": "in", "address": at("127.0.0.1", port), "filter_chains": [chain]}
    program = envoy_process.binary()
    assert program, "no Envoy for this platform"
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "envoy.json"
        config.write_text(
            json.dumps({"static_resources": {"clusters": clusters, "listeners": [listener]}})
        )
        command = [program, "-c", str(config), "--concurrency", "1", "--disable-hot-restart"]
        child = subprocess.Popen([*command, "-l", "off"])
        try:
            wait_for(port)
            yield "127.0.0.1", port
        finally:
            child.terminate()
            child.wait()


def wait_for(port: int) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.01)


def rate(address: tuple[str, int]) -> float:
    """Requests a second of CLIENTS connections over TLS, each with one request at a time."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    counts = [0] * CLIENTS
    end = time.perf_counter() + SECONDS

    def ask(number: int) -> None:
        with (
            socket.create_connection(address) as plain,
            context.wrap_socket(plain, server_hostname=HOST) as tls,
        ):
            tls.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while time.perf_counter() < end:
                tls.sendall(REQUEST)
                data = tls.recv(65536)
                while not data.endswith(b"\r\n\r\na"):
                    data += tls.recv(65536)
                counts[number] += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / SECONDS
