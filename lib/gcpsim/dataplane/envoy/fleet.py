"""The Envoys of all locations and the server that configures them: started, revived, ended."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
from envoy.service.discovery.v3 import ads_pb2_grpc

from gcpsim.dataplane.envoy.ads import Ads, Catalogue
from gcpsim.dataplane.envoy.process import Envoy

RESTART_SECONDS = 1.0
# One that dies so often, each time so soon, is left alone.
TRIES, SOON = 5, 10.0
# Paths of Unix sockets are short; the temporary folder of a machine may not be.
LONGEST_FOLDER = 60


class Fleet:
    """`lines` takes each location's access log; `say` tells whoever runs the simulator."""

    def __init__(
        self,
        program: str,
        catalogues: dict[str, Catalogue],
        lines: dict[str, Callable[[bytes], None]],
        say: Callable[[str], None],
    ) -> None:
        self._catalogues = catalogues
        self._say = say
        self._folder = short_folder()
        self._server: Any = None
        self._closing = False
        self._ends: dict[str, list[float]] = {name: [] for name in catalogues}
        self.envoys = {
            name: Envoy(program, name, self._folder, self._folder / "ads", lines[name])
            for name in catalogues
        }
        for name, envoy in self.envoys.items():
            envoy.ended = self._reviver(name)

    async def start(self) -> None:
        self._server = grpc.aio.server()
        ads_pb2_grpc.add_AggregatedDiscoveryServiceServicer_to_server(
            Ads(self._catalogues), self._server
        )
        self._server.add_insecure_port(f"unix:{self._folder / 'ads'}")
        await self._server.start()
        await asyncio.gather(*(envoy.start() for envoy in self.envoys.values()))

    async def stop(self) -> None:
        """End every Envoy; nothing is left of the run."""
        self._closing = True
        await asyncio.gather(*(envoy.stop() for envoy in self.envoys.values()))
        if self._server is not None:
            await self._server.stop(None)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _reviver(self, name: str) -> Callable[[str], None]:
        def ended(why: str) -> None:
            if self._closing:
                return
            now = time.monotonic()
            ends = [at for at in self._ends[name] if now - at < SOON] + [now]
            self._ends[name] = ends
            if len(ends) >= TRIES:
                self._say(f"the Envoy of {name} {why}, {TRIES} times by now: it is left alone")
                return
            self._say(f"the Envoy of {name} {why}; it is started again")
            loop = asyncio.get_running_loop()
            loop.call_later(RESTART_SECONDS, lambda: loop.create_task(self._revive(name)))

        return ended

    async def _revive(self, name: str) -> None:
        if not self._closing:
            await self.envoys[name].start()


def short_folder() -> Path:
    """A private folder of the run, for sockets and logs."""
    base = None if len(tempfile.gettempdir()) < LONGEST_FOLDER else "/tmp"
    return Path(tempfile.mkdtemp(prefix="gcpsim-", dir=base))
