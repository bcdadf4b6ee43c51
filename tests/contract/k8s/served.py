"""A cluster's API on a socket: the application in a thread, and where to find it."""

import asyncio
import threading
from dataclasses import dataclass
from pathlib import Path

import yaml
from aiohttp import web
from gcpsim.core.world import World
from gcpsim.k8s.objects.cluster import Cluster


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
