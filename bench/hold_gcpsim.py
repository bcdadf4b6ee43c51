"""gcpsim under fire: hostile requests over all its APIs and the admin door, and what became of it.

`python -m bench.hold_gcpsim --requests 100000` prints a table; exit code 1 when a row is not held.
Deaths, answers 500, answers slower than a second, and memory that keeps growing are all told. How
far it is, and the memory, is said twenty times on the way; stopped (Ctrl-C, SIGTERM), it prints the
table of what was fired until then.
"""

import argparse
import contextlib
import http.client
import json
import os
import random
import signal
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import psutil
from gcpsim.core.discovery import DOCUMENTS, Method, api

SLOW = 1.0  # seconds
POINTS = 20  # at which memory is looked at
GROWTH = 150  # MiB that a fuzzed simulator may grow by
ROOTS = {"compute": "/compute/v1/", "monitoring": "/", "logging": "/"}
TEXTS = [
    "a", "", "é", "x" * 300, "\x1b[31m", "../../etc", "<script>", "{{7*7}}", "' OR 1=1", "-1", "*",
    "10.0.0.0/8", "::", "a.example.com.", "projects/p/global/networks/default", "null", "\u202e",
]  # fmt: skip
NO_OBJECTS = [b"null", b"[]", b"{", b"\xff\xfe", b"7", b'"x"', b"{" * 5000]
NUMBERS = [0, -1, 1, 80, 2**31, 2**63, 1e308, 0.5]
KINDS = [
    ("api/v1", "pods", "Pod"), ("api/v1", "services", "Service"), ("api/v1", "nodes", "Node"),
    ("apis/apps/v1", "deployments", "Deployment"), ("apis/apps/v1", "statefulsets", "StatefulSet"),
    ("apis/apps/v1", "daemonsets", "DaemonSet"), ("apis/batch/v1", "jobs", "Job"),
    ("apis/batch/v1", "cronjobs", "CronJob"), ("apis/apps/v1", "replicasets", "ReplicaSet"),
    ("apis/discovery.k8s.io/v1", "endpointslices", "EndpointSlice"),
    ("apis/networking.k8s.io/v1", "ingresses", "Ingress"),
    ("apis/cert-manager.io/v1", "certificates", "Certificate"),
    ("apis/autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
    ("apis/apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition"),
]  # fmt: skip
CLUSTER_WIDE = ("nodes", "customresourcedefinitions")


@dataclass
class Shot:
    """One request; `door` is "services" or "cluster"."""

    door: str
    verb: str
    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Gunner:
    """Makes requests from one source of chance."""

    def __init__(self, seed: int, token: str) -> None:
        self.chance = random.Random(seed)
        self.token = token
        self.methods: list[tuple[str, Method]] = [
            (name, method) for name in sorted(DOCUMENTS) for method in api(name).methods.values()
        ]

    def shots(self, count: int) -> Iterator[Shot]:
        makers = [self._service, self._service, self._cluster, self._cluster, self._admin]
        for _ in range(count):
            yield self.chance.choice(makers)()

    def _service(self) -> Shot:
        name, method = self.chance.choice(self.methods)
        path = method.path
        for parameter in method.parameters:
            chosen = self.chance.choice(["p", "us-central1", "us-central1-a", "a", *TEXTS])
            path = path.replace(f"{{{parameter}}}", quote(chosen, safe=""))
            path = path.replace(f"{{+{parameter}}}", quote(chosen, safe=""))
        body = self._body(name, method.request) if method.request else b""
        root = ROOTS.get(name, "/")
        query = self.chance.choice(["", "", "?filter=" + quote(self.chance.choice(TEXTS))])
        return Shot("services", method.verb, root + path + query, body)

    def _cluster(self) -> Shot:
        base, plural, kind = self.chance.choice(KINDS)
        place = "" if plural in CLUSTER_WIDE else "namespaces/default/"
        meta = {"name": f"f{self.chance.randrange(30)}", "labels": {"a": "b"}}
        obj: dict[str, Any] = {"apiVersion": base.partition("/")[2], "kind": kind, "metadata": meta}
        if plural != "nodes" and self.chance.random() < 0.8:
            obj["spec"] = self._junk(3)
        if self.chance.random() < 0.3:
            obj["spec"] = self._workload()
        verb = self.chance.choice(["POST", "POST", "PUT", "PATCH", "DELETE", "GET"])
        name = "" if verb == "POST" else f"/{meta['name']}"
        kinds = ["application/json", "application/merge-patch+json", "application/json-patch+json",
                 "application/apply-patch+yaml", "application/vnd.kubernetes.protobuf"]  # fmt: skip
        sent = kinds[0] if verb != "PATCH" else self.chance.choice(kinds)
        raw = json.dumps(obj).encode()
        if self.chance.random() < 0.1:
            raw = b"k8s\0" + bytes(self.chance.randrange(256) for _ in range(40))
        query = "?fieldManager=f&force=true" if "apply" in sent else ""
        headers = {"Content-Type": sent, "Authorization": "Bearer x"}
        return Shot("cluster", verb, f"/{base}/{place}{plural}{name}{query}", raw, headers)

    def _workload(self) -> dict[str, Any]:
        container = {"name": "c", "image": "i", "ports": [{"containerPort": 80}]}
        labels = {"matchLabels": {"a": "b"}}
        template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}}
        count = self.chance.choice([0, 1, 3, 2_000_000_000])
        return {
            "replicas": count, "selector": labels, "template": template, "containers": [container],
            "schedule": "* * * * *", "jobTemplate": {"spec": {"template": template}},
            "ports": [{"port": 80}], "strategy": {"rollingUpdate": {"maxSurge": count}},
        }  # fmt: skip

    def _admin(self) -> Shot:
        verbs = ["clock", "faults", "calls", "ready", "stage/rollout", "stage/load", "options",
                 "stage/node-add", "stage/pod-crash", "stage/quota", "nothing"]  # fmt: skip
        path = "/_sim/" + self.chance.choice(verbs)
        body = self._junk(2)
        if path.endswith("faults"):
            body = {"effect": self.chance.choice(TEXTS), "code": self.chance.choice(NUMBERS)}
        if path.endswith(("clock", "options")):
            body = {"advance": self.chance.choice([1, "x", -1]), "nonsense": 1}
        verb = self.chance.choice(["GET", "POST", "DELETE"])
        given = self.token if self.chance.random() < 0.8 else "wrong"
        return Shot("services", verb, path, json.dumps(body).encode(), {"X-Gcpsim-Token": given})

    def _body(self, service: str, schema: str) -> bytes:
        kind = self.chance.random()
        if kind < 0.1:
            return self.chance.choice(
                [b"null", b"[]", b"{", b"\xff\xfe", b"7", b'"x"', b"{" * 5000]
            )
        return json.dumps(self._of_schema(service, schema, 4)).encode("utf-8", "replace")

    def _of_schema(self, service: str, schema: str, depth: int) -> dict[str, Any]:
        found = api(service).schemas.get(schema, {}).get("properties", {})
        share = self.chance.choice([0.1, 0.4])
        body = {
            name: self._value(service, one, depth)
            for name, one in found.items()
            if self.chance.random() < share
        }
        if "name" in found and self.chance.random() < 0.7:
            body["name"] = self.chance.choice("abcde")
        return body

    def _value(self, service: str, one: dict[str, Any], depth: int) -> Any:
        if depth <= 0 or self.chance.random() < 0.1:
            return self._junk(1)
        if "$ref" in one:
            return self._of_schema(service, one["$ref"], depth - 1)
        if one.get("type") == "array":
            return [self._value(service, one["items"], depth - 1)]
        if "enum" in one:
            return self.chance.choice(one["enum"])
        if one.get("type") in ("integer", "number"):
            return self.chance.choice(NUMBERS)
        if one.get("type") == "boolean":
            return True
        return self.chance.choice(TEXTS)

    def _junk(self, depth: int) -> Any:
        if depth <= 0:
            return self.chance.choice([*TEXTS, *NUMBERS, None, True])
        keys = ["spec", "name", "ports", "template", "selector", "a", "rules", "versions", ""]
        return {self.chance.choice(keys): self._junk(depth - 1) for _ in range(3)}


