"""`gcpsim serve`: builds a world, opens its ports, says that it is ready, and serves until stopped.

Ports: one for all Google services and the stage door, one TLS port for each cluster's Kubernetes
API, a DNS server, and a CONNECT proxy. All on loopback. The ready line says where they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import yaml
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from gcpsim.core.text import to_stderr
from gcpsim.core.world import World
from gcpsim.dns.doors import DnsDoors
from gcpsim.front import guard, registry
from gcpsim.front.build import Cloud, Config, build
from gcpsim.front.environment import (
    ROOT_SERVICES,
    SERVICES,
    Doors,
    environment,
    kubeconfig,
    write_private,
)
from gcpsim.front.http import GoogleEdge
from gcpsim.front.proxy import ConnectProxy, server_context
from gcpsim.k8s.api.http import make_app

if TYPE_CHECKING:
    from gcpsim.dataplane.plane import DataPlane


class Server:
    """The open ports of one world."""

    def __init__(self, cloud: Cloud, config: Config) -> None:
        self.cloud = cloud
        self.world = world = cloud.world
        self.config = config
        self.edge = GoogleEdge(world)
        # A body that is refused is read for a while: its sender then sees why.
        self._limits: dict[str, Any] = {
            "access_log": None,
            "keepalive_timeout": guard.KEEP_ALIVE,
            "lingering_time": config.patience / 3,
        }
        self._runners: list[web.BaseRunner] = []
        self._clusters: dict[str, web.BaseRunner] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._dns: DnsDoors | None = None
        self._proxy: ConnectProxy | None = None
        self._dataplane: DataPlane | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        if config.state is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="gcpsim-")
            self.folder = Path(self._temporary.name)
        else:
            self.folder = config.state

    async def open(self) -> dict[str, Any]:
        """Open everything; gives the ready document."""
        host = self.config.host
        if self.config.dataplane:
            await self._open_dataplane()
        plane = self._dataplane
        runner = web.ServerRunner(web.Server(self.edge.serve, **self._limits))
        port = await self._listen(runner, self.config.port)
        url = f"http://{host}:{port}"
        self._dns = DnsDoors(self.cloud.dns, self.config.patience)
        dns = await self._dns.open(host)
        self._proxy = ConnectProxy(
            self.world,
            self.cloud.dns.lookup,
            self.cloud.certificates.authority,
            host,
            port,
            self._own_ports,
        )
        proxy_port = await self._proxy.start(self.config.proxy_port)
        clusters = {}
        for name in sorted(self.cloud.gke.clusters):
            bound = self._bind_cluster(name)
            await self._open_cluster(name, bound)
            clusters[name] = self._about_cluster(name, bound)
        self.world.store.commit()
        self.cloud.gke.estate.listeners.append(self._cluster_changed)
        proxy = f"http://{host}:{proxy_port}"
        env = environment(
            self.cloud,
            self.folder,
            Doors(url, dns, proxy),
            {name: cluster["server"] for name, cluster in clusters.items()},
            dataplane=plane is not None,
        )
        ready = {
            "ready": True,
            "services": dict.fromkeys(SERVICES + ROOT_SERVICES, url),
            "clusters": clusters,
            "dns": dns,
            "resolvers": self._dns.addresses,
            "proxy": proxy,
            "ca": env["GCPSIM_CA_FILE"],
            "dataplane": plane is not None,
            "locations": plane.locations if plane else [],
            "reach": plane.reach() if plane else [],
            "time_scale": self.world.clock.scale,
            "pid": os.getpid(),
            "scenario": self.config.scenario or "empty",
            "owned": self.config.until_stdin_closes,
            "place": str((self.config.state or Path.cwd()).resolve()),
            "env": env,
        }
        self.edge.admin.ready = ready
        self.edge.admin.token = env["GCPSIM_TOKEN"]
        self.edge.admin.remember_start()
        return ready

    async def close(self) -> None:
        if self._dns is not None:
            self._dns.close()
        if self._proxy is not None:
            self._proxy.close()
        if self._dataplane is not None:
            await self._dataplane.close()
        for runner in self._runners:
            await runner.cleanup()
        if self._temporary is not None:
            self._temporary.cleanup()
        self.world.store.close()

    async def _open_dataplane(self) -> None:
        """Where there is no Envoy, that is said in one line and all else goes on."""
        from gcpsim.dataplane.plane import DataPlane, NoEnvoy, say

        try:
            cloud = self.cloud
            plane = DataPlane(cloud.compute, cloud.certificates, cloud.gke)
        except NoEnvoy as error:
            say(str(error))
            return
        self._dataplane = self.world.dataplane = plane
        self.world.stage["endpoint-serve"] = plane.serve
        await plane.open()

    async def _listen(self, runner: web.BaseRunner, port: int, **kwargs: Any) -> int:
        await runner.setup()
        guard.impatient(runner, self.config.patience)
        site = web.TCPSite(runner, self.config.host, port, shutdown_timeout=0.5, **kwargs)
        await site.start()
        self._runners.append(runner)
        return int(runner.addresses[0][1])

    def _own_ports(self) -> set[int]:
        """The ports of the services and the clusters: what the CONNECT proxy may reach."""
        return {address[1] for runner in self._runners for address in runner.addresses}

    def _bind_cluster(self, name: str) -> socket.socket:
        """The socket of a cluster's API: on the port that it had before, if that is free."""
        meta = self.world.store.table("meta")
        ports = meta.get("cluster ports") or {}
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((self.config.host, ports.get(name, 0)))
        except OSError:
            bound.bind((self.config.host, 0))
        port = bound.getsockname()[1]
        meta.put("cluster ports", {**ports, name: port})
        ca = self.cloud.certificates.authority.ca_pem
        self.cloud.gke.estate.set_endpoint(name, f"127.0.0.1:{port}", ca)
        return bound

    async def _open_cluster(self, name: str, bound: socket.socket) -> None:
        context = server_context(self.cloud.certificates.authority, ["127.0.0.1", "localhost"])
        app = make_app(self.cloud.gke.clusters[name], self.world, guard.foreign)
        runner = self._clusters[name] = web.AppRunner(app, **self._limits)
        await runner.setup()
        patience = self.config.patience
        guard.impatient(runner, patience)
        site = guard.TlsSite(runner, bound, patience, shutdown_timeout=0.5, ssl_context=context)
        await site.start()
        self._runners.append(runner)

    def _about_cluster(self, name: str, bound: socket.socket) -> dict[str, str]:
        """Where a cluster is; its kubeconfig is written."""
        server = f"https://127.0.0.1:{bound.getsockname()[1]}"
        path = self.folder / f"kubeconfig-{name}.yaml"
        text = yaml.safe_dump(kubeconfig(self.cloud, {name: server}), sort_keys=False)
        write_private(path, text)
        return {"server": server, "kubeconfig": str(path)}

    def _cluster_changed(self, name: str) -> None:
        """A cluster was made or deleted by the GKE API: its own API comes or goes."""
        clusters = self.edge.admin.ready["clusters"]
        if name in self.cloud.gke.clusters and name not in clusters:
            bound = self._bind_cluster(name)
            clusters[name] = self._about_cluster(name, bound)
            self._later(self._open_cluster(name, bound))
        elif name not in self.cloud.gke.clusters and clusters.pop(name, None):
            runner = self._clusters.pop(name)
            self._runners.remove(runner)
            self._later(runner.cleanup())

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _port_of(config: Config, error: OSError) -> str:
    """Which port cannot be had, why, and what to do."""
    why = error.strerror or str(error)
    option, port = "port", config.port
    if config.proxy_port and str(config.proxy_port) in why:
        option, port = "proxy", config.proxy_port
    return f"port {port}: {why}; --{option} 0 takes a free one"


