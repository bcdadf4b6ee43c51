"""Clusters at size: 102 nodes and 5,000 pods in two clusters, all behind NEGs, over the wire.

One simulator at time scale 0, asked as clients ask it. The lag of a NEG is measured on a second one
with a paused clock, in simulated seconds and without the Compute Engine operation itself.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import requests

PODS = 2500  # in each of two clusters
WATCHERS = 30
CHANGES = 200
SCENARIO = """\
project: bench-project
clusters:
  - name: blue
    location: us-central1
    node_pools: [{name: pool, machine_type: e2-standard-16, nodes_per_zone: 17}]
  - name: green
    location: europe-west1
    node_pools: [{name: pool, machine_type: e2-standard-16, nodes_per_zone: 17}]
"""


class Bench:
    """A simulator and plain HTTP sessions with it."""

    def __init__(self, *options: str) -> None:
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "bench.yaml"
        path.write_text(SCENARIO)
        command = [sys.executable, "-m", "gcpsim", "serve", "--until-stdin-closes"]
        self.process = subprocess.Popen(
            [*command, "--no-dataplane", "--scenario", str(path), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "XDG_CACHE_HOME": self.folder.name},
        )
        assert self.process.stdout is not None
        self.ready = json.loads(self.process.stdout.readline())
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = self.ready["env"]["GCPSIM_CA_FILE"]
        self.session.headers["Authorization"] = "Bearer bench"
        self.session.headers["X-Gcpsim-Token"] = self.ready["env"]["GCPSIM_TOKEN"]

    def kube(self, cluster: str, verb: str, path: str, body: Any = None, **more: Any) -> Any:
        url = self.ready["clusters"][cluster]["server"] + path
        headers = {"Content-Type": "application/merge-patch+json"} if verb == "PATCH" else {}
        answer = self.session.request(verb, url, json=body, headers=headers, timeout=60, **more)
        answer.raise_for_status()
        return answer

    def google(self, verb: str, path: str, body: Any = None) -> Any:
        raw = None if body is None else json.dumps(body).encode()
        url = self.ready["services"]["compute"] + path
        headers = {"X-Gcpsim-Token": self.ready["env"]["GCPSIM_TOKEN"]}
        request = urllib.request.Request(url, raw, headers, method=verb)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def deploy(self, cluster: str, replicas: int) -> None:
        labels = {"app": "web"}
        port = {"name": "http", "containerPort": 8080}
        annotation = {"cloud.google.com/neg": '{"exposed_ports":{"80":{"name":"bench"}}}'}
        self.kube(cluster, "POST", "/api/v1/namespaces/default/services", {
            "metadata": {"name": "web", "annotations": annotation},
            "spec": {"selector": labels, "ports": [
                {"name": "http", "port": 80, "targetPort": "http"}]},
        })  # fmt: skip
        self.kube(cluster, "POST", "/apis/apps/v1/namespaces/default/deployments", {
            "metadata": {"name": "web"},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": "web:1", "ports": [port]}]},
            }},
        })  # fmt: skip

    def ready_pods(self, cluster: str) -> int:
        path = "/apis/apps/v1/namespaces/default/deployments/web"
        return int(self.kube(cluster, "GET", path).json()["status"].get("readyReplicas", 0))

    def with_address(self, cluster: str) -> int:
        content: bytes = self.kube(cluster, "GET", "/api/v1/pods").content
        return content.count(b'"podIP"')

    def endpoints(self) -> int:
        path = "/compute/v1/projects/bench-project/aggregated/networkEndpointGroups"
        scopes = self.google("GET", path).get("items", {}).values()
        return sum(neg["size"] for s in scopes for neg in s.get("networkEndpointGroups", ()))

    def scale(self, cluster: str, replicas: int) -> None:
        path = "/apis/apps/v1/namespaces/default/deployments/web"
        self.kube(cluster, "PATCH", path, {"spec": {"replicas": replicas}})

    def memory(self) -> float:
        return float(psutil.Process(self.process.pid).memory_info().rss / 2**20)

    def close(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=30)
        self.folder.cleanup()


def run() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []

    def row(what: str, measured: float, unit: str, limit: str) -> None:
        rows.append({"what": what, "measured": measured, "unit": unit, "limit": limit})

    bench = Bench("--time-scale", "0")
    try:
        began = time.perf_counter()
        for cluster in ("blue", "green"):
            bench.deploy(cluster, PODS)
        while any(bench.ready_pods(c) < PODS for c in ("blue", "green")):
            time.sleep(0.05)
        row(f"{2 * PODS:,} pods Ready", time.perf_counter() - began, "s", "<= 5")
        while bench.endpoints() < 2 * PODS:
            time.sleep(0.05)
        row(f"{2 * PODS:,} pods in their NEGs", time.perf_counter() - began, "s", "<= 8")
        row("list of 5,000 pods", _list_time(bench), "s", "<= 0.3")
        row("pod change to NEG, wall time at scale 0", _change(bench), "s", "<= 0.5")
        row(f"events lost by {WATCHERS} watchers", _lost_events(bench), "events", "<= 0")
        row("memory", bench.memory(), "MiB", "<= 400")
    finally:
        bench.close()
    row("pod address to NEG call, simulated", _simulated_lag(), "s", "<= 0.5")
    return rows


def _list_time(bench: Bench) -> float:
    """The best of three lists of both clusters' pods, as JSON bytes."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        found = [bench.kube(c, "GET", "/api/v1/pods").content for c in ("blue", "green")]
        times.append(time.perf_counter() - began)
        assert sum(content.count(b'"podIP"') for content in found) == 2 * PODS
    return min(times)


