"""A cluster behind a real socket, for the real clients; time stands still until a test moves it."""

import asyncio
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from gcpsim.clock import Clock
from gcpsim.k8s.cluster import Cluster
from gcpsim.k8s.http import make_app
from gcpsim.world import World

START = 1_790_000_000.0  # a simulated moment, so that ages can be compared


class Server:
    """One application on a free loopback port, in a thread with a loop of its own."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self.port = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._started.wait(10), "the server did not start"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._runner = web.AppRunner(self._app, shutdown_timeout=1)
        self._loop.run_until_complete(self._start())
        self._loop.run_forever()

    async def _start(self) -> None:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._started.set()

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@dataclass
class Api:
    """A cluster, the world it is in, and where it listens."""

    cluster: Cluster
    world: World
    url: str
    folder: Path
    _kubeconfig: list[Path] = field(default_factory=list)

    @property
    def kubeconfig(self) -> Path:
        path = self.folder / "kubeconfig.yaml"
        if not path.exists():
            named = {"name": "sim"}
            config = {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "sim",
                "clusters": [{**named, "cluster": {"server": self.url}}],
                "users": [{**named, "user": {}}],
                "contexts": [{**named, "context": {"cluster": "sim", "user": "sim"}}],
            }
            path.write_text(yaml.safe_dump(config))
        return path


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
