"""Simulators for tests: processes of their own, talked to through Google's own clients.

`sim` is one simulator a test worker, at time scale 0; tests keep apart by project id (`project`).
`start_sim` starts another with options of its own and stops it after the test.
"""

import atexit
import contextlib
import functools
import gc
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials

from tests.forks import Forks

NAMES = itertools.count(1)
# What runs in the background of a shell ignores Ctrl-C, and so would all that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
FORKED = sys.platform == "linux"  # elsewhere some libraries do not bear it
# Files that take minutes, the longest first: both workers have work until the end.
LONGEST = (
    "tests/notebooks/test_stories.py",
    "tests/notebooks/test_front_door.py",
    "tests/e2e/",
    "tests/notebooks/",
    "tests/contract/",
)


@functools.cache
def forks() -> Forks:
    """This test worker's process that forks simulators."""
    made = Forks()
    atexit.register(made.close)
    return made


def _started(words: list[str], env: dict[str, str]) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "gcpsim", *words]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=env)


class Simulator:
    """A running `gcpsim serve`, and clients for it; without a data plane unless asked for one.

    It is forked from a process that has imported gcpsim, or started as users start it.
    """

    def __init__(
        self, *options: str, env: dict[str, str] | None = None, forked: bool = FORKED
    ) -> None:
        if "--dataplane" not in options:
            options = ("--no-dataplane", *options)
        words = ["serve", "--until-stdin-closes", *options]
        if "XDG_CACHE_HOME" not in (env or {}):
            words.append("--private")  # other tests must not find it
        env = {**os.environ, **(env or {})}
        self.process = forks().start(words, env) if forked else _started(words, env)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"gcpsim did not start: {self.process.communicate()[1]}")
        self.ready: dict[str, Any] = json.loads(line)
        self.errors = ""  # what it said, once it is stopped
        self.url: str = self.ready["services"]["compute"]

    def stop(self) -> None:
        """End it; that it failed somewhere inside, unseen by any client, fails here."""
        try:
            failures = self.admin("GET", "failures")["failures"]
        finally:
            self.process.terminate()
            _, self.errors = self.process.communicate(timeout=30)
        assert failures == []

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=30)

    def admin(self, verb: str, path: str, body: Any = None) -> Any:
        """The stage door: `sim.admin("POST", "clock", {"advance": 60})`."""
        _, answer = self.http(verb, f"/_sim/{path}", body)
        return answer

    def advance(self, seconds: float) -> None:
        self.admin("POST", "clock", {"advance": seconds})

    def http(
        self, verb: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """A plain request: (status, JSON). `body` is JSON unless it is bytes."""
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        token = {"X-Gcpsim-Token": self.ready["env"]["GCPSIM_TOKEN"]}
        headers = {**(token if path.startswith("/_sim/") else {}), **(headers or {})}
        request = urllib.request.Request(self.url + path, raw, headers, method=verb)
        with contextlib.suppress(urllib.error.HTTPError):
            try:
                answer = urllib.request.urlopen(request, timeout=60)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        raise AssertionError("unreachable")

    def compute(self, client: type) -> Any:
        """An official Compute Engine client, with its operation polling on this simulator."""
        from google.cloud import compute_v1

        made = client(credentials=AnonymousCredentials(), client_options={"api_endpoint": self.url})
        services = {
            "global_operations": compute_v1.GlobalOperationsClient,
            "region_operations": compute_v1.RegionOperationsClient,
            "zone_operations": compute_v1.ZoneOperationsClient,
        }
        if client not in services.values():
            for name, kind in services.items():
                made.transport._extended_operations_services[name] = self.compute(kind)
        return made

    def dns(self, project: str) -> Any:
        """The official Cloud DNS client."""
        from google.cloud import dns

        return dns.Client(
            project=project,
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": self.url},
        )

    def certificates(self) -> Any:
        """The official Certificate Manager client, over REST."""
        from google.cloud import certificate_manager_v1

        return certificate_manager_v1.CertificateManagerClient(
            credentials=AnonymousCredentials(),
            transport="rest",
            client_options={"api_endpoint": self.url},
        )

    def kube(self, cluster: str) -> Any:
        """An ApiClient of the official Kubernetes client for one cluster."""
        from kubernetes import config

        return config.new_client_from_config(self.ready["clusters"][cluster]["kubeconfig"])


def pytest_configure() -> None:
    """What is imported stays: walking through it all again and again would find nothing."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long is begun first; within a file the order stays as it is written."""

    def rank(item: pytest.Item) -> int:
        return next((n for n, part in enumerate(LONGEST) if item.nodeid.startswith(part)), 99)

    items.sort(key=rank)


@pytest.fixture(scope="session")
def sim() -> Iterator[Simulator]:
    simulator = Simulator("--time-scale", "0")
    yield simulator
    simulator.stop()


@pytest.fixture(scope="session")
def keep_sim() -> Iterator[Callable[..., Simulator]]:
    """keep_sim("--scenario", "legacy") starts a simulator once, for all tests that ask for it."""
    kept: dict[tuple[str, ...], Simulator] = {}

    def keep(*options: str) -> Simulator:
        if options not in kept:
            kept[options] = Simulator(*options)
        return kept[options]

    with contextlib.ExitStack() as stack:
        yield keep
        for simulator in kept.values():
            stack.callback(simulator.stop)


@pytest.fixture
def forked() -> bool:
    """Whether `start_sim` forks; a file whose subject is the start says False."""
    return FORKED


@pytest.fixture
def start_sim(forked: bool) -> Iterator[Callable[..., Simulator]]:
    started: list[Simulator] = []

    def start(*options: str | Path, env: dict[str, str] | None = None) -> Simulator:
        simulator = Simulator(*map(str, options), env=env, forked=forked)
        started.append(simulator)
        return simulator

    with contextlib.ExitStack() as stack:
        yield start
        for simulator in started:
            if simulator.process.poll() is None:
                stack.callback(simulator.stop)


@pytest.fixture(scope="session")
def gcloud_program() -> str:
    """The path of gcloud; a test that needs it fails by name where it is missing."""
    program = shutil.which("gcloud")
    assert program, "gcloud is not installed, and this test needs it; `make test` says how"
    return program


@pytest.fixture
def project() -> str:
    """A project id that no other test uses."""
    return f"test-{os.getpid()}-{next(NAMES)}"
