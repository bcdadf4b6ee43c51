"""A cluster behind a real socket, for the real clients; time stands still until a test moves it."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gcpsim.clock import Clock
from gcpsim.k8s.cluster import Cluster
from gcpsim.k8s.http import make_app
from gcpsim.world import World
from served import Api, Server

START = 1_790_000_000.0  # a simulated moment, so that ages can be compared


@pytest.fixture
def world() -> World:
    return World(clock=Clock(paused=True, start=START))


@pytest.fixture
def cluster(world: World) -> Cluster:
    made = Cluster(
        "blue",
        project="rehearsal",
        location="us-central1",
        zones=["us-central1-a", "us-central1-b", "us-central1-c"],
        store=world.store,
        clock=world.clock,
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


@pytest.fixture
def kubectl(api: Api) -> Kubectl:
    """Run the real kubectl against the cluster; fails the test when the command fails."""
    program = shutil.which("kubectl")
    if program is None:
        pytest.fail("kubectl is not installed: these tests run the real kubectl, put it in PATH")

    def run(
        *arguments: str, stdin: str = "", fails: bool = False
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [program, "--kubeconfig", str(api.kubeconfig), "--cache-dir", str(api.folder / "cache"),
             *arguments],
            input=stdin, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        said = f"kubectl {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        assert (done.returncode != 0) is fails, said
        return done

    return run
