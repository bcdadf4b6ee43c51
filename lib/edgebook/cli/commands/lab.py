"""`edgebook lab`: JupyterLab on the notebooks, with a simulator running and everything set."""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebook.base.errors import EdgebookError
from edgebook.base.interrupts import CLOSED
from edgebook.base.state import state_folder

if TYPE_CHECKING:
    from edgebook.params import Spec

HELP = "open JupyterLab on copies of the notebooks, with a simulator running"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--params",
        default="params/rehearsal.yaml",
        metavar="FILE",
        help="what the notebooks open; environment: google-cloud is the real project "
        "(default %(default)s)",
    )
    parser.add_argument(
        "--workspace",
        default="workspace",
        metavar="FOLDER",
        help="below here, with copies of the notebooks to work in (default %(default)s)",
    )
    parser.add_argument("--fresh", action="store_true", help="copy the notebooks anew, also edited")
    parser.add_argument("--port", type=int, default=8888, help="of JupyterLab (default 8888)")
    parser.add_argument("--time-scale", type=float, metavar="N", help="times real time")
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address instead of opening it"
    )


def run(args: argparse.Namespace) -> int:
    from edgebook import params
    from edgebook.runbook import workspace

    file = Path(args.params)
    spec = params.load_file(str(file))
    root = Path.cwd()
    made = workspace.prepare(root / args.workspace, file, fresh=args.fresh)
    for name in made.behind:
        print(f"{args.workspace}/{name} is as you left it; its runbook has changed since (--fresh)")
    _world(spec, args.time_scale)
    return _jupyter(args, root, f"/lab/tree/{args.workspace}/00_preflight.ipynb")


def _world(spec: "Spec", time_scale: float | None) -> None:
    """The simulator of this lab, or, when the params say so, the real Google Cloud: in words."""
    from edgebook import params
    from edgebook.cli.commands.rehearse import start_simulator
    from edgebook.cloud import worlds

    if spec.environment is params.types.Environment.SIMULATOR:
        print("Starting the simulator ...", flush=True)
        ready = start_simulator(spec, time_scale, fresh=False)
        print(
            f"On a simulated Google Cloud at {ready['url']}, {ready['time_scale']:g} x real time."
        )
        print("For a real project stop this and start: edgebook lab --params FILE", flush=True)
        return
    worlds.refuse_exports()
    print(f"ON GOOGLE CLOUD, project {spec.project}: what is applied here is applied.", flush=True)


def _jupyter(args: argparse.Namespace, root: Path, start: str) -> int:
    """JupyterLab in the foreground, on loopback, with its token; ends with us."""
    options: dict[str, Any] = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": args.port,
        "ServerApp.root_dir": root,
        "LabApp.default_url": start,
        "LabApp.app_settings_dir": _settings(),
        "ServerApp.terminals_enabled": False,
    }
    command = [sys.executable, "-m", "jupyterlab"]
    command += [f"--{name}={value}" for name, value in options.items()]
    if args.no_browser or not _can_browse():
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    try:
        server = subprocess.Popen(command, cwd=root)
    except OSError as error:
        raise EdgebookError("JupyterLab did not start", why=str(error)) from error
    # Ctrl-C goes to JupyterLab too, which asks; a terminal that is gone can answer nothing.
    ends = (signal.SIGTERM, *CLOSED)
    before = {number: signal.signal(number, lambda *_: server.terminate()) for number in ends}
    try:
        while True:
            with contextlib.suppress(KeyboardInterrupt):
                return server.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if server.poll() is None:
            server.kill()


def _settings() -> Path:
    """Defaults of this lab: no questions about news, no looking for updates outside."""
    folder = state_folder() / "lab-settings"
    folder.mkdir(exist_ok=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    defaults = {"@jupyterlab/apputils-extension:notification": quiet}
    (folder / "overrides.json").write_text(json.dumps(defaults), encoding="utf-8")
    return folder


def _can_browse() -> bool:
    return sys.platform == "darwin" or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