async def serve(config: Config) -> int:
    """Serve until SIGINT or SIGTERM (or, if asked, until standard input closes)."""
    # Documents are many and hold no cycles: the cyclic collector would walk them all for nothing.
    gc.disable()
    cloud = build(config)
    world = cloud.world
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
    gc.enable()
    server = Server(cloud, config)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    to_stderr()
    logging.getLogger("aiohttp.server").addFilter(lambda record: not _about_clients(record))
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if config.until_stdin_closes:
        # A regular file (also /dev/null) can't be watched, and never closes.
        with contextlib.suppress(PermissionError):
            loop.add_reader(sys.stdin.fileno(), lambda: None if os.read(0, 4096) else stop.set())
    try:
        ready = await server.open()
    except OSError as error:
        await server.close()
        print(f"gcpsim: {_port_of(config, error)}", file=sys.stderr)
        return 2
    timers = asyncio.create_task(world.clock.run())
    beat = asyncio.create_task(_remember_time(world))
    if not config.private:
        registry.remember(ready)
    print(orjson.dumps(ready).decode(), flush=True)
    waiting = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({waiting, timers, beat}, return_when=asyncio.FIRST_COMPLETED)
    for task in (timers, beat):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            if task in done:
                task.result()
    registry.forget(ready)
    world.store.table("meta").put("clock", {"now": world.clock.now()})
    world.store.commit()
    await server.close()
    return 0


def _about_clients(record: logging.LogRecord) -> bool:
    """Whether aiohttp logs what a client did wrong; it was answered, and is no defect of ours."""
    error = (record.exc_info or (None, None))[1]
    return isinstance(error, HttpProcessingError | ConnectionError)


async def _remember_time(world: World) -> None:
    """Simulated time goes on after a restart from where it was, give or take a second."""
    while world.store.durable:
        await asyncio.sleep(1.0)
        world.store.table("meta").put("clock", {"now": world.clock.now()})
        world.store.commit()
    await asyncio.Event().wait()
