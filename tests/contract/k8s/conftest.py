"""A cluster behind a real socket, for the real clients; time stands still until a test moves it."""

import contextlib
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gcpsim.core.clock import Clock
from gcpsim.core.world import World
from gcpsim.k8s.api.http import make_app
from gcpsim.k8s.objects.cluster import Cluster
from served import Api, Server

LIMIT = 60.0  # seconds that a kubectl command may take
START = 1_790_000_000.0  # a simulated moment, so that ages can be compared


@pytest.fixture
def world() -> World:
    return World(clock=Clock(paused=True, start=START))


@pytest.fixture
def version() -> str:
    """The version that the cluster says it has."""
    return "1.33.5-gke.1308000"


@pytest.fixture
def cluster(world: World, version: str) -> Cluster:
    made = Cluster(
        "blue",
        project="rehearsal",
        location="us-central1",
        zones=["us-central1-a", "us-central1-b", "us-central1-c"],
        store=world.store,
        clock=world.clock,
        version=version,
    )
    world.commit()
    return made


@pytest.fixture
def api(cluster: Cluster, world: World, tmp_path: Path) -> Iterator[Api]:
    server = Server(make_app(cluster, world))
    yield Api(cluster, world, f"http://127.0.0.1:{server.port}", tmp_path)
    server.stop()


@pytest.fixture
def client(api: Api) -> Iterator[Any]:
    """The official client's ApiClient, pointed at the cluster."""
    from kubernetes import client as kubernetes

    configuration = kubernetes.Configuration()
    configuration.host = api.url
    made = kubernetes.ApiClient(configuration)
    yield made
    made.close()


Kubectl = Callable[..., subprocess.CompletedProcess[str]]
Running = Callable[..., contextlib.AbstractContextManager[subprocess.Popen[str]]]


@pytest.fixture
def kubectl_command(api: Api) -> list[str]:
    """The real kubectl, told where the cluster is."""
    program = shutil.which("kubectl")
    if program is None:
        pytest.fail("kubectl is not installed: these tests run the real kubectl, put it in PATH")
    cache = api.folder / "cache"
    return [program, "--kubeconfig", str(api.kubeconfig), "--cache-dir", str(cache)]


@pytest.fixture
def kubectl(kubectl_command: list[str]) -> Kubectl:
    """Run a kubectl command to its end; fails the test when it fails."""

    def run(
        *arguments: str, stdin: str = "", fails: bool = False
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*kubectl_command, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        said = f"kubectl {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        assert (done.returncode != 0) is fails, said
        return done

    return run


@pytest.fixture
def kubectl_running(kubectl_command: list[str]) -> Running:
    """A kubectl command that waits for something; it is ended with the block, or after LIMIT."""

    @contextlib.contextmanager
    def start(*arguments: str) -> Iterator[subprocess.Popen[str]]:
        command = [*kubectl_command, *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
            end = threading.Timer(LIMIT, program.kill)
            end.start()
            try:
                yield program
            finally:
                end.cancel()
                program.terminate()

    return start