def _change(bench: Bench) -> float:
    began = time.perf_counter()
    bench.scale("blue", PODS + 1)
    while bench.endpoints() < 2 * PODS + 1:
        time.sleep(0.01)
    return time.perf_counter() - began


def _lost_events(bench: Bench) -> int:
    """What the slowest of many watchers has not seen of a scale-up and back."""
    seen: list[set[str]] = [set() for _ in range(WATCHERS)]
    server = bench.ready["clusters"]["green"]["server"]
    begin = bench.kube("green", "GET", "/api/v1/pods?limit=1").json()["metadata"]["resourceVersion"]

    def watch(at: int) -> None:
        query = f"watch=true&resourceVersion={begin}&timeoutSeconds=20"
        with requests.Session() as session:
            session.trust_env = False
            url = f"{server}/api/v1/pods?{query}"
            headers = dict(bench.session.headers)
            with session.get(
                url, stream=True, verify=bench.session.verify, headers=headers, timeout=60
            ) as answer:
                for line in answer.iter_lines():
                    event = json.loads(line)
                    meta = event["object"]["metadata"]
                    seen[at].add(f"{event['type']} {meta.get('name')} {meta['resourceVersion']}")

    threads = [threading.Thread(target=watch, args=(at,)) for at in range(WATCHERS)]
    for thread in threads:
        thread.start()
    bench.scale("green", PODS + CHANGES)
    bench.scale("green", PODS)
    for thread in threads:
        thread.join()
    every = set().union(*seen)
    assert len(every) >= 2 * CHANGES, f"only {len(every)} events"
    return max(len(every - mine) for mine in seen)


def _simulated_lag() -> float:
    """Simulated seconds from a pod's address to the attach call, on a clock moved in steps."""
    bench = Bench("--time-scale", "1", "--paused")
    try:
        bench.deploy("blue", 3)
        bench.google("POST", "/_sim/clock", {"advance": 60})
        bench.scale("blue", 4)
        ready = None
        path = "/compute/v1/projects/bench-project/aggregated/operations"
        before = _attaches(bench.google("GET", path))
        for step in range(200):
            bench.google("POST", "/_sim/clock", {"advance": 0.05})
            if ready is None and bench.with_address("blue") == 4:
                ready = step
            if _attaches(bench.google("GET", path)) > before:
                return 0.05 * (step - (step if ready is None else ready))
        return 10.0
    finally:
        bench.close()


def _attaches(aggregated: Any) -> int:
    return sum(
        "attachNetworkEndpoints" in operation["operationType"]
        for scope in aggregated.get("items", {}).values()
        for operation in scope.get("operations", ())
    )