@dataclass
class Result:
    statuses: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    slow: int = 0
    slowly: list[tuple[float, str]] = field(default_factory=list)  # the slowest
    dropped: int = 0
    fired: int = 0
    memory: list[float] = field(default_factory=list)  # MiB, at each point
    broken: list[str] = field(default_factory=list)


class Range:
    """A running simulator, and connections to its doors."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "gcpsim", "serve", "--until-stdin-closes", "--private"]
        command += ["--no-dataplane", "--time-scale", "0"]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=dict(os.environ),
        )
        assert self.process.stdout is not None
        self.ready = json.loads(self.process.stdout.readline())
        self.about = psutil.Process(self.process.pid)
        self._open: dict[str, http.client.HTTPConnection] = {}

    def connection(self, door: str) -> http.client.HTTPConnection:
        if door not in self._open:
            if door == "services":
                parts = urlsplit(self.ready["services"]["compute"])
                made = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
            else:
                parts = urlsplit(self.ready["clusters"]["blue"]["server"])
                context = ssl.create_default_context(cafile=self.ready["env"]["GCPSIM_CA_FILE"])
                made = http.client.HTTPSConnection(
                    str(parts.hostname), parts.port, timeout=30, context=context
                )
            self._open[door] = made
        return self._open[door]

    def fire(self, shot: Shot, result: Result) -> None:
        began = time.perf_counter()
        try:
            to = self.connection(shot.door)
            to.request(shot.verb, shot.path, shot.body, shot.headers)
            answer = to.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            self._open.pop(shot.door).close()
            result.dropped += 1
            if isinstance(error, TimeoutError):
                result.broken.append(f"hung: {shot.verb} {shot.path}")
            return
        took = time.perf_counter() - began
        result.slowest = max(result.slowest, took)
        if took > SLOW:
            result.slow += 1
            line = f"{took:.1f} s: {shot.verb} {shot.path[:120]}"
            result.slowly = sorted([(took, line), *result.slowly], reverse=True)[:10]
        result.statuses[answer.status] += 1
        if answer.status == 500:
            result.broken.append(f"500: {shot.verb} {shot.path} {shot.body[:120]!r}")

    def failures(self) -> list[str]:
        to = self.connection("services")
        to.request("GET", "/_sim/failures")
        found: list[str] = json.loads(to.getresponse().read())["failures"]
        return found

    def clear(self) -> None:
        """Faults that were scripted by chance would refuse all that follows."""
        to = self.connection("services")
        headers = {"X-Gcpsim-Token": self.ready["env"]["GCPSIM_TOKEN"]}
        to.request("DELETE", "/_sim/faults", b"", headers)
        to.getresponse().read()

    def stop(self) -> None:
        for to in self._open.values():
            to.close()
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


def fire(
    requests: int, seed: int = 1, tell: Callable[[str], None] = lambda line: None
) -> tuple[list[dict[str, Any]], Result, list[str]]:
    """Fire so many requests; gives the rows of the table, what was seen, and what failed inside.

    `tell` is told how far it is. Ctrl-C ends the firing, not the counting.
    """
    place = Range()
    result = Result()
    try:
        gunner = Gunner(seed, place.ready["env"]["GCPSIM_TOKEN"])
        result.memory.append(place.about.memory_info().rss / 2**20)
        with contextlib.suppress(KeyboardInterrupt):
            for number, shot in enumerate(gunner.shots(requests), 1):
                place.fire(shot, result)
                result.fired = number
                if number % 500 == 0:
                    if place.process.poll() is not None:
                        break
                    place.clear()
                if number % max(1, requests // POINTS) == 0:
                    result.memory.append(place.about.memory_info().rss / 2**20)
                    failures = place.failures() if place.process.poll() is None else []
                    tell(_progress(requests, result, failures))
        alive = place.process.poll() is None
        failures = place.failures() if alive else ["it died"]
    finally:
        place.stop()
    half = result.memory[len(result.memory) // 2 :]
    rows = [
        _row("deaths", int(not alive), "", "<= 0"),
        _row("answers 500", result.statuses[500], "", "<= 0"),
        _row("faults inside", len(failures), "", "<= 0"),
        _row("hangs", len([one for one in result.broken if one.startswith("hung")]), "", "<= 0"),
        _row(f"answers slower than {SLOW:g} s", result.slow, "", "<= 0"),
        _row("memory grown in the second half", half[-1] - half[0], "MiB", f"<= {GROWTH}"),
    ]
    return rows, result, failures


def _progress(requests: int, result: Result, failures: list[str]) -> str:
    return (
        f"{result.fired:>7,} of {requests:,}   RSS {result.memory[-1]:.0f} MiB   "
        f"answers 500: {result.statuses[500]}   faults inside: {len(failures)}   "
        f"slower than {SLOW:g} s: {result.slow}   dropped: {result.dropped}"
    )


def _row(what: str, measured: float, unit: str, limit: str) -> dict[str, Any]:
    return {"what": what, "measured": measured, "unit": unit, "limit": limit}


def run() -> list[dict[str, Any]]:
    """100,000 hostile requests."""
    return fire(100_000)[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    rows, result, failures = fire(
        arguments.requests, arguments.seed, lambda line: print(line, flush=True)
    )
    for row in rows:
        mark = "" if row["measured"] <= float(row["limit"][3:]) else "   NOT HELD"
        print(f"{row['what']:32} {row['measured']:>8.0f} {row['unit']:4} {row['limit']}{mark}")
    print("RSS", " ".join(f"{one:.0f}" for one in result.memory), "MiB")
    print("requests", result.fired, "slowest", f"{result.slowest:.2f} s")
    print("answers", dict(sorted(result.statuses.items())), "dropped", result.dropped)
    slowly = [line for _, line in result.slowly]
    for line in [*failures[:20], *result.broken[:20], *slowly]:
        print(" ", line[:300])
    return 1 if any(row["measured"] for row in rows[:4]) else 0


if __name__ == "__main__":
    sys.exit(main())
